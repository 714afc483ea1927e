/* Sums along the fixed tree over the leaves that the ranks hold. */
#include "comm/tree_sum.h"

#include "comm/barrier.h"
#include "comm/messages.h"

#include <limits.h>
#include <string.h>

struct nn_tree_sum {
    nn_comm *comm;
    const nn_tree *tree;
    double *gathered;          /* [covers][most] */
    size_t most;               /* numbers */
    int *count, *displacement; /* [size] of MPI_Allgatherv */
};

static int allocate(nn_tree_sum *s) {
    NN_TRY(NN_NEW(&s->gathered, s->most * s->tree->covers, "sums over the ranks"));
    NN_TRY(NN_NEW(&s->count, s->tree->size, "sums over the ranks"));
    return NN_NEW(&s->displacement, s->tree->size, "sums over the ranks");
}

int nn_tree_sum_new(nn_comm *comm, const nn_tree *tree, size_t most, nn_tree_sum **out) {
    nn_tree_sum *s;
    *out = NULL;
    if (most > INT_MAX / tree->covers)
        return nn_fail(NN_EUSAGE, "%zu numbers are too many to be summed over %zu ranks", most,
                       tree->size);
    NN_TRY(NN_NEW(&s, 1, "sums over the ranks"));
    *s = (nn_tree_sum){.comm = comm, .tree = tree, .most = most};
    int rc = allocate(s);
    if (rc < 0)
        nn_tree_sum_free(s);
    else
        *out = s;
    return rc;
}

void nn_tree_sum_free(nn_tree_sum *s) {
    if (!s)
        return;
    nn_free(s->gathered);
    nn_free(s->count);
    nn_free(s->displacement);
    nn_free(s);
}

/* Where all share memory and there is room for what they have to say. */
static void gather_node(const nn_tree_sum *s, size_t n) {
    const size_t *first = s->tree->first;
    nn_barrier *barrier = s->comm->barrier;
    size_t own = s->tree->holder;
    memcpy(nn_barrier_send_buffer(barrier), s->gathered + first[own] * n,
           (first[own + 1] - first[own]) * n * sizeof(double));
    nn_barrier_wait(barrier);
    for (size_t r = 0; r < s->tree->size; r++)
        memcpy(s->gathered + first[r] * n, nn_barrier_recv_buffer(barrier, (int)r),
               (first[r + 1] - first[r]) * n * sizeof(double));
}

static int gather(const nn_tree_sum *s, size_t n) {
    const nn_tree *t = s->tree;
    if (s->comm->size == 1)
        return 0;
    if (s->comm->barrier && s->comm->nodes == 1 &&
        t->covers * n * sizeof(double) <= NN_BARRIER_BYTES) {
        gather_node(s, n);
        return 0;
    }
    for (size_t r = 0; r < t->size; r++) {
        s->displacement[r] = (int)(t->first[r] * n);
        s->count[r] = (int)((t->first[r + 1] - t->first[r]) * n);
    }
    return nn_mpi_allgatherv(s->comm, s->comm->world, NULL, 0, s->gathered, s->count,
                             s->displacement, MPI_DOUBLE);
}

int nn_tree_sum_doubles(nn_tree_sum *s, size_t n, double *values) {
    if (n > s->most)
        return nn_fail(NN_EUSAGE, "a sum of %zu numbers, planned for %zu", n, s->most);
    nn_tree_sum_subtrees(s->tree, n, values, s->gathered + s->tree->first[s->tree->holder] * n);
    NN_TRY(gather(s, n));
    nn_tree_add(s->tree->join, s->tree->covers - 1, n, s->gathered);
    memcpy(values, s->gathered, n * sizeof *values);
    return 0;
}
