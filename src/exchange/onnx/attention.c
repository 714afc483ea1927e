/* Attention in ONNX: products, Softmax and changes of shape. */
#include "exchange/onnx/graph.h"
#include "nn/layers/attention/rotary.h"

#include <math.h>
#include <string.h>

/* In the place of minus infinity, which gives NaN where a query sees no keys. */
#define UNSEEN -1e30

enum { Q, K, V, PARTS };

typedef struct attention {
    nn_onnx_graph *g;
    const char *x[PARTS];
    int64_t heads, kv_heads, dim, steps[PARTS];
    const char *weight[PARTS], *bias[PARTS]; /* bias NULL: there is none */
    const char *cosine, *sine;               /* [turned][dim] of rotary positions */
    int64_t turned;                          /* steps that they are for; 0: none so far */
} attention;

static int64_t heads_of(const attention *a, int part) {
    return part == Q ? a->heads : a->kv_heads;
}

/* A constant's rows for q, k and v. */
static void split_rows(attention *a, const char *constant, const char *part[PARTS]) {
    int64_t rows[PARTS];
    for (int i = 0; i < PARTS; i++)
        rows[i] = heads_of(a, i) * a->dim;
    part[Q] = NN_ONNX_NODE(a->g, "Split", constant, nn_onnx_counts(a->g, "rows", PARTS, rows));
    part[K] = nn_onnx_more(a->g);
    part[V] = nn_onnx_more(a->g);
    nn_onnx_int(a->g, "axis", 0);
}

static attention read_layer(nn_onnx_graph *g, const char *const *x) {
    static const char *const name[PARTS] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
    attention a = {.g = g, .heads = nn_onnx_option_int(g, "heads", 1)};
    a.kv_heads = nn_onnx_option_int(g, "kv_heads", a.heads);
    a.dim = g->layer->out.dim[1] / a.heads;
    for (int i = 0; i < PARTS; i++) {
        size_t input = i > Q && g->layer->inputs > 1 ? 1 : 0;
        a.x[i] = x[input];
        a.steps[i] = g->layer->in[input].dim[0];
        a.weight[i] = nn_onnx_param(g, name[i]);
    }
    const char *weights = nn_onnx_param(g, "in_proj_weight"),
               *biases = nn_onnx_param(g, "in_proj_bias");
    if (weights)
        split_rows(&a, weights, a.weight);
    if (biases)
        split_rows(&a, biases, a.bias);
    return a;
}

/* Cosines and sines of rotary positions, those of the first half of a head with a minus. */
static void make_turns(attention *a, int64_t steps) {
    size_t dim = (size_t)a->dim, half = dim / 2, count = (size_t)steps * dim;
    const int64_t shape[] = {steps, a->dim};
    float *turns = nn_pool_alloc(a->g->pool, 3 * count * sizeof *turns);
    a->g->message.failed = a->g->message.failed || !turns;
    a->cosine = a->sine = "";
    if (!turns)
        return;
    float *cosine = turns + count, *sine = cosine + count;
    nn_rotary_fill(nn_onnx_option_real(a->g, "rotary_base"), (size_t)steps, dim, turns);
    for (size_t e = 0; e < count; e++) {
        const float *at = turns + e / dim * dim + e % half;
        cosine[e] = at[0];
        sine[e] = e % dim < half ? -at[half] : at[half];
    }
    bool again = a->turned > 0;
    a->cosine = nn_onnx_constant(a->g, again ? "k_cosine" : "cosine", 2, shape, cosine);
    a->sine = nn_onnx_constant(a->g, again ? "k_sine" : "sine", 2, shape, sine);
    a->turned = steps;
}

/* Elements i and i + d/2 of a head turn together: x cosine + (its halves, exchanged) sine. */
static const char *turn(attention *a, int part, const char *x) {
    if (nn_onnx_option_real(a->g, "rotary_base") <= 0)
        return x;
    if (a->turned != a->steps[part])
        make_turns(a, a->steps[part]);
    const char *y = NN_ONNX_NODE(a->g, "Mul", x, a->cosine);
    const char *first = NN_ONNX_NODE(a->g, "Split", x), *second = nn_onnx_more(a->g);
    nn_onnx_int(a->g, "axis", -1);
    const char *exchanged = NN_ONNX_NODE(a->g, "Concat", second, first);
    nn_onnx_int(a->g, "axis", -1);
    return NN_ONNX_NODE(a->g, "Add", y, NN_ONNX_NODE(a->g, "Mul", exchanged, a->sine));
}

/* [N, heads, steps, dim] of what is made of an input. */
static const char *project(attention *a, int part) {
    const char *w = nn_onnx_transpose(a->g, a->weight[part], 2, (int64_t[]){1, 0});
    const char *y = NN_ONNX_NODE(a->g, "MatMul", a->x[part], w);
    if (a->bias[part])
        y = NN_ONNX_NODE(a->g, "Add", y, a->bias[part]);
    y = nn_onnx_reshape(a->g, y, 3, (int64_t[]){a->steps[part], heads_of(a, part), a->dim});
    y = nn_onnx_transpose(a->g, y, 4, (int64_t[]){0, 2, 1, 3});
    return part == V ? y : turn(a, part, y);
}

/* 1, 2, ..., `count`; in a column or in a row. */
static const char *ordinals(attention *a, const char *name, int64_t count, bool column) {
    float *at = nn_pool_alloc(a->g->pool, (size_t)count * sizeof *at);
    a->g->message.failed = a->g->message.failed || !at;
    for (int64_t i = 0; at && i < count; i++)
        at[i] = (float)(1 + i);
    return at ? nn_onnx_constant(a->g, name, column ? 2 : 1, (int64_t[]){count, 1}, at) : "";
}

/* Which keys a query sees, broadcast to [N, heads, queries, keys]; NULL: all. */
static const char *seen_keys(attention *a, const char *lengths) {
    nn_onnx_graph *g = a->g;
    const char *causal = NULL, *counts = NULL;
    if (!nn_onnx_option_bool(g, "causal") && !lengths)
        return NULL;
    const char *key = ordinals(a, "key", a->steps[K], false);
    if (nn_onnx_option_bool(g, "causal"))
        causal = NN_ONNX_NODE(g, "LessOrEqual", key, ordinals(a, "query", a->steps[Q], true));
    if (lengths)
        counts = NN_ONNX_NODE(
            g, "LessOrEqual", key,
            nn_onnx_reshape(g, nn_onnx_as_floats(g, lengths), 3, (int64_t[]){1, 1, 1}));
    return causal && counts ? NN_ONNX_NODE(g, "And", causal, counts) : causal ? causal : counts;
}

/* With grouped heads, those that share keys and values stand as the queries of one head; and back.
 */
static const char *group(attention *a, const char *x, int64_t cols) {
    int64_t rows = a->heads / a->kv_heads * a->steps[Q];
    return a->heads == a->kv_heads
               ? x
               : nn_onnx_reshape(a->g, x, 3, (int64_t[]){a->kv_heads, rows, cols});
}

static const char *ungroup(attention *a, const char *x, int64_t cols) {
    return a->heads == a->kv_heads
               ? x
               : nn_onnx_reshape(a->g, x, 3, (int64_t[]){a->heads, a->steps[Q], cols});
}

/* softmax(q k^T / sqrt(dim)) v, [N, heads, queries, dim] */
static const char *attend(attention *a, const char *lengths) {
    nn_onnx_graph *g = a->g;
    const char *scale = nn_onnx_number(g, "scale", 1 / sqrt((double)a->dim));
    const char *q = NN_ONNX_NODE(g, "Mul", project(a, Q), scale);
    const char *k = nn_onnx_transpose(g, project(a, K), 4, (int64_t[]){0, 1, 3, 2});
    const char *y = NN_ONNX_NODE(g, "MatMul", group(a, q, a->dim), k);
    const char *seen = seen_keys(a, lengths);
    y = ungroup(a, y, a->steps[K]);
    if (seen)
        y = NN_ONNX_NODE(g, "Where", seen, y, nn_onnx_number(g, "unseen", UNSEEN));
    y = NN_ONNX_NODE(g, "Softmax", y);
    nn_onnx_int(g, "axis", -1);
    y = group(a, y, a->steps[K]);
    return ungroup(a, NN_ONNX_NODE(g, "MatMul", y, project(a, V)), a->dim);
}

const char *nn_onnx_attention(nn_onnx_graph *g, const char *op, const char *const *x) {
    attention a = read_layer(g, x);
    const char *lengths = nn_onnx_lengths(g), *bias = nn_onnx_param(g, "out_proj.bias");
    const char *y = nn_onnx_transpose(g, attend(&a, lengths), 4, (int64_t[]){0, 2, 1, 3});
    (void)op;
    y = nn_onnx_reshape(g, y, 2, g->layer->out.dim);
    y = NN_ONNX_NODE(
        g, "MatMul", y,
        nn_onnx_transpose(g, nn_onnx_param(g, "out_proj.weight"), 2, (int64_t[]){1, 0}));
    if (bias)
        y = NN_ONNX_NODE(g, "Add", y, bias);
    return lengths ? NN_ONNX_NODE(g, "Mul", y, nn_onnx_step_mask(g, lengths)) : y;
}
