/* How fast the backends that sum gradients are here and now. */
#ifndef NN_COMM_REDUCE_BENCH_H
#define NN_COMM_REDUCE_BENCH_H

#include "comm/reduce/reduce.h"
#include "comm/reduce/simulate.h"

typedef struct nn_reduce_speed {
    size_t bytes;               /* of the gradient vector */
    double allreduce_s, node_s; /* seconds a step; node_s 0: no memory is shared here */
} nn_reduce_speed;

/* Sums a vector of so many bytes in whole steps of a reducer, whose `step` only stores the sum
 * where all ranks of the node see it. The backends take turns, so that both meet the same noise:
 * about `seconds` in all. Medians over the rounds of the slowest rank, the same on every rank.
 * Collective.
 */
int nn_bench_reduce(nn_comm *comm, size_t bytes, double seconds, nn_reduce_speed *out);

/* Messages between nodes, each of which sends to the next one and receives from the one before at
 * the same time; on one node only `adding` is measured, and the others stay as they are. The same
 * on every rank. Collective. */
int nn_bench_network(nn_comm *comm, nn_network *out);

#endif
