/* oneDNN's matrix product, where it was built in and the processor suits it. */
#ifndef NN_MATH_GEMM_ONEDNN_H
#define NN_MATH_GEMM_ONEDNN_H

#include "base/real.h"
#include "math/gemm/transpose.h"

#include <stdbool.h>
#include <stddef.h>

/* "oneDNN 2.6.3 (avx512_core)", or NULL where there is none: left out of the build, double
 * precision, or a processor without AVX2, for which its kernels are no better. Local. */
const char *nn_onednn_name(void);

/* Expects oneDNN to be faster than OpenBLAS; a function of the shape alone. Local. */
bool nn_onednn_suits(size_t m, size_t n, size_t k);

/* nn_gemm for one tile, single-threaded when OpenMP's thread count is 1. False, with C as it was,
 * when oneDNN could not get memory. */
bool nn_onednn_gemm(nn_transpose ta, nn_transpose tb, size_t m, size_t n, size_t k, nn_real alpha,
                    const nn_real *a, size_t lda, const nn_real *b, size_t ldb, nn_real beta,
                    nn_real *c, size_t ldc);

#endif
