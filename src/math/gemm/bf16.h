/* Products whose factors are rounded to bfloat16 and added in float, for where nn_kernels_bf16 is
 * there. Every element is summed in the order of k, a pair at a time (math/isa/bf16.c), whatever
 * the sizes of the matrices. Single-threaded. */
#ifndef NN_MATH_GEMM_BF16_H
#define NN_MATH_GEMM_BF16_H

#include "base/real.h"
#include "math/gemm/transpose.h"

#include <stdbool.h>
#include <stddef.h>

/* Columns of a panel, at most. */
#define NN_BF16_PANEL 64

/* Rounds and arranges B[k][n], B[i][j] = b[i * row + j * col], for products with it; packed takes
 * as many elements as that of nn_kernels.pack, 64-byte aligned. Local. */
void nn_bf16_pack(size_t k, size_t n, const nn_real *b, size_t row, size_t col, nn_real *packed);

/* C[m][n] = init[n] + A[m][k] B, or C + A B where init is NULL. C may not overlap A. Local. */
void nn_bf16_packed_product(size_t m, size_t n, size_t k, const nn_real *a, size_t lda,
                            const nn_real *packed, const nn_real *init, nn_real *c, size_t ldc);

/* C[m][n] = op(A)[m][k] op(B)[k][n], or to `add` C + that, as nn_gemm; works on the stack. Local.
 */
void nn_bf16_gemm(nn_transpose ta, nn_transpose tb, size_t m, size_t n, size_t k, const nn_real *a,
                  size_t lda, const nn_real *b, size_t ldb, bool add, nn_real *c, size_t ldc);

#endif
