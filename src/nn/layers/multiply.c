/* Product of its inputs, element by element, e.g. of values and their gates. */
#include "math/kernels.h"
#include "nn/layers/layers.h"

#include <string.h>

static int multiply_plan(nn_layer *layer) {
    NN_TRY(nn_layer_same_shapes(layer, "multiply"));
    layer->out = layer->in[0];
    layer->flags = NN_LAYER_READS_X;
    return 0;
}

/* to = the product of all inputs but one, and of `first`. */
static void product(const nn_layer *layer, const nn_io *io, size_t but, const nn_real *first,
                    nn_real *to) {
    size_t n = io->batch * nn_shape_count(&layer->out);
    memcpy(to, first, n * sizeof *to);
    for (size_t i = 0; i < layer->inputs; i++)
        if (i != but)
            nn_kernels_get()->multiply(n, io->x[i], to, to);
}

static void multiply_forward(const nn_layer *layer, const nn_io *io) {
    product(layer, io, 0, io->x[0], io->y);
}

static void multiply_backward(const nn_layer *layer, const nn_io *io) {
    for (size_t i = 0; i < layer->inputs; i++)
        if (io->dx[i])
            product(layer, io, i, io->dy, io->dx[i]);
}

const nn_layer_ops nn_layer_multiply = {
    .entry = {"multiply", "the product of its inputs, element by element", NULL, 0},
    .plan = multiply_plan,
    .check_steps = nn_layer_each_step,
    .forward = multiply_forward,
    .backward = multiply_backward,
};
