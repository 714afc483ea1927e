/* Memory that the ranks of a node share: a file without a name, which the node's first rank makes
 * and the others map. No window of MPI's, because opening and closing one of those waits for the
 * others in a way of the library's own, and closing one is no longer possible when another rank has
 * failed. */
#ifndef NN_COMM_SHARED_MEMORY_H
#define NN_COMM_SHARED_MEMORY_H

#include "comm/mpi_comm.h"

#include <stddef.h>

typedef struct nn_shared_memory {
    char *memory; /* NULL: none */
    size_t *at;   /* [node_size + 1] where the segments of the ranks begin */
    size_t ranks;
} nn_shared_memory;

/* `bytes` (which may differ by rank) of zeroed memory for each rank, from a page of its own on; a
 * page belongs to the memory of the processor that first writes to it. The same code on every rank:
 * NN_EMEMORY where memory cannot be shared. Collective over all nodes. */
int nn_shared_memory_open(nn_comm *comm, size_t bytes, nn_shared_memory *shared);
/* Where the segment of a rank of this node stands in this process's memory. Local. */
void *nn_shared_memory_segment(const nn_shared_memory *shared, int node_rank);
/* Ends the use of it here; others go on. Local. */
void nn_shared_memory_close(nn_shared_memory *shared);

#endif
