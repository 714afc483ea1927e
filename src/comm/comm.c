#define _GNU_SOURCE
#include "comm/comm.h"

#include "base/mem.h"
#include "comm/barrier.h"
#include "comm/messages.h"
#include "math/gemm/blas.h"

#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_SIZE 4096

/* Longer ones than so many bytes are broadcast faster by MPI than through the memory of a node. */
#define SHORT ((size_t)1 << 16)

int nn_mpi_check(int mpi_rc, const char *call) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    if (mpi_rc == MPI_SUCCESS)
        return 0;
    MPI_Error_string(mpi_rc, text, &length);
    return nn_fail(NN_ERANK, "%s failed: %s", call, text);
}

/* The name and version of the MPI library, without the build details after the first comma. */
static const char *mpi_name(char text[MPI_MAX_LIBRARY_VERSION_STRING]) {
    int length;
    if (MPI_Get_library_version(text, &length) != MPI_SUCCESS)
        return "MPI";
    text[strcspn(text, ",\n")] = '\0';
    return text;
}

static int start_mpi(nn_comm *comm) {
    int running = 0, ended = 0, provided = MPI_THREAD_SINGLE;
    char name[MPI_MAX_LIBRARY_VERSION_STRING];
    MPI_Finalized(&ended);
    if (ended)
        return nn_fail(NN_EUSAGE, "MPI was already ended in this process and cannot start again");
    MPI_Initialized(&running);
    if (running)
        return 0;
#ifdef OPEN_MPI
    if (nn_launch_hopeless(&comm->launch))
        NN_TRY(nn_launch_check(&comm->launch, 1, mpi_name(name)));
#endif
    nn_launch_tune(&comm->launch);
    NN_TRY_MPI(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
    comm->started = true;
    if (provided < MPI_THREAD_FUNNELED)
        return nn_fail(NN_EUSAGE, "%s has no support for threads (MPI_THREAD_FUNNELED)",
                       mpi_name(name));
    return 0;
}

/* All ranks of a machine share memory, unless it plays several nodes (NNMPI_TEST_NODES). */
static int share_machine(nn_comm *comm) {
    int part = nn_launch_played_node(comm->machine_rank, comm->machine_size), last = part;
    comm->node = comm->machine;
    comm->node_rank = comm->machine_rank;
    comm->node_size = comm->machine_size;
    NN_TRY_MPI(nn_mpi_allreduce(comm, comm->machine, &last, 1, MPI_INT, MPI_MAX), "MPI_Allreduce");
    if (last == 0)
        return 0;
    NN_TRY_MPI(MPI_Comm_split(comm->machine, part, comm->machine_rank, &comm->node),
               "MPI_Comm_split");
    MPI_Comm_set_errhandler(comm->node, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm->node, &comm->node_rank);
    MPI_Comm_size(comm->node, &comm->node_size);
    return 0;
}

static int find_neighbours(nn_comm *comm) {
    NN_TRY_MPI(MPI_Comm_split_type(comm->world, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL,
                                   &comm->machine),
               "MPI_Comm_split_type");
    MPI_Comm_set_errhandler(comm->machine, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm->machine, &comm->machine_rank);
    MPI_Comm_size(comm->machine, &comm->machine_size);
    return share_machine(comm);
}

/* The first ranks of the nodes, how many there are, and what the ranks have to know of each other's
 * machines: who takes part in a collective must do so in the same way. */
static int look_around(nn_comm *comm) {
    int leader = comm->node_rank == 0, most[2] = {-comm->node_size, comm->crowded};
    comm->nodes = leader;
    NN_TRY_MPI(nn_mpi_allreduce(comm, comm->world, &comm->nodes, 1, MPI_INT, MPI_SUM),
               "MPI_Allreduce");
    NN_TRY_MPI(nn_mpi_allreduce(comm, comm->world, most, 2, MPI_INT, MPI_MAX), "MPI_Allreduce");
    comm->node_least = -most[0];
    comm->yields = most[1] != 0;
    if (comm->nodes == 1)
        return 0;
    NN_TRY_MPI(MPI_Comm_split(comm->world, leader ? 0 : MPI_UNDEFINED, comm->rank, &comm->leaders),
               "MPI_Comm_split");
    if (leader)
        MPI_Comm_set_errhandler(comm->leaders, MPI_ERRORS_RETURN);
    return 0;
}

/* Without shared memory it is slower, not wrong. */
static int describe_node(nn_comm *comm) {
    NN_TRY(find_neighbours(comm));
    NN_TRY(nn_comm_find_cores(comm));
    NN_TRY(look_around(comm));
    if (comm->size > 1 && nn_barrier_new(comm, &comm->barrier) == NN_ERANK)
        return NN_ERANK;
    return 0;
}

static int describe_world(nn_comm *comm) {
    char name[MPI_MAX_LIBRARY_VERSION_STRING];
    if (comm->started)
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    NN_TRY_MPI(nn_mpi_dup(comm, MPI_COMM_WORLD, &comm->world), "MPI_Comm_dup");
    MPI_Comm_set_errhandler(comm->world, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm->world, &comm->rank);
    MPI_Comm_size(comm->world, &comm->size);
    NN_TRY(nn_launch_check(&comm->launch, comm->size, mpi_name(name)));
    return describe_node(comm);
}

int nn_comm_alone(nn_comm **out) {
    nn_comm *comm;
    *out = NULL;
    NN_TRY(NN_NEW(&comm, 1, "communicator"));
    comm->world = comm->machine = comm->node = comm->leaders = MPI_COMM_NULL;
    comm->size = comm->machine_size = comm->node_size = comm->node_least = 1;
    comm->nodes = comm->cores = 1;
    comm->yields = true; /* until it is known that nobody needs it */
    comm->launch = nn_launch_read();
    if (gethostname(comm->host, sizeof comm->host - 1) != 0)
        strcpy(comm->host, "unknown host");
    *out = comm;
    return 0;
}

int nn_comm_init(nn_comm **out) {
    nn_blas_report blas;
    nn_comm *comm;
    int rc;
    *out = NULL;
    NN_TRY(nn_blas_init(&blas));
    NN_TRY(nn_comm_alone(&comm));
    NN_TRY_GOTO(start_mpi(comm));
    NN_TRY_GOTO(describe_world(comm));
    *out = comm;
done:
    if (rc == NN_ERANK)
        nn_comm_give_up(comm);
    if (rc < 0)
        nn_comm_free(comm);
    return rc;
}

void nn_comm_give_up(nn_comm *comm) {
    comm->broken = true;
}

static void free_handle(MPI_Comm *handle) {
    if (*handle != MPI_COMM_NULL)
        MPI_Comm_free(handle);
}

void nn_comm_free(nn_comm *comm) {
    int ended = 0;
    if (!comm)
        return;
    nn_barrier_free(comm->barrier);
    if (comm->started || comm->world != MPI_COMM_NULL)
        MPI_Finalized(&ended);
    if (!ended && !comm->broken) {
        free_handle(&comm->leaders);
        if (comm->node != comm->machine)
            free_handle(&comm->node);
        free_handle(&comm->machine);
        free_handle(&comm->world);
        if (comm->started)
            MPI_Finalize();
    }
    nn_free(comm);
}

void nn_comm_abort(nn_comm *comm, int exit_code) {
    nn_launch_abort(exit_code);
    if (comm && comm->world != MPI_COMM_NULL)
        MPI_Abort(MPI_COMM_WORLD, exit_code);
    _Exit(exit_code);
}

int nn_comm_rank(const nn_comm *comm) {
    return comm->rank;
}

int nn_comm_size(const nn_comm *comm) {
    return comm->size;
}

int nn_comm_node_rank(const nn_comm *comm) {
    return comm->node_rank;
}

int nn_comm_node_size(const nn_comm *comm) {
    return comm->node_size;
}

int nn_comm_nodes(const nn_comm *comm) {
    return comm->nodes;
}

const char *nn_comm_host(const nn_comm *comm) {
    return comm->host;
}

/* Returns the code of what may have waited for other ranks. */
static int waited(nn_comm *comm, int rc) {
    nn_comm_waits(comm, false);
    if (rc == NN_ERANK)
        nn_comm_give_up(comm);
    return rc;
}

int nn_comm_node_barrier(const nn_comm *comm) {
    if (!comm->barrier)
        return nn_mpi_check(nn_mpi_barrier(comm, comm->node), "MPI_Barrier");
    nn_barrier_wait(comm->barrier);
    return 0;
}

/* What the first rank of a node broadcasts in it, and whether it failed. */
struct message {
    int rc;
    alignas(double) char bytes[NN_BARRIER_BYTES - sizeof(double)];
};

/* The others of the node get the bytes of the first rank, or its failure `rc`. */
static int bcast_in_node(nn_comm *comm, int rc, void *bytes, size_t count) {
    struct message *mine = nn_barrier_slot(comm->barrier);
    if (comm->node_rank == 0) {
        mine->rc = rc;
        memcpy(mine->bytes, bytes, count);
    }
    nn_barrier_wait(comm->barrier);
    const struct message *first = nn_barrier_slot_of(comm->barrier, 0);
    if (comm->node_rank > 0)
        memcpy(bytes, first->bytes, count);
    if (first->rc < 0 && comm->node_rank > 0)
        return nn_fail(first->rc, "rank 0 of this node could not reach other nodes");
    return rc;
}

/* Through each node's first rank; `count` fits into a message. */
static int bcast_message(nn_comm *comm, void *bytes, size_t count) {
    int rc = 0;
    if (comm->leaders != MPI_COMM_NULL)
        rc = nn_mpi_check(nn_mpi_bcast(comm, comm->leaders, bytes, count, 0), "MPI_Bcast");
    return bcast_in_node(comm, rc, bytes, count);
}

static int bcast(nn_comm *comm, char *bytes, size_t count) {
    if (!comm->barrier || count > SHORT)
        return nn_mpi_check(nn_mpi_bcast(comm, comm->world, bytes, count, 0), "MPI_Bcast");
    for (size_t n; count > 0; bytes += n, count -= n) {
        n = count < sizeof((struct message *)0)->bytes ? count : sizeof((struct message *)0)->bytes;
        NN_TRY(bcast_message(comm, bytes, n));
    }
    return 0;
}

int nn_comm_bcast(nn_comm *comm, void *bytes, size_t count) {
    if (comm->size == 1)
        return 0;
    nn_comm_waits(comm, true);
    return waited(comm, bcast(comm, bytes, count));
}

/* values[count] become the sums over the node, added in the order of its ranks. */
static void sum_node(nn_comm *comm, double *values, size_t count) {
    memcpy(nn_barrier_slot(comm->barrier), values, count * sizeof *values);
    nn_barrier_wait(comm->barrier);
    memset(values, 0, count * sizeof *values);
    for (int p = 0; p < comm->node_size; p++) {
        const double *theirs = nn_barrier_slot_of(comm->barrier, p);
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
        rc = nn_mpi_check(nn_mpi_allreduce(comm, among, values, (int)count, MPI_DOUBLE, MPI_SUM),
                          "MPI_Allreduce");
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
    nn_comm_waits(comm, true);
    return waited(comm, sum(comm, values, count));
}

int nn_comm_gather(nn_comm *comm, const void *mine, size_t count, void *all) {
    if (count > INT_MAX)
        return nn_fail(NN_EUSAGE, "nn_comm_gather: %zu bytes a rank are too many", count);
    memcpy((char *)all + (size_t)comm->rank * count, mine, count);
    if (comm->size == 1)
        return 0;
    nn_comm_waits(comm, true);
    return waited(
        comm, nn_mpi_check(nn_mpi_allgather(comm, comm->world, all, (int)count), "MPI_Allgather"));
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
    NN_TRY_MPI(nn_mpi_bcast(comm, comm->world, &verdict, sizeof verdict, from), "MPI_Bcast");
    equal = rc == worst && strncmp(nn_error_message(), verdict.message, MESSAGE_SIZE - 1) == 0;
    NN_TRY_MPI(nn_mpi_allreduce(comm, comm->world, &equal, 1, MPI_INT, MPI_LAND), "MPI_Allreduce");
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
    NN_TRY(sum_piece(comm, &failures, 1));
    if (failures < 1)
        return 0;
    NN_TRY_MPI(nn_mpi_allreduce(comm, comm->world, &worst, 1, MPI_2INT, MPI_MINLOC),
               "MPI_Allreduce");
    NN_TRY(share_verdict(comm, rc, worst.code, worst.rank));
    return worst.code;
}

int nn_comm_agree(nn_comm *comm, int rc) {
    if (comm->size == 1)
        return rc < 0 ? rc : 0;
    nn_comm_waits(comm, true);
    rc = waited(comm, agree(comm, rc));
    return rc < 0 ? nn_error_frame(rc, __func__) : 0;
}
