/* Convolution and pooling of ONNX as layers: operators that a window goes over sequences, images or
 * volumes for. Sequences are [N, F, T] there, and their layers read [N, T, F]. */
#include "exchange/onnx/convert.h"

#include <inttypes.h>
#include <string.h>

typedef struct window {
    size_t dims;                                      /* directions, 1 to 3 */
    int64_t size[3], stride[3], dilation[3], pads[6]; /* pads: in front of each, then behind */
    const char *padding; /* as the layer calls it; NULL: the same on both sides */
} window;

static int set_lengths(nn_onnx_item *item, const char *key, const window *w,
                       const int64_t *length) {
    if (w->dims == 1)
        return nn_onnx_set(item, key, "%" PRId64, *length);
    nn_node *list = nn_node_list(item->options->pool);
    for (size_t i = 0; list && i < w->dims; i++)
        NN_TRY(nn_node_add_text(list, NULL, nn_pool_printf(list->pool, "%" PRId64, length[i])));
    return list ? nn_node_add(item->options, key, list) : NN_EMEMORY;
}

static bool within(int64_t number, int64_t least) {
    return number >= least && number <= 10000;
}

/* The name of pads that differ, `same` or of sequences `causal`; NULL: they have none. */
static const char *name_padding(const window *w) {
    bool same = true, causal = w->dims == 1;
    for (size_t d = 0; d < w->dims; d++) {
        int64_t total = w->dilation[d] * (w->size[d] - 1);
        int64_t before = w->pads[d], after = w->pads[d + w->dims];
        same = same && before == total / 2 && after == total - before && w->stride[d] == 1;
        causal = causal && before == total && after == 0;
    }
    return same ? "same" : causal ? "causal" : NULL;
}

/* The pads of auto_pad, which PyTorch writes for padding="same"; false: it has no such pads. */
static bool pad_alike(const char *how, window *w) {
    bool upper = strcmp(how, "SAME_UPPER") == 0;
    if (!upper && strcmp(how, "SAME_LOWER") != 0)
        return strcmp(how, "NOTSET") == 0 || strcmp(how, "VALID") == 0;
    for (size_t d = 0; d < w->dims; d++) {
        int64_t total = w->dilation[d] * (w->size[d] - 1), less = total / 2;
        if (w->stride[d] != 1)
            return false;
        w->pads[d] = upper ? less : total - less;
        w->pads[d + w->dims] = total - w->pads[d];
    }
    return true;
}

/* Of a kernel with these lengths; NULL: they are an attribute. NULL, or why it is no window of
 * nnmpi. */
static const char *read_window(nn_onnx_conversion *c, size_t dims, const int64_t *kernel,
                               window *w) {
    *w = (window){.dims = dims};
    if (dims < 1 || dims > 3 || !nn_onnx_get_ints(c, "kernel_shape", dims, 1, w->size) ||
        !nn_onnx_get_ints(c, "strides", dims, 1, w->stride) ||
        !nn_onnx_get_ints(c, "dilations", dims, 1, w->dilation) ||
        !nn_onnx_get_ints(c, "pads", 2 * dims, 0, w->pads))
        return "only windows of one to three directions have a layer";
    if (kernel)
        memcpy(w->size, kernel, dims * sizeof *kernel);
    bool differ = false;
    for (size_t d = 0; d < dims; d++)
        if (!within(w->size[d], 1) || !within(w->stride[d], 1) || !within(w->dilation[d], 1))
            return "sizes of windows go up to 10000";
    if (!pad_alike(nn_onnx_get_text(c, "auto_pad", "NOTSET"), w))
        return "auto_pad with strides; give pads";
    for (size_t d = 0; d < dims; d++) {
        if (!within(w->pads[d], 0) || !within(w->pads[d + dims], 0))
            return "pads go up to 10000";
        differ = differ || w->pads[d] != w->pads[d + dims];
    }
    w->padding = differ ? name_padding(w) : NULL;
    if (differ && !w->padding)
        return "pads are neither the same on both sides nor those of `same`";
    return NULL;
}

static int set_window(nn_onnx_item *item, const char *size, const window *w) {
    NN_TRY(set_lengths(item, size, w, w->size));
    NN_TRY(set_lengths(item, "stride", w, w->stride));
    return w->padding ? nn_onnx_set(item, "padding", "%s", w->padding)
                      : set_lengths(item, "padding", w, w->pads);
}

/* A layer with so many directions; of sequences on their channels, whose place it keeps. */
static int add_layer(nn_onnx_conversion *c, const char *const kind[3], size_t dims,
                     nn_onnx_item **item) {
    nn_onnx_form form = dims == 1 ? NN_ONNX_CHANNELS : NN_ONNX_SAMPLES;
    const char *name = dims == 1 ? kind[0] : dims == 2 ? kind[1] : kind[2];
    NN_TRY(nn_onnx_add_layer_on(c, name, form, 0, item));
    return *item ? nn_onnx_give(c, 0, (nn_onnx_value){.form = form, .layer = *item}) : 0;
}

int nn_onnx_from_conv(nn_onnx_conversion *c, const char *kind) {
    static const char *const kinds[] = {"conv1d", "conv2d", "conv3d"};
    const nn_file_tensor *weight = nn_onnx_in_constant(c, 1, -1),
                         *bias = nn_onnx_in_constant(c, 2, 1);
    nn_onnx_item *item;
    window w;
    (void)kind;
    if (!weight || weight->rank < 3 || weight->rank > 5 || (nn_onnx_given(c, 2) && !bias))
        return nn_onnx_no(c, "it wants a constant kernel of one to three directions and a constant "
                             "bias");
    const char *why = read_window(c, (size_t)weight->rank - 2, weight->dim + 2, &w);
    if (why)
        return nn_onnx_no(c, why);
    NN_TRY(add_layer(c, kinds, w.dims, &item));
    if (!item)
        return 0;
    NN_TRY(nn_onnx_set(item, "filters", "%" PRId64, weight->dim[0]));
    NN_TRY(set_window(item, "kernel", &w));
    NN_TRY(set_lengths(item, "dilation", &w, w.dilation));
    NN_TRY(nn_onnx_set(item, "groups", "%" PRId64, nn_onnx_get_int(c, "group", 1)));
    NN_TRY(nn_onnx_set(item, "bias", bias ? "true" : "false"));
    NN_TRY(nn_onnx_add_weight(c, item, "weight", weight, false));
    return bias ? nn_onnx_add_weight(c, item, "bias", bias, false) : 0;
}

/* The weight is [inputs, filters / groups, ...]. */
int nn_onnx_from_conv_transpose(nn_onnx_conversion *c, const char *kind) {
    static const char *const kinds[] = {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"};
    const nn_file_tensor *weight = nn_onnx_in_constant(c, 1, -1),
                         *bias = nn_onnx_in_constant(c, 2, 1);
    int64_t groups = nn_onnx_get_int(c, "group", 1), more[3];
    nn_onnx_item *item;
    window w;
    (void)kind;
    if (!weight || weight->rank < 3 || weight->rank > 5 || (nn_onnx_given(c, 2) && !bias) ||
        !within(weight->dim[1], 1) || !within(groups, 1) ||
        nn_onnx_attribute_of(c->op, "output_shape") ||
        !nn_onnx_get_ints(c, "output_padding", (size_t)weight->rank - 2, 0, more))
        return nn_onnx_no(c, "it wants a constant kernel of one to three directions, a constant "
                             "bias, and output_padding in the place of output_shape");
    const char *why = read_window(c, (size_t)weight->rank - 2, weight->dim + 2, &w);
    if (why || w.padding || strncmp(nn_onnx_get_text(c, "auto_pad", ""), "SAME", 4) == 0)
        return nn_onnx_no(c, why ? why : "pads are not the same on both sides");
    NN_TRY(add_layer(c, kinds, w.dims, &item));
    if (!item)
        return 0;
    NN_TRY(nn_onnx_set(item, "filters", "%" PRId64, groups * weight->dim[1]));
    NN_TRY(set_window(item, "kernel", &w));
    NN_TRY(set_lengths(item, "dilation", &w, w.dilation));
    NN_TRY(set_lengths(item, "output_padding", &w, more));
    NN_TRY(nn_onnx_set(item, "groups", "%" PRId64, groups));
    NN_TRY(nn_onnx_set(item, "bias", bias ? "true" : "false"));
    NN_TRY(nn_onnx_add_weight(c, item, "weight", weight, false));
    return bias ? nn_onnx_add_weight(c, item, "bias", bias, false) : 0;
}

/* By whole factors: each element repeated, or what lies between neighbours. */
int nn_onnx_from_resize(nn_onnx_conversion *c, const char *kind) {
    static const char *const kinds[] = {"upsample1d", "upsample", "upsample3d"};
    static const char *const linear[] = {"linear", "bilinear", "trilinear"};
    const char *mode = nn_onnx_get_text(c, "mode", "nearest"),
               *place = nn_onnx_get_text(c, "coordinate_transformation_mode", "half_pixel"),
               *rounding = nn_onnx_get_text(c, "nearest_mode", "round_prefer_floor");
    const nn_file_tensor *scales = nn_onnx_in_constant(c, 2, 1);
    bool nearest = strcmp(mode, "nearest") == 0;
    int64_t by[5] = {0};
    int count = scales ? nn_onnx_whole(scales, 5, by) : 0;
    nn_onnx_item *item;
    (void)kind;
    bool whole = count >= 3 && by[0] == 1 && by[1] == 1;
    for (size_t i = 0; whole && i < scales->count; i++)
        whole = within(by[i], 1) &&
                scales->type->get(scales->bytes + i * scales->type->size) == (double)by[i];
    if (!whole || nn_onnx_given(c, 3) ||
        (nearest ? strcmp(place, "asymmetric") != 0 || strcmp(rounding, "floor") != 0
                 : strcmp(mode, "linear") != 0 || !strstr(place, "half_pixel")))
        return nn_onnx_no(c, "it is neither nearest (asymmetric, floor) nor linear (half_pixel) "
                             "by whole scales that are constants");
    window w = {.dims = (size_t)count - 2};
    NN_TRY(add_layer(c, kinds, w.dims, &item));
    if (!item)
        return 0;
    NN_TRY(nn_onnx_set(item, "mode", "%s", nearest ? mode : linear[w.dims - 1]));
    return set_lengths(item, "scale", &w, by + 2);
}

/* Around images, the same on both sides; PyTorch puts one that adds nothing before average pooling.
 */
int nn_onnx_from_pad(nn_onnx_conversion *c, const char *kind) {
    const char *mode = nn_onnx_get_text(c, "mode", "constant");
    const nn_file_tensor *pads = nn_onnx_in_constant(c, 1, 1);
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    int64_t by[8];
    window w = {.dims = 2};
    nn_onnx_item *item;
    if (x && pads && nn_onnx_is_zero(c, 1))
        return nn_onnx_give(c, 0, *x);
    bool zeros = strcmp(mode, "constant") == 0, fits = nn_onnx_whole(pads, 8, by) == 8;
    for (int i = 0; fits && i < 4; i++)
        fits = by[i] == by[i + 4] && within(by[i], 0) && (i > 1 || by[i] == 0);
    if (!fits || nn_onnx_given(c, 3) || (zeros && !nn_onnx_is_zero(c, 2)) ||
        (!zeros && strcmp(mode, "reflect") != 0 && strcmp(mode, "edge") != 0))
        return nn_onnx_no(c, "padding is that of a convolution or of pooling, by its pads, or the "
                             "same on both sides of images");
    NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    if (!item)
        return 0;
    item->ranks = 1U << 3;
    NN_TRY(nn_onnx_set(item, "mode", "%s", zeros ? "zeros" : mode));
    return set_lengths(item, "padding", &w, by + 2);
}

int nn_onnx_from_pool(nn_onnx_conversion *c, const char *kind) {
    static const char *const largest[] = {"max_pool1d", "max_pool", "max_pool3d"};
    static const char *const mean[] = {"avg_pool1d", "avg_pool", "avg_pool3d"};
    bool average = strcmp(kind, "avg_pool") == 0, ceil = nn_onnx_get_int(c, "ceil_mode", 0) != 0;
    bool counts = nn_onnx_get_int(c, "count_include_pad", 0) != 0;
    const nn_onnx_attribute *size = nn_onnx_attribute_of(c->op, "kernel_shape");
    nn_onnx_item *item;
    window w;
    const char *why = read_window(c, size ? size->count : 0, NULL, &w);
    for (size_t d = 0; !why && d < w.dims; d++)
        if (w.padding || w.dilation[d] != 1)
            why = "pooling has the same padding on both sides and no dilation";
    if (!why && ceil && average && counts)
        why = "ceil_mode with padding that counts, on which runtimes do not agree";
    if (why)
        return nn_onnx_no(c, why);
    NN_TRY(add_layer(c, average ? mean : largest, w.dims, &item));
    if (!item)
        return 0;
    NN_TRY(set_window(item, "size", &w));
    NN_TRY(nn_onnx_set(item, "ceil_mode", ceil ? "true" : "false"));
    return average ? nn_onnx_set(item, "count_include_pad", counts ? "true" : "false") : 0;
}
