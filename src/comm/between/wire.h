/* Messages between nodes that move while this rank computes. What is to come and what is to go out
 * is announced; a thread of this rank's looks after it where MPI lets several threads call it, and
 * whoever waits for a message does so as well.
 *
 * A channel is a message to some ranks and from some ranks, used again in every pass: both sides
 * announce it the same number of times, in any order among channels. All functions may be called by
 * any thread and are Local unless it is said. */
#ifndef NN_COMM_BETWEEN_WIRE_H
#define NN_COMM_BETWEEN_WIRE_H

#include "comm/mpi_comm.h"

#include <stdatomic.h>
#include <stddef.h>

typedef struct nn_wire nn_wire;

/* Bytes of another rank, or for it. */
typedef struct nn_parcel {
    int rank; /* in comm->world */
    void *bytes;
    size_t count;
} nn_parcel;

typedef struct nn_channel nn_channel;
struct nn_channel {
    int tag;              /* the same on both sides; no other channel between two ranks has it */
    size_t priority;      /* of what waits to go out, the smallest goes first */
    nn_parcel *in, *out;  /* `count` may change between two passes, up to what was reserved */
    size_t ins, outs;     /* parcels */
    atomic_size_t coming; /* packets that are announced and not here yet, */
    atomic_size_t going;  /* and not gone yet: memory of `out` must not change */
    /* Called when the last packet has come, and when the last one has gone; NULL: not wanted. By
     * any thread, under the wire's lock; may announce more. */
    void (*moved)(void *ctx, nn_channel *channel);
    void *ctx;
    nn_channel *next; /* the wire's own: of those that wait to go out */
    size_t parcel, at;
};

/* An array of numbers that MPI knows. */
typedef struct nn_values {
    void *at;
    size_t count, size; /* of a number: bytes */
    MPI_Datatype type;
    const void *from; /* [count] what this rank adds; NULL: what stands there already */
    MPI_Op op;        /* what makes their sum */
} nn_values;

/* Collective. NN_EMEMORY. */
int nn_wire_new(nn_comm *comm, nn_wire **out);
/* Its thread ends: after a failure messages may be under way (nn_wire_is_empty), whose memory is
 * not to be freed. NULL is fine. Local. */
void nn_wire_stop(nn_wire *wire);
/* NULL is fine. Nothing is under way, or the communicator is broken. Collective. */
void nn_wire_free(nn_wire *wire);

/* What the network takes, in bytes a second, the same on every rank: of a slow one less is on its
 * way at a time, so that what is needed first overtakes. Before all below. */
void nn_wire_set_rate(nn_wire *wire, double bandwidth);
/* This channel will be used, with parcels of up to the counts that they have now; or a sum of so
 * many values at a time. */
void nn_wire_reserve(nn_wire *wire, const nn_channel *channel);
void nn_wire_reserve_sum(nn_wire *wire, size_t count);
/* All channels have been reserved, messages may begin. NN_EMEMORY. */
int nn_wire_start(nn_wire *wire);

/* What others send may come into channel->in from now on. */
void nn_wire_receive(nn_wire *wire, nn_channel *channel);
/* channel->out goes out. */
void nn_wire_send(nn_wire *wire, nn_channel *channel);
/* The values become the sum over the ranks of `among`, as if they came through the channel,
 * which has no parcels. All ranks begin such sums in the same order, and no other collective of
 * `among` in between. Collective over `among`. */
void nn_wire_sum(nn_wire *wire, nn_channel *channel, MPI_Comm among, const nn_values *values);

/* Around several calls between which nothing must move. */
void nn_wire_lock(nn_wire *wire);
void nn_wire_unlock(nn_wire *wire);

/* Looks after what is under way; for who waits. */
void nn_wire_poll(nn_wire *wire);
/* Waits until all of a channel has come and gone; `crowded` as for nn_wait_polling. As
 * nn_wire_check. */
int nn_wire_wait(nn_wire *wire, const nn_channel *channel, bool crowded);
/* Everything announced here has come or gone. */
bool nn_wire_is_empty(nn_wire *wire);
/* MPI has failed: nothing more will come. */
bool nn_wire_failed(const nn_wire *wire);
/* 0, or NN_ERANK with MPI's text after nn_comm_give_up. By the thread that owns the communicator.
 */
int nn_wire_check(nn_wire *wire);

#endif
