/* Softmax over the last dimension: a_i = exp(z_i) / sum_j exp(z_j);
 * dz_i = a_i (da_i - sum_j a_j da_j). As the last layer before cross_entropy it is fused into the
 * loss instead. */
#include "math/kernels.h"
#include "nn/layers/layers.h"

static int softmax_plan(nn_layer *layer) {
    layer->out = layer->in[0];
    layer->flags = NN_LAYER_IN_PLACE | NN_LAYER_READS_Y | NN_LAYER_USER_ORDER;
    return 0;
}

static void softmax_forward(const nn_layer *layer, const nn_io *io) {
    size_t cols = (size_t)layer->out.dim[layer->out.rank - 1];
    size_t rows = io->batch * (nn_shape_count(&layer->out) / cols);
    nn_kernels_get()->softmax(rows, cols, io->x[0], io->y);
}

static void softmax_backward(const nn_layer *layer, const nn_io *io) {
    if (!io->dx[0])
        return;
    size_t cols = (size_t)layer->out.dim[layer->out.rank - 1];
    size_t rows = io->batch * (nn_shape_count(&layer->out) / cols);
    for (size_t r = 0; r < rows; r++) {
        const nn_real *a = io->y + r * cols, *da = io->dy + r * cols;
        nn_real *dz = io->dx[0] + r * cols, dot = 0;
        for (size_t c = 0; c < cols; c++)
            dot += a[c] * da[c];
        for (size_t c = 0; c < cols; c++)
            dz[c] = a[c] * (da[c] - dot);
    }
}

const nn_layer_ops nn_layer_softmax = {
    .entry = {"softmax",
              "a_i = exp(z_i) / sum_j exp(z_j) over the last dimension, W of an image [C, H, W]",
              NULL, 0},
    .activation = true,
    .plan = softmax_plan,
    .check_steps = nn_layer_each_step,
    .forward = softmax_forward,
    .backward = softmax_backward,
};
