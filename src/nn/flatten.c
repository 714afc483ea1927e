/* Flatten: the sample as one row. A view: nothing moves when input and output share memory. */
#include "nn/layers.h"

#include <string.h>

static int flatten_plan(nn_layer *layer) {
    layer->out = (nn_shape){.rank = 1, .dim = {(int64_t)nn_shape_count(&layer->in[0])}};
    layer->flags = NN_LAYER_IN_PLACE;
    return 0;
}

static void copy(const nn_layer *layer, const nn_io *io, const nn_real *from, nn_real *to) {
    if (to && from != to)
        memcpy(to, from, io->batch * nn_shape_count(&layer->out) * sizeof *to);
}

static void flatten_forward(const nn_layer *layer, const nn_io *io) {
    copy(layer, io, io->x[0], io->y);
}

static void flatten_backward(const nn_layer *layer, const nn_io *io) {
    copy(layer, io, io->dy, io->dx[0]);
}

const nn_layer_ops nn_layer_flatten = {
    .entry = {"flatten", "the dimensions of a sample made one", NULL, 0},
    .plan = flatten_plan,
    .forward = flatten_forward,
    .backward = flatten_backward,
};
