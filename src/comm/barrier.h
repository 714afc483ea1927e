/* A barrier of the ranks of a node, with a buffer of shared memory for each: small collectives
 * (agreements, sums of an evaluation) go through it, with our own waiting, so that only the first
 * rank of each node has to send messages, and none where there is one node. */
#ifndef NN_COMM_BARRIER_H
#define NN_COMM_BARRIER_H

#include "comm/mpi_comm.h"

#include <stddef.h>

/* Size of a buffer. */
#define NN_BARRIER_BYTES ((size_t)16384)

/* A barrier of this node's ranks lives in memory that they share, a segment of it for each rank,
 * and is of use when all of them have placed all segments. NN_EMEMORY. Local. */
int nn_barrier_new(const nn_comm *comm, nn_barrier **out);
size_t nn_barrier_segment_bytes(void);
void nn_barrier_attach(nn_barrier *barrier, int node_rank, void *segment);
/* Local; NULL is fine. */
void nn_barrier_free(nn_barrier *barrier);

/* A round: each rank writes to its own buffer, all wait for each other, each reads the buffers of
 * the others before it ends its next round. */
void *nn_barrier_send_buffer(const nn_barrier *barrier); /* [NN_BARRIER_BYTES] */
void nn_barrier_wait(nn_barrier *barrier);               /* Collective over the node */
/* The buffer of a rank in the round that ended last. */
const void *nn_barrier_recv_buffer(const nn_barrier *barrier, int node_rank);

/* Waits for the other ranks of the node, and then sees what they have written to shared memory.
 * Collective over the node. */
int nn_comm_node_barrier(nn_comm *comm);

#endif
