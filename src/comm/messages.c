#define _GNU_SOURCE
#include "comm/messages.h"

#include "comm/comm.h"
#include "comm/heartbeat.h"

#include <sched.h>
#include <time.h>

/* MPI counts are int: longer arrays go in pieces of this many bytes. */
#define PIECE ((size_t)1 << 28)

int nn_mpi_check(nn_comm *comm, int mpi_rc, const char *call) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    if (mpi_rc == MPI_SUCCESS)
        return 0;
    MPI_Error_string(mpi_rc, text, &length);
    int rc = nn_fail(NN_ERANK, "%s failed: %s", call, text);
    nn_comm_give_up(comm);
    return rc;
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

/* Around a call that waits for others. */
static int begin(nn_comm *comm) {
    NN_TRY(nn_comm_check(comm));
    nn_comm_waits(comm, true);
    return 0;
}

static int end(nn_comm *comm, int rc, const char *call) {
    nn_comm_waits(comm, false);
    return nn_mpi_check(comm, rc, call);
}

/* The end of a call that has made `out`: failures there are returned, not fatal. */
static int made(nn_comm *comm, int rc, const char *call, const MPI_Comm *out) {
    NN_TRY(end(comm, rc, call));
    if (*out != MPI_COMM_NULL)
        MPI_Comm_set_errhandler(*out, MPI_ERRORS_RETURN);
    return 0;
}

/* The analyser knows waits, not the tests of finish(). */
/* NOLINTBEGIN(clang-analyzer-optin.mpi.MPI-Checker) */

int nn_mpi_dup(nn_comm *comm, MPI_Comm among, MPI_Comm *out) {
    MPI_Request request;
    NN_TRY(begin(comm));
    int rc = comm->yields ? complete(MPI_Comm_idup(among, out, &request), &request)
                          : MPI_Comm_dup(among, out);
    return made(comm, rc, "MPI_Comm_dup", out);
}

int nn_mpi_split(nn_comm *comm, MPI_Comm among, int color, MPI_Comm *out) {
    NN_TRY(begin(comm));
    return made(comm, MPI_Comm_split(among, color, comm->rank, out), "MPI_Comm_split", out);
}

int nn_mpi_split_machine(nn_comm *comm, MPI_Comm among, MPI_Comm *out) {
    NN_TRY(begin(comm));
    int rc = MPI_Comm_split_type(among, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, out);
    return made(comm, rc, "MPI_Comm_split_type", out);
}

int nn_mpi_barrier(nn_comm *comm, MPI_Comm among) {
    MPI_Request request;
    NN_TRY(begin(comm));
    int rc = comm->yields ? complete(MPI_Ibarrier(among, &request), &request) : MPI_Barrier(among);
    return end(comm, rc, "MPI_Barrier");
}

int nn_mpi_allreduce(nn_comm *comm, MPI_Comm among, void *values, int count, MPI_Datatype type,
                     MPI_Op op) {
    MPI_Request request;
    NN_TRY(begin(comm));
    int rc = comm->yields
                 ? complete(MPI_Iallreduce(MPI_IN_PLACE, values, count, type, op, among, &request),
                            &request)
                 : MPI_Allreduce(MPI_IN_PLACE, values, count, type, op, among);
    return end(comm, rc, "MPI_Allreduce");
}

static int bcast_piece(nn_comm *comm, MPI_Comm among, void *bytes, int count, int root) {
    MPI_Request request;
    NN_TRY(begin(comm));
    int rc = comm->yields
                 ? complete(MPI_Ibcast(bytes, count, MPI_BYTE, root, among, &request), &request)
                 : MPI_Bcast(bytes, count, MPI_BYTE, root, among);
    return end(comm, rc, "MPI_Bcast");
}

int nn_mpi_bcast(nn_comm *comm, MPI_Comm among, void *bytes, size_t count, int root) {
    char *at = bytes;
    for (size_t n; count > 0; at += n, count -= n) {
        n = count < PIECE ? count : PIECE;
        NN_TRY(bcast_piece(comm, among, at, (int)n, root));
    }
    return 0;
}

int nn_mpi_allgather(nn_comm *comm, MPI_Comm among, void *all, int count) {
    MPI_Request request;
    NN_TRY(begin(comm));
    int rc = comm->yields
                 ? complete(MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, count, MPI_BYTE,
                                           among, &request),
                            &request)
                 : MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, count, MPI_BYTE, among);
    return end(comm, rc, "MPI_Allgather");
}

int nn_mpi_allgatherv(nn_comm *comm, MPI_Comm among, const void *own, int own_count, void *all,
                      const int count[], const int at[], MPI_Datatype type) {
    const void *from = own ? own : MPI_IN_PLACE;
    MPI_Request request;
    NN_TRY(begin(comm));
    int rc = comm->yields ? complete(MPI_Iallgatherv(from, own_count, type, all, count, at, type,
                                                     among, &request),
                                     &request)
                          : MPI_Allgatherv(from, own_count, type, all, count, at, type, among);
    return end(comm, rc, "MPI_Allgatherv");
}

int nn_mpi_alltoall(nn_comm *comm, MPI_Comm among, const void *out, void *in, int count) {
    MPI_Request request;
    NN_TRY(begin(comm));
    int rc =
        comm->yields
            ? complete(MPI_Ialltoall(out, count, MPI_BYTE, in, count, MPI_BYTE, among, &request),
                       &request)
            : MPI_Alltoall(out, count, MPI_BYTE, in, count, MPI_BYTE, among);
    return end(comm, rc, "MPI_Alltoall");
}

int nn_mpi_exchange(nn_comm *comm, MPI_Comm among, int to, int from, const void *out, void *in,
                    int messages, int count) {
    MPI_Request request[2 * NN_MPI_EXCHANGE_MOST];
    int rc = MPI_SUCCESS, begun = 0;
    NN_TRY(begin(comm));
    for (int i = 0; i < 2 * messages && rc == MPI_SUCCESS; i++) {
        size_t at = (size_t)(i / 2) * (size_t)count;
        rc = i % 2 ? MPI_Isend((const char *)out + at, count, MPI_BYTE, to, 0, among, &request[i])
                   : MPI_Irecv((char *)in + at, count, MPI_BYTE, from, 0, among, &request[i]);
        begun += rc == MPI_SUCCESS;
    }
    for (int i = 0; i < begun && rc == MPI_SUCCESS; i++)
        rc = comm->yields ? finish(&request[i]) : MPI_Wait(&request[i], MPI_STATUS_IGNORE);
    return end(comm, rc, "MPI_Isend or MPI_Irecv");
}

int nn_mpi_alltoallv(nn_comm *comm, MPI_Comm among, const nn_parcels *out, const nn_parcels *in,
                     MPI_Datatype type) {
    MPI_Request request;
    NN_TRY(begin(comm));
    int rc = comm->yields
                 ? complete(MPI_Ialltoallv(out->values, out->count, out->at, type, in->values,
                                           in->count, in->at, type, among, &request),
                            &request)
                 : MPI_Alltoallv(out->values, out->count, out->at, type, in->values, in->count,
                                 in->at, type, among);
    return end(comm, rc, "MPI_Alltoallv");
}

/* NOLINTEND(clang-analyzer-optin.mpi.MPI-Checker) */
