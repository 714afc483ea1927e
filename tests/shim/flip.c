/* A bit of a sum of floats that changes on its way to one rank, as in a bad memory or network:
 *   FLIP_AT=3       in the third sum ...
 *   FLIP_RANK=1     ... that this rank gets
 *
 * mpicc -shared -fPIC -O1 -o flip.so flip.c, then LD_PRELOAD=flip.so
 */
#include <mpi.h>
#include <stdlib.h>

static void flip(unsigned *bits, MPI_Datatype type) {
    static int calls;
    const char *at = getenv("FLIP_AT"), *wanted = getenv("FLIP_RANK");
    int rank;
    if (!at || !wanted || type != MPI_FLOAT)
        return;
    PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == atoi(wanted) && ++calls == atoi(at))
        bits[0] ^= 1u << 20;
}

int MPI_Allreduce(const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op,
                  MPI_Comm comm) {
    int rc = PMPI_Allreduce(send, receive, count, type, op, comm);
    if (rc == MPI_SUCCESS)
        flip(receive, type);
    return rc;
}

/* Done when it returns. */
int MPI_Iallreduce(const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op,
                   MPI_Comm comm, MPI_Request *request) {
    *request = MPI_REQUEST_NULL;
    return MPI_Allreduce(send, receive, count, type, op, comm);
}
