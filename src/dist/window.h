/* Memory that the ranks of a node share. */
#ifndef NN_DIST_WINDOW_H
#define NN_DIST_WINDOW_H

#include "dist/mpi_comm.h"

typedef struct nn_window {
    MPI_Win win;
    bool open;
} nn_window;

/* `bytes` (which may differ by rank) of zeroed memory for each rank, from a page of its own on. The
 * same code on every rank: NN_EMEMORY where shared memory is short. Collective over all nodes. */
int nn_window_open(nn_comm *comm, size_t bytes, nn_window *window);
/* Where the part of a rank of this node stands in this process's memory. Local. */
void *nn_window_part(const nn_window *window, int node_rank);
/* `broken`: other ranks may not come, so that memory is left to the end of the process. Collective
 * over the node. */
void nn_window_close(nn_window *window, bool broken);

#endif
