#include "nn/layers/image/window.h"

#include "base/text.h"

#include <string.h>

static int bind_number(const nn_layer *layer, const nn_node *node, const char *key, int64_t low,
                       int64_t high, int64_t *out) {
    if (node->kind == NN_NODE_SCALAR && !node->quoted && nn_text_to_int(node->text, out) &&
        *out >= low && *out <= high)
        return 0;
    return nn_node_fail(node,
                        "%s%s%s of layer '%s' must be a whole number from %lld to %lld, or a list "
                        "[rows, columns] of two",
                        key, node->kind == NN_NODE_SCALAR ? " = " : "",
                        node->kind == NN_NODE_SCALAR ? node->text : "", layer->name, (long long)low,
                        (long long)high);
}

int nn_window_pair(const nn_layer *layer, const nn_node *node, const char *key, int64_t low,
                   int64_t high, int64_t out[2]) {
    if (!node)
        return 0;
    if (node->kind == NN_NODE_LIST && node->count == 2) {
        NN_TRY(bind_number(layer, node->item[0], key, low, high, &out[0]));
        return bind_number(layer, node->item[1], key, low, high, &out[1]);
    }
    NN_TRY(bind_number(layer, node, key, low, high, &out[0]));
    out[1] = out[0];
    return 0;
}

int nn_window_image(const nn_layer *layer, nn_shape *image) {
    *image = nn_image_in_memory(&layer->in[0]);
    if (image->rank == 0)
        return nn_layer_fail(layer, "it works on images, [channels, rows, columns] or "
                                    "[rows, columns]; `reshape` makes one of a vector");
    return 0;
}

int nn_window_count(const nn_layer *layer, const nn_window *window, const nn_shape *image,
                    int64_t out[2]) {
    for (int d = 0; d < 2; d++) {
        int64_t in = image->dim[d], padded = in + window->before[d] + window->after[d];
        int64_t reach = window->dilation[d] * (window->size[d] - 1) + 1;
        int64_t stride = window->stride[d], room = padded - reach + (window->ceil ? stride - 1 : 0);
        if (room < 0)
            return nn_layer_fail(layer,
                                 "the window covers %lld %s but the image has only %lld with its "
                                 "padding; make it smaller or pad more",
                                 (long long)reach, d ? "columns" : "rows", (long long)padded);
        out[d] = room / stride + 1;
        if (window->ceil && (out[d] - 1) * stride >= in + window->before[d])
            out[d]--;
    }
    return 0;
}

void nn_window_set_kernel(const nn_window *window, nn_conv *conv) {
    for (int d = 0; d < 2; d++) {
        conv->kernel[d] = (size_t)window->size[d];
        conv->stride[d] = (size_t)window->stride[d];
        conv->dilation[d] = (size_t)window->dilation[d];
        conv->pad[d] = (size_t)window->before[d];
    }
}
