/* Reshape and flatten: the same elements in another shape. Their order is PyTorch's, in which an
 * image is [channels, rows, columns], so that the parameters of a dense layer behind mean the same
 * there. Images and volumes are channels-last in memory, so their elements move; all else is a
 * view, where nothing moves when input and output share memory. */
#include "base/text.h"
#include "nn/layers/layers.h"
#include "nn/layers/shape/user_order.h"

#include <string.h>

static int plan_shape(nn_layer *layer, const nn_shape *out) {
    bool turned_in = nn_shape_is_turned(&layer->in[0]), turned_out = nn_shape_is_turned(out);
    bool same = nn_shape_equal(&layer->in[0], out);
    layer->out = *out;
    if (same || !(turned_in || turned_out))
        layer->flags = NN_LAYER_IN_PLACE;
    else if (turned_in && turned_out)
        layer->scratch_bytes = nn_shape_count(out) * sizeof(nn_real);
    return 0;
}

static void move(const nn_compute *compute, const nn_io *io, const nn_shape *in,
                 const nn_real *from, const nn_shape *out, nn_real *to) {
    size_t count = nn_shape_count(in);
    bool turned_in = nn_shape_is_turned(in), turned_out = nn_shape_is_turned(out);
    if (!to || from == to)
        return;
    if (nn_shape_equal(in, out) || !(turned_in || turned_out)) {
        memcpy(to, from, io->batch * count * sizeof *to);
    } else if (!turned_out) {
        nn_user_order_from_memory(compute, in, io->batch, from, to);
    } else if (!turned_in) {
        nn_user_order_to_memory(compute, out, io->batch, from, to);
    } else {
        for (size_t i = 0; i < io->batch; i++) {
            nn_user_order_from_memory(compute, in, 1, from + i * count, io->scratch);
            nn_user_order_to_memory(compute, out, 1, io->scratch, to + i * count);
        }
    }
}

static void reshape_forward(const nn_layer *layer, const nn_io *io) {
    move(layer->compute, io, &layer->in[0], io->x[0], &layer->out, io->y);
}

static void reshape_backward(const nn_layer *layer, const nn_io *io) {
    move(layer->compute, io, &layer->out, io->dy, &layer->in[0], io->dx[0]);
}

/* ---- flatten -------------------------------------------------------------------------------- */

static int flatten_plan(nn_layer *layer) {
    nn_shape flat = {.rank = 1, .dim = {(int64_t)nn_shape_count(&layer->in[0])}};
    return plan_shape(layer, &flat);
}

const nn_layer_ops nn_layer_flatten = {
    .entry = {"flatten",
              "the dimensions of a sample made one, images in PyTorch's order [channels, rows, "
              "columns]",
              NULL, 0},
    .images = true,
    .plan = flatten_plan,
    .forward = reshape_forward,
    .backward = reshape_backward,
};

/* ---- reshape -------------------------------------------------------------------------------- */

struct reshape {
    const nn_node *shape;
};

static const nn_option reshape_options[] = {
    {"shape", NN_OPT_NODE, offsetof(struct reshape, shape), NULL, NULL,
     "list of 1 to 4 dimensions as PyTorch has them, images as [channels, rows, columns] and "
     "volumes "
     "as [channels, planes, rows, columns]; one may be -1: what is left"},
    NN_OPTION_END};

static int fail_shape(const nn_layer *layer, const nn_node *shape) {
    return nn_node_fail(shape,
                        "shape of layer '%s' must be a list of 1 to 4 whole numbers from 1 on, at "
                        "most one of them -1",
                        layer->name);
}

/* The dimensions as they are written; *rest is the place of -1, or -1. */
static int read_dims(const nn_layer *layer, const nn_node *list, nn_shape *shape, int *rest) {
    *rest = -1;
    *shape = (nn_shape){.rank = (int)list->count};
    if (list->kind != NN_NODE_LIST || list->count < 1 || list->count > NN_MAX_RANK)
        return fail_shape(layer, list);
    for (int i = 0; i < shape->rank; i++) {
        const nn_node *item = list->item[i];
        int64_t *dim = &shape->dim[i];
        if (item->kind != NN_NODE_SCALAR || !nn_text_to_int(item->text, dim) || *dim < -1 ||
            *dim == 0 || *dim > INT32_MAX || (*dim == -1 && *rest >= 0))
            return fail_shape(layer, item);
        if (*dim == -1)
            *rest = i;
    }
    return 0;
}

/* Replaces -1 and sees to it that the number of elements stays. */
static int complete_dims(const nn_layer *layer, const nn_node *list, nn_shape *shape, int rest) {
    size_t count = nn_shape_count(&layer->in[0]), known;
    char text[NN_SHAPE_TEXT];
    if (rest >= 0)
        shape->dim[rest] = 1;
    if (!nn_shape_fits(shape, 1))
        return nn_node_fail(list,
                            "shape of layer '%s': %s has more elements than the %zu that "
                            "come in",
                            layer->name, nn_shape_text(shape, text), count);
    known = nn_shape_count(shape);
    if (rest >= 0 && count % known == 0)
        shape->dim[rest] = (int64_t)(count / known);
    if (nn_shape_count(shape) == count)
        return 0;
    if (rest >= 0)
        return nn_node_fail(list, "shape of layer '%s': its %zu elements are no multiple of %zu",
                            layer->name, count, known);
    return nn_node_fail(list, "shape of layer '%s': %s has %zu elements, but %zu come in",
                        layer->name, nn_shape_text(shape, text), known, count);
}

static int reshape_plan(nn_layer *layer) {
    const struct reshape *o = layer->options;
    nn_shape shape;
    int rest;
    NN_TRY(read_dims(layer, o->shape, &shape, &rest));
    NN_TRY(complete_dims(layer, o->shape, &shape, rest));
    return plan_shape(layer, &shape);
}

const nn_layer_ops nn_layer_reshape = {
    .entry = {"reshape", "the same elements in another shape, in PyTorch's order", reshape_options,
              sizeof(struct reshape)},
    .images = true,
    .plan = reshape_plan,
    .forward = reshape_forward,
    .backward = reshape_backward,
};
