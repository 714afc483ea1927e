/* A barrier of the ranks of a node, with a slot of shared memory for each: small collectives
 * (agreements, sums of an evaluation) go through it, with our own waiting, so that only the first
 * rank of each node has to send messages, and none where there is one node. */
#ifndef NN_COMM_BARRIER_H
#define NN_COMM_BARRIER_H

#include "comm/mpi_comm.h"

/* Size of a slot. */
#define NN_BARRIER_BYTES ((size_t)16384)

/* NN_EMEMORY where shared memory is short. The same code on every rank. Collective. */
int nn_barrier_new(nn_comm *comm, nn_barrier **out);
/* Local; NULL is fine. */
void nn_barrier_free(nn_barrier *barrier);

/* A round: each rank writes to its own slot, all wait for each other, each reads the slots of the
 * others before it ends its next round. */
void *nn_barrier_slot(const nn_barrier *barrier); /* [NN_BARRIER_BYTES] */
void nn_barrier_wait(nn_barrier *barrier);        /* Collective over the node */
/* The slot of a rank in the round that ended last. */
const void *nn_barrier_slot_of(const nn_barrier *barrier, int node_rank);

#endif
