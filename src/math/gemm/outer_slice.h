/* A slice of a gradient that is a product of rows, G[m][n] = A[rows][m]^T B[rows][n], wherever it
 * begins and ends. */
#ifndef NN_MATH_GEMM_OUTER_SLICE_H
#define NN_MATH_GEMM_OUTER_SLICE_H

#include "base/tree.h"
#include "math/gemm/outer.h"

typedef struct nn_outer_source {
    size_t m, n, rows;
    const nn_real *a, *b;
    bool indexed;               /* A[rows]: a row of A is 1 in that place, or (-1) in none */
    const nn_outer_rows *parts; /* which are added along a tree; NULL: there is none */
} nn_outer_source;

/* Elements [slice.begin, slice.end) of G to the same place of `g`. Their bits do not depend on
 * those of the slice. Local. */
void nn_outer_slice(const nn_compute *compute, const nn_outer_source *source, nn_span slice,
                    nn_real *g);

#endif
