#include "comm/barrier.h"

#include "base/mem.h"
#include "comm/messages.h"
#include "comm/shared_memory.h"
#include "comm/wait.h"

#include <stdalign.h>
#include <stdatomic.h>

/* A rank's part of the memory. Two slots are used in turn: when all have come to a round, all have
 * read those of the one before. */
struct part {
    alignas(NN_ALIGN) _Atomic uint64_t rounds; /* that the rank has come to */
    alignas(NN_ALIGN) nn_event event;          /* of the node: the first rank's */
    alignas(NN_ALIGN) char slot[2][NN_BARRIER_BYTES];
};

struct nn_barrier {
    nn_shared_memory memory;
    size_t ranks, me;
    bool crowded;
    uint64_t rounds;
    struct part **part; /* [ranks] */
};

static void find_parts(nn_barrier *b) {
    for (size_t p = 0; p < b->ranks; p++)
        b->part[p] = nn_shared_memory_part(&b->memory, (int)p);
    atomic_store(&b->part[b->me]->rounds, 0);
    atomic_store(&b->part[b->me]->event, 0);
}

int nn_barrier_new(nn_comm *comm, nn_barrier **out) {
    nn_barrier *b = NULL;
    int rc;
    *out = NULL;
    NN_TRY_GOTO(nn_comm_agree(comm, NN_NEW(&b, 1, "barrier")));
    b->ranks = (size_t)comm->node_size;
    b->me = (size_t)comm->node_rank;
    b->crowded = comm->crowded;
    NN_TRY_GOTO(nn_comm_agree(comm, NN_NEW(&b->part, b->ranks, "barrier")));
    NN_TRY_GOTO(nn_shared_memory_open(comm, sizeof(struct part), &b->memory));
    find_parts(b);
    NN_TRY_GOTO(nn_mpi_check(nn_mpi_barrier(comm, comm->node), "MPI_Barrier"));
    *out = b;
done:
    if (rc < 0)
        nn_barrier_free(b);
    return rc;
}

void nn_barrier_free(nn_barrier *b) {
    if (!b)
        return;
    nn_shared_memory_close(&b->memory);
    nn_free(b->part);
    nn_free(b);
}

void *nn_barrier_slot(const nn_barrier *b) {
    return b->part[b->me]->slot[b->rounds % 2];
}

static bool all_came(void *ctx) {
    const nn_barrier *b = ctx;
    for (size_t p = 0; p < b->ranks; p++)
        if (atomic_load(&b->part[p]->rounds) < b->rounds)
            return false;
    return true;
}

void nn_barrier_wait(nn_barrier *b) {
    nn_event *event = b->crowded ? &b->part[0]->event : NULL;
    atomic_store(&b->part[b->me]->rounds, ++b->rounds);
    if (all_came(b)) {
        if (event)
            nn_event_signal(event);
        return;
    }
    nn_wait(all_came, b, event);
}

const void *nn_barrier_slot_of(const nn_barrier *b, int node_rank) {
    return b->part[node_rank]->slot[(b->rounds - 1) % 2];
}
