#include "nn/layers/image/window.h"

#include "base/text.h"

#include <string.h>

/* By directions: what a list of their lengths is, and what a layer works on. */
static const struct {
    const char *lengths, *shapes;
} texts[] = {
    [1] = {"", "sequences, [steps, features] or [steps]"},
    [2] = {", or a list [rows, columns] of two",
           "images, [channels, rows, columns] or [rows, columns]; `reshape` makes one of a vector"},
    [3] = {", or a list [planes, rows, columns] of three",
           "volumes, [channels, planes, rows, columns]; `reshape` makes one of another shape"}};

nn_sliding_window nn_sliding_window_of(int dims) {
    return (nn_sliding_window){
        .dims = dims, .size = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}};
}

static int bind_number(const nn_layer *layer, const nn_node *node, const char *key, int dims,
                       int64_t low, int64_t high, int64_t *out) {
    if (node->kind == NN_NODE_SCALAR && !node->quoted && nn_text_to_int(node->text, out) &&
        *out >= low && *out <= high)
        return 0;
    return nn_node_fail(node, "%s%s%s of layer '%s' must be a whole number from %lld to %lld%s",
                        key, node->kind == NN_NODE_SCALAR ? " = " : "",
                        node->kind == NN_NODE_SCALAR ? node->text : "", layer->name, (long long)low,
                        (long long)high, texts[dims].lengths);
}

int nn_window_lengths(const nn_layer *layer, const nn_node *node, const char *key, int dims,
                      int64_t low, int64_t high, int64_t out[3]) {
    bool list = node && node->kind == NN_NODE_LIST && node->count == (size_t)dims;
    for (int i = 0; node && i < dims; i++)
        NN_TRY(bind_number(layer, list ? node->item[i] : node, key, dims, low, high,
                           &out[3 - dims + i]));
    return 0;
}

const char *nn_window_direction(int dims, int direction) {
    static const char *const name[] = {"planes", "rows", "columns"};
    return dims == 1 ? "steps" : name[direction];
}

int nn_window_image(const nn_layer *layer, int dims, nn_shape *image) {
    const nn_shape *in = &layer->in[0];
    bool channels = in->rank == dims + 1;
    if (!channels && (in->rank != dims || dims == 3))
        return nn_layer_fail(layer, "it works on %s", texts[dims].shapes);
    *image = (nn_shape){4, {1, 1, 1, channels ? nn_shape_channels(in) : 1}};
    memcpy(image->dim + 3 - dims, in->dim + nn_window_axis(in, dims),
           (size_t)dims * sizeof *in->dim);
    return 0;
}

nn_shape nn_window_output(const nn_layer *layer, int dims, int64_t channels,
                          const int64_t length[3]) {
    nn_shape out = layer->in[0];
    if (channels) {
        out.rank = dims + 1;
        out.dim[dims == 1 ? 1 : 0] = channels;
    }
    memcpy(out.dim + nn_window_axis(&out, dims), length + 3 - dims, (size_t)dims * sizeof *length);
    return out;
}

int64_t nn_sliding_window_points(const nn_sliding_window *window) {
    return window->size[0] * window->size[1] * window->size[2];
}

int nn_sliding_window_add_params(nn_layer *layer, const nn_sliding_window *w, int64_t outer,
                                 int64_t inner, int64_t inputs, int64_t filters, bool bias) {
    int64_t points = nn_sliding_window_points(w), fan_in = inputs * points,
            fan_out = filters * points;
    int64_t dim[NN_PARAM_RANK] = {outer, inner};
    int order[NN_PARAM_RANK];
    for (int i = 0; i < w->dims; i++) {
        dim[2 + i] = w->size[3 - w->dims + i];
        order[i] = 2 + i;
    }
    order[w->dims] = 1;
    order[w->dims + 1] = 0;
    NN_TRY(nn_layer_add_param(layer, "weight", NN_PARAM_WEIGHT, 2 + w->dims, dim, fan_in, fan_out));
    nn_param_reorder(&layer->param[0], order);
    return bias ? nn_layer_add_param(layer, "bias", NN_PARAM_BIAS, 1, &filters, fan_in, fan_out)
                : 0;
}

int nn_sliding_window_count(const nn_layer *layer, const nn_sliding_window *window,
                            const nn_shape *image, int64_t out[3]) {
    for (int d = 0; d < 3; d++) {
        int64_t in = image->dim[d], padded = in + window->before[d] + window->after[d];
        int64_t reach = window->dilation[d] * (window->size[d] - 1) + 1;
        int64_t stride = window->stride[d], room = padded - reach + (window->ceil ? stride - 1 : 0);
        if (room < 0)
            return nn_layer_fail(layer,
                                 "the window covers %lld %s but the %s only %lld with "
                                 "its padding; make it smaller or pad more",
                                 (long long)reach, nn_window_direction(window->dims, d),
                                 window->dims == 1 ? "sequence has" : "image has",
                                 (long long)padded);
        out[d] = room / stride + 1;
        if (window->ceil && (out[d] - 1) * stride >= in + window->before[d])
            out[d]--;
    }
    return 0;
}

void nn_sliding_window_set_kernel(const nn_sliding_window *window, nn_conv *conv) {
    for (int d = 0; d < 3; d++) {
        conv->kernel[d] = (size_t)window->size[d];
        conv->stride[d] = (size_t)window->stride[d];
        conv->dilation[d] = (size_t)window->dilation[d];
        conv->pad[d] = (size_t)window->before[d];
    }
}

int nn_window_refuse_lengths(const nn_layer *layer) {
    return nn_layer_fail(layer, "it cannot go by the lengths of sequences (len): its output has "
                                "other steps");
}
