/* A training step, taken apart. */
#ifndef NN_TRAIN_BENCH_BENCH_H
#define NN_TRAIN_BENCH_BENCH_H

#include "base/mem.h"
#include "comm/reduce/simulate.h"
#include "train/trainer.h"

#include <nnmpi/config.h>

/* A gradient that is a product of rows. */
typedef struct nn_bench_matrix {
    nn_step_matrix step;
    bool by_rows; /* it is multiplied in `update` of the step, */
    bool travels; /* from the rows of all nodes */
} nn_bench_matrix;

typedef struct nn_bench_layer {
    const char *name, *kind;
    double forward, backward;             /* seconds a step of this rank, */
    double waited;                        /* and for the gradients of the layer */
    double forward_work, backward_work;   /* operations a step of this rank; 0: not counted */
    double forward_bytes, backward_bytes; /* that it reads and writes in a step at least */
    size_t params;                        /* elements of the parameter vector */
    size_t matrices;
    nn_bench_matrix *matrix; /* [matrices], owned by the pool */
} nn_bench_layer;

typedef struct nn_bench_step {
    int64_t batch_size;  /* of the global minibatch */
    size_t size;         /* elements of the gradient vector */
    int threads;         /* of this rank */
    bool bf16;           /* products round their factors to bfloat16 */
    const char *backend; /* how gradients are summed */
    size_t number;       /* bytes of one between nodes */
    bool divided;        /* nn_reduce_spec.divided */
    bool ahead; /* of several nodes: steps are left to the next one (nn_reducer_go_ahead) */
    double seconds, data, forward, backward, comm, update; /* a step; `seconds` is all of it */
    double work;        /* operations a step of all layers, and of gradients that owners multiply */
    double update_work; /* the latter alone */
    double update_bytes; /* that the update reads and writes at least */
    double bytes; /* of what a step is made with: parameters, activations, gradients, state */
    size_t layers;
    nn_bench_layer *layer; /* [layers], owned by the pool */
} nn_bench_step;

/* The fraction of a layer's product that is made from rows, each counted as often as a rank makes
 * it on so many nodes. Local. */
double nn_bench_row_fraction(const nn_bench_layer *layer, double nodes);

/* Takes steps as nn_train does, without run folder or validation, for about `budget` seconds in
 * groups, and describes rank 0's fastest group. The training split must have a minibatch. The same
 * code on every rank. Collective. */
int nn_bench_train(nn_comm *comm, nn_config *config, double budget, nn_pool *pool,
                   nn_bench_step *out);

/* Takes steps as nn_train does, for about `budget` seconds but at least three, on a trainer that
 * nn_trainer_begin has prepared, which is good for nothing else then. *seconds: of a step, the
 * median of groups. NN_EDIVERGED. Collective. */
int nn_bench_pace(nn_trainer *trainer, double budget, double *seconds);

#endif
