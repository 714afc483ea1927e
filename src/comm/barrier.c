#include "comm/barrier.h"

#include "base/mem.h"
#include "comm/comm.h"
#include "comm/heartbeat.h"
#include "comm/messages.h"
#include "comm/wait.h"

#include <stdalign.h>
#include <stdatomic.h>

/* A rank's segment of the memory. Two buffers are used in turn: when all have come to a round, all
 * have read those of the one before. */
struct segment {
    alignas(NN_ALIGN) _Atomic uint64_t rounds; /* that the rank has come to */
    alignas(NN_ALIGN) nn_wakeup wakeup;        /* of the node: the first rank's */
    alignas(NN_ALIGN) char buffer[2][NN_BARRIER_BYTES];
};

struct nn_barrier {
    size_t ranks, me;
    bool crowded;
    uint64_t rounds;
    struct segment **segment; /* [ranks] */
};

int nn_barrier_new(const nn_comm *comm, nn_barrier **out) {
    nn_barrier *b;
    *out = NULL;
    NN_TRY(NN_NEW(&b, 1, "barrier"));
    b->ranks = (size_t)comm->node_size;
    b->me = (size_t)comm->node_rank;
    b->crowded = comm->crowded;
    int rc = NN_NEW(&b->segment, b->ranks, "barrier");
    if (rc < 0)
        nn_barrier_free(b);
    else
        *out = b;
    return rc;
}

size_t nn_barrier_segment_bytes(void) {
    return sizeof(struct segment);
}

void nn_barrier_attach(nn_barrier *b, int node_rank, void *segment) {
    b->segment[node_rank] = segment;
    if ((size_t)node_rank != b->me)
        return;
    atomic_store(&b->segment[b->me]->rounds, 0);
    atomic_store(&b->segment[b->me]->wakeup, 0);
}

void nn_barrier_free(nn_barrier *b) {
    if (!b)
        return;
    nn_free(b->segment);
    nn_free(b);
}

void *nn_barrier_send_buffer(const nn_barrier *b) {
    return b->segment[b->me]->buffer[b->rounds % 2];
}

static bool all_came(void *ctx) {
    const nn_barrier *b = ctx;
    for (size_t p = 0; p < b->ranks; p++)
        if (atomic_load(&b->segment[p]->rounds) < b->rounds)
            return false;
    return true;
}

void nn_barrier_wait(nn_barrier *b) {
    nn_wakeup *wakeup = b->crowded ? &b->segment[0]->wakeup : NULL;
    atomic_store(&b->segment[b->me]->rounds, ++b->rounds);
    if (all_came(b)) {
        if (wakeup)
            nn_wakeup_signal(wakeup);
        return;
    }
    nn_wait(all_came, b, wakeup);
}

const void *nn_barrier_recv_buffer(const nn_barrier *b, int node_rank) {
    return b->segment[node_rank]->buffer[(b->rounds - 1) % 2];
}

int nn_comm_node_barrier(nn_comm *comm) {
    if (!comm->barrier)
        return nn_mpi_barrier(comm, comm->node);
    NN_TRY(nn_comm_check(comm));
    nn_comm_waits(comm, true);
    nn_barrier_wait(comm->barrier);
    nn_comm_waits(comm, false);
    return 0;
}
