/* Between memory, where the channels of an image stand last, and the order of elements that the
 * user sees, [C, H, W]. Layers that act on the user's last dimensions (NN_LAYER_USER_ORDER) are
 * called through here: where one of their tensors is such an image, with copies in the user's
 * order. */
#ifndef NN_NN_LAYERS_SHAPE_USER_ORDER_H
#define NN_NN_LAYERS_SHAPE_USER_ORDER_H

#include "nn/layers/layer.h"

/* Copies `batch` samples [rows][cols] to [cols][rows]. */
void nn_transpose_samples(const nn_compute *compute, size_t batch, size_t rows, size_t cols,
                          const nn_real *from, nn_real *to);

/* Copies `batch` samples of that shape from memory's order to the user's, or back. */
void nn_user_order_from_memory(const nn_compute *compute, const nn_shape *shape, size_t batch,
                               const nn_real *from, nn_real *to);
void nn_user_order_to_memory(const nn_compute *compute, const nn_shape *shape, size_t batch,
                             const nn_real *from, nn_real *to);

/* Elements of scratch, before the layer's own, for calls of up to `batch` samples; 0: nothing is
 * copied. */
size_t nn_user_order_elements(const nn_layer *layer, size_t batch, bool training);

/* The layer's forward and backward, on tensors in the order that it wants. */
void nn_layer_forward(const nn_layer *layer, const nn_io *io);
void nn_layer_backward(const nn_layer *layer, const nn_io *io);

#endif
