/* How fast products are, measured. */
#ifndef NN_MATH_GEMM_BENCH_H
#define NN_MATH_GEMM_BENCH_H

#include "math/gemm/gemm.h"

/* A product as nn_gemm takes it, on matrices without gaps. */
typedef struct nn_product_shape {
    nn_transpose ta, tb;
    size_t m, n, k;
} nn_product_shape;

/* Operations a second of nn_gemm. NN_EMEMORY; a library, or bfloat16, that is not there gives 0.
 * Local. */
int nn_product_rate(const nn_compute *compute, const nn_product_shape *shape, double budget,
                    double *rate);

#endif
