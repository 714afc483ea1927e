/* Convolution and pooling of ONNX as layers: operators that a window goes over images for. */
#include "exchange/onnx/convert.h"

#include <inttypes.h>
#include <string.h>

static int set_pair(nn_onnx_item *item, const char *key, const int64_t pair[2]) {
    nn_node *list = nn_node_list(item->options->pool);
    for (int i = 0; list && i < 2; i++)
        NN_TRY(nn_node_add_text(list, NULL, nn_pool_printf(list->pool, "%" PRId64, pair[i])));
    return list ? nn_node_add(item->options, key, list) : NN_EMEMORY;
}

typedef struct window {
    int64_t size[2], stride[2], dilation[2], pads[4]; /* top, left, bottom, right */
    bool same; /* output as large as input, by PyTorch's `same` */
} window;

static bool within(int64_t number, int64_t least) {
    return number >= least && number <= 10000;
}

/* NULL, or why it is no window of nnmpi. */
static const char *read_window(nn_onnx_conversion *c, window *w) {
    const char *padding = nn_onnx_get_text(c, "auto_pad", "NOTSET");
    bool size = nn_onnx_get_ints(c, "kernel_shape", 2, 1, w->size),
         stride = nn_onnx_get_ints(c, "strides", 2, 1, w->stride),
         dilation = nn_onnx_get_ints(c, "dilations", 2, 1, w->dilation),
         pads = nn_onnx_get_ints(c, "pads", 4, 0, w->pads);
    if (!size || !stride || !dilation || !pads)
        return "only windows of images have a layer";
    for (int d = 0; d < 2; d++)
        if (!within(w->size[d], 1) || !within(w->stride[d], 1) || !within(w->dilation[d], 1) ||
            !within(w->pads[d], 0) || !within(w->pads[d + 2], 0))
            return "sizes of windows go up to 10000";
    w->same = w->pads[0] != w->pads[2] || w->pads[1] != w->pads[3];
    for (int d = 0; d < 2 && w->same; d++) {
        int64_t total = w->dilation[d] * (w->size[d] - 1);
        if (w->pads[d] != total / 2 || w->pads[d + 2] != total - total / 2 || w->stride[d] != 1)
            return "pads are neither the same on both sides nor those of `same`";
    }
    return strcmp(padding, "NOTSET") == 0 || strcmp(padding, "VALID") == 0 ? NULL
                                                                           : "auto_pad; give pads";
}

static int set_window(nn_onnx_item *item, const char *size, const window *w) {
    NN_TRY(set_pair(item, size, w->size));
    NN_TRY(set_pair(item, "stride", w->stride));
    return w->same ? nn_onnx_set(item, "padding", "same") : set_pair(item, "padding", w->pads);
}

int nn_onnx_from_conv(nn_onnx_conversion *c, const char *kind) {
    const nn_file_tensor *weight = nn_onnx_in_constant(c, 1, 4),
                         *bias = nn_onnx_in_constant(c, 2, 1);
    nn_onnx_item *item;
    window w;
    const char *why = read_window(c, &w);
    if (why || !weight || (nn_onnx_given(c, 2) && !bias))
        return nn_onnx_no(c,
                          why ? why : "it wants a constant kernel of images and a constant bias");
    NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    if (!item)
        return 0;
    memcpy(w.size, weight->dim + 2, sizeof w.size);
    NN_TRY(nn_onnx_set(item, "filters", "%" PRId64, weight->dim[0]));
    NN_TRY(set_window(item, "kernel", &w));
    NN_TRY(set_pair(item, "dilation", w.dilation));
    NN_TRY(nn_onnx_set(item, "groups", "%" PRId64, nn_onnx_get_int(c, "group", 1)));
    NN_TRY(nn_onnx_set(item, "bias", bias ? "true" : "false"));
    NN_TRY(nn_onnx_add_weight(c, item, "weight", weight, false));
    return bias ? nn_onnx_add_weight(c, item, "bias", bias, false) : 0;
}

int nn_onnx_from_pool(nn_onnx_conversion *c, const char *kind) {
    bool average = strcmp(kind, "avg_pool") == 0, ceil = nn_onnx_get_int(c, "ceil_mode", 0) != 0;
    bool counts = nn_onnx_get_int(c, "count_include_pad", 0) != 0;
    nn_onnx_item *item;
    window w;
    const char *why = read_window(c, &w);
    if (!why && (w.same || w.dilation[0] != 1 || w.dilation[1] != 1))
        why = "pooling has the same padding on both sides and no dilation";
    if (!why && ceil && average && counts)
        why = "ceil_mode with padding that counts, on which runtimes do not agree";
    if (why)
        return nn_onnx_no(c, why);
    NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    if (!item)
        return 0;
    NN_TRY(set_window(item, "size", &w));
    NN_TRY(nn_onnx_set(item, "ceil_mode", ceil ? "true" : "false"));
    return average ? nn_onnx_set(item, "count_include_pad", counts ? "true" : "false") : 0;
}
