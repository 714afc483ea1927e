/* Two dimensions swapped, as PyTorch's transpose does. */
#include "math/parallel.h"
#include "nn/layers/layers.h"
#include "nn/layers/shape/axis.h"
#include "nn/layers/shape/user_order.h"

#include <string.h>

#define GRAIN 16384 /* elements worth a fork and join */

struct transpose {
    int64_t dim[2];
};

#define DIM(i) offsetof(struct transpose, dim[i])

static const nn_option transpose_options[] = {
    {"dim0", NN_OPT_INT, DIM(0), "1", "[-4, 4]",
     "dimension as in PyTorch, where 0 is the minibatch and images are [N, C, H, W]; below 0 from "
     "the end"},
    {"dim1", NN_OPT_INT, DIM(1), "2", "[-4, 4]", "the one that it is swapped with"},
    NN_OPTION_END};

static int transpose_plan(nn_layer *layer) {
    const struct transpose *o = layer->options;
    int d[2];
    for (int i = 0; i < 2; i++) {
        if (o->dim[i] == 0)
            return nn_layer_fail(layer, "dim%d: 0 is the minibatch, which stays where it is", i);
        NN_TRY(nn_axis_check(layer, i == 0 ? "dim0" : "dim1", o->dim[i]));
        d[i] = nn_axis_dimension(layer, o->dim[i]);
    }
    if (d[0] == d[1])
        return nn_layer_fail(layer, "dim0 and dim1 are one dimension: name two");
    layer->flags = NN_LAYER_USER_ORDER;
    layer->out = layer->in[0];
    layer->out.dim[d[0]] = layer->in[0].dim[d[1]];
    layer->out.dim[d[1]] = layer->in[0].dim[d[0]];
    return 0;
}

static int transpose_check_lengths(const nn_layer *layer) {
    return nn_layer_fail(layer, "sequences with lengths (len) cannot be transposed: steps become "
                                "features, which all count");
}

/* Samples [outer][a][middle][b][inner] that become [outer][b][middle][a][inner]. */
struct swap {
    size_t outer, a, middle, b, inner;
    const nn_real *from;
    nn_real *to;
};

static size_t product(const nn_shape *shape, int begin, int end) {
    size_t count = 1;
    for (int i = begin; i < end; i++)
        count *= (size_t)shape->dim[i];
    return count;
}

static void swap_samples(void *ctx, size_t begin, size_t end) {
    const struct swap *s = ctx;
    size_t run = s->inner;
    for (size_t i = begin * s->outer; i < end * s->outer; i++)
        for (size_t p = 0; p < s->a; p++)
            for (size_t m = 0; m < s->middle; m++)
                for (size_t q = 0; q < s->b; q++)
                    memcpy(s->to + (((i * s->b + q) * s->middle + m) * s->a + p) * run,
                           s->from + (((i * s->a + p) * s->middle + m) * s->b + q) * run,
                           run * sizeof *s->to);
}

static void swap(const nn_layer *layer, const nn_shape *shape, size_t batch, const nn_real *from,
                 nn_real *to) {
    const struct transpose *o = layer->options;
    int d = nn_axis_dimension(layer, o->dim[0]), e = nn_axis_dimension(layer, o->dim[1]);
    int low = d < e ? d : e, high = d < e ? e : d;
    struct swap s = {.outer = product(shape, 0, low),
                     .a = (size_t)shape->dim[low],
                     .middle = product(shape, low + 1, high),
                     .b = (size_t)shape->dim[high],
                     .inner = product(shape, high + 1, shape->rank),
                     .from = from,
                     .to = to};
    if (s.middle == 1 && s.inner == 1)
        nn_transpose_samples(layer->compute, batch * s.outer, s.a, s.b, from, to);
    else
        nn_parallel(layer->compute, batch, 1 + GRAIN / nn_shape_count(shape), swap_samples, &s);
}

static void transpose_forward(const nn_layer *layer, const nn_io *io) {
    swap(layer, &layer->in[0], io->batch, io->x[0], io->y);
}

static void transpose_backward(const nn_layer *layer, const nn_io *io) {
    if (io->dx[0])
        swap(layer, &layer->out, io->batch, io->dy, io->dx[0]);
}

const nn_layer_ops nn_layer_transpose = {
    .entry = {"transpose",
              "two dimensions swapped, e.g. channels and pixels of an image that is reshaped to "
              "[channels, pixels], so that pixels are the steps of a sequence",
              transpose_options, sizeof(struct transpose)},
    .plan = transpose_plan,
    .check_lengths = transpose_check_lengths,
    .forward = transpose_forward,
    .backward = transpose_backward,
};
