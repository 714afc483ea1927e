/* Memory that holds something once for all ranks of a node. */
#ifndef NN_COMM_SHARED_H
#define NN_COMM_SHARED_H

#include "comm/comm.h"

typedef struct nn_shared nn_shared;

/* `bytes` of zeroed memory for each node, at a page; the same code on every rank. NN_EMEMORY where
 * shared memory is short. Collective. */
int nn_shared_new(nn_comm *comm, size_t bytes, nn_shared **out);
/* What one rank has written, the others see after nn_comm_agree. Local. */
void *nn_shared_memory(const nn_shared *shared);
/* Ends the use of it here; others go on. Local. */
void nn_shared_free(nn_shared *shared);

#endif
