/* The gradient sum over the ranks. */
#ifndef NN_DIST_REDUCE_H
#define NN_DIST_REDUCE_H

#include "dist/comm.h"

typedef struct nn_reducer nn_reducer;

/* Sums `grads` [n] over the ranks, in buckets that are started as back-propagation completes them.
 */
int nn_reducer_new(nn_comm *comm, nn_real *grads, size_t n, nn_reducer **out);
void nn_reducer_free(nn_reducer *reducer);

/* grads is complete from `begin` to the end of the vector: full buckets in there may be summed now.
 * Has the type of nn_ready_fn. Collective in order: every rank calls it with the same sequence. */
void nn_reducer_ready(void *reducer, size_t begin);

/* Sums what is left and waits: after it grads [0, n) holds the sums. NN_ERANK. Collective. */
int nn_reducer_finish(nn_reducer *reducer);

/* Seconds this rank spent waiting in the reducer since the last call. */
double nn_reducer_seconds(nn_reducer *reducer);

#endif
