/* Convolution, pooling and normalisation in ONNX. */
#include "exchange/onnx/graph.h"
#include "nn/layers/image/window.h"

#include <string.h>

/* Directions of the layer's windows, or else of what it reads. */
static int dims_of(const nn_onnx_graph *g) {
    int directions = g->layer->ops->directions;
    return directions ? directions : g->layer->in[0].rank == 4 ? 3 : 2;
}

/* x [N, T, F] and the like as ONNX has it, channels on axis 1; without a dimension of channels they
 * have one. */
static const char *image_of(nn_onnx_graph *g, const char *x) {
    const nn_shape *in = &g->layer->in[0];
    int64_t shape[NN_MAX_RANK] = {1};
    if (in->rank > dims_of(g))
        return dims_of(g) == 1 ? nn_onnx_transpose(g, x, 3, (int64_t[]){0, 2, 1}) : x;
    memcpy(shape + 1, in->dim, (size_t)in->rank * sizeof *shape);
    return nn_onnx_reshape(g, x, in->rank + 1, shape);
}

/* y [N, C, ...] as what the layer gives. */
static const char *as_given(nn_onnx_graph *g, const char *y) {
    const nn_shape *out = &g->layer->out;
    if (out->rank == dims_of(g))
        return nn_onnx_reshape(g, y, out->rank, out->dim);
    return dims_of(g) == 1 ? nn_onnx_transpose(g, y, 3, (int64_t[]){0, 2, 1}) : y;
}

static void window_ints(nn_onnx_graph *g, const nn_sliding_window *w) {
    size_t dims = (size_t)w->dims, skip = 3 - dims;
    int64_t pads[6];
    memcpy(pads, w->before + skip, dims * sizeof *pads);
    memcpy(pads + dims, w->after + skip, dims * sizeof *pads);
    nn_onnx_ints(g, "kernel_shape", dims, w->size + skip);
    nn_onnx_ints(g, "strides", dims, w->stride + skip);
    nn_onnx_ints(g, "pads", 2 * dims, pads);
}

/* Options that the layer has read itself, and so found to be right; what is not there stays. */
static void read_lengths(const nn_onnx_graph *g, const char *key, int64_t out[3]) {
    const nn_node *node = nn_node_get(g->layer->node, key);
    if (node && !nn_node_is_null(node))
        (void)nn_window_lengths(g->layer, node, key, dims_of(g), 0, INT64_MAX, out);
}

/* The attributes that both convolutions have; padding is the same on both sides. */
static nn_sliding_window read_kernel(const nn_onnx_graph *g) {
    nn_sliding_window w = nn_sliding_window_of(dims_of(g));
    read_lengths(g, "kernel", w.size);
    read_lengths(g, "stride", w.stride);
    read_lengths(g, "dilation", w.dilation);
    return w;
}

static void kernel_ints(nn_onnx_graph *g, const nn_sliding_window *w) {
    window_ints(g, w);
    nn_onnx_ints(g, "dilations", (size_t)w->dims, w->dilation + 3 - w->dims);
    nn_onnx_int(g, "group", nn_onnx_option_int(g, "groups", 1));
}

const char *nn_onnx_conv(nn_onnx_graph *g, const char *op, const char *const *x) {
    const nn_node *padding = nn_node_get(g->layer->node, "padding");
    const char *how = padding && padding->kind == NN_NODE_SCALAR ? padding->text : "";
    bool same = strcmp(how, "same") == 0, causal = strcmp(how, "causal") == 0;
    nn_sliding_window w = read_kernel(g);
    const char *y = NN_ONNX_NODE(g, "Conv", image_of(g, x[0]), nn_onnx_param(g, "weight"),
                                 nn_onnx_param(g, "bias"));
    (void)op;
    if (!same && !causal)
        read_lengths(g, "padding", w.before);
    for (int d = 0; d < 3; d++) {
        int64_t total = w.dilation[d] * (w.size[d] - 1);
        w.before[d] = same ? total / 2 : causal ? total : w.before[d];
        w.after[d] = same || causal ? total - w.before[d] : w.before[d];
    }
    kernel_ints(g, &w);
    return as_given(g, y);
}

const char *nn_onnx_conv_transpose(nn_onnx_graph *g, const char *op, const char *const *x) {
    nn_sliding_window w = read_kernel(g);
    int64_t more[3] = {0};
    const char *y = NN_ONNX_NODE(g, "ConvTranspose", image_of(g, x[0]), nn_onnx_param(g, "weight"),
                                 nn_onnx_param(g, "bias"));
    (void)op;
    read_lengths(g, "padding", w.before);
    memcpy(w.after, w.before, sizeof w.after);
    read_lengths(g, "output_padding", more);
    kernel_ints(g, &w);
    nn_onnx_ints(g, "output_padding", (size_t)w.dims, more + 3 - w.dims);
    return as_given(g, y);
}

const char *nn_onnx_pad(nn_onnx_graph *g, const char *op, const char *const *x) {
    const char *mode = nn_node_get(g->layer->node, "mode")->text;
    int64_t by[3] = {0};
    (void)op;
    read_lengths(g, "padding", by);
    const char *y = NN_ONNX_NODE(
        g, "Pad", image_of(g, x[0]),
        nn_onnx_counts(g, "pads", 8, (int64_t[]){0, 0, by[1], by[2], 0, 0, by[1], by[2]}));
    nn_onnx_text(g, "mode", strcmp(mode, "zeros") == 0 ? "constant" : mode);
    return as_given(g, y);
}

const char *nn_onnx_upsample(nn_onnx_graph *g, const char *op, const char *const *x) {
    bool nearest = strcmp(nn_node_get(g->layer->node, "mode")->text, "nearest") == 0;
    int64_t by[3] = {1, 1, 1}, dims = dims_of(g);
    float scale[5] = {1, 1};
    (void)op;
    read_lengths(g, "scale", by);
    for (int64_t i = 0; i < dims; i++)
        scale[2 + i] = (float)by[3 - dims + i];
    const char *y = NN_ONNX_NODE(g, "Resize", image_of(g, x[0]), "",
                                 nn_onnx_constant(g, "scales", 1, (int64_t[]){2 + dims}, scale));
    nn_onnx_text(g, "mode", nearest ? "nearest" : "linear");
    nn_onnx_text(g, "coordinate_transformation_mode", nearest ? "asymmetric" : "half_pixel");
    if (nearest)
        nn_onnx_text(g, "nearest_mode", "floor");
    return as_given(g, y);
}

/* The window of a pooling layer, padded behind as far as the last one reaches: then there is no
 * need of ceil_mode, which runtimes do not agree on. True where that is more than before. */
static bool pool_window(const nn_onnx_graph *g, nn_sliding_window *w) {
    const nn_shape *in = &g->layer->in[0], *out = &g->layer->out;
    int axis = nn_window_axis(in, w->dims), skip = 3 - w->dims;
    bool beyond = false;
    read_lengths(g, "size", w->size);
    memcpy(w->stride, w->size, sizeof w->stride);
    read_lengths(g, "stride", w->stride);
    read_lengths(g, "padding", w->before);
    for (int d = skip; d < 3; d++) {
        int64_t last = (out->dim[axis + d - skip] - 1) * w->stride[d];
        int64_t reach = last + w->size[d] - in->dim[axis + d - skip] - w->before[d];
        w->after[d] = reach > w->before[d] ? reach : w->before[d];
        beyond = beyond || reach > w->before[d];
    }
    return beyond;
}

static const char *pool(nn_onnx_graph *g, const char *op, const char *x, bool average) {
    nn_sliding_window w = nn_sliding_window_of(dims_of(g));
    bool beyond = pool_window(g, &w), counts = nn_onnx_option_bool(g, "count_include_pad");
    if (beyond && counts)
        return nn_onnx_refuse(g, "ceil_mode of avg_pool with padding that counts");
    const char *y = NN_ONNX_NODE(g, op, image_of(g, x));
    window_ints(g, &w);
    if (average)
        nn_onnx_int(g, "count_include_pad", counts);
    return as_given(g, y);
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

/* A constant of equal numbers. */
static const char *equal_numbers(nn_onnx_graph *g, const char *name, double value, int rank,
                                 const int64_t *dim) {
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dim[i];
    float *equal = nn_pool_alloc(g->pool, count * sizeof *equal);
    for (size_t i = 0; equal && i < count; i++)
        equal[i] = (float)value;
    g->message.failed = g->message.failed || !equal;
    return equal ? nn_onnx_constant(g, name, rank, dim, equal) : "";
}

/* The parameter, or as many equal numbers where the layer has none. */
static const char *param_or(nn_onnx_graph *g, const char *name, double value, int rank,
                            const int64_t *dim) {
    const char *param = nn_onnx_param(g, name);
    return param ? param : equal_numbers(g, name, value, rank, dim);
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

/* Operator set 17 has no such operator. */
const char *nn_onnx_rms_norm(nn_onnx_graph *g, const char *op, const char *const *x) {
    int64_t axes[NN_MAX_RANK], dims = nn_onnx_option_int(g, "dims", 1);
    const char *weight = nn_onnx_param(g, "weight");
    (void)op;
    for (int i = 0; i < (int)dims; i++)
        axes[i] = i - dims;
    const char *y = NN_ONNX_NODE(g, "ReduceMean", NN_ONNX_NODE(g, "Mul", x[0], x[0]));
    nn_onnx_ints(g, "axes", (size_t)dims, axes);
    y = NN_ONNX_NODE(g, "Add", y, nn_onnx_number(g, "eps", nn_onnx_option_real(g, "eps")));
    y = NN_ONNX_NODE(g, "Div", x[0], NN_ONNX_NODE(g, "Sqrt", y));
    return weight ? NN_ONNX_NODE(g, "Mul", y, weight) : y;
}

/* Groups as the channels of an instance normalisation, which wants pixels; weight and bias of the
 * channels themselves are nodes of their own. */
const char *nn_onnx_group_norm(nn_onnx_graph *g, const char *op, const char *const *x) {
    const nn_shape *in = &g->layer->in[0];
    int64_t groups = nn_onnx_option_int(g, "groups", 1);
    int64_t members = (int64_t)nn_shape_count(in) / groups, channel[] = {in->dim[0], 1, 1, 1};
    int rank = in->rank;
    (void)op;
    const char *y = nn_onnx_reshape(g, x[0], 2, (int64_t[]){groups, members});
    y = NN_ONNX_NODE(g, "InstanceNormalization", y, equal_numbers(g, "scale", 1, 1, &groups),
                     equal_numbers(g, "offset", 0, 1, &groups));
    nn_onnx_float(g, "epsilon", nn_onnx_option_real(g, "eps"));
    y = nn_onnx_reshape(g, y, rank, in->dim);
    if (!nn_onnx_option_bool(g, "affine"))
        return y;
    y = NN_ONNX_NODE(g, "Mul", y, nn_onnx_param_as(g, "weight", rank, channel));
    return NN_ONNX_NODE(g, "Add", y, nn_onnx_param_as(g, "bias", rank, channel));
}
