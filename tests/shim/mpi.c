/* Collectives of MPI that fail:
 *   MPI_FAULT_AT=3       from the third sum, broadcast or gathering on ...
 *   MPI_FAULT_RANK=1     ... on this rank
 *
 * mpicc -shared -fPIC -O1 -o mpi.so mpi.c, then LD_PRELOAD=mpi.so
 */
#include <mpi.h>
#include <stdbool.h>
#include <stdlib.h>

static bool fails(void) {
    static int calls;
    const char *at = getenv("MPI_FAULT_AT"), *wanted = getenv("MPI_FAULT_RANK");
    int rank;
    if (!at || !wanted)
        return false;
    PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank == atoi(wanted) && ++calls >= atoi(at);
}

#define FAILING(name, parameters, arguments)                                                       \
    int MPI_##name parameters {                                                                    \
        return fails() ? MPI_ERR_OTHER : PMPI_##name arguments;                                    \
    }

FAILING(Bcast, (void *buffer, int count, MPI_Datatype type, int root, MPI_Comm comm),
        (buffer, count, type, root, comm))
FAILING(Ibcast,
        (void *buffer, int count, MPI_Datatype type, int root, MPI_Comm comm, MPI_Request *request),
        (buffer, count, type, root, comm, request))
FAILING(Allreduce,
        (const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
        (send, receive, count, type, op, comm))
FAILING(Iallreduce,
        (const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
         MPI_Request *request),
        (send, receive, count, type, op, comm, request))
FAILING(Allgather,
        (const void *send, int count, MPI_Datatype type, void *receive, int counts,
         MPI_Datatype types, MPI_Comm comm),
        (send, count, type, receive, counts, types, comm))
FAILING(Iallgather,
        (const void *send, int count, MPI_Datatype type, void *receive, int counts,
         MPI_Datatype types, MPI_Comm comm, MPI_Request *request),
        (send, count, type, receive, counts, types, comm, request))
