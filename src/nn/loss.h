/* Losses: value and gradient of each sample; the mean over the global minibatch is taken by whoever
 * adds the shards up. */
#ifndef NN_NN_LOSS_H
#define NN_NN_LOSS_H

#include "base/option.h"
#include "base/real.h"
#include "nn/shape.h"

/* What a minibatch is to be compared with: class indices or values, and optional weights. */
typedef struct nn_target {
    const int32_t *label;  /* [batch] class index, -1: ignored; or NULL */
    const nn_real *value;  /* [batch][width]; or NULL */
    size_t width;          /* of value */
    const nn_real *weight; /* [batch]; NULL: all 1 */
} nn_target;

/* Forms of target a loss can take; the library converts what the data set holds to the first that
 * fits (labels to one-hot rows; class 0/1 to -1/+1; one-hot rows to labels). */
typedef enum nn_target_form {
    NN_TARGET_LABEL = 1,   /* class index */
    NN_TARGET_ONE_HOT = 2, /* row of probabilities, width = outputs */
    NN_TARGET_VALUE = 4,   /* row of numbers, width = outputs */
    NN_TARGET_SIGN = 8,    /* one number, -1 or +1 (outputs = 1) */
    NN_TARGET_BIT = 16     /* row of numbers in [0, 1]; one output takes class 0/1 */
} nn_target_form;

typedef struct nn_loss_ops {
    nn_entry entry;
    unsigned forms;    /* of nn_target_form */
    const char *fuses; /* the activation that is part of the loss ("softmax"), or NULL */
    bool metric_only;  /* cannot be trained on */
    /* loss[i] of each row and, unless dz is NULL, dz[batch][width] = d loss[i] / d z[i]; unweighted.
     * z is the model's output before the fused activation. Rows of `target` are in a form of `forms`. */
    void (*eval)(const void *options, size_t batch, size_t width, const nn_real *z,
                 const nn_target *target, nn_real *loss, nn_real *dz);
} nn_loss_ops;

extern const nn_family nn_losses; /* losses.c: one row a loss */

typedef struct nn_loss nn_loss;

/* Sums over the samples of a shard; the mean is sum / weight after adding all shards. */
typedef struct nn_loss_sum {
    double loss;   /* sum of weight_i * loss_i */
    double weight; /* sum of weight_i; ignored samples weigh 0 */
} nn_loss_sum;

/* `node` is the value of the `loss:` key; checks that the loss fits `outputs` numbers a sample and
 * targets as the data set has them (`labels`: class indices, `classes` of them; else rows of
 * `target_width`). The object holds conversion buffers for up to `batch` samples. */
typedef struct nn_loss_spec {
    size_t outputs, batch;
    bool labels;
    int64_t classes;
    size_t target_width;
} nn_loss_spec;
int nn_loss_new(nn_node *node, const nn_loss_spec *spec, nn_loss **out);
void nn_loss_free(nn_loss *loss);
const nn_loss_ops *nn_loss_ops_of(const nn_loss *loss);
/* The row that `node` names, before the model is built (for what it fuses). */
int nn_loss_pick(nn_node *node, const nn_loss_ops **ops);

/* Adds the shard's sums to *sum and writes dz = weight_i * dloss_i/dz (NULL: not wanted). */
void nn_loss_eval(nn_loss *loss, size_t batch, const nn_real *z, const nn_target *target,
                  nn_loss_sum *sum, nn_real *dz);

/* The fused activation applied to z: probabilities for predict. y may be z. */
void nn_loss_link(const nn_loss *loss, size_t batch, const nn_real *z, nn_real *y);

#endif
