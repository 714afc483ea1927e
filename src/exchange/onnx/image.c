/* Convolution, pooling and normalisation in ONNX. */
#include "exchange/onnx/graph.h"
#include "nn/layers/image/window.h"

#include <string.h>

/* x [N, H, W] as images of one channel. */
static const char *image_of(nn_onnx_graph *g, const char *x) {
    const int64_t *dim = g->layer->in[0].dim;
    return g->layer->in[0].rank == 3 ? x : nn_onnx_reshape(g, x, 3, (int64_t[]){1, dim[0], dim[1]});
}

static void window_ints(nn_onnx_graph *g, const nn_window *w) {
    nn_onnx_ints(g, "kernel_shape", 2, w->size);
    nn_onnx_ints(g, "strides", 2, w->stride);
    nn_onnx_ints(g, "pads", 4, (int64_t[]){w->before[0], w->before[1], w->after[0], w->after[1]});
}

/* Options that the layer has read itself, and so found to be right; what is not there stays. */
static void read_pair(const nn_onnx_graph *g, const char *key, int64_t out[2]) {
    const nn_node *node = nn_node_get(g->layer->node, key);
    if (node && !nn_node_is_null(node))
        (void)nn_window_pair(g->layer, node, key, 0, INT64_MAX, out);
}

const char *nn_onnx_conv2d(nn_onnx_graph *g, const char *op, const char *const *x) {
    const nn_node *padding = nn_node_get(g->layer->node, "padding");
    nn_window w = {.stride = {1, 1}, .dilation = {1, 1}};
    const char *y = NN_ONNX_NODE(g, "Conv", image_of(g, x[0]), nn_onnx_param(g, "weight"),
                                 nn_onnx_param(g, "bias"));
    (void)op;
    read_pair(g, "kernel", w.size);
    read_pair(g, "stride", w.stride);
    read_pair(g, "dilation", w.dilation);
    bool same = padding && padding->kind == NN_NODE_SCALAR && strcmp(padding->text, "same") == 0;
    if (!same)
        read_pair(g, "padding", w.before);
    for (int d = 0; d < 2; d++) {
        int64_t total = w.dilation[d] * (w.size[d] - 1);
        w.before[d] = same ? total / 2 : w.before[d];
        w.after[d] = same ? total - total / 2 : w.before[d];
    }
    window_ints(g, &w);
    nn_onnx_ints(g, "dilations", 2, w.dilation);
    nn_onnx_int(g, "group", nn_onnx_option_int(g, "groups", 1));
    return y;
}

/* The window of a pooling layer, padded behind as far as the last one reaches: then there is no
 * need of ceil_mode, which runtimes do not agree on. True where that is more than before. */
static bool pool_window(const nn_onnx_graph *g, nn_window *w) {
    const nn_shape *in = &g->layer->in[0], *out = &g->layer->out;
    bool beyond = false;
    read_pair(g, "size", w->size);
    memcpy(w->stride, w->size, sizeof w->stride);
    read_pair(g, "stride", w->stride);
    read_pair(g, "padding", w->before);
    for (int d = 0; d < 2; d++) {
        int64_t last = (out->dim[out->rank - 2 + d] - 1) * w->stride[d];
        int64_t reach = last + w->size[d] - in->dim[in->rank - 2 + d] - w->before[d];
        w->after[d] = reach > w->before[d] ? reach : w->before[d];
        beyond = beyond || reach > w->before[d];
    }
    return beyond;
}

static const char *pool(nn_onnx_graph *g, const char *op, const char *x, bool average) {
    nn_window w = {.dilation = {1, 1}};
    bool beyond = pool_window(g, &w), counts = nn_onnx_option_bool(g, "count_include_pad");
    if (beyond && counts)
        return nn_onnx_refuse(g, "ceil_mode of avg_pool with padding that counts");
    const char *y = NN_ONNX_NODE(g, op, image_of(g, x));
    window_ints(g, &w);
    if (average)
        nn_onnx_int(g, "count_include_pad", counts);
    if (g->layer->in[0].rank == 3)
        return y;
    return nn_onnx_reshape(g, y, g->layer->out.rank, g->layer->out.dim);
}

const char *nn_onnx_max_pool(nn_onnx_graph *g, const char *op, const char *const *x) {
    (void)op;
    return pool(g, "MaxPool", x[0], false);
}

const char *nn_onnx_avg_pool(nn_onnx_graph *g, const char *op, const char *const *x) {
    (void)op;
    return pool(g, "AveragePool", x[0], true);
}

const char *nn_onnx_global_avg_pool(nn_onnx_graph *g, const char *op, const char *const *x) {
    (void)op;
    const char *y = NN_ONNX_NODE(g, "GlobalAveragePool", image_of(g, x[0]));
    return nn_onnx_reshape(g, y, 1, g->layer->out.dim);
}

/* ---- normalisation --------------------------------------------------------------------------- */

/* The parameter, or as many equal numbers where the layer has none. */
static const char *param_or(nn_onnx_graph *g, const char *name, double value, int rank,
                            const int64_t *dim) {
    const char *param = nn_onnx_param(g, name);
    size_t count = 1;
    if (param)
        return param;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dim[i];
    float *equal = nn_pool_alloc(g->pool, count * sizeof *equal);
    for (size_t i = 0; equal && i < count; i++)
        equal[i] = (float)value;
    g->message.failed = g->message.failed || !equal;
    return equal ? nn_onnx_constant(g, name, rank, dim, equal) : "";
}

/* ONNX has channels on axis 1; where they stand last they go there and back. */
const char *nn_onnx_batch_norm(nn_onnx_graph *g, const char *op, const char *const *x) {
    const nn_shape *in = &g->layer->in[0];
    int axis = 1 + nn_shape_channel_axis(in);
    int64_t there[NN_MAX_RANK + 1] = {0, axis}, back[NN_MAX_RANK + 1] = {0};
    size_t rank = (size_t)in->rank + 1;
    int64_t channels = nn_shape_channels(in);
    (void)op;
    for (int i = 2; i <= axis; i++)
        there[i] = i - 1;
    for (int i = 1; i < axis; i++)
        back[i] = i + 1;
    back[axis] = 1;
    const char *y = axis > 1 ? nn_onnx_transpose(g, x[0], rank, there) : x[0];
    y = NN_ONNX_NODE(g, "BatchNormalization", y, param_or(g, "weight", 1, 1, &channels),
                     param_or(g, "bias", 0, 1, &channels), nn_onnx_param(g, "running_mean"),
                     nn_onnx_param(g, "running_var"));
    nn_onnx_float(g, "epsilon", nn_onnx_option_real(g, "eps"));
    return axis > 1 ? nn_onnx_transpose(g, y, rank, back) : y;
}

const char *nn_onnx_layer_norm(nn_onnx_graph *g, const char *op, const char *const *x) {
    const nn_shape *in = &g->layer->in[0];
    int dims = (int)nn_onnx_option_int(g, "dims", 1);
    const int64_t *dim = in->dim + in->rank - dims;
    (void)op;
    const char *y = NN_ONNX_NODE(g, "LayerNormalization", x[0], param_or(g, "weight", 1, dims, dim),
                                 param_or(g, "bias", 0, dims, dim));
    nn_onnx_int(g, "axis", -dims);
    nn_onnx_float(g, "epsilon", nn_onnx_option_real(g, "eps"));
    return y;
}
