/* ranks: 1 2 3 4 */
/* The gradient sum over the ranks, whatever the length and however back-propagation reports. */
#include "check.h"
#include "dist/reduce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)262144) /* elements of a piece: sizes around it matter */

/* What rank r contributes to element i: small integers, so that sums are exact in any order. */
static nn_real part(int rank, size_t i) {
    return (nn_real)((int)(i % 1000) * (rank + 1) - 3 * rank);
}

static nn_real total(int size, size_t i) {
    nn_real sum = 0;
    for (int r = 0; r < size; r++)
        sum += part(r, i);
    return sum;
}

/* One step over n elements, reported in layers of `layer` elements (0: not at all). */
static void step(nn_comm *comm, nn_reducer *reducer, nn_real *g, size_t n, size_t layer) {
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++)
        g[i] = (nn_real)1e30; /* not there yet */
    for (size_t end = n; layer && end > 0;) {
        size_t begin = end > layer ? end - layer : 0;
        for (size_t i = begin; i < end; i++)
            g[i] = part(nn_comm_rank(comm), i);
        nn_reducer_ready(reducer, begin);
        end = begin;
    }
    if (!layer)
        for (size_t i = 0; i < n; i++)
            g[i] = part(nn_comm_rank(comm), i);
    CHECK_EQ_INT(nn_reducer_finish(reducer), 0);
    for (size_t i = 0; i < n; i++)
        wrong += g[i] != total(nn_comm_size(comm), i);
    CHECK_EQ_INT(wrong, 0);
}

static void test_length(nn_comm *comm, size_t n) {
    nn_real *g = malloc((n + 1) * sizeof *g);
    nn_reducer *reducer;
    CHECK_EQ_INT(nn_reducer_new(comm, g, n, &reducer), 0);
    g[n] = 42;
    step(comm, reducer, g, n, n / 7 + 1);
    step(comm, reducer, g, n, PIECE + 16);
    step(comm, reducer, g, n, 0);
    CHECK_NEAR(g[n], 42, 0);
    CHECK(nn_reducer_seconds(reducer) >= 0);
    CHECK_NEAR(nn_reducer_seconds(reducer), 0, 0);
    nn_reducer_free(reducer);
    free(g);
}

/* Sums that depend on the order of addition still have the same bits on every rank. */
static void test_same_bits(nn_comm *comm) {
    size_t n = 3 * PIECE / 2, different = 0;
    nn_real *g = malloc(n * sizeof *g), *first = malloc(n * sizeof *first);
    nn_reducer *reducer;
    CHECK_EQ_INT(nn_reducer_new(comm, g, n, &reducer), 0);
    for (size_t i = 0; i < n; i++)
        g[i] = (nn_real)1 / (nn_real)(i + 3 + 7 * (size_t)nn_comm_rank(comm));
    CHECK_EQ_INT(nn_reducer_finish(reducer), 0);
    memcpy(first, g, n * sizeof *g);
    CHECK_EQ_INT(nn_comm_bcast(comm, first, n * sizeof *first), 0);
    for (size_t i = 0; i < n; i++)
        different += memcmp(&first[i], &g[i], sizeof *g) != 0;
    CHECK_EQ_INT(different, 0);
    nn_reducer_free(reducer);
    free(first);
    free(g);
}

int main(void) {
    static const size_t lengths[] = {0,     1,         16,        1000,         PIECE - 1,
                                     PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7};
    nn_comm *comm;
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        test_length(comm, lengths[i]);
    test_same_bits(comm);
    nn_comm_free(comm);
    return check_done();
}
