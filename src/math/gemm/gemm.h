/* Matrix products; the only user of cblas.h, and of math/gemm/onednn.h. */
#ifndef NN_MATH_GEMM_GEMM_H
#define NN_MATH_GEMM_GEMM_H

#include "base/real.h"
#include "math/compute.h"
#include "math/gemm/transpose.h"

#include <stdbool.h>
#include <stddef.h>

/* C[m][n] = alpha * op(A)[m][k] * op(B)[k][n] + beta * C, row-major, leading dimensions in
 * elements. With beta 0, C may hold anything, NaN included. C is divided into tiles, each one
 * single-threaded call of OpenBLAS or oneDNN, as the shape of the tile says, or of own kernels;
 * these have the same bits in any tile. k = 0 gives beta * C. Sizes and leading dimensions beyond
 * BLAS's int are computed too, slowly. Local. */
void nn_gemm(const nn_compute *compute, nn_transpose ta, nn_transpose tb, size_t m, size_t n,
             size_t k, nn_real alpha, const nn_real *a, size_t lda, const nn_real *b, size_t ldb,
             nn_real beta, nn_real *c, size_t ldc);

/* What computes products for `compute`, one that is there: FASTER, OPENBLAS, ONEDNN or OWN. Local.
 */
nn_gemm_library nn_gemm_used(const nn_compute *compute);

/* False where this build or this processor has no such library. Local. */
bool nn_gemm_has(nn_gemm_library library);

/* The libraries allocate working memory in their calls, and oneDNN crashes where it gets none:
 * NN_EMEMORY unless the process may still have that of every thread. To be called once everything
 * else is allocated. Local. */
int nn_gemm_check_memory(const nn_compute *compute);

/* What computes products and hence decides on their bits: "OpenBLAS 0.3.21 (SkylakeX)", and
 * oneDNN's version and instruction set behind it where it takes part; "own kernels"; or that
 * factors are rounded to bfloat16. In `text`, which is returned. After nn_blas_init. Local. */
#define NN_GEMM_TEXT 192
const char *nn_gemm_name(const nn_compute *compute, char text[NN_GEMM_TEXT]);

#endif
