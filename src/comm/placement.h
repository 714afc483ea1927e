/* Which ranks of a node compete for which cores. */
#ifndef NN_COMM_PLACEMENT_H
#define NN_COMM_PLACEMENT_H

#include <nnmpi/comm.h>

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct nn_placement {
    int threads;  /* for this rank, >= 1 */
    int cores;    /* in the CPU sets of all ranks of the node together */
    int idle;     /* cores that the launcher could have used and no rank may */
    bool crowded; /* more ranks than `cores` */
} nn_placement;

/* sets[ranks] are the CPU sets of the node's ranks, `me` this rank's place among them, `available`
 * the cores that the launcher had to give. Local. */
nn_placement nn_placement_of(const cpu_set_t *sets, size_t ranks, size_t me, int available);

/* Sets comm->cores and comm->crowded. Collective. */
int nn_comm_find_cores(nn_comm *comm);

#endif
