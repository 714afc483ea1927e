/* Sum of its inputs, element by element: the join of a residual connection (He et al. 2016). */
#include "math/kernels.h"
#include "nn/layers/layers.h"

#include <string.h>

static int add_plan(nn_layer *layer) {
    NN_TRY(nn_layer_same_shapes(layer, "add up"));
    layer->out = layer->in[0];
    return 0;
}

static void add_forward(const nn_layer *layer, const nn_io *io) {
    size_t n = io->batch * nn_shape_count(&layer->out);
    memcpy(io->y, io->x[0], n * sizeof *io->y);
    for (size_t i = 1; i < layer->inputs; i++)
        nn_kernels_get()->add(n, io->x[i], io->y);
}

static void add_backward(const nn_layer *layer, const nn_io *io) {
    size_t n = io->batch * nn_shape_count(&layer->out);
    for (size_t i = 0; i < layer->inputs; i++)
        if (io->dx[i])
            memcpy(io->dx[i], io->dy, n * sizeof *io->dy);
}

const nn_layer_ops nn_layer_add = {
    .entry = {"add", "the sum of its inputs, e.g. of a residual connection", NULL, 0},
    .plan = add_plan,
    .check_steps = nn_layer_each_step,
    .forward = add_forward,
    .backward = add_backward,
};
