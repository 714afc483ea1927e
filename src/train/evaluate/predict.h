/* What the program needs of a predictor beyond the public interface. */
#ifndef NN_TRAIN_EVALUATE_PREDICT_H
#define NN_TRAIN_EVALUATE_PREDICT_H

#include "data/dataset.h"
#include "nn/losses/loss.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/settings.h"

#include <nnmpi/train.h>

/* A trained model as its checkpoint holds it. */
typedef struct nn_trained {
    nn_pool pool;           /* owns the checkpoint's texts and data traits */
    const char *checkpoint; /* the file */
    nn_config *config;
    const nn_settings *settings;
    nn_data_traits data;
    const nn_loss_ops *loss;
    nn_model *model;
    nn_real *params; /* [nn_model_size], of which the model is not told */
} nn_trained;

/* `checkpoint`: a file or a run folder. The BLAS is ready for its products. After a failure there
 * is nothing to be released. Local. */
int nn_trained_read(const char *checkpoint, nn_trained *trained);
void nn_trained_release(nn_trained *trained);

/* Opens samples to predict: what the file does not say is as in the data the model was trained on,
 * and columns with names are in its order. The caller closes *out, also after a failure. */
int nn_predictor_open_data(const nn_predictor *predictor, const char *path, bool other_files,
                           nn_dataset **out);

/* What the model was trained on and for; owned by the predictor. */
const nn_data_traits *nn_predictor_data(const nn_predictor *predictor);
const nn_loss_ops *nn_predictor_loss(const nn_predictor *predictor);
/* Labels of a sample, each of nn_predictor_outputs / positions outputs; 1 where it has one. */
size_t nn_predictor_positions(const nn_predictor *predictor);

/* NN_EFORMAT where a number of x[count][inputs], which is as nn_predict_scaled takes it, should be
 * an index and is none; *row is where. Else *row is count. Local. */
int nn_predictor_check(const nn_predictor *predictor, size_t count, const float *x, size_t *row);

/* nn_predict on numbers that are already scaled and in the order that the model takes (an image is
 * [H, W, C]); length[count] are the steps of each sequence that count, NULL: all. Local. */
int nn_predict_scaled(nn_predictor *predictor, size_t count, const float *x, const int32_t *length,
                      float *y);

#endif
