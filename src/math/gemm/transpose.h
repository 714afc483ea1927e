/* Which way round a product takes a factor. */
#ifndef NN_MATH_GEMM_TRANSPOSE_H
#define NN_MATH_GEMM_TRANSPOSE_H

typedef enum nn_transpose { NN_PLAIN, NN_TRANSPOSED } nn_transpose;

#endif
