/* log.tensorboard: what a run writes into event files of TensorBoard in its folder. */
#ifndef NN_TRAIN_RUN_EVENT_LOG_H
#define NN_TRAIN_RUN_EVENT_LOG_H

#include "io/tensorboard/events.h"
#include "nn/model.h"

/* A new file in `dir` that goes on behind those of earlier starts, of a run that has taken `step`
 * steps. It begins with the configuration: `text` of it to read, and its tree as hyper-parameters.
 * NN_EIO. Local. */
int nn_event_log_open(const char *dir, int64_t step, const char *text, const nn_node *config,
                      nn_events **out);

/* A line of metrics.jsonl, from metrics_log.h: every number in it becomes a scalar, "loss" of a
 * train line "train/loss", that of layer fc1 in "delta" "train/delta/fc1". NN_EIO. */
int nn_event_log_add(nn_events *events, const char *line);

/* Histograms of all parameters, one for each tensor of the model, and the first layer's weights as
 * a picture where samples are images. NN_EIO. */
int nn_event_log_parameters(nn_events *events, const nn_model *model, const nn_real *params,
                            const nn_histogram *histogram, int64_t step);

/* Samples of a split, of pictures x [count][H][W][C], as one image "samples/<split>".
 * NN_EIO. */
int nn_event_log_samples(nn_events *events, const char *split, const nn_shape *image, size_t count,
                         const nn_real *x, int64_t step);

#endif
