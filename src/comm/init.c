/* Starts and ends a communicator: MPI, who shares a machine or memory with whom, and the barrier by
 * which the ranks of a node meet. */
#define _GNU_SOURCE
#include "base/mem.h"
#include "comm/barrier.h"
#include "comm/comm.h"
#include "comm/heartbeat.h"
#include "comm/messages.h"
#include "comm/placement.h"
#include "comm/shared_memory.h"
#include "comm/watchdog.h"
#include "math/gemm/blas.h"

#include <nnmpi/mpi.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Without the build details after the first comma, and without the tab that MPICH 4.0 has. */
const char *nn_comm_library(void) {
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    if (MPI_Get_library_version(text, &length) != MPI_SUCCESS)
        return "MPI";
    text[strcspn(text, ",\n")] = '\0';
    char *tab = strchr(text, '\t');
    if (tab)
        *tab = ' ';
    return text;
}

/* MPI is the caller's. */
static int ask_for_threads(nn_comm *comm) {
    int provided = MPI_THREAD_SINGLE;
    NN_TRY(nn_mpi_check(comm, MPI_Query_thread(&provided), "MPI_Query_thread"));
    comm->threads = provided == MPI_THREAD_MULTIPLE;
    return 0;
}

/* The launcher was told that MPI is over in this process, as by MPI_Finalize (end_mpi). */
static bool has_parted;

static int start_mpi(nn_comm *comm) {
    int running = 0, ended = 0, provided = MPI_THREAD_SINGLE;
    MPI_Finalized(&ended);
    if (ended || has_parted)
        return nn_fail(NN_EUSAGE, "MPI was already ended in this process and cannot start again");
    MPI_Initialized(&running);
    if (running)
        return ask_for_threads(comm);
#ifdef OPEN_MPI
    if (nn_launch_hopeless(&comm->launch))
        NN_TRY(nn_launch_check(&comm->launch, 1, nn_comm_library()));
#endif
    nn_launch_tune(&comm->launch);
    /* for messages between nodes (wire.h); within one, locks would be for nothing */
    int wanted = nn_launch_has_nodes(&comm->launch) ? MPI_THREAD_MULTIPLE : MPI_THREAD_FUNNELED;
    int rc = MPI_Init_thread(NULL, NULL, wanted, &provided);
    if (rc != MPI_SUCCESS) /* MPI cannot be asked what that means before it has started */
        return nn_fail(NN_ERANK, "MPI_Init_thread failed with code %d", rc);
    comm->started = true;
    comm->threads = provided == MPI_THREAD_MULTIPLE;
    if (provided < MPI_THREAD_FUNNELED)
        return nn_fail(NN_EUSAGE, "%s has no support for threads (MPI_THREAD_FUNNELED)",
                       nn_comm_library());
    return 0;
}

/* All ranks of a machine share memory, unless it plays several nodes (NNMPI_TEST_NODES). */
static int share_machine(nn_comm *comm) {
    int part = nn_launch_played_node(comm->machine_rank, comm->machine_size), last = part;
    comm->node = comm->machine;
    comm->node_rank = comm->machine_rank;
    comm->node_size = comm->machine_size;
    NN_TRY(nn_mpi_allreduce(comm, comm->machine, &last, 1, MPI_INT, MPI_MAX));
    if (last == 0)
        return 0;
    NN_TRY(nn_mpi_split(comm, comm->machine, part, &comm->node));
    MPI_Comm_rank(comm->node, &comm->node_rank);
    MPI_Comm_size(comm->node, &comm->node_size);
    return 0;
}

static int find_neighbours(nn_comm *comm) {
    NN_TRY(nn_mpi_split_machine(comm, comm->world, &comm->machine));
    MPI_Comm_rank(comm->machine, &comm->machine_rank);
    MPI_Comm_size(comm->machine, &comm->machine_size);
    return share_machine(comm);
}

static int gather_places(nn_comm *comm, int leader) {
    nn_locality mine = {leader, comm->node_rank, comm->node_size};
    NN_TRY(nn_comm_agree(comm, NN_NEW(&comm->locality, (size_t)comm->size, "nodes of the ranks")));
    return nn_comm_gather(comm, &mine, sizeof mine, comm->locality);
}

/* The first ranks of the nodes, how many there are, and what the ranks have to know of each other's
 * machines: who takes part in a collective must do so in the same way. */
static int look_around(nn_comm *comm) {
    int leader = comm->node_rank == 0, most[2] = {-comm->node_size, comm->crowded};
    int first = comm->rank;
    comm->nodes = leader;
    NN_TRY(nn_mpi_allreduce(comm, comm->world, &comm->nodes, 1, MPI_INT, MPI_SUM));
    NN_TRY(nn_mpi_allreduce(comm, comm->world, most, 2, MPI_INT, MPI_MAX));
    comm->node_least = -most[0];
    comm->yields = most[1] != 0;
    NN_TRY(nn_mpi_bcast(comm, comm->node, &first, sizeof first, 0));
    comm->first_node = first == 0;
    NN_TRY(gather_places(comm, first));
    if (comm->nodes == 1)
        return 0;
    return nn_mpi_split(comm, comm->world, leader ? 0 : MPI_UNDEFINED, &comm->leaders);
}

static void close_barrier(nn_comm *comm) {
    nn_barrier_free(comm->barrier);
    comm->barrier = NULL;
    if (comm->memory)
        nn_shared_memory_close(comm->memory);
    nn_free(comm->memory);
    comm->memory = NULL;
}

/* Where all share the memory of it already. */
static int place_barrier(nn_comm *comm, nn_barrier *barrier) {
    for (int p = 0; p < comm->node_size; p++)
        nn_barrier_attach(barrier, p, nn_shared_memory_segment(comm->memory, p));
    return nn_mpi_barrier(comm, comm->node);
}

/* Until the barrier is there, the ranks agree by messages. NN_EMEMORY where shared memory is short.
 * The same code on every rank. Collective. */
static int open_barrier(nn_comm *comm) {
    nn_barrier *barrier = NULL;
    int rc;
    NN_TRY_GOTO(nn_comm_agree(comm, nn_barrier_new(comm, &barrier)));
    NN_TRY_GOTO(nn_comm_agree(comm, NN_NEW(&comm->memory, 1, "barrier")));
    NN_TRY_GOTO(nn_shared_memory_open(comm, nn_barrier_segment_bytes(), comm->memory));
    NN_TRY_GOTO(place_barrier(comm, barrier));
done:
    comm->barrier = barrier;
    if (rc < 0)
        close_barrier(comm);
    return rc;
}

/* Without shared memory it is slower, not wrong. */
static int describe_node(nn_comm *comm) {
    NN_TRY(find_neighbours(comm));
    NN_TRY(nn_comm_find_cores(comm));
    NN_TRY(look_around(comm));
    if (comm->size > 1 && open_barrier(comm) == NN_ERANK)
        return NN_ERANK;
    return 0;
}

/* `ranks` become those of the communicator. */
static int describe_world(nn_comm *comm, MPI_Comm ranks) {
    int started;
    if (comm->started)
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    NN_TRY(nn_mpi_dup(comm, ranks, &comm->world));
    MPI_Comm_rank(comm->world, &comm->rank);
    MPI_Comm_size(comm->world, &comm->size);
    MPI_Comm_size(MPI_COMM_WORLD, &started);
    NN_TRY(nn_launch_check(&comm->launch, started, nn_comm_library()));
    return describe_node(comm);
}

int nn_comm_alone(nn_comm **out) {
    nn_comm *comm;
    *out = NULL;
    NN_TRY(NN_NEW(&comm, 1, "communicator"));
    comm->world = comm->machine = comm->node = comm->leaders = MPI_COMM_NULL;
    comm->size = comm->machine_size = comm->node_size = comm->node_least = 1;
    comm->nodes = comm->cores = 1;
    comm->first_node = true;
    comm->yields = true; /* until it is known that nobody needs it */
    comm->launch = nn_launch_read();
    if (gethostname(comm->host, sizeof comm->host - 1) != 0)
        strcpy(comm->host, "unknown host");
    *out = comm;
    return 0;
}

int nn_comm_start(nn_comm **out) {
    nn_blas_report blas;
    *out = NULL;
    NN_TRY(nn_blas_init(&blas));
    NN_TRY(nn_comm_alone(out));
    NN_TRY(start_mpi(*out));
    return describe_world(*out, MPI_COMM_WORLD);
}

/* The end of making one with code `rc`: none is left after a failure. */
static int made(int rc, nn_comm **out) {
    if (rc < 0) {
        nn_comm_free(*out);
        *out = NULL;
    }
    return rc;
}

int nn_comm_init(nn_comm **out) {
    return made(nn_comm_start(out), out);
}

static int check_ranks(MPI_Comm ranks) {
    int running = 0, ended = 0, two_groups = 0;
    MPI_Initialized(&running);
    MPI_Finalized(&ended);
    if (!running || ended)
        return nn_fail(NN_EUSAGE,
                       "MPI %s, so it has no communicator to give; call it between "
                       "MPI_Init_thread and MPI_Finalize",
                       ended ? "has ended in this process" : "has not been started");
    if (ranks == MPI_COMM_NULL)
        return nn_fail(NN_EUSAGE, "the communicator is MPI_COMM_NULL: this process is none of its "
                                  "ranks, and only those call this");
    NN_TRY(MPI_Comm_test_inter(ranks, &two_groups) == MPI_SUCCESS
               ? 0
               : nn_fail(NN_EUSAGE, "the communicator is none of MPI's"));
    return two_groups ? nn_fail(NN_EUSAGE, "the communicator joins two groups of ranks: merge them "
                                           "by MPI_Intercomm_merge first")
                      : 0;
}

static int take_ranks(MPI_Comm ranks, nn_comm **out) {
    nn_blas_report blas;
    NN_TRY(check_ranks(ranks));
    NN_TRY(nn_blas_init(&blas));
    NN_TRY(nn_comm_alone(out));
    NN_TRY(ask_for_threads(*out));
    return describe_world(*out, ranks);
}

int nn_comm_from(MPI_Comm ranks, nn_comm **out) {
    *out = NULL;
    return made(take_ranks(ranks, out), out);
}

int nn_comm_split(nn_comm *comm, int group, nn_comm **out) {
    MPI_Comm part = MPI_COMM_NULL;
    int threads = nn_comm_threads(comm);
    *out = NULL;
    NN_TRY(nn_mpi_check(comm, MPI_Comm_split(comm->world, group, comm->rank, &part),
                        "MPI_Comm_split"));
    int rc = nn_comm_agree(comm, nn_comm_from(part, out));
    (void)MPI_Comm_free(&part);
    if (rc < 0 || !*out)
        return made(rc, out);
    (*out)->share = threads;
    (*out)->crowded = comm->crowded;
    (*out)->yields = comm->yields;
    return 0;
}

int nn_comm_from_fortran(int handle, nn_comm **out) {
    return nn_comm_from(MPI_Comm_f2c(handle), out);
}

static void free_handle(MPI_Comm *handle) {
    if (*handle != MPI_COMM_NULL)
        MPI_Comm_free(handle);
}

/* MPICH before 4.2 over UCX can stand still in MPI_Finalize: a rank that takes leave of one on
 * another node wants an answer, and that one, waiting for the launcher, gives none any more (mended
 * by its change 6596). */
static int end_mpi(nn_comm *comm) {
#if defined(MPICH_NUMVERSION) && MPICH_NUMVERSION < 40200000
    if (comm->nodes > 1) {
        NN_TRY(nn_mpi_check(comm, MPI_Barrier(MPI_COMM_WORLD), "MPI_Barrier"));
        has_parted = nn_launch_part();
        if (has_parted)
            return 0;
    }
#endif
    return nn_mpi_check(comm, MPI_Finalize(), "MPI_Finalize");
}

int nn_comm_end(nn_comm *comm) {
    int ended = 0, rc = 0;
    if (!comm)
        return 0;
    nn_comm_at(comm, NN_PHASE_END);
    close_barrier(comm);
    if (comm->started || comm->world != MPI_COMM_NULL)
        MPI_Finalized(&ended);
    if (!ended && !comm->broken) {
        free_handle(&comm->leaders);
        if (comm->node != comm->machine)
            free_handle(&comm->node);
        free_handle(&comm->machine);
        free_handle(&comm->world);
        nn_comm_waits(comm, true);
        if (comm->started)
            rc = end_mpi(comm);
    }
    nn_watchdog_free(comm);
    nn_free(comm->locality);
    nn_free(comm);
    return rc;
}

void nn_comm_free(nn_comm *comm) {
    (void)nn_comm_end(comm);
}

void nn_comm_abort(nn_comm *comm, int exit_code) {
    nn_launch_abort(exit_code);
    if (comm && comm->world != MPI_COMM_NULL)
        MPI_Abort(MPI_COMM_WORLD, exit_code);
    _Exit(exit_code);
}
