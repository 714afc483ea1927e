/* Memory that holds something once for all ranks of a node. */
#ifndef NN_COMM_NODE_BUFFER_H
#define NN_COMM_NODE_BUFFER_H

#include "comm/comm.h"

typedef struct nn_node_buffer nn_node_buffer;

/* `bytes` of zeroed memory for each node, at a page; the same code on every rank. NN_EMEMORY where
 * shared memory is short. Collective. */
int nn_node_buffer_new(nn_comm *comm, size_t bytes, nn_node_buffer **out);
/* What one rank has written, the others see after nn_comm_agree. Local. */
void *nn_node_buffer_data(const nn_node_buffer *buffer);
/* Ends the use of it here; others go on. Local. */
void nn_node_buffer_free(nn_node_buffer *buffer);

#endif
