/* Sums along the fixed tree over the leaves that the ranks hold. */
#include "dist/tree_sum.h"

#include "dist/mpi_comm.h"

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

static int gather(const nn_tree_sum *s, size_t n) {
    const nn_tree *t = s->tree;
    if (s->comm->size == 1)
        return 0;
    for (size_t r = 0; r < t->size; r++) {
        s->displacement[r] = (int)(t->first[r] * n);
        s->count[r] = (int)((t->first[r + 1] - t->first[r]) * n);
    }
    NN_TRY_MPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, s->gathered, s->count,
                              s->displacement, MPI_DOUBLE, s->comm->world),
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
