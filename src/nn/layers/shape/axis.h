/* Dimensions of samples by PyTorch's numbers: 0 is the minibatch, images are [N, C, H, W]. */
#ifndef NN_NN_LAYERS_SHAPE_AXIS_H
#define NN_NN_LAYERS_SHAPE_AXIS_H

#include "nn/layers/layer.h"

/* The dimension of the layer's input, from 0, that its option `axis` means: below 0 from the end,
 * 0: the channels of images, else the last. -1: there is no such one. */
int nn_axis_dimension(const nn_layer *layer, int64_t axis);

/* Fails where there is no such one; `key`: of the option. */
int nn_axis_check(const nn_layer *layer, const char *key, int64_t axis);

/* Consecutive elements in memory from one index of the dimensions outside of `dimension` to the
 * next. */
size_t nn_axis_run(const nn_shape *shape, int dimension);

#endif
