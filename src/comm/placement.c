#define _GNU_SOURCE
#include "comm/placement.h"

#include "base/log.h"
#include "base/mem.h"
#include "comm/comm.h"
#include "comm/messages.h"
#include "math/parallel.h"

#include <stdlib.h>

static bool overlap(const cpu_set_t *a, const cpu_set_t *b) {
    cpu_set_t both;
    CPU_AND(&both, a, b);
    return CPU_COUNT(&both) > 0;
}

nn_placement nn_placement_of(const cpu_set_t *sets, size_t ranks, size_t me, int available) {
    nn_placement at = {1, 0, 0, false};
    cpu_set_t all;
    int sharing = 1; /* this rank */
    CPU_ZERO(&all);
    for (size_t i = 0; i < ranks; i++) {
        CPU_OR(&all, &all, &sets[i]);
        sharing += i != me && overlap(&sets[i], &sets[me]);
    }
    at.cores = CPU_COUNT(&all);
    at.idle = available > at.cores ? available - at.cores : 0;
    at.crowded = ranks > (size_t)at.cores;
    at.threads = CPU_COUNT(&sets[me]) / sharing;
    if (at.threads < 1)
        at.threads = 1;
    return at;
}

/* What makes a launcher give each rank that number of cores. */
#ifdef MPICH_VERSION
#define GIVE_CORES "-bind-to none or -bind-to core:%d"
#else
#define GIVE_CORES "--bind-to none or --map-by slot:PE=%d"
#endif

/* The machine's first rank says what is wrong with the placement of all of them. */
static void report(const nn_comm *comm, const nn_placement *at) {
    int ranks = comm->machine_size, total = at->cores + at->idle;
    int each = total / ranks;
    if (at->crowded && at->idle > 0)
        nn_warn("%d ranks on %s are bound to the same %d of %d cores: start them with " GIVE_CORES,
                ranks, comm->host, at->cores, total, each > 1 ? each : 1);
    else if (at->crowded)
        nn_warn("%d ranks share %d cores on %s: more ranks than cores only slow each other down, "
                "start at most %d",
                ranks, at->cores, comm->host, at->cores);
    else if (at->idle > 0 && each > 1)
        nn_info("%d of %d cores on %s are left idle: start more ranks, or give each %d threads "
                "with " GIVE_CORES,
                at->idle, total, comm->host, each, each);
}

/* OMP_NUM_THREADS (its first number), 0 when it is not set. */
static int threads_asked(void) {
    const char *text = getenv("OMP_NUM_THREADS");
    long threads = text ? strtol(text, NULL, 10) : 0;
    return threads > 0 && threads <= CPU_SETSIZE ? (int)threads : 0;
}

/* CPU sets of the machine's ranks into sets[machine_size]. */
static int gather_sets(nn_comm *comm, cpu_set_t *sets) {
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof mine, &mine) != 0) {
        CPU_ZERO(&mine);
        for (size_t i = 0; i < (size_t)nn_cores_available() && i < CPU_SETSIZE; i++)
            CPU_SET(i, &mine);
    }
    sets[comm->machine_rank] = mine;
    if (comm->machine_size == 1)
        return 0;
    return nn_mpi_allgather(comm, comm->machine, sets, (int)sizeof mine);
}

/* The placement of this rank. The ranks agree on the memory first, so that none is missed in the
 * exchange. */
static int find_placement(nn_comm *comm, nn_placement *at) {
    cpu_set_t *sets = NULL;
    int rc;
    NN_TRY_GOTO(nn_comm_agree(comm, NN_NEW(&sets, (size_t)comm->machine_size, "CPU sets")));
    NN_TRY_GOTO(gather_sets(comm, sets));
    *at = nn_placement_of(sets, (size_t)comm->machine_size, (size_t)comm->machine_rank,
                          nn_launch_cores(&comm->launch));
done:
    nn_free(sets);
    return rc;
}

int nn_comm_find_cores(nn_comm *comm) {
    nn_placement at;
    NN_TRY(find_placement(comm, &at));
    comm->cores = at.cores;
    comm->crowded = at.crowded;
    return 0;
}

/* A failure of memory is not worth ending here: one thread is right, only slow. After one of MPI
 * the next collective fails. */
int nn_comm_threads(nn_comm *comm) {
    nn_placement at = {.threads = 1};
    int asked = threads_asked();
    if (comm->share > 0)
        return comm->share;
    if (find_placement(comm, &at) == 0 && comm->machine_rank == 0 && comm->world != MPI_COMM_NULL)
        report(comm, &at);
    return asked > 0 ? asked : at.threads;
}
