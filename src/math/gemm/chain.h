/* Products by kernels of our own, with the same bits on every processor that multiplies and adds at
 * once: each element is one chain of fused multiply-adds. */
#ifndef NN_MATH_GEMM_CHAIN_H
#define NN_MATH_GEMM_CHAIN_H

#include "base/real.h"
#include "math/gemm/transpose.h"

#include <stdbool.h>
#include <stddef.h>

/* nn_gemm for one tile, by the calling thread. An element starts as 0, or to `add` as what it is,
 * and takes (alpha a) b in the order of k; so its bits depend neither on m and n nor on what else
 * is in the tile, and a product may be continued by another that adds. Allocates nothing. */
void nn_chain_gemm(nn_transpose ta, nn_transpose tb, size_t m, size_t n, size_t k, nn_real alpha,
                   const nn_real *a, size_t lda, const nn_real *b, size_t ldb, bool add, nn_real *c,
                   size_t ldc);

#endif
