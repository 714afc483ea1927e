/* A range of one dimension, whose gradient is that of the range, and 0 elsewhere. */
#include "nn/layers/layers.h"
#include "nn/layers/shape/axis.h"

#include <string.h>

struct slice {
    int64_t axis, begin, end;
};

static const nn_option slice_options[] = {
    {"axis", NN_OPT_INT, offsetof(struct slice, axis), "", "[-4, 4]",
     "dimension as in PyTorch, where 0 is the minibatch and images are [N, C, H, W]; below 0 from "
     "the end; default: the channels of images (1), else the last"},
    {"begin", NN_OPT_INT, offsetof(struct slice, begin), "0", "[-2147483647, 2147483647]",
     "first index, from 0; below 0 from the end: -1 is the last one"},
    {"end", NN_OPT_INT, offsetof(struct slice, end), "0", "[-2147483647, 2147483647]",
     "index behind the last one; below 0 from the end; 0: up to the end"},
    NN_OPTION_END};

/* The first index, and in `count` how many there are; where the range is empty or reaches beyond
 * the dimension, 0. */
static int64_t range_of(const nn_layer *layer, int64_t *count) {
    const struct slice *o = layer->options;
    int64_t size = layer->in[0].dim[nn_axis_dimension(layer, o->axis)];
    int64_t begin = o->begin < 0 ? o->begin + size : o->begin;
    int64_t end = o->end <= 0 ? o->end + size : o->end;
    *count = begin >= 0 && begin < end && end <= size ? end - begin : 0;
    return begin;
}

static int slice_plan(nn_layer *layer) {
    const struct slice *o = layer->options;
    int64_t count;
    NN_TRY(nn_axis_check(layer, "axis", o->axis));
    int d = nn_axis_dimension(layer, o->axis);
    (void)range_of(layer, &count);
    if (count == 0)
        return nn_layer_fail(
            layer, "begin: %lld, end: %lld are no range of the %lld indices of axis %d",
            (long long)o->begin, (long long)o->end, (long long)layer->in[0].dim[d], d + 1);
    layer->out = layer->in[0];
    layer->out.dim[d] = count;
    return 0;
}

/* Steps of sequences [T, F], or of the indices [T] that the data are. */
static bool is_of_steps(const nn_layer *layer) {
    bool indices = layer->in[0].rank == 1 && nn_layer_is_input(layer->input[0]);
    return (layer->in[0].rank == 2 || indices) &&
           nn_axis_dimension(layer, ((const struct slice *)layer->options)->axis) == 0;
}

static int slice_check_lengths(const nn_layer *layer) {
    const struct slice *o = layer->options;
    int64_t count;
    if (!is_of_steps(layer) || (range_of(layer, &count) == 0 && o->end >= 0))
        return 0;
    return nn_layer_fail(layer,
                         "begin: %lld, end: %lld: steps of sequences with lengths (len) count from "
                         "the first one on, so a range of them has begin: 0 and no end below 0; "
                         "the last step that counts is what recurrent layers return",
                         (long long)o->begin, (long long)o->end);
}

/* Copies the range between the whole tensor and the layer's output. */
static void copy(const nn_layer *layer, const nn_io *io, bool out, const nn_real *from,
                 nn_real *to) {
    int d = nn_axis_dimension(layer, ((const struct slice *)layer->options)->axis);
    int64_t count, begin = range_of(layer, &count);
    size_t part = nn_axis_run(&layer->out, d), whole = nn_axis_run(&layer->in[0], d);
    size_t runs = io->batch * (nn_shape_count(&layer->out) / part);
    size_t at = (size_t)begin * (whole / (size_t)layer->in[0].dim[d]);
    for (size_t r = 0; r < runs; r++)
        memcpy(to + (out ? r * part : r * whole + at), from + (out ? r * whole + at : r * part),
               part * sizeof *to);
}

static void slice_forward(const nn_layer *layer, const nn_io *io) {
    copy(layer, io, true, io->x[0], io->y);
}

static void slice_backward(const nn_layer *layer, const nn_io *io) {
    if (!io->dx[0])
        return;
    memset(io->dx[0], 0, io->batch * nn_shape_count(&layer->in[0]) * sizeof(nn_real));
    copy(layer, io, false, io->dy, io->dx[0]);
}

const nn_layer_ops nn_layer_slice = {
    .entry = {"slice",
              "a range of one dimension, e.g. the last step of sequences; where these have lengths "
              "(len), a range of steps begins with the first one and has no end below 0",
              slice_options, sizeof(struct slice)},
    .plan = slice_plan,
    .check_steps = nn_layer_each_step,
    .check_lengths = slice_check_lengths,
    .forward = slice_forward,
    .backward = slice_backward,
};
