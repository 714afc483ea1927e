/* Gradient sums along the fixed tree where ranks do not see each other's memory: a slice is divided
 * among all ranks; each gets everyone's subtrees for its part, adds them, and tells all the sum.
 * What a rank sends is what MPI_Allreduce would make it send, once for each of its subtrees. */
#include "comm/reduce/exchange.h"

#include "base/mem.h"
#include "comm/messages.h"
#include "math/kernels.h"

#include <string.h>

struct nn_exchange {
    size_t rank, size;
    nn_real *send, *receive;
    /* [size] for MPI_Alltoallv and MPI_Allgatherv: what goes out, what comes in, the sums */
    int *send_count, *send_at, *receive_count, *receive_at, *sum_count, *sum_at;
};

int nn_exchange_new(const nn_reducer *r, nn_exchange **out) {
    size_t size = r->spec.tree->size, part = nn_partition_longest(&r->partition) / size + 1;
    nn_exchange *e;
    *out = NULL;
    NN_TRY(NN_NEW(&e, 1, "gradient exchange"));
    *out = e; /* freed by its owner, also after a failure */
    e->rank = (size_t)r->spec.comm->rank;
    e->size = size;
    NN_TRY(NN_NEW(&e->send, nn_tree_subtrees(r->spec.tree) * size * part, "gradient exchange"));
    NN_TRY(NN_NEW(&e->receive, r->spec.tree->covers * part, "gradient exchange"));
    NN_TRY(NN_NEW(&e->send_count, 6 * size, "gradient exchange"));
    e->send_at = e->send_count + size;
    e->receive_count = e->send_at + size;
    e->receive_at = e->receive_count + size;
    e->sum_count = e->receive_at + size;
    e->sum_at = e->sum_count + size;
    return 0;
}

void nn_exchange_free(nn_exchange *e) {
    if (!e)
        return;
    nn_free(e->send);
    nn_free(e->receive);
    nn_free(e->send_count);
    nn_free(e);
}

/* What every rank is to get, rank after rank, each subtree's part after the other. */
static void pack(nn_exchange *e, const nn_reducer *r, const nn_slice *slice) {
    size_t length = slice->end - slice->begin, at = 0, own = nn_tree_subtrees(r->spec.tree);
    for (size_t to = 0; to < e->size; to++) {
        nn_span part = nn_even_span(length, to, e->size);
        size_t n = part.end - part.begin;
        const nn_real *from = r->grads + slice->begin + part.begin;
        e->send_at[to] = (int)at;
        e->send_count[to] = (int)(own * n);
        for (size_t s = 0; s < own; s++, at += n)
            memcpy(e->send + at, from + s * r->stride, n * sizeof *from);
    }
}

static void expect(nn_exchange *e, const nn_tree *tree, const nn_slice *slice) {
    size_t length = slice->end - slice->begin;
    nn_span own = nn_even_span(length, e->rank, e->size);
    size_t mine = own.end - own.begin;
    for (size_t from = 0; from < e->size; from++) {
        nn_span part = nn_even_span(length, from, e->size);
        e->receive_at[from] = (int)(tree->first[from] * mine);
        e->receive_count[from] = (int)((tree->first[from + 1] - tree->first[from]) * mine);
        e->sum_at[from] = (int)part.begin;
        e->sum_count[from] = (int)(part.end - part.begin);
    }
}

void nn_exchange_sum(nn_exchange *e, nn_reducer *r, const nn_slice *slice) {
    const nn_tree *tree = r->spec.tree;
    nn_comm *comm = r->spec.comm;
    nn_parcels out = {e->send, e->send_count, e->send_at},
               in = {e->receive, e->receive_count, e->receive_at};
    pack(e, r, slice);
    expect(e, tree, slice);
    nn_reduce_check(r, nn_mpi_alltoallv(comm, comm->world, &out, &in, NN_MPI_REAL));
    size_t mine = (size_t)e->sum_count[e->rank];
    for (size_t i = 0; i + 1 < tree->covers; i++)
        nn_kernels_get()->add(mine, e->receive + tree->join[i].right * mine,
                              e->receive + tree->join[i].left * mine);
    nn_reduce_check(r, nn_mpi_allgatherv(comm, comm->world, e->receive, (int)mine,
                                         r->grads + slice->begin, e->sum_count, e->sum_at,
                                         NN_MPI_REAL));
}
