/* Optimisers: one fused loop over a range of the parameter vector. */
#ifndef NN_NN_OPTIMIZERS_OPTIMIZER_H
#define NN_NN_OPTIMIZERS_OPTIMIZER_H

#include "base/options/option.h"
#include "base/real.h"

#define NN_MAX_SLOTS 4   /* three of an optimiser and the average of the parameters */
#define NN_UPDATE_SUMS 2 /* numbers that an optimiser may want of a whole tensor */

/* What a step does to one tensor; the rest is the optimiser's options. */
typedef struct nn_update {
    double lr;    /* from the schedule, times the layer's own factor */
    double scale; /* multiplies the gradient vector: 1 / weight of the global minibatch */
    double clip;  /* largest element of the scaled gradient; 0: not clipped */
    double l1,
        l2; /* of train.l1 and train.l2 for this tensor: l2 w + l1 sign(w) joins the gradient */
    double decay;       /* factor on the optimiser's own weight decay; 0 for most biases */
    bool adapt;         /* lars, lamb: the tensor (a matrix or kernel) has a trust ratio */
    int64_t step;       /* 1 for the first */
    const double *sums; /* [NN_UPDATE_SUMS] what `norms` gave, added over the whole tensor */
} nn_update;

typedef struct nn_optimizer_ops {
    nn_entry entry; /* options include `lr`, the base learning rate, first */
    /* What ranges cannot say: options that contradict each other are NN_EUSAGE at `node`, the
     * place of the options (may be NULL). To be called once after binding; NULL: nothing to check.
     */
    int (*check)(const void *options, const nn_node *node);
    /* Required: how many state vectors these options use, and PyTorch's names for them; 0: none. */
    size_t (*slots)(const void *options, const char *name[NN_MAX_SLOTS]);
    /* Optional. Called on all ranges of all tensors before the first `step` of the same step: adds
     * to sums[NN_UPDATE_SUMS] what `step` has to know of the whole tensor, and may move the state,
     * but not w, forward. */
    void (*norms)(const void *options, const nn_update *update, size_t n, const nn_real *g,
                  const nn_real *w, nn_real *const *slot, double *sums);
    /* w[n], g[n] and each slot[n] are the same range of one tensor. Threads, and ranks that share
     * the parameters, call it on disjoint ranges. Slots are zero before the first step. */
    void (*step)(const void *options, const nn_update *update, size_t n, const nn_real *g,
                 nn_real *w, nn_real *const *slot);
} nn_optimizer_ops;

extern const nn_family nn_optimizers; /* optimizers.c: one row an optimiser */

#endif
