#include "math/gemm/outer.h"

#include "base/tree.h"
#include "math/parallel.h"

static void rows_of_product(void *ctx, size_t begin, size_t end) {
    nn_kernels_get()->outer(ctx, begin, end);
}

void nn_outer_product(const nn_compute *compute, const nn_outer_rows *rows, size_t m, size_t n,
                      const nn_real *a, size_t lda, const nn_real *b, size_t ldb, nn_real *c,
                      size_t ldc) {
    size_t joins[NN_OUTER_PARTS], work = (rows->row[rows->parts] - rows->row[0]) * n;
    nn_outer args = {m, n, rows->parts, rows->row, joins, a, b, lda, ldb, ldc, c};
    nn_tree_joins(rows->parts, joins);
    nn_parallel(compute, m, NN_THREAD_WORK / (work + 1) + 1, rows_of_product, &args);
}

void nn_outer_sum(const nn_outer_rows *rows, size_t n, const nn_real *b, nn_real *sum) {
    size_t joins[NN_OUTER_PARTS];
    nn_outer args = {.n = n, .parts = rows->parts, .row = rows->row, .b = b, .ldb = n};
    args.joins = joins;
    nn_tree_joins(rows->parts, joins);
    nn_kernels_get()->outer_sum(&args, sum);
}
