/* What a training step that was measured would take on more nodes, and on other networks. */
#ifndef NN_TRAIN_BENCH_SCALING_H
#define NN_TRAIN_BENCH_SCALING_H

#include "comm/reduce/simulate.h"
#include "train/bench/bench.h"

/* A step as it was measured on `nodes` nodes of `ranks` ranks each. */
typedef struct nn_scaling {
    int nodes, ranks;
    double batch;             /* of the global minibatch */
    double data, other;       /* seconds of reading rows; of what does not depend on them */
    double memory;            /* bytes a second at which a rank reads its parameters */
    nn_step_plan plan;        /* of the step that was predicted last */
    nn_step_layer *layer;     /* [plan.layers] as measured, and for other numbers of rows */
    nn_step_layer *predicted; /* the same, of the plan */
} nn_scaling;

typedef struct nn_prediction {
    nn_step_time step;
    double efficiency; /* share of the ideal speed, which is that of one node times the nodes */
} nn_prediction;

/* Memory is the pool's; measures `memory`. NN_EMEMORY. Local. */
int nn_scaling_init(nn_scaling *scaling, const nn_bench_step *step, int nodes, int ranks,
                    nn_pool *pool);

/* A step on `nodes` nodes with the same ranks each, that share the same minibatch (strong scaling),
 * or one that grows with the nodes (weak). Time of computing goes with the rows of the rank that
 * has most of them, but no product takes less than reading its matrix. NN_EMEMORY. Local. */
int nn_scaling_predict(nn_scaling *scaling, const nn_network *network, int nodes, bool strong,
                       nn_prediction *out);

/* Whether a gradient of layer i goes by rows in the step that was predicted last. Local. */
bool nn_scaling_by_rows(const nn_scaling *scaling, size_t i, const nn_network *network, int nodes);

#endif
