#define _GNU_SOURCE
#include "comm/messages.h"

#include <sched.h>
#include <time.h>

/* MPI counts are int: longer arrays go in pieces of this many bytes. */
#define PIECE ((size_t)1 << 28)

int nn_mpi_check(int mpi_rc, const char *call) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    if (mpi_rc == MPI_SUCCESS)
        return 0;
    MPI_Error_string(mpi_rc, text, &length);
    return nn_fail(NN_ERANK, "%s failed: %s", call, text);
}

/* Looks with the core given away in between, before a nap: who waits for long (a checkpoint is
 * being written) should leave the cores alone. */
#define YIELDS 1000
#define NAP_NS 50000

static int finish(MPI_Request *request) {
    const struct timespec nap = {.tv_nsec = NAP_NS};
    int done = 0;
    for (int looks = 0;; looks++) {
        int rc = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (rc != MPI_SUCCESS || done)
            return rc;
        if (looks < YIELDS)
            sched_yield();
        else
            nanosleep(&nap, NULL);
    }
}

/* Ends what has begun with code `rc`. */
static int complete(int rc, MPI_Request *request) {
    return rc == MPI_SUCCESS ? finish(request) : rc;
}

/* The analyser knows waits, not the tests of finish(). */
/* NOLINTBEGIN(clang-analyzer-optin.mpi.MPI-Checker) */

int nn_mpi_dup(const nn_comm *comm, MPI_Comm among, MPI_Comm *out) {
    MPI_Request request;
    if (!comm->yields)
        return MPI_Comm_dup(among, out);
    return complete(MPI_Comm_idup(among, out, &request), &request);
}

int nn_mpi_barrier(const nn_comm *comm, MPI_Comm among) {
    MPI_Request request;
    if (!comm->yields)
        return MPI_Barrier(among);
    return complete(MPI_Ibarrier(among, &request), &request);
}

int nn_mpi_allreduce(const nn_comm *comm, MPI_Comm among, void *values, int count,
                     MPI_Datatype type, MPI_Op op) {
    MPI_Request request;
    if (!comm->yields)
        return MPI_Allreduce(MPI_IN_PLACE, values, count, type, op, among);
    return complete(MPI_Iallreduce(MPI_IN_PLACE, values, count, type, op, among, &request),
                    &request);
}

static int bcast_piece(const nn_comm *comm, MPI_Comm among, void *bytes, int count, int root) {
    MPI_Request request;
    if (!comm->yields)
        return MPI_Bcast(bytes, count, MPI_BYTE, root, among);
    return complete(MPI_Ibcast(bytes, count, MPI_BYTE, root, among, &request), &request);
}

int nn_mpi_bcast(const nn_comm *comm, MPI_Comm among, void *bytes, size_t count, int root) {
    char *at = bytes;
    int rc = MPI_SUCCESS;
    for (size_t n; count > 0 && rc == MPI_SUCCESS; at += n, count -= n) {
        n = count < PIECE ? count : PIECE;
        rc = bcast_piece(comm, among, at, (int)n, root);
    }
    return rc;
}

int nn_mpi_allgather(const nn_comm *comm, MPI_Comm among, void *all, int count) {
    MPI_Request request;
    if (!comm->yields)
        return MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, count, MPI_BYTE, among);
    return complete(
        MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, count, MPI_BYTE, among, &request),
        &request);
}

int nn_mpi_allgatherv(const nn_comm *comm, MPI_Comm among, const void *own, int own_count,
                      void *all, const int count[], const int at[], MPI_Datatype type) {
    const void *from = own ? own : MPI_IN_PLACE;
    MPI_Request request;
    if (!comm->yields)
        return MPI_Allgatherv(from, own_count, type, all, count, at, type, among);
    return complete(MPI_Iallgatherv(from, own_count, type, all, count, at, type, among, &request),
                    &request);
}

int nn_mpi_alltoall(const nn_comm *comm, MPI_Comm among, const void *out, void *in, int count) {
    MPI_Request request;
    if (!comm->yields)
        return MPI_Alltoall(out, count, MPI_BYTE, in, count, MPI_BYTE, among);
    return complete(MPI_Ialltoall(out, count, MPI_BYTE, in, count, MPI_BYTE, among, &request),
                    &request);
}

int nn_mpi_alltoallv(const nn_comm *comm, MPI_Comm among, const nn_parcels *out,
                     const nn_parcels *in, MPI_Datatype type) {
    MPI_Request request;
    if (!comm->yields)
        return MPI_Alltoallv(out->values, out->count, out->at, type, in->values, in->count, in->at,
                             type, among);
    return complete(MPI_Ialltoallv(out->values, out->count, out->at, type, in->values, in->count,
                                   in->at, type, among, &request),
                    &request);
}

/* NOLINTEND(clang-analyzer-optin.mpi.MPI-Checker) */
