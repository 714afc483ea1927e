/* Windows that slide over images: what convolution and pooling have in common. Lengths are those of
 * rows [0] and columns [1]. */
#ifndef NN_NN_LAYERS_IMAGE_WINDOW_H
#define NN_NN_LAYERS_IMAGE_WINDOW_H

#include "math/conv/conv.h"
#include "nn/layers/layer.h"

/* An option that is a number for both directions or a list [rows, columns], within [low, high].
 * `node` NULL leaves `out` as it is. NN_EUSAGE with the place. */
int nn_window_pair(const nn_layer *layer, const nn_node *node, const char *key, int64_t low,
                   int64_t high, int64_t out[2]);

/* The layer's input as it stands in memory, [rows, columns, channels]; [rows, columns] has one
 * channel.
 * NN_EUSAGE for other ranks. */
int nn_window_image(const nn_layer *layer, nn_shape *image);

typedef struct nn_window {
    int64_t size[2], stride[2], dilation[2];
    int64_t before[2], after[2]; /* padding */
    bool ceil; /* a last window that is partly outside counts, if it starts inside or before */
} nn_window;

/* The kernel of a convolution is the window. */
void nn_window_set_kernel(const nn_window *window, nn_conv *conv);

/* Positions of the window: (in + padding - dilation (size - 1) - 1) / stride + 1, rounded down (or
 * up). NN_EUSAGE where there is none: the window is larger than the padded image, with `ceil` by
 * the stride or more. */
int nn_window_count(const nn_layer *layer, const nn_window *window, const nn_shape *image,
                    int64_t out[2]);

#endif
