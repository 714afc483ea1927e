/* Losses: value and gradient of each sample; the mean over the global minibatch is taken by whoever
 * adds the shards up. */
#ifndef NN_NN_LOSSES_LOSS_H
#define NN_NN_LOSSES_LOSS_H

#include "base/options/option.h"
#include "base/real.h"
#include "base/target.h"
#include "math/compute.h"
#include "nn/losses/forms.h"

/* The options of losses that take label smoothing: the target y becomes (1 - rate) y + rate u, u =
 * 1 / outputs for rows of probabilities and 1/2 for numbers in [0, 1]. */
typedef struct nn_loss_smoothing {
    double rate;
} nn_loss_smoothing;
extern const nn_option nn_loss_smoothing_options[];

typedef struct nn_loss_ops {
    nn_entry entry;
    unsigned forms;    /* of nn_target_form */
    bool smooths;      /* the options are nn_loss_smoothing, applied before eval sees the target */
    const char *fuses; /* the activation that is part of the loss ("softmax"), or NULL */
    /* That activation, y [batch][width] may be z; NULL with `fuses`. */
    void (*activation)(size_t batch, size_t width, const nn_real *z, nn_real *y);
    bool metric_only; /* cannot be trained on: dz is 0 */
    bool mistakes;    /* dz is 0 exactly at samples that are right (train.stop_when: no_mistakes) */
    /* of losses that programs define (src/extend), with their row and their options; NULL: nothing
     * to be said, nothing can fail */
    int (*plan)(const struct nn_loss_ops *ops, void *options, size_t outputs);
    int (*fault)(void *options); /* what has failed in eval since it was asked last */
    bool one_thread;             /* eval is called by the calling thread only */
    bool may_vary;               /* the same call may have other bits the next time */
    /* loss[i] of each row and dz[batch][width] = d loss[i] / d z[i], both unweighted. z is the
     * model's output before the fused activation; `target` is in a form of `forms`, its labels in
     * [0, width). A NaN in z makes the row's loss NaN, unless metric_only. Called from several
     * threads on different rows, and a row's result does not depend on the others. */
    void (*eval)(const void *options, size_t batch, size_t width, const nn_real *z,
                 const nn_target *target, nn_real *loss, nn_real *dz);
} nn_loss_ops;

extern const nn_family nn_losses; /* losses.c: one row a loss */
/* Options that every loss takes besides its own. */
extern const nn_option nn_loss_options[];

typedef struct nn_loss nn_loss;

/* Sums over the samples of a shard; the mean is sum / weight after adding all shards. */
typedef struct nn_loss_sum {
    double loss; /* sum of weight_i * loss_i */
    double
        weight; /* sum of weight_i; ignored samples weigh 0, others sample weight * class weight */
} nn_loss_sum;

/* What the loss stands between: a model's outputs and the targets of a data set. */
typedef struct nn_loss_spec {
    size_t outputs;                 /* numbers the model gives for a sample */
    size_t batch;                   /* most samples of one call */
    bool labels;                    /* targets are class indices, `classes` of them ... */
    int64_t classes;                /* ... each in [0, classes), or -1 */
    size_t target_width;            /* else rows of so many numbers */
    const char *const *class_names; /* [classes] or NULL */
    const nn_compute *compute;      /* outlives the loss; NULL: the default */
} nn_loss_spec;

/* Makes the loss that `node`, the value of the `loss:` key, names, for this model and data set.
 * NN_EUSAGE says what does not fit and what would; fewer classes than outputs is only warned about.
 * The object holds what conversion needs for up to spec->batch samples. Local. */
int nn_loss_new(nn_node *node, const nn_loss_spec *spec, nn_loss **out);
void nn_loss_free(nn_loss *loss);

/* The row that `node` names, before the model is built (for what it fuses). */
int nn_loss_pick(nn_node *node, const nn_loss_ops **ops);
/* The same; its options are checked and completed as well. */
int nn_loss_check(nn_node *node, const nn_loss_ops **ops);
/* What `node`, after nn_loss_check, says of class weights; NULL: nothing. */
nn_node *nn_loss_class_weights(const nn_node *node);
/* Classes that so many outputs tell apart: a lone one tells two. */
static inline size_t nn_loss_classes(size_t outputs) {
    return outputs == 1 ? 2 : outputs;
}
const nn_loss_ops *nn_loss_ops_of(const nn_loss *loss);
const nn_loss_spec *nn_loss_get_spec(const nn_loss *loss);

/* Where one output stands for a class, z means it when above this. 0 where z is a logit or a score,
 * as of binary_cross_entropy or hinge; 0.5, half way between the classes' values 0 and 1, where the
 * output itself is compared with them, as by squared. */
double nn_loss_threshold(const nn_loss *loss);

/* The interval that the numbers of targets have to be in: [0, 1] for probabilities and one-hot
 * rows, [-1, 1] for classes -1 and +1 (or 0 and 1) as one number. False: there is none, or labels.
 */
bool nn_loss_target_range(const nn_loss *loss, double *low, double *high);

/* Adds the shard's sums to *sum and writes dz [batch][outputs] = weight_i * dloss_i/dz (NULL: not
 * wanted; may not be z). Class weights and label smoothing are those of PyTorch's
 * CrossEntropyLoss: with labels a sample weighs as its class; where the targets are, or become by
 * smoothing, rows of probabilities, each class's term of the sum over classes has its weight, and
 * the sample still weighs as its label, or 1 where there is none. Uses nn_parallel; the result does
 * not depend on the number of threads. */
void nn_loss_eval(nn_loss *loss, size_t batch, const nn_real *z, const nn_target *target,
                  nn_loss_sum *sum, nn_real *dz);

/* What has failed in nn_loss_eval since it was asked last. */
int nn_loss_fault(const nn_loss *loss);

/* The fused activation applied to z: probabilities for predict. y may be z. */
void nn_loss_activation(const nn_loss *loss, size_t batch, const nn_real *z, nn_real *y);

#endif
