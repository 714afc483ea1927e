/* Sums along the fixed tree over the leaves that the ranks hold. */
#include "dist/tree_sum.h"

#include "dist/meet.h"
#include "dist/messages.h"

#include <limits.h>
#include <string.h>

struct nn_tree_sum {
    nn_comm *comm;
    const nn_tree *tree;
    double *gathered; /* [covers][n] for the largest n so far */
    size_t capacity;
    int *count, *displacement; /* [size] of MPI_Allgatherv */
};

int nn_tree_sum_new(nn_comm *comm, const nn_tree *tree, nn_tree_sum **out) {
    nn_tree_sum *s;
    *out = NULL;
    NN_TRY(NN_NEW(&s, 1, "sums over the ranks"));
    s->comm = comm;
    s->tree = tree;
    int rc = NN_NEW(&s->count, tree->size, "sums over the ranks");
    if (rc == 0)
        rc = NN_NEW(&s->displacement, tree->size, "sums over the ranks");
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

static int grow(nn_tree_sum *s, size_t n) {
    if (n * s->tree->covers > INT_MAX)
        return nn_fail(NN_EUSAGE, "%zu numbers are too many to be summed over %zu ranks", n,
                       s->tree->size);
    if (n <= s->capacity)
        return 0;
    nn_free(s->gathered);
    s->gathered = NULL;
    s->capacity = 0;
    NN_TRY(NN_NEW(&s->gathered, n * s->tree->covers, "sums over the ranks"));
    s->capacity = n;
    return 0;
}

/* Where all share memory and there is room for what they have to say. */
static void gather_node(const nn_tree_sum *s, size_t n) {
    const size_t *first = s->tree->first;
    nn_meet *meet = s->comm->meet;
    size_t own = s->tree->holder;
    memcpy(nn_meet_mine(meet), s->gathered + first[own] * n,
           (first[own + 1] - first[own]) * n * sizeof(double));
    nn_meet_all(meet);
    for (size_t r = 0; r < s->tree->size; r++)
        memcpy(s->gathered + first[r] * n, nn_meet_said(meet, (int)r),
               (first[r + 1] - first[r]) * n * sizeof(double));
}

static int gather(const nn_tree_sum *s, size_t n) {
    const nn_tree *t = s->tree;
    if (s->comm->size == 1)
        return 0;
    if (s->comm->meet && s->comm->nodes == 1 && t->covers * n * sizeof(double) <= NN_MEET_BYTES) {
        gather_node(s, n);
        return 0;
    }
    for (size_t r = 0; r < t->size; r++) {
        s->displacement[r] = (int)(t->first[r] * n);
        s->count[r] = (int)((t->first[r + 1] - t->first[r]) * n);
    }
    NN_TRY_MPI(nn_mpi_allgatherv(s->comm, s->comm->world, NULL, 0, s->gathered, s->count,
                                 s->displacement, MPI_DOUBLE),
               "MPI_Allgatherv");
    return 0;
}

int nn_tree_sum_doubles(nn_tree_sum *s, size_t n, double *values) {
    NN_TRY(grow(s, n));
    nn_tree_sum_own(s->tree, n, values, s->gathered + s->tree->first[s->tree->holder] * n);
    NN_TRY(gather(s, n));
    nn_tree_add(s->tree->join, s->tree->covers - 1, n, s->gathered);
    memcpy(values, s->gathered, n * sizeof *values);
    return 0;
}
