/* Dense layers, embeddings, activations, joins and shapes in ONNX. */
#include "exchange/onnx/graph.h"
#include "exchange/onnx/schema.h"

#include <math.h>
#include <string.h>

static int rank_of(const nn_onnx_graph *g) {
    return g->layer->in[0].rank;
}

const char *nn_onnx_product(nn_onnx_graph *g, const char *x) {
    const char *weight = nn_onnx_param(g, "weight");
    return NN_ONNX_NODE(g, "MatMul", x, nn_onnx_transpose(g, weight, 2, (int64_t[]){1, 0}));
}

const char *nn_onnx_add_bias(nn_onnx_graph *g, const char *x) {
    const char *bias = nn_onnx_param(g, "bias");
    return bias ? NN_ONNX_NODE(g, "Add", x, bias) : x;
}

/* y = x W^T + b; Gemm takes matrices only. */
const char *nn_onnx_dense(nn_onnx_graph *g, const char *op, const char *const *x) {
    const char *y;
    (void)op;
    if (rank_of(g) > 1)
        return nn_onnx_add_bias(g, nn_onnx_product(g, x[0]));
    y = NN_ONNX_NODE(g, "Gemm", x[0], nn_onnx_param(g, "weight"), nn_onnx_param(g, "bias"));
    nn_onnx_int(g, "transB", 1);
    return y;
}

/* The vector of the index that stands for nothing is 0, whatever W has there, and whatever layers
 * tied to it see. */
static const char *table_of(nn_onnx_graph *g) {
    int64_t padding = nn_onnx_option_int(g, "padding_idx", -1);
    const nn_param *param = &g->layer->param[0];
    const char *weight = padding < 0 || param->shared ? nn_onnx_param(g, "weight") : NULL;
    if (padding < 0)
        return weight;
    float *table = nn_onnx_numbers(g, "weight", &param);
    if (!table)
        return "";
    memset(table + padding * param->dim[1], 0, (size_t)param->dim[1] * sizeof *table);
    return nn_onnx_constant(g, weight ? "table" : "weight", 2, param->dim, table);
}

const char *nn_onnx_embedding(nn_onnx_graph *g, const char *op, const char *const *x) {
    const char *table = table_of(g), *index = NN_ONNX_NODE(g, "Cast", x[0]);
    (void)op;
    nn_onnx_int(g, "to", NN_TENSOR_IS_INT64);
    return NN_ONNX_NODE(g, "Gather", table, index);
}

/* ---- activations ----------------------------------------------------------------------------- */

const char *nn_onnx_slope(nn_onnx_graph *g, const char *op, const char *const *x) {
    const char *y = NN_ONNX_NODE(g, op, x[0]);
    nn_onnx_float(g, "alpha", nn_onnx_option_real(g, "gamma"));
    return y;
}

/* In evaluation: nothing, or a factor. */
const char *nn_onnx_dropout(nn_onnx_graph *g, const char *op, const char *const *x) {
    const nn_node *scale = nn_node_get(g->layer->node, "scale");
    (void)op;
    if (strcmp(scale->text, "evaluation") != 0)
        return NN_ONNX_NODE(g, "Identity", x[0]);
    return NN_ONNX_NODE(g, "Mul", x[0],
                        nn_onnx_number(g, "kept", 1 - nn_onnx_option_real(g, "rate")));
}

const char *nn_onnx_step(nn_onnx_graph *g, const char *op, const char *const *x) {
    (void)op;
    return nn_onnx_as_floats(g, NN_ONNX_NODE(g, "Greater", x[0], nn_onnx_number(g, "zero", 0)));
}

/* z sigmoid(beta z); gelu_sigmoid has a beta of its own. */
const char *nn_onnx_swish(nn_onnx_graph *g, const char *op, const char *const *x) {
    double beta = nn_node_get(g->layer->node, "beta") ? nn_onnx_option_real(g, "beta") : 1.702;
    const char *gate = NN_ONNX_NODE(g, "Mul", x[0], nn_onnx_number(g, "beta", beta));
    (void)op;
    return NN_ONNX_NODE(g, "Mul", x[0], NN_ONNX_NODE(g, "Sigmoid", gate));
}

/* 0.5 z (1 + y) */
static const char *half_of(nn_onnx_graph *g, const char *z, const char *y) {
    y = NN_ONNX_NODE(g, "Add", y, nn_onnx_number(g, "one", 1));
    y = NN_ONNX_NODE(g, "Mul", z, y);
    return NN_ONNX_NODE(g, "Mul", y, nn_onnx_number(g, "half", 0.5));
}

const char *nn_onnx_gelu(nn_onnx_graph *g, const char *op, const char *const *x) {
    const char *y = NN_ONNX_NODE(g, "Mul", x[0], nn_onnx_number(g, "scale", sqrt(0.5)));
    (void)op;
    return half_of(g, x[0], NN_ONNX_NODE(g, "Erf", y));
}

/* tanh(sqrt(2 / pi) z (1 + 0.044715 z^2)) */
const char *nn_onnx_gelu_tanh(nn_onnx_graph *g, const char *op, const char *const *x) {
    const double scale = 0.797884560802865356, cubic = 0.044715;
    const char *y = NN_ONNX_NODE(g, "Mul", x[0], x[0]);
    (void)op;
    y = NN_ONNX_NODE(g, "Mul", y, nn_onnx_number(g, "cubic", scale * cubic));
    y = NN_ONNX_NODE(g, "Add", y, nn_onnx_number(g, "scale", scale));
    y = NN_ONNX_NODE(g, "Mul", x[0], y);
    return half_of(g, x[0], NN_ONNX_NODE(g, "Tanh", y));
}

/* One slope, or one a channel, which stand innermost but in images. */
const char *nn_onnx_prelu(nn_onnx_graph *g, const char *op, const char *const *x) {
    int64_t dim[] = {g->layer->param[0].dim[0], 1, 1};
    (void)op;
    return NN_ONNX_NODE(g, "PRelu", x[0],
                        nn_onnx_param_as(g, "weight", rank_of(g) == 3 ? 3 : 1, dim));
}

const char *nn_onnx_maxout(nn_onnx_graph *g, const char *op, const char *const *x) {
    nn_shape out = g->layer->out;
    (void)op;
    int64_t dim[NN_MAX_RANK + 1];
    memcpy(dim, out.dim, sizeof out.dim);
    dim[out.rank] = nn_onnx_option_int(g, "k", 2);
    const char *y = nn_onnx_reshape(g, x[0], out.rank + 1, dim);
    y = NN_ONNX_NODE(g, "ReduceMax", y);
    nn_onnx_ints(g, "axes", 1, (int64_t[]){-1});
    nn_onnx_int(g, "keepdims", 0);
    return y;
}

/* ---- joins and shapes ------------------------------------------------------------------------ */

const char *nn_onnx_multiply(nn_onnx_graph *g, const char *op, const char *const *x) {
    const char *y = x[0];
    (void)op;
    for (size_t i = 1; i < g->layer->inputs; i++)
        y = NN_ONNX_NODE(g, "Mul", y, x[i]);
    return y;
}

const char *nn_onnx_concat(nn_onnx_graph *g, const char *op, const char *const *x) {
    int64_t axis = nn_onnx_option_int(g, "axis", 0);
    const char *y = nn_onnx_node(g, "Concat", x);
    (void)op;
    nn_onnx_int(g, "axis", axis ? axis : 1 + nn_shape_channel_axis(&g->layer->in[0]));
    return y;
}

const char *nn_onnx_to_shape(nn_onnx_graph *g, const char *op, const char *const *x) {
    (void)op;
    return nn_onnx_reshape(g, x[0], g->layer->out.rank, g->layer->out.dim);
}

const char *nn_onnx_slice(nn_onnx_graph *g, const char *op, const char *const *x) {
    int64_t axis = nn_onnx_option_int(g, "axis", 0), end = nn_onnx_option_int(g, "end", 0);
    axis = axis ? axis : 1 + nn_shape_channel_axis(&g->layer->in[0]);
    end = end ? end : INT32_MAX;
    (void)op;
    return NN_ONNX_NODE(
        g, "Slice", x[0],
        nn_onnx_counts(g, "starts", 1, (int64_t[]){nn_onnx_option_int(g, "begin", 0)}),
        nn_onnx_counts(g, "ends", 1, &end), nn_onnx_counts(g, "axes", 1, &axis));
}

const char *nn_onnx_swap(nn_onnx_graph *g, const char *op, const char *const *x) {
    int64_t rank = 1 + g->layer->out.rank, axis[NN_MAX_RANK + 1], dim[2];
    (void)op;
    for (int i = 0; i < 2; i++) {
        dim[i] = nn_onnx_option_int(g, i == 0 ? "dim0" : "dim1", 1 + i);
        dim[i] += dim[i] < 0 ? rank : 0;
    }
    for (int64_t i = 0; i < rank; i++)
        axis[i] = i == dim[0] ? dim[1] : i == dim[1] ? dim[0] : i;
    return nn_onnx_transpose(g, x[0], (size_t)rank, axis);
}

const char *nn_onnx_glu(nn_onnx_graph *g, const char *op, const char *const *x) {
    const char *gate = nn_node_get(g->layer->node, "gate")->text;
    const char *a = NN_ONNX_NODE(g, "Split", x[0]), *b = nn_onnx_more(g), *f;
    (void)op;
    nn_onnx_int(g, "axis", -1);
    if (strcmp(gate, "gelu") == 0)
        return NN_ONNX_NODE(g, "Mul", a, nn_onnx_gelu(g, NULL, &b));
    f = NN_ONNX_NODE(g, "Sigmoid", b);
    return NN_ONNX_NODE(g, "Mul", a, strcmp(gate, "swish") == 0 ? NN_ONNX_NODE(g, "Mul", b, f) : f);
}
