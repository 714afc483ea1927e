/* The watchdog: a thread of each rank that looks at signs of life of the others of its node, in
 * shared memory, and ends the job when one stalls: MPI itself would wait for ever. */
#ifndef NN_COMM_WATCHDOG_H
#define NN_COMM_WATCHDOG_H

#include "comm/comm.h"

/* What a rank is doing; messages call it by nn_phase_name. */
typedef enum nn_phase {
    NN_PHASE_START,
    NN_PHASE_DATA,
    NN_PHASE_FORWARD,
    NN_PHASE_BACKWARD,
    NN_PHASE_REPORT,
    NN_PHASE_EVALUATE,
    NN_PHASE_SAVE,
    NN_PHASE_END
} nn_phase;

const char *nn_phase_name(nn_phase phase);

/* Begins to watch: a rank that shows no sign of life for `seconds` (its process is stopped), or
 * stays so long in one phase without waiting for others, ends all with exit code 5 and a message
 * that names it; 0: nothing is watched. On one node each sees who stalls; what happens on other
 * nodes is seen as waiting for them. Collective. */
int nn_comm_watch(nn_comm *comm, double seconds);
/* Local. Without watching it does nothing, and neither do the functions below. */
void nn_comm_unwatch(nn_comm *comm);

/* A sign of life: this rank begins something, or goes on with it. Local. */
void nn_comm_at(nn_comm *comm, nn_phase phase);
/* The step under way, 1 for the first; for messages. Local. */
void nn_comm_at_step(nn_comm *comm, int64_t step);

#endif
