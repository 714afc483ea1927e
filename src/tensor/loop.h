/* Loops over tensors of one shape, each with its own steps in memory: of broadcast dimensions 0. */
#ifndef NN_TENSOR_LOOP_H
#define NN_TENSOR_LOOP_H

#include "tensor/tensor.h"

#define NN_LOOP_ARRAYS 4

typedef struct nn_loop {
    int rank, arrays;
    int64_t dim[NN_TENSOR_RANK];
    int64_t step[NN_LOOP_ARRAYS][NN_TENSOR_RANK]; /* elements */
} nn_loop;

/* One over this shape, of no arrays yet. */
nn_loop nn_loop_of(int rank, const int64_t *dim);
/* Adds an array of a shape that is broadcast to that of the loop. */
void nn_loop_add(nn_loop *loop, int rank, const int64_t *dim);

/* A run of n elements: array i from at[i] on, each step[i] behind the one before. */
typedef void nn_run_fn(void *ctx, size_t n, const int64_t *at, const int64_t *step);
/* Calls it for all runs, which are as long as memory allows, in their order, or by threads where
 * the loop is long and each of them has elements of its own of array 0, which is written to. */
void nn_loop_run(const nn_loop *loop, nn_run_fn *fn, void *ctx);

#endif
