/* Sums between nodes in half of the bytes: numbers travel as bfloat16 (the upper half of a
 * float32), and what rounding takes away from a number is added to it in the next sum (error
 * feedback, Seide et al. 2014), so that no part of a gradient is lost for good, only late. */
#ifndef NN_COMM_REDUCE_COMPRESS_H
#define NN_COMM_REDUCE_COMPRESS_H

#include "comm/mpi_comm.h"

#include <stdint.h>

typedef struct nn_compressor nn_compressor;

/* For sums over `among` of vectors that are parts of a share of `share` elements, up to `most` at a
 * time. NN_EMEMORY. Local. */
int nn_compressor_new(nn_comm *comm, MPI_Comm among, size_t share, size_t most,
                      nn_compressor **out);
void nn_compressor_free(nn_compressor *c);

/* values[n], which begin at element `at` of the share, become the sum over the ranks of `among`,
 * the same bits on all. Every rank sums the values of a part of them in the order of the ranks.
 * Collective; returns MPI's code. */
int nn_compressor_sum(nn_compressor *c, float *values, size_t n, size_t at);

/* Round to nearest, ties to even; NaN stays NaN. Local. */
uint16_t nn_bf16_of(float x);
float nn_bf16_value(uint16_t b);

#endif
