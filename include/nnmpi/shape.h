/* The shape of one sample's tensor. */
#ifndef NNMPI_SHAPE_H
#define NNMPI_SHAPE_H

#include <stdint.h>

#define NN_MAX_RANK 4

/* As PyTorch has it, without the minibatch: [F] features, [T, F] a sequence of T steps, [C, H, W]
 * an image, [C, D, H, W] a volume. */
typedef struct nn_shape {
    int rank; /* 1 to NN_MAX_RANK */
    int64_t dim[NN_MAX_RANK];
} nn_shape;

#endif
