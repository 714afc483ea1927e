/* Heartbeat: what a rank is doing, for those of its node that watch it (watchdog.h). Where nobody
 * does, the functions do nothing. */
#ifndef NN_COMM_HEARTBEAT_H
#define NN_COMM_HEARTBEAT_H

#include "base/mem.h"

#include <stdalign.h>
#include <stdatomic.h>

typedef struct nn_comm nn_comm; /* as <nnmpi/comm.h>, which lies above */

/* What a rank is doing; messages call it by nn_phase_name. */
typedef enum nn_phase {
    NN_PHASE_PLAN,
    NN_PHASE_FILL,
    NN_PHASE_ALLOCATE,
    NN_PHASE_START,
    NN_PHASE_DATA,
    NN_PHASE_FORWARD,
    NN_PHASE_BACKWARD,
    NN_PHASE_REPORT,
    NN_PHASE_EVALUATE,
    NN_PHASE_COMPARE,
    NN_PHASE_SAVE,
    NN_PHASE_END
} nn_phase;

const char *nn_phase_name(nn_phase phase);

/* What a rank shows to the others of its node, in memory that they share. */
typedef struct nn_heartbeat {
    /* looks of its watching thread */
    alignas(NN_ALIGN) _Atomic uint64_t alive;
    /* phases it has begun, waits it has begun and ended */
    alignas(NN_ALIGN) _Atomic uint64_t moves;
    _Atomic int64_t step;
    _Atomic int phase;
    atomic_bool left;   /* it watches no more, nor is it watched */
    atomic_bool away;   /* it is with the caller of the library, who may do what they like */
    _Atomic int waits;  /* more than 0: for other ranks; waits may be within waits */
    atomic_bool spoken; /* the node's first rank: someone has said why all end */
    int rank;
} nn_heartbeat;

/* A sign of life: this rank begins something, or goes on with it. Local. */
void nn_comm_at(nn_comm *comm, nn_phase phase);
/* It returns to the caller of the library, until nn_comm_at: only a process that is stopped counts
 * as stalled. By the thread that began to watch. Local. */
void nn_comm_away(nn_comm *comm);
/* The step under way, 1 for the first; for messages. Local. */
void nn_comm_at_step(nn_comm *comm, int64_t step);

/* For the watchdog: this rank begins to wait for others, or has ended it. Local. */
void nn_comm_waits(nn_comm *comm, bool waits);

/* Signs of life of this rank so far, those of its threads among them; always 0 where nobody
 * watches. Local. */
uint64_t nn_comm_moves(const nn_comm *comm);

#endif
