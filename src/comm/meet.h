/* Where the ranks of a node meet: what they tell each other in small collectives (agreements, sums
 * of an evaluation) goes through shared memory, with our own waiting, so that only the first rank
 * of each node has to send messages, and none where there is one node. */
#ifndef NN_COMM_MEET_H
#define NN_COMM_MEET_H

#include "comm/mpi_comm.h"

/* Most that a rank can say at a time. */
#define NN_MEET_BYTES ((size_t)16384)

/* NN_EMEMORY where shared memory is short. The same code on every rank. Collective. */
int nn_meet_new(nn_comm *comm, nn_meet **out);
/* Local; NULL is fine. */
void nn_meet_free(nn_meet *meet);

/* A round: each rank writes what it has to say, all come, each reads what it wants of the others,
 * before its next round but one. */
void *nn_meet_mine(const nn_meet *meet);                      /* [NN_MEET_BYTES] */
void nn_meet_all(nn_meet *meet);                              /* Collective over the node */
const void *nn_meet_said(const nn_meet *meet, int node_rank); /* in the round that ended last */

#endif
