/* What a reducer (reduce.h) is to do: the step sums, the optimiser's part in a step, and which
 * gradients are products of rows. */
#ifndef NN_COMM_REDUCE_SPEC_H
#define NN_COMM_REDUCE_SPEC_H

#include "base/real.h"
#include "base/shards.h"
#include "comm/between/link.h"
#include "comm/reduce/partition.h"
#include "math/compute.h"
#include "math/gemm/outer.h"

#include <nnmpi/comm.h>

#include <stdbool.h>
#include <stddef.h>

/* What every rank adds to a step besides gradients. All ranks see their sums before any gradient is
 * used, and so draw the same conclusions from them. */
typedef struct nn_step_sums {
    double loss, weight; /* over the samples */
    double mistakes;     /* samples whose loss has a gradient */
    double stop;         /* ranks that have been asked to stop */
    double asked;        /* ranks that have been asked to save and go on */
    double save;         /* enum nn_save_clock of rank 0 */
    double busy;         /* rank 0 is still writing a checkpoint */
    double failed;       /* ranks that could not read their samples or write a checkpoint */
    double last;         /* ranks that want no other step of this call */
} nn_step_sums;

#define NN_STEP_SUMS (sizeof(nn_step_sums) / sizeof(double))

/* The same as an array [NN_STEP_SUMS]; those of several leaves follow each other. */
static inline double *nn_step_sums_array(nn_step_sums *sums) {
    return (double *)(void *)sums;
}

/* Values of train.reduce, in the order of the option's choices. */
typedef enum nn_reduce_choice {
    NN_REDUCE_AUTO,
    NN_REDUCE_ALLREDUCE, /* every rank has all parameters; MPI_Allreduce sums gradients */
    NN_REDUCE_NODE       /* the ranks of a node share one copy of the parameters: the owner of a
                            slice adds their gradients, sums over the nodes, and takes the step */
} nn_reduce_choice;

typedef struct nn_reducer nn_reducer;

/* What the optimiser does in a step, in this order. `begin_step` and `step` are required, the
 * others may be NULL. Functions that take a slice are called by several threads at the same time.
 */
typedef struct nn_reduce_ops {
    size_t values; /* most that nn_reducer_add is called with */
    /* Before the first parameter changes: waits for copies of the parameters that are still being
     * made, and takes over the numbers of the step, such as its learning rate. False, as where
     * samples are missing or the loss is no number: the step changes no parameter. */
    bool (*begin_step)(void *ctx, const nn_step_sums *sums);
    /* g[0] on is the sum of one pass of several for a slice that this rank owns. Adds it to those
     * of the passes before (in the first one there are none); in the last one g becomes the sum of
     * all. */
    void (*accumulate)(void *ctx, const nn_slice *slice, bool first, bool last, nn_real *g);
    /* All gradients of the slices this rank owns are summed (in nn_reducer_grads), and no step has
     * been taken on any. May call nn_reducer_add. Collective. */
    void (*compute_norms)(void *ctx, nn_reducer *reducer);
    /* Takes the step on a part of a slice that this rank owns; g[0] belongs to element `begin`. */
    void (*step)(void *ctx, const nn_slice *slice, const nn_real *g);
    /* Parameters of such a part have come from another node, which has taken the step on them
     * (nn_reduce_spec.divided). */
    void (*adopt)(void *ctx, const nn_slice *slice);
    /* This rank has taken the step on all it owns, others perhaps not yet. May change parameters of
     * others after nn_reducer_add. Collective. */
    void (*constrain)(void *ctx, nn_reducer *reducer);
    /* Whether NaN or Inf has come into what this rank owns. */
    bool (*nonfinite)(void *ctx);
} nn_reduce_ops;

/* Whether steps may be left to the next one (nn_reducer_go_ahead): they are taken on each bucket as
 * soon as this is summed, and nothing comes after that. */
static inline bool nn_reduce_may_go_ahead(const nn_reduce_ops *ops) {
    return !ops->compute_norms && !ops->accumulate && !ops->constrain;
}

/* A gradient matrix that stands in the vector from `begin` on and is the product of the rows of a
 * minibatch, G[m][n] = A[rows][m]^T B[rows][n]. */
typedef struct nn_outer_matrix {
    size_t begin, m, n;
    size_t steps;   /* rows for each sample, at least 1 */
    bool continued; /* of the same tensor as the matrix before it: both travel the same way */
    bool padded;    /* sequences may be shorter than `steps` */
    bool indexed;   /* a row of A is 1 in one place, and given as its number, or -1: in none */
    bool by_tree; /* what is added along a tree has the bits of nn_outer_product; else there are no
                     rows along it */
} nn_outer_matrix;

/* Values of train.between_nodes, in the order of the option's choices. */
typedef enum nn_between_choice {
    NN_BETWEEN_AUTO,
    NN_BETWEEN_GRADIENTS, /* sums of gradients */
    NN_BETWEEN_ROWS,      /* rows of every gradient that is a product of rows */
    NN_BETWEEN_REMEASURE  /* as NN_BETWEEN_AUTO, but a run that goes on keeps no measurements */
} nn_between_choice;

typedef struct nn_reduce_spec {
    nn_comm *comm;
    const nn_compute *compute; /* outlives the reducer; NULL: one thread */
    nn_reduce_choice choice;
    bool in_parts;  /* with NN_REDUCE_ALLREDUCE: no step is taken before all is summed, so that
                       nn_reducer_sum and nn_reducer_update may take the place of finish */
    size_t n;       /* elements of the parameter vector */
    size_t vectors; /* laid out and shared as the parameters: 1, or 2 with an average of them */
    size_t bucket;  /* elements of a bucket; 0: the default */
    size_t direct;  /* nodes up to which each sends its sums to each; 0: NN_DIRECT_NODES */
    bool compress;  /* what travels between nodes does so as bfloat16 */
    bool divided;   /* each node takes the step on a part of what is summed between nodes, and sends
                       the parameters of that part to the others, so that it needs optimiser state
                       for no more (Rajbhandari et al. 2020, "ZeRO", stage 1) */
    nn_between_choice between; /* what travels between nodes */
    nn_link link;        /* what they are joined by, zeros: not known; the same on every rank */
    const nn_tree *tree; /* NULL: ranks are added in their order. Else each rank has a gradient
                            vector for each of its subtrees, and they are added along the tree */
    /* Gradients that are outer products, in the order of the vector; not needed any longer than for
     * nn_reducer_new. */
    const nn_outer_matrix *outer;
    size_t outer_count;
    size_t rows;             /* most of a pass */
    const nn_shards *shards; /* of the ranks in it, which with a tree are those in its leaves;
                                outlive the reducer, and borders may move between two steps */
    const nn_reduce_ops *ops;
    void *ctx; /* of ops */
} nn_reduce_spec;

#endif
