/* What a training step takes on several nodes, simulated event by event.
 *
 * All nodes are alike, so the timeline of one is that of all. The layers compute one after the
 * other, forward and back; whatever others need of a layer is sent as soon as it is known, while
 * the layers after it compute. A node sends and receives at the full rate of the network at the
 * same time; what is ready first is sent first. The gradient of a layer goes between nodes by sums:
 * its buckets are added over the nodes, in a message to each node and one back (two nodes: one
 * message), or, on more than NN_DIRECT_NODES, by recursive halving and doubling (Rabenseifner
 * 2004); where nodes divide the optimiser's state, parameters come back instead of sums, and the
 * step on a part counts as if it were taken when these have come; by rows: the rows whose product
 * it is go to all nodes, each of which multiplies those of all. A bucket's step is taken when all
 * of it has come, in the order of the buckets; what has come is looked at after each layer of
 * back-propagation and waited for at its end. Where steps are left to the next one
 * (nn_reducer_go_ahead), each layer waits for its own parameters in forward, and what is needed
 * first is sent first. */
#ifndef NN_COMM_REDUCE_SIMULATE_H
#define NN_COMM_REDUCE_SIMULATE_H

#include "comm/reduce/spec.h"

typedef struct nn_network {
    double latency;   /* seconds of a short message, from one node's memory to the other's */
    double overhead;  /* seconds for which a message keeps its sender busy, whatever its length */
    double bandwidth; /* bytes a second, out of a node and into it */
    double burst;     /* bytes that pass at once after a pause, as where a token bucket limits the
                         rate; mostly 0 */
    double adding;    /* bytes a second of what has come that a node adds to its own */
} nn_network;

/* A part of the gradient of a layer's parameters that is a product of rows. */
typedef struct nn_step_matrix {
    nn_outer_matrix product; /* `begin` counts from the layer's first element */
    nn_outer_side first;     /* the side whose rows go out by forward, */
    bool early;              /* before the layer computes */
    double fraction;         /* of the seconds of the layer's product */
} nn_step_matrix;

/* A layer; seconds are those of one of a node's ranks, which are alike. */
typedef struct nn_step_layer {
    double forward, backward; /* the latter without the gradient of its parameters */
    double product;           /* the gradient of its parameters, from the rank's own rows */
    double product_all;       /* this rank's part of it, from the rows of all nodes */
    size_t params;            /* elements of the parameter vector */
    size_t matrices;
    const nn_step_matrix *matrix; /* [matrices] in the order of the vector */
} nn_step_layer;

typedef struct nn_step_plan {
    size_t layers;
    const nn_step_layer *layer; /* [layers] in order of execution */
    double other;               /* seconds of what is not the layers': data, loss */
    double update; /* seconds of the optimiser's step an element of the parameter vector */
    double rows;   /* of the minibatch on a node */
    double ranks;  /* of a node */
    double flops;  /* operations a second of a rank in a product of matrices */
    size_t number; /* bytes of a number between nodes */
    bool divided;  /* nodes take the step on parts of what they sum (nn_reduce_spec.divided) */
    bool ahead;    /* sums that are on their way when back-propagation ends are left to the next */
} nn_step_plan;

typedef struct nn_step_time {
    double seconds; /* of a step */
    double exposed; /* of them waiting for other nodes */
} nn_step_time;

/* Whether a gradient goes by rows on so many nodes: as nn_rows_pay says. Local. */
bool nn_simulate_by_rows(const nn_step_plan *plan, const nn_step_matrix *matrix,
                         const nn_network *network, int nodes);

/* The timeline of a step, after many of them, on `nodes` nodes, each with the rows of the plan.
 * NN_EMEMORY. Local. */
int nn_simulate(const nn_step_plan *plan, const nn_network *network, int nodes, nn_step_time *out);

#endif
