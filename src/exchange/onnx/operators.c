/* Operators of ONNX as layers: the table; casts, activations, products, normalisation. */
#include "exchange/onnx/convert.h"
#include "exchange/onnx/schema.h"

#include <math.h>
#include <string.h>

/* ---- as they are ----------------------------------------------------------------------------- */

/* One layer without options. */
static int from_plain(nn_onnx_conversion *c, const char *kind) {
    nn_onnx_item *item;
    return nn_onnx_add_layer(c, kind, 0, &item);
}

/* The same of each number, wherever it stands. */
static int from_elementwise(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    nn_onnx_form form = x && x->form == NN_ONNX_CHANNELS ? x->form : NN_ONNX_SAMPLES;
    nn_onnx_item *item;
    NN_TRY(nn_onnx_add_layer_on(c, kind, form, 0, &item));
    return item ? nn_onnx_give(c, 0, (nn_onnx_value){.form = form, .layer = item}) : 0;
}

/* Of sequences [N, F, T] the mean of their steps. */
static int from_global_pool(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    bool sequences = x && x->form == NN_ONNX_CHANNELS;
    nn_onnx_item *item;
    if (!sequences)
        NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    else
        NN_TRY(nn_onnx_add_layer_on(c, "mean", NN_ONNX_CHANNELS, 0, &item));
    if (item && sequences)
        item->images = item->heeds_lengths = true;
    else if (item)
        item->ranks = 1U << 3 | 1U << 4; /* the layer takes [H, W] for one channel */
    return 0;
}

/* The same value under another name. */
static int from_same(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    (void)kind;
    return x ? nn_onnx_give(c, 0, *x)
             : nn_onnx_no(c, "its input comes from a node that is no layer");
}

/* A constant's numbers, cut off to whole ones of that type, or to 0 and 1. */
static int truncate_constant(nn_onnx_conversion *c, const nn_file_tensor *from, int64_t to) {
    bool truth = to == NN_TENSOR_IS_BOOL;
    const nn_element *type = nn_elements;
    while (type->name && type->onnx != (truth ? NN_TENSOR_IS_UINT8 : to))
        type++;
    if (!type->get || !from->type->get)
        return nn_onnx_no(c, "a constant of a type that has no numbers");
    NN_TRY(nn_onnx_take(c, from->count));
    nn_file_tensor *cut = nn_pool_alloc(c->pool, sizeof *cut);
    unsigned char *out = nn_pool_alloc(c->pool, from->count * type->size + 1);
    if (!cut || !out)
        return NN_EMEMORY;
    *cut = *from;
    cut->type = type;
    cut->bytes = out;
    for (size_t i = 0; i < from->count; i++, out += type->size) {
        double number = from->type->get(from->bytes + i * from->type->size);
        if (!truth && !(fabs(number) < 0x1p63))
            return nn_onnx_no(c, "a constant has numbers that no whole ones of 64 bits are");
        int64_t whole = truth ? number != 0 : (int64_t)number;
        memcpy(out, &whole, type->size);
    }
    return nn_onnx_give(c, 0, (nn_onnx_value){.form = NN_ONNX_CONSTANT, .constant = cut});
}

static int from_cast(nn_onnx_conversion *c, const char *kind) {
    int64_t to = nn_onnx_get_int(c, "to", 0);
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    bool real = to == NN_TENSOR_IS_FLOAT || to == NN_TENSOR_IS_FLOAT16 ||
                to == NN_TENSOR_IS_DOUBLE || to == NN_TENSOR_IS_BFLOAT16;
    if (real || !x || x->form == NN_ONNX_LENGTHS)
        return from_same(c, kind);
    if (x->constant)
        return truncate_constant(c, x->constant, to);
    if (x->layer || to == NN_TENSOR_IS_BOOL)
        return nn_onnx_no(c, "numbers would be cut off to whole ones");
    nn_onnx_value whole = *x;
    whole.whole = true;
    return nn_onnx_give(c, 0, whole);
}

/* Over the last axis, whatever its number; before operator set 13 that had to be said. */
static int from_softmax(nn_onnx_conversion *c, const char *kind) {
    int64_t axis = nn_onnx_get_int(c, "axis", c->file->opset < 13 ? 1 : -1);
    nn_onnx_item *item;
    if (axis != -1 && (axis < 1 || axis > NN_MAX_RANK))
        return nn_onnx_no(c, "axis is not the last one");
    if (axis != 1 && nn_onnx_has_images(c))
        return nn_onnx_no(c, "axis is not that of the channels; flatten them first");
    NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    if (item)
        item->ranks = axis > 0 ? 1U << axis : 0;
    return 0;
}

static int from_slope(nn_onnx_conversion *c, const char *kind) {
    nn_onnx_item *item;
    double otherwise = strcmp(kind, "elu") == 0 ? 1 : 0.01;
    NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    return item ? nn_onnx_set(item, "gamma", "%.9g", nn_onnx_get_real(c, "alpha", otherwise)) : 0;
}

static int from_gelu(nn_onnx_conversion *c, const char *kind) {
    const char *how = nn_onnx_get_text(c, "approximate", "none");
    bool exact = strcmp(how, "none") == 0;
    if (!exact && strcmp(how, "tanh") != 0)
        return nn_onnx_no(c, "approximate is neither none nor tanh");
    return from_plain(c, exact ? kind : "gelu_tanh");
}

static int from_prelu(nn_onnx_conversion *c, const char *kind) {
    const nn_file_tensor *slope = nn_onnx_in_constant(c, 1, -1);
    nn_onnx_item *item;
    if (!slope || (slope->count > 1 && slope->dim[slope->rank - 1] != (int64_t)slope->count &&
                   (slope->rank < 3 || slope->dim[slope->rank - 3] != (int64_t)slope->count)))
        return nn_onnx_no(c, "its slope is no constant with one number, or one a channel");
    NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    if (!item)
        return 0;
    if (slope->count == 1)
        NN_TRY(nn_onnx_set(item, "shared", "true"));
    else /* channels, which stand last but in images */
        item->ranks = slope->rank >= 3 && slope->dim[slope->rank - 3] == (int64_t)slope->count
                          ? 1U << 3
                          : 1U << 1 | 1U << 2 | 1U << 4;
    return nn_onnx_add_weight(c, item, "weight", slope, false);
}

/* ---- products -------------------------------------------------------------------------------- */

/* weight [units][inputs], or its transpose; bias NULL: none so far. */
static int add_dense(nn_onnx_conversion *c, const nn_file_tensor *weight, bool turned,
                     const nn_file_tensor *bias) {
    size_t units = (size_t)weight->dim[turned ? 1 : 0];
    nn_onnx_item *item;
    if (bias &&
        (bias->count != units || bias->rank < 1 || (size_t)bias->dim[bias->rank - 1] != units))
        return nn_onnx_no(c, "its third input is not one number for each output");
    NN_TRY(nn_onnx_add_layer(c, "dense", 0, &item));
    if (!item)
        return 0;
    NN_TRY(nn_onnx_set(item, "units", "%zu", units));
    NN_TRY(nn_onnx_set(item, "bias", bias ? "true" : "false"));
    item->units = bias ? 0 : units;
    NN_TRY(nn_onnx_add_weight(c, item, "weight", weight, turned));
    return bias ? nn_onnx_add_weight(c, item, "bias", bias, false) : 0;
}

static int from_gemm(nn_onnx_conversion *c, const char *kind) {
    const nn_file_tensor *weight = nn_onnx_in_constant(c, 1, 2),
                         *bias = nn_onnx_in_constant(c, 2, -1);
    bool plain = nn_onnx_get_real(c, "alpha", 1) == 1 && nn_onnx_get_real(c, "beta", 1) == 1 &&
                 nn_onnx_get_int(c, "transA", 0) == 0;
    (void)kind;
    if (!weight || !plain || (nn_onnx_given(c, 2) && !bias))
        return nn_onnx_no(c, "it wants constants B and C, alpha = beta = 1 and transA = 0");
    return add_dense(c, weight, nn_onnx_get_int(c, "transB", 0) == 0, bias);
}

/* Behind a product with weights it is a graph convolution. */
static int from_matmul(nn_onnx_conversion *c, const char *kind) {
    const nn_file_tensor *weight = nn_onnx_in_constant(c, 1, 2),
                         *matrix = nn_onnx_in_constant(c, 0, 2);
    (void)kind;
    if (matrix)
        return nn_onnx_from_graph_matrix(c, matrix);
    return weight ? add_dense(c, weight, true, NULL)
                  : nn_onnx_no(c, "its second input is no constant matrix");
}

/* ---- normalisation --------------------------------------------------------------------------- */

/* Channels are axis 1, of samples [C, L], too, which go through the layer `transpose`. */
static int from_batch_norm(nn_onnx_conversion *c, const char *kind) {
    static const char *const param[] = {"weight", "bias", "running_mean", "running_var"};
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    bool turned = x && (x->form == NN_ONNX_CHANNELS ||
                        (x->form == NN_ONNX_SAMPLES && nn_onnx_rank(c, x) == 2));
    nn_onnx_item *item;
    for (size_t i = 0; i < 4; i++)
        if (!nn_onnx_in_constant(c, 1 + i, 1))
            return nn_onnx_no(c, "scale, B, mean and var should be constants");
    if (nn_onnx_get_int(c, "training_mode", 0) != 0)
        return nn_onnx_no(c, "training_mode; export the model for inference");
    NN_TRY(nn_onnx_add_layer_on(c, kind, turned ? NN_ONNX_CHANNELS : NN_ONNX_SAMPLES, 0, &item));
    if (!item)
        return 0;
    if (turned)
        NN_TRY(nn_onnx_give(c, 0, (nn_onnx_value){.form = NN_ONNX_CHANNELS, .layer = item}));
    item->ranks = turned ? 1U << 2 : 1U << 1 | 1U << 3 | 1U << 4;
    for (size_t i = 0; i < 4; i++)
        NN_TRY(nn_onnx_add_weight(c, item, param[i], nn_onnx_in_constant(c, 1 + i, 1), false));
    double momentum = 1 - nn_onnx_get_real(c, "momentum", 0.9); /* of what is old there, new here */
    if (momentum > 0 && momentum <= 1)
        NN_TRY(nn_onnx_set(item, "momentum", "%.6g", momentum));
    return nn_onnx_set(item, "eps", "%.9g", nn_onnx_get_real(c, "epsilon", 1e-5));
}

static int from_layer_norm(nn_onnx_conversion *c, const char *kind) {
    const nn_file_tensor *scale = nn_onnx_in_constant(c, 1, -1),
                         *bias = nn_onnx_in_constant(c, 2, -1);
    float *zeros = NULL;
    nn_onnx_item *item;
    int64_t axis = nn_onnx_get_int(c, "axis", -1);
    if (!scale || scale->rank < 1 || (nn_onnx_given(c, 2) && !bias) ||
        (axis < 0 && axis != -scale->rank) || axis == 0 || axis > NN_MAX_RANK)
        return nn_onnx_no(c, "Scale and B should be constants of the normalised dimensions");
    NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    if (!item)
        return 0;
    if (axis > 0) /* of [N, ...] with so many dimensions in front of the normalised ones */
        item->ranks = 1U << ((int)axis - 1 + scale->rank);
    NN_TRY(nn_onnx_set(item, "dims", "%d", scale->rank));
    NN_TRY(nn_onnx_set(item, "eps", "%.9g", nn_onnx_get_real(c, "epsilon", 1e-5)));
    NN_TRY(nn_onnx_add_weight(c, item, "weight", scale, false));
    if (bias)
        return nn_onnx_add_weight(c, item, "bias", bias, false);
    zeros = nn_pool_alloc(c->pool, scale->count * sizeof *zeros + 1);
    return zeros ? nn_onnx_add_numbers(c, item, "bias", zeros, scale->count) : NN_EMEMORY;
}

const nn_onnx_operator nn_onnx_operators[] = {
    {"Add", nn_onnx_from_join, "add"},
    {"AveragePool", nn_onnx_from_pool, "avg_pool"},
    {"BatchNormalization", from_batch_norm, "batch_norm"},
    {"Cast", from_cast, NULL},
    {"Concat", nn_onnx_from_concat, "concat"},
    {"Conv", nn_onnx_from_conv, NULL},
    {"ConvTranspose", nn_onnx_from_conv_transpose, NULL},
    {"Div", nn_onnx_from_join, NULL},
    {"Dropout", from_same, NULL},
    {"Elu", from_slope, "elu"},
    {"Expand", nn_onnx_from_expand, NULL},
    {"Flatten", nn_onnx_from_reshape, "flatten"},
    {"GRU", nn_onnx_from_recurrent, "gru"},
    {"Gather", nn_onnx_from_gather, "embedding"},
    {"Gelu", from_gelu, "gelu"},
    {"Gemm", from_gemm, "dense"},
    {"GlobalAveragePool", from_global_pool, "global_avg_pool"},
    {"Identity", from_same, NULL},
    {"LSTM", nn_onnx_from_recurrent, "lstm"},
    {"LayerNormalization", from_layer_norm, "layer_norm"},
    {"LeakyRelu", from_slope, "leaky_relu"},
    {"MatMul", from_matmul, "dense"},
    {"MaxPool", nn_onnx_from_pool, "max_pool"},
    {"Mul", nn_onnx_from_join, "multiply"},
    {"PRelu", from_prelu, "prelu"},
    {"Pad", nn_onnx_from_pad, "pad"},
    {"RNN", nn_onnx_from_recurrent, "rnn"},
    {"ReduceMax", nn_onnx_from_reduce_max, "maxout"},
    {"ReduceMean", nn_onnx_from_reduce_mean, "mean"},
    {"Relu", from_elementwise, "relu"},
    {"Reshape", nn_onnx_from_reshape, "reshape"},
    {"Resize", nn_onnx_from_resize, NULL},
    {"Sigmoid", from_elementwise, "sigmoid"},
    {"Sign", from_elementwise, "sign"},
    {"Slice", nn_onnx_from_slice, "slice"},
    {"Softmax", from_softmax, "softmax"},
    {"Softplus", from_elementwise, "softplus"},
    {"Split", nn_onnx_from_split, NULL},
    {"Squeeze", nn_onnx_from_squeeze, NULL},
    {"Sub", nn_onnx_from_join, NULL},
    {"Sum", nn_onnx_from_join, "add"},
    {"Tanh", from_elementwise, "tanh"},
    {"Transpose", nn_onnx_from_transpose, NULL},
    {NULL, NULL, NULL},
};
