/* What messages between nodes take: their first ranks exchange some in a ring. */
#ifndef NN_COMM_BETWEEN_RING_H
#define NN_COMM_BETWEEN_RING_H

#include <nnmpi/comm.h>

#include <stddef.h>

/* Messages to the next node, and as many from the one before, all under way at the same time. */
typedef struct nn_ring_messages {
    const char *to; /* [messages][bytes] */
    char *from;
    int messages, bytes;
} nn_ring_messages;

/* Seconds that one takes the slowest node: the least of at least so many, and of those that fit
 * into `seconds`. Between the first ranks of the nodes. Collective. */
int nn_ring_exchange(nn_comm *comm, const nn_ring_messages *messages, int least, double seconds,
                     double *out);

/* In the same way, seconds of a short message, and those for which each keeps its sender busy where
 * there are many. Collective. */
int nn_ring_latency(nn_comm *comm, int least, double seconds, double *latency, double *overhead);

#endif
