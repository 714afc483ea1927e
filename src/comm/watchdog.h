/* The watchdog: a thread of each rank that looks at signs of life of the others of its node, in
 * shared memory, and ends the job when one stalls: MPI itself would wait for ever. */
#ifndef NN_COMM_WATCHDOG_H
#define NN_COMM_WATCHDOG_H

#include <nnmpi/comm.h>

/* Begins to watch, until nn_comm_free has ended MPI: a rank that shows no sign of life for
 * `seconds` (its process is stopped), or stays so long in one phase without waiting for others,
 * reading or writing, ends all with exit code 5 and a message that names it; 0: nothing is watched.
 * Rank 0's number counts. On one node each sees who stalls; what happens on other nodes is seen as
 * waiting for them. Collective. */
int nn_watchdog_start(nn_comm *comm, double seconds);
/* After nn_comm_away, by the thread that began to watch: progress within long work of the library
 * counts as a sign of life again. The rank stays away until the next nn_comm_at. Local. */
void nn_comm_back(nn_comm *comm);
/* Local. Without watching it does nothing. */
void nn_watchdog_free(nn_comm *comm);

#endif
