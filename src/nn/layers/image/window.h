/* Windows that slide over sequences, images or volumes: what convolution and pooling have in
 * common. They have 1, 2 or 3 directions. Lengths are those of planes [0], rows [1] and columns
 * [2]: images have one plane, sequences one row whose columns are their steps. */
#ifndef NN_NN_LAYERS_IMAGE_WINDOW_H
#define NN_NN_LAYERS_IMAGE_WINDOW_H

#include "math/conv/conv.h"
#include "nn/layers/layer.h"

/* How help writes the lengths of each direction. */
#define NN_WINDOW_1D "a number"
#define NN_WINDOW_2D "a number, or [rows, columns]"
#define NN_WINDOW_3D "a number, or [planes, rows, columns]"

typedef struct nn_sliding_window {
    int dims; /* directions */
    int64_t size[3], stride[3], dilation[3];
    int64_t before[3], after[3]; /* padding */
    bool ceil; /* a last window that is partly outside counts, if it starts inside or before */
} nn_sliding_window;

/* One point, to be given lengths. */
nn_sliding_window nn_sliding_window_of(int dims);

/* An option that is a number for all directions or a list with one for each, within [low, high].
 * `node` NULL leaves `out` as it is. NN_EUSAGE with the place. */
int nn_window_lengths(const nn_layer *layer, const nn_node *node, const char *key, int dims,
                      int64_t low, int64_t high, int64_t out[3]);

/* A direction, as messages name it. */
const char *nn_window_direction(int dims, int direction);

/* The first of the dimensions of a shape that are the directions, in their order: those of
 * sequences [T, F] are before the features. */
static inline int nn_window_axis(const nn_shape *shape, int dims) {
    return dims == 1 ? 0 : shape->rank - dims;
}

/* The layer's input as it stands in memory, [planes, rows, columns, channels]; without a dimension
 * of channels, as [rows, columns] or [steps], it has one channel.
 * NN_EUSAGE for other ranks. */
int nn_window_image(const nn_layer *layer, int dims, nn_shape *image);

/* Its shape to the user, with other lengths, and with so many channels; 0: those of the input. */
nn_shape nn_window_output(const nn_layer *layer, int dims, int64_t channels,
                          const int64_t length[3]);

/* The kernel of a convolution is the window. */
void nn_sliding_window_set_kernel(const nn_sliding_window *window, nn_conv *conv);

/* Points of a window. */
int64_t nn_sliding_window_points(const nn_sliding_window *window);

/* Adds the weights [outer][inner][kernel] of a convolution in PyTorch's layout, and its bias
 * [filters]; `inputs` are the channels that a filter sees. */
int nn_sliding_window_add_params(nn_layer *layer, const nn_sliding_window *window, int64_t outer,
                                 int64_t inner, int64_t inputs, int64_t filters, bool bias);

/* Positions of the window: (in + padding - dilation (size - 1) - 1) / stride + 1, rounded down (or
 * up). NN_EUSAGE where there is none: the window is larger than the padded image, with `ceil` by
 * the stride or more. */
int nn_sliding_window_count(const nn_layer *layer, const nn_sliding_window *window,
                            const nn_shape *image, int64_t out[3]);

/* nn_layer_ops.check_lengths of a layer whose output has other steps than its input. */
int nn_window_refuse_lengths(const nn_layer *layer);

#endif
