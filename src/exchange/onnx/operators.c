/* Operators of ONNX as layers: products, windows, normalisation, activations, joins. */
#include "exchange/onnx/convert.h"
#include "exchange/onnx/schema.h"
#include "nn/layers/image/window.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- as they are ----------------------------------------------------------------------------- */

/* One layer without options. */
static int from_plain(nn_onnx_conversion *c, const char *kind) {
    nn_onnx_item *item;
    return nn_onnx_add_layer(c, kind, 0, &item);
}

/* The same value under another name. */
static int from_same(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    (void)kind;
    return x ? nn_onnx_give(c, 0, *x)
             : nn_onnx_no(c, "its input comes from a node that is no layer");
}

/* A constant's numbers, cut off to whole ones of that type, or to 0 and 1. */
static int cut_constant(nn_onnx_conversion *c, const nn_file_tensor *from, int64_t to) {
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
        return cut_constant(c, x->constant, to);
    if (x->layer || to == NN_TENSOR_IS_BOOL)
        return nn_onnx_no(c, "numbers would be cut off to whole ones");
    nn_onnx_value whole = *x;
    whole.whole = true;
    return nn_onnx_give(c, 0, whole);
}

/* PyTorch puts one that adds nothing before average pooling. */
static int from_pad(nn_onnx_conversion *c, const char *kind) {
    if (!nn_onnx_in_constant(c, 1, -1) || !nn_onnx_is_zero(c, 1))
        return nn_onnx_no(c, "padding is that of a convolution or of pooling, by its pads");
    return from_same(c, kind);
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

static int from_matmul(nn_onnx_conversion *c, const char *kind) {
    const nn_file_tensor *weight = nn_onnx_in_constant(c, 1, 2);
    (void)kind;
    return weight ? add_dense(c, weight, true, NULL)
                  : nn_onnx_no(c, "its second input is no constant matrix");
}

/* ---- windows --------------------------------------------------------------------------------- */

static int set_pair(nn_onnx_item *item, const char *key, const int64_t pair[2]) {
    nn_node *list = nn_node_list(item->options->pool);
    for (int i = 0; list && i < 2; i++) {
        const char *text = nn_pool_printf(list->pool, "%" PRId64, pair[i]);
        nn_node *number = text ? nn_node_scalar(list->pool, text) : NULL;
        NN_TRY(number ? nn_node_add(list, NULL, number) : NN_EMEMORY);
    }
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

static int from_conv(nn_onnx_conversion *c, const char *kind) {
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

static int from_pool(nn_onnx_conversion *c, const char *kind) {
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

/* ---- normalisation --------------------------------------------------------------------------- */

static int from_batch_norm(nn_onnx_conversion *c, const char *kind) {
    static const char *const param[] = {"weight", "bias", "running_mean", "running_var"};
    nn_onnx_item *item;
    for (size_t i = 0; i < 4; i++)
        if (!nn_onnx_in_constant(c, 1 + i, 1))
            return nn_onnx_no(c, "scale, B, mean and var should be constants");
    if (nn_onnx_get_int(c, "training_mode", 0) != 0)
        return nn_onnx_no(c, "training_mode; export the model for inference");
    NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    if (!item)
        return 0;
    item->ranks = 1U << 1 | 1U << 3; /* channels are axis 1 */
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

/* ---- sums and products of values ------------------------------------------------------------- */

/* x scale + offset, behind an operator with a constant. */
static void scale_by(const char *op, double number, double *scale, double *offset) {
    if (strcmp(op, "Mul") == 0 || strcmp(op, "Div") == 0) {
        double factor = *op == 'M' ? number : 1 / number;
        *scale *= factor;
        *offset *= factor;
    } else {
        *offset += strcmp(op, "Sub") == 0 ? -number : number;
    }
}

/* As many numbers as the constants have, not as samples: these may be large in a small file. */
static int grow_affine(nn_onnx_conversion *c, size_t count) {
    if (c->affine >= count)
        return 0;
    double *scale = nn_pool_alloc(c->pool, count * sizeof *scale);
    double *offset = nn_pool_alloc(c->pool, count * sizeof *offset);
    if (!scale || !offset)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++) { /* from none to some, one to all, a channel to elements */
        size_t old = c->affine <= 1 ? 0 : nn_affine_index(c->affine, &c->p->data.x, i);
        scale[i] = c->affine ? c->scale[old] : 1;
        offset[i] = c->affine ? c->offset[old] : 0;
    }
    c->scale = scale;
    c->offset = offset;
    c->affine = count;
    return 0;
}

/* The input times or plus a constant: data are scaled so before they come in. */
static int scale_input(nn_onnx_conversion *c, const nn_file_tensor *by) {
    const nn_shape *x = &c->p->data.x;
    size_t elements = nn_shape_count(x);
    bool images =
        x->rank == 3 && by->rank >= 3 && by->dim[by->rank - 2] == 1 && by->dim[by->rank - 1] == 1;
    bool last = by->rank > 0 && by->dim[by->rank - 1] == x->dim[x->rank - 1];
    if (!by->type->get || by->count == 0 || by->fortran || !nn_affine_fits(by->count, x) ||
        !(by->count == 1 || by->count == elements || (x->rank == 3 ? images : last)))
        return nn_onnx_no(c, "samples are scaled by one number, one a channel or one an element");
    NN_TRY(grow_affine(c, by->count));
    c->taken += c->affine;
    for (size_t e = 0; e < c->affine; e++) {
        size_t i = by->count == 1           ? 0
                   : by->count == c->affine ? e
                                            : nn_affine_index(by->count, x, e);
        scale_by(c->op->op, by->type->get(by->bytes + i * by->type->size), &c->scale[e],
                 &c->offset[e]);
        if (!isfinite(c->scale[e]) || !isfinite(c->offset[e]))
            return nn_onnx_no(c, "samples would be scaled by no finite number");
    }
    return nn_onnx_give(c, 0, (nn_onnx_value){.scalings = ++c->scalings});
}

/* A value and a constant. */
static int with_constant(nn_onnx_conversion *c, const nn_onnx_value *x,
                         const nn_file_tensor *constant) {
    nn_onnx_item *item = x->layer;
    if (x->whole)
        return nn_onnx_no(c, nn_onnx_is_whole);
    if (x->form == NN_ONNX_SAMPLES && !item && x->scalings == c->scalings && !c->last)
        return scale_input(c, constant);
    bool sum = strcmp(c->op->op, "Add") == 0 || strcmp(c->op->op, "Sum") == 0;
    if (sum && item && item->units && item == c->last && constant->rank > 0 &&
        item->units == constant->count &&
        (size_t)constant->dim[constant->rank - 1] == constant->count) {
        nn_onnx_value with = *x;
        with.biased = item->biased = true;
        item->units = 0;
        NN_TRY(nn_onnx_set(item, "bias", "true"));
        NN_TRY(nn_onnx_add_weight(c, item, "bias", constant, false));
        return nn_onnx_give(c, 0, with);
    }
    return nn_onnx_no(c, "a constant is only added to a product, or scales the input");
}

static int from_join(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *a = nn_onnx_in(c, 0), *b = nn_onnx_in(c, 1);
    bool turns = kind != NULL; /* a op b is b op a */
    nn_onnx_item *item;
    if (a && b && c->op->inputs == 2 && b->constant)
        return with_constant(c, a, b->constant);
    if (a && b && c->op->inputs == 2 && a->constant && turns)
        return with_constant(c, b, a->constant);
    return kind ? nn_onnx_add_layer(c, kind, -1, &item)
                : nn_onnx_no(c, "values are only added, multiplied or put side by side");
}

static int from_concat(nn_onnx_conversion *c, const char *kind) {
    nn_onnx_item *item;
    if (nn_onnx_get_int(c, "axis", 0) == 0)
        return nn_onnx_no(c, "axis is that of the samples");
    if (nn_onnx_get_int(c, "axis", 0) != 1 && nn_onnx_has_images(c))
        return nn_onnx_no(c, "axis is not that of the channels; flatten them first");
    NN_TRY(nn_onnx_add_layer(c, kind, -1, &item));
    return item ? nn_onnx_set(item, "axis", "%" PRId64, nn_onnx_get_int(c, "axis", 0)) : 0;
}

const nn_onnx_operator nn_onnx_operators[] = {
    {"Add", from_join, "add"},
    {"AveragePool", from_pool, "avg_pool"},
    {"BatchNormalization", from_batch_norm, "batch_norm"},
    {"Cast", from_cast, NULL},
    {"Concat", from_concat, "concat"},
    {"Conv", from_conv, "conv2d"},
    {"Div", from_join, NULL},
    {"Dropout", from_same, NULL},
    {"Elu", from_slope, "elu"},
    {"Expand", nn_onnx_from_expand, NULL},
    {"Flatten", nn_onnx_from_reshape, "flatten"},
    {"GRU", nn_onnx_from_recurrent, "gru"},
    {"Gather", nn_onnx_from_gather, "embedding"},
    {"Gelu", from_gelu, "gelu"},
    {"Gemm", from_gemm, "dense"},
    {"GlobalAveragePool", from_plain, "global_avg_pool"},
    {"Identity", from_same, NULL},
    {"LSTM", nn_onnx_from_recurrent, "lstm"},
    {"LayerNormalization", from_layer_norm, "layer_norm"},
    {"LeakyRelu", from_slope, "leaky_relu"},
    {"MatMul", from_matmul, "dense"},
    {"MaxPool", from_pool, "max_pool"},
    {"Mul", from_join, "multiply"},
    {"PRelu", from_prelu, "prelu"},
    {"Pad", from_pad, NULL},
    {"RNN", nn_onnx_from_recurrent, "rnn"},
    {"Relu", from_plain, "relu"},
    {"Reshape", nn_onnx_from_reshape, "reshape"},
    {"Sigmoid", from_plain, "sigmoid"},
    {"Sign", from_plain, "sign"},
    {"Softmax", from_softmax, "softmax"},
    {"Softplus", from_plain, "softplus"},
    {"Squeeze", nn_onnx_from_squeeze, NULL},
    {"Sub", from_join, NULL},
    {"Sum", from_join, "add"},
    {"Tanh", from_plain, "tanh"},
    {"Transpose", nn_onnx_from_transpose, NULL},
    {NULL, NULL, NULL},
};
