/* Optimisers: one fused loop over a range of the parameter vector. */
#ifndef NN_NN_OPTIMIZER_H
#define NN_NN_OPTIMIZER_H

#include "base/option.h"
#include "base/real.h"

#define NN_MAX_SLOTS 3

/* What is common to a step; the rest is the optimiser's options. */
typedef struct nn_update {
    double lr;    /* from the schedule */
    double scale; /* multiplies the gradient vector: 1 / weight of the global minibatch */
    int64_t step; /* 1 for the first */
    bool decay;   /* this tensor is subject to weight decay (matrices and kernels) */
} nn_update;

typedef struct nn_optimizer_ops {
    nn_entry entry;           /* options include `lr`, the base learning rate, first */
    const char *const *slots; /* names of the state vectors, NULL-terminated; may be empty */
    /* What ranges cannot say: options that contradict each other are NN_EUSAGE at `node`, the
     * place of the options (may be NULL). To be called once after binding; NULL: nothing to check.
     */
    int (*check)(const void *options, const nn_node *node);
    /* Slots that these options really use (0 when e.g. momentum is 0). */
    size_t (*slots_used)(const void *options);
    /* w[n], g[n] and each slot[n] are the same range. Threads call it on disjoint ranges. Slots
     * are zero before the first step. */
    void (*step)(const void *options, const nn_update *update, size_t n, const nn_real *g,
                 nn_real *w, nn_real *const *slot);
} nn_optimizer_ops;

extern const nn_family nn_optimizers; /* optimizers.c: one row an optimiser */

#endif
