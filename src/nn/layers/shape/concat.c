/* Its inputs side by side along one dimension; the others are equal. */
#include "nn/layers/layers.h"
#include "nn/layers/shape/axis.h"

#include <string.h>

struct concat {
    int64_t axis;
};

static const nn_option concat_options[] = {
    {"axis", NN_OPT_INT, offsetof(struct concat, axis), "", "[-4, 4]",
     "dimension as in PyTorch, where 0 is the minibatch and images are [N, C, H, W]; below 0 from "
     "the end; default: the channels of images (1), else the last"},
    NN_OPTION_END};

static int dimension_of(const nn_layer *layer) {
    return nn_axis_dimension(layer, ((const struct concat *)layer->options)->axis);
}

static bool fits(const nn_shape *a, const nn_shape *b, int dimension) {
    nn_shape same = *b;
    if (a->rank != b->rank)
        return false;
    same.dim[dimension] = a->dim[dimension];
    return nn_shape_equal(a, &same);
}

static int concat_plan(nn_layer *layer) {
    char first[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];
    NN_TRY(nn_axis_check(layer, "axis", ((const struct concat *)layer->options)->axis));
    int d = dimension_of(layer);
    layer->out = layer->in[0];
    for (size_t i = 1; i < layer->inputs; i++) {
        if (!fits(&layer->in[0], &layer->in[i], d))
            return nn_layer_fail(layer,
                                 "'%s' gives %s but '%s' gives %s; they may differ in axis "
                                 "%d only",
                                 layer->input[0]->name, nn_shape_text(&layer->in[0], first),
                                 layer->input[i]->name, nn_shape_text(&layer->in[i], other), d + 1);
        layer->out.dim[d] += layer->in[i].dim[d];
    }
    return 0;
}

static void concat_forward(const nn_layer *layer, const nn_io *io) {
    int d = dimension_of(layer);
    size_t whole = nn_axis_run(&layer->out, d);
    size_t runs = io->batch * (nn_shape_count(&layer->out) / whole), at = 0;
    for (size_t i = 0; i < layer->inputs; i++) {
        size_t run = nn_axis_run(&layer->in[i], d);
        for (size_t r = 0; r < runs; r++)
            memcpy(io->y + r * whole + at, io->x[i] + r * run, run * sizeof *io->y);
        at += run;
    }
}

static void concat_backward(const nn_layer *layer, const nn_io *io) {
    int d = dimension_of(layer);
    size_t whole = nn_axis_run(&layer->out, d);
    size_t runs = io->batch * (nn_shape_count(&layer->out) / whole), at = 0;
    for (size_t i = 0; i < layer->inputs; i++) {
        size_t run = nn_axis_run(&layer->in[i], d);
        for (size_t r = 0; io->dx[i] && r < runs; r++)
            memcpy(io->dx[i] + r * run, io->dy + r * whole + at, run * sizeof *io->dy);
        at += run;
    }
}

const nn_layer_ops nn_layer_concat = {
    .entry = {"concat", "its inputs side by side along one dimension, e.g. the channels",
              concat_options, sizeof(struct concat)},
    .plan = concat_plan,
    .check_steps = nn_layer_each_step,
    .forward = concat_forward,
    .backward = concat_backward,
};
