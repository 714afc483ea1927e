/* Gradients of matrices by the rows of several microbatches at once, with the bits of adding those
 * of each microbatch along the tree of base/tree.h. */
#ifndef NN_MATH_GEMM_OUTER_H
#define NN_MATH_GEMM_OUTER_H

#include "math/compute.h"
#include "math/kernels.h"

/* The sides of a product of rows, A^T B. */
typedef enum nn_outer_side { NN_OUTER_A, NN_OUTER_B } nn_outer_side;

/* Rows as they stand in memory: `count` of them, `stride` elements from one to the next. */
typedef struct nn_row_block {
    const nn_real *at;
    size_t count, stride;
} nn_row_block;

/* Rows that are divided into parts [row[p], row[p + 1]), p < parts; A and B begin with row[0]. At
 * most NN_OUTER_ROWS and NN_OUTER_PARTS of them. */
typedef struct nn_outer_rows {
    size_t parts;
    const size_t *row; /* [parts + 1] */
} nn_outer_rows;

/* C[m][n] = A[rows][m]^T B[rows][n], with lda elements from one row of A to the next, and so on.
 * The bits of an element depend on the parts, but not on the number of threads, nor on whether
 * parts that make up a node of the tree come in a call of their own and are added to the others
 * after it, nor on the other elements. Local. */
void nn_outer_product(const nn_compute *compute, const nn_outer_rows *rows, size_t m, size_t n,
                      const nn_real *a, size_t lda, const nn_real *b, size_t ldb, nn_real *c,
                      size_t ldc);

/* sum[n] = the sum of the rows of B[rows][n], in the same way. Local. */
void nn_outer_sum(const nn_outer_rows *rows, size_t n, const nn_real *b, nn_real *sum);

#endif
