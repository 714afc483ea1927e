/* Replicas: what a rank has of the parameters and of the optimiser's state, others have too, bit by
 * bit the same. With the backend allreduce these are all ranks, each with all of it; with node the
 * owners of the same slices on all nodes, each with its share; of optimiser state that is divided
 * between nodes (nn_reducer_divides_slice) there are none. This is how they compare them. */
#ifndef NN_COMM_REDUCE_REPLICAS_H
#define NN_COMM_REDUCE_REPLICAS_H

#include "comm/reduce/reduce.h"

/* Replicas of this rank's slices, its own included; 1 where nobody else has it, 0 where it has
 * none. Local. */
int nn_replicas_count(const nn_reducer *reducer);
/* Whether there is anything to compare, the same on every rank. Local. */
bool nn_replicas_any(const nn_reducer *reducer);

/* Whether `hash` is the same on all replicas of a share, for every share. NN_ERANK. Collective. */
int nn_replicas_equal(nn_reducer *reducer, uint64_t hash, bool *equal);

/* Among the replicas of a share, where there are several. */

/* Which of them is this rank's. Local. */
int nn_replicas_mine(const nn_reducer *reducer);
/* Each gives `count` bytes: all[replicas][count]. NN_ERANK. Collective among them. */
int nn_replicas_gather(nn_reducer *reducer, const void *mine, size_t count, void *all);
/* Everyone gets the bytes of replica `from`. NN_ERANK. Collective among them. */
int nn_replicas_copy(nn_reducer *reducer, int from, void *bytes, size_t count);

#endif
