/* The mean over one dimension, which the output does not have; of sequences with lengths over the
 * steps that count, 0 where there are none. */
#include "nn/layers/shape/mean.h"

#include "math/kernels.h"
#include "nn/layers/layers.h"
#include "nn/layers/shape/axis.h"

#include <string.h>

struct mean {
    int64_t axis;
};

static const nn_option mean_options[] = {
    {"axis", NN_OPT_INT, offsetof(struct mean, axis), "1", "[-4, 4]",
     "dimension as in PyTorch, where 0 is the minibatch and images are [N, C, H, W]; below 0 from "
     "the end; default: the steps of sequences [N, T, F], of which those count that `len` of the "
     "data says"},
    NN_OPTION_END};

static int dimension_of(const nn_layer *layer) {
    return nn_axis_dimension(layer, ((const struct mean *)layer->options)->axis);
}

bool nn_mean_is_of_steps(const nn_layer *layer) {
    return layer->in[0].rank == 2 && dimension_of(layer) == 0;
}

static int mean_plan(nn_layer *layer) {
    int64_t axis = ((const struct mean *)layer->options)->axis;
    const nn_shape *in = &layer->in[0];
    if (axis == 0)
        return nn_layer_fail(layer, "axis: 0 is the minibatch, whose samples stay apart");
    NN_TRY(nn_axis_check(layer, "axis", axis));
    if (in->rank == 1)
        layer->out = (nn_shape){1, {1}};
    for (int i = 0; in->rank > 1 && i < in->rank; i++)
        if (i != dimension_of(layer))
            layer->out.dim[layer->out.rank++] = in->dim[i];
    layer->flags = NN_LAYER_USER_ORDER;
    return 0;
}

/* Calls a kernel of averages for each sample: its elements of the dimensions outside of the one of
 * the mean are the points, those within it the pixels, and what is inside the channels. */
static void run(const nn_layer *layer, const nn_io *io,
                void (*kernel)(const nn_layer *layer, const nn_io *io, size_t sample,
                               const nn_pool_row *row)) {
    const nn_shape *in = &layer->in[0];
    int d = dimension_of(layer);
    const int32_t *length = nn_mean_is_of_steps(layer) ? io->pass->length : NULL;
    size_t size = (size_t)in->dim[d], points = 1;
    for (int i = 0; i < d; i++)
        points *= (size_t)in->dim[i];
    for (size_t s = 0; s < io->batch; s++) {
        size_t n = nn_valid_steps(length, s, size);
        size_t channels = nn_shape_count(in) / points / size;
        kernel(layer, io, s,
               &(nn_pool_row){.channels = channels,
                              .points = points,
                              .planes = 1,
                              .rows = 1,
                              .cols = n,
                              .x_step = size * channels,
                              .scale = n ? 1 / (nn_real)n : 0});
    }
}

static void average(const nn_layer *layer, const nn_io *io, size_t sample, const nn_pool_row *row) {
    nn_kernels_get()->avg_pool(row, io->x[0] + sample * nn_shape_count(&layer->in[0]),
                               io->y + sample * nn_shape_count(&layer->out));
}

static void spread(const nn_layer *layer, const nn_io *io, size_t sample, const nn_pool_row *row) {
    nn_kernels_get()->avg_pool_grad(row, io->dy + sample * nn_shape_count(&layer->out), false,
                                    io->dx[0] + sample * nn_shape_count(&layer->in[0]));
}

static void mean_forward(const nn_layer *layer, const nn_io *io) {
    run(layer, io, average);
}

static void mean_backward(const nn_layer *layer, const nn_io *io) {
    if (!io->dx[0])
        return;
    memset(io->dx[0], 0, io->batch * nn_shape_count(&layer->in[0]) * sizeof(nn_real));
    run(layer, io, spread);
}

const nn_layer_ops nn_layer_mean = {
    .entry = {"mean", "the mean over one dimension, e.g. the steps of sequences", mean_options,
              sizeof(struct mean)},
    .plan = mean_plan,
    .forward = mean_forward,
    .backward = mean_backward,
};
