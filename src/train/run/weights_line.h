/* log.weights: a line of metrics.jsonl about the parameters. */
#ifndef NN_TRAIN_RUN_WEIGHTS_LINE_H
#define NN_TRAIN_RUN_WEIGHTS_LINE_H

#include "base/json/json.h"
#include "base/numbers/histogram.h"
#include "nn/model.h"

enum {
    NN_WEIGHTS_TENSORS = 64, /* the first ones of a model: so a line has less than 24 kB */
    NN_WEIGHTS_FEW = 8       /* a model with at most so many numbers has them all written */
};

/* Puts into the line what the histograms, one for each tensor of the model, say. */
void nn_weights_line(nn_json *json, const nn_model *model, const nn_real *params,
                     const nn_histogram *histogram);

#endif
