/* How ranks tell each other something: through the memory of their node, and messages between
 * nodes. */
#include "comm/barrier.h"
#include "comm/comm.h"
#include "comm/heartbeat.h"
#include "comm/messages.h"

#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_SIZE 4096

/* Longer ones than so many bytes are broadcast faster by MPI than through the memory of a node. */
#define SHORT ((size_t)1 << 16)

/* Returns the code of what may have waited for other ranks. */
static int waited(nn_comm *comm, int rc) {
    nn_comm_waits(comm, false);
    if (rc == NN_ERANK)
        nn_comm_give_up(comm);
    return rc;
}

/* What the first rank of a node broadcasts in it, and whether it failed. */
struct message {
    int rc;
    alignas(double) char bytes[NN_BARRIER_BYTES - sizeof(double)];
};

/* The others of the node get the bytes of the first rank, or its failure `rc`. */
static int bcast_in_node(nn_comm *comm, int rc, void *bytes, size_t count) {
    struct message *mine = nn_barrier_send_buffer(comm->barrier);
    if (comm->node_rank == 0) {
        mine->rc = rc;
        memcpy(mine->bytes, bytes, count);
    }
    nn_barrier_wait(comm->barrier);
    const struct message *first = nn_barrier_recv_buffer(comm->barrier, 0);
    if (comm->node_rank > 0)
        memcpy(bytes, first->bytes, count);
    if (first->rc == 0 || comm->node_rank == 0)
        return rc;
    comm->told = true;
    return nn_fail(first->rc, "the first rank of %s could not reach other nodes", comm->host);
}

/* Through each node's first rank; `count` fits into a message. */
static int bcast_message(nn_comm *comm, void *bytes, size_t count) {
    int rc = 0;
    if (comm->leaders != MPI_COMM_NULL)
        rc = nn_mpi_bcast(comm, comm->leaders, bytes, count, 0);
    return bcast_in_node(comm, rc, bytes, count);
}

static int bcast(nn_comm *comm, char *bytes, size_t count) {
    if (!comm->barrier || count > SHORT)
        return nn_mpi_bcast(comm, comm->world, bytes, count, 0);
    for (size_t n; count > 0; bytes += n, count -= n) {
        n = count < sizeof((struct message *)0)->bytes ? count : sizeof((struct message *)0)->bytes;
        NN_TRY(bcast_message(comm, bytes, n));
    }
    return 0;
}

int nn_comm_bcast(nn_comm *comm, void *bytes, size_t count) {
    if (comm->size == 1)
        return 0;
    NN_TRY(nn_comm_check(comm));
    nn_comm_waits(comm, true);
    return waited(comm, bcast(comm, bytes, count));
}

/* values[count] become the sums over the node, added in the order of its ranks. */
static void sum_node(nn_comm *comm, double *values, size_t count) {
    memcpy(nn_barrier_send_buffer(comm->barrier), values, count * sizeof *values);
    nn_barrier_wait(comm->barrier);
    memset(values, 0, count * sizeof *values);
    for (int p = 0; p < comm->node_size; p++) {
        const double *theirs = nn_barrier_recv_buffer(comm->barrier, p);
        for (size_t i = 0; i < count; i++)
            values[i] += theirs[i];
    }
}

/* `count` fits into a message. */
static int sum_piece(nn_comm *comm, double *values, size_t count) {
    MPI_Comm among = comm->barrier ? comm->leaders : comm->world;
    int rc = 0;
    if (comm->barrier)
        sum_node(comm, values, count);
    if (among != MPI_COMM_NULL)
        rc = nn_mpi_allreduce(comm, among, values, (int)count, MPI_DOUBLE, MPI_SUM);
    return comm->barrier && comm->nodes > 1
               ? bcast_in_node(comm, rc, values, count * sizeof *values)
               : rc;
}

static int sum(nn_comm *comm, double *values, size_t count) {
    size_t most = sizeof((struct message *)0)->bytes / sizeof *values;
    for (size_t n; count > 0; values += n, count -= n) {
        n = count < most ? count : most;
        NN_TRY(sum_piece(comm, values, n));
    }
    return 0;
}

int nn_comm_sum(nn_comm *comm, double *values, size_t count) {
    if (comm->size == 1)
        return 0;
    NN_TRY(nn_comm_check(comm));
    nn_comm_waits(comm, true);
    return waited(comm, sum(comm, values, count));
}

static int sum_reals(nn_comm *comm, nn_real *values, size_t count) {
    const size_t most = (size_t)1 << 30;
    for (size_t n; count > 0; values += n, count -= n) {
        n = count < most ? count : most;
        NN_TRY(nn_mpi_allreduce(comm, comm->world, values, (int)n, NN_MPI_REAL, MPI_SUM));
    }
    return 0;
}

int nn_comm_sum_reals(nn_comm *comm, nn_real *values, size_t count) {
    if (comm->size == 1)
        return 0;
    NN_TRY(nn_comm_check(comm));
    nn_comm_waits(comm, true);
    return waited(comm, sum_reals(comm, values, count));
}

int nn_comm_gather(nn_comm *comm, const void *mine, size_t count, void *all) {
    if (count > INT_MAX)
        return nn_fail(NN_EUSAGE, "nn_comm_gather: %zu bytes a rank are too many", count);
    memcpy((char *)all + (size_t)comm->rank * count, mine, count);
    if (comm->size == 1)
        return 0;
    nn_comm_waits(comm, true);
    return waited(comm, nn_mpi_allgather(comm, comm->world, all, (int)count));
}

/* What the rank with the worst code tells the others. */
struct verdict {
    char host[256];
    char message[MESSAGE_SIZE];
};

/* Shares the message of rank `from`, and names that rank unless all have failed with just that. */
static int share_verdict(nn_comm *comm, int rc, int worst, int from) {
    struct verdict verdict = {"", ""};
    int equal;
    if (comm->rank == from) {
        snprintf(verdict.host, sizeof verdict.host, "%s", comm->host);
        snprintf(verdict.message, sizeof verdict.message, "%s", nn_error_message());
    }
    NN_TRY(nn_mpi_bcast(comm, comm->world, &verdict, sizeof verdict, from));
    equal = rc == worst && strncmp(nn_error_message(), verdict.message, MESSAGE_SIZE - 1) == 0;
    NN_TRY(nn_mpi_allreduce(comm, comm->world, &equal, 1, MPI_INT, MPI_LAND));
    if (equal)
        return 0;
    if (comm->rank == from)
        nn_error_prefix(worst, "rank %d on %s", from, verdict.host);
    else
        nn_error_raise(worst, __func__, "rank %d on %s: %s", from, verdict.host, verdict.message);
    return 0;
}

static int agree(nn_comm *comm, int rc) {
    struct {
        int code, rank;
    } worst = {rc < 0 ? rc : 0, comm->rank};
    double failures = rc < 0;
    comm->agreed = 0;
    NN_TRY(sum_piece(comm, &failures, 1));
    if (failures < 1)
        return 0;
    NN_TRY(nn_mpi_allreduce(comm, comm->world, &worst, 1, MPI_2INT, MPI_MINLOC));
    NN_TRY(share_verdict(comm, rc, worst.code, worst.rank));
    comm->agreed = worst.code;
    return worst.code;
}

/* Whom MPI has failed does not ask the others, which may be in the call that failed. */
int nn_comm_agree(nn_comm *comm, int rc) {
    if (comm->size == 1)
        return rc < 0 ? rc : 0;
    if (rc == NN_ERANK)
        nn_comm_give_up(comm);
    NN_TRY(nn_comm_check(comm));
    nn_comm_waits(comm, true);
    rc = waited(comm, agree(comm, rc));
    return rc < 0 ? nn_error_frame(rc, __func__) : 0;
}

/* ---- two ranks ------------------------------------------------------------------------------- */

/* What is exchanged with MPI_PROC_NULL is neither read nor written, but MPI wants a buffer. */

int nn_comm_send(nn_comm *comm, int to, const void *bytes, size_t count) {
    const char *at = bytes;
    char nothing = 0;
    for (size_t n; count > 0; at += n, count -= n) {
        n = count < INT_MAX ? count : INT_MAX;
        NN_TRY(nn_mpi_exchange(comm, comm->world, to, MPI_PROC_NULL, at, &nothing, 1, (int)n));
    }
    return 0;
}

int nn_comm_receive(nn_comm *comm, int from, void *bytes, size_t count) {
    char *at = bytes, nothing = 0;
    for (size_t n; count > 0; at += n, count -= n) {
        n = count < INT_MAX ? count : INT_MAX;
        NN_TRY(nn_mpi_exchange(comm, comm->world, MPI_PROC_NULL, from, &nothing, at, 1, (int)n));
    }
    return 0;
}
