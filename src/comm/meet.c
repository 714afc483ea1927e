#include "comm/meet.h"

#include "base/mem.h"
#include "comm/messages.h"
#include "comm/shared_memory.h"
#include "comm/wait.h"

#include <stdalign.h>
#include <stdatomic.h>

/* A rank's part of the window. Two texts are used in turn: when all have come to a round, all have
 * read what was said in the one before. */
struct seat {
    alignas(NN_ALIGN) _Atomic uint64_t rounds; /* that the rank has come to */
    alignas(NN_ALIGN) nn_bell bell;            /* of the node: the first rank's */
    alignas(NN_ALIGN) char text[2][NN_MEET_BYTES];
};

struct nn_meet {
    nn_window window;
    size_t ranks, me;
    bool crowded;
    uint64_t rounds;
    struct seat **seat; /* [ranks] */
};

static void take_seats(nn_meet *m) {
    for (size_t p = 0; p < m->ranks; p++)
        m->seat[p] = nn_window_part(&m->window, (int)p);
    atomic_store(&m->seat[m->me]->rounds, 0);
    atomic_store(&m->seat[m->me]->bell, 0);
}

int nn_meet_new(nn_comm *comm, nn_meet **out) {
    nn_meet *m = NULL;
    int rc;
    *out = NULL;
    NN_TRY_GOTO(nn_comm_agree(comm, NN_NEW(&m, 1, "meeting place")));
    m->ranks = (size_t)comm->node_size;
    m->me = (size_t)comm->node_rank;
    m->crowded = comm->crowded;
    NN_TRY_GOTO(nn_comm_agree(comm, NN_NEW(&m->seat, m->ranks, "meeting place")));
    NN_TRY_GOTO(nn_window_open(comm, sizeof(struct seat), &m->window));
    take_seats(m);
    NN_TRY_GOTO(nn_mpi_check(nn_mpi_barrier(comm, comm->node), "MPI_Barrier"));
    *out = m;
done:
    if (rc < 0)
        nn_meet_free(m);
    return rc;
}

void nn_meet_free(nn_meet *m) {
    if (!m)
        return;
    nn_window_close(&m->window);
    nn_free(m->seat);
    nn_free(m);
}

void *nn_meet_mine(const nn_meet *m) {
    return m->seat[m->me]->text[m->rounds % 2];
}

static bool all_came(void *ctx) {
    const nn_meet *m = ctx;
    for (size_t p = 0; p < m->ranks; p++)
        if (atomic_load(&m->seat[p]->rounds) < m->rounds)
            return false;
    return true;
}

void nn_meet_all(nn_meet *m) {
    nn_bell *bell = m->crowded ? &m->seat[0]->bell : NULL;
    atomic_store(&m->seat[m->me]->rounds, ++m->rounds);
    if (all_came(m)) {
        if (bell)
            nn_ring(bell);
        return;
    }
    nn_wait(all_came, m, bell);
}

const void *nn_meet_said(const nn_meet *m, int node_rank) {
    return m->seat[node_rank]->text[(m->rounds - 1) % 2];
}
