/* Attention, whose heads are [N, heads, steps, d] in a graph. */
#include "base/numbers/elementary.h"
#include "base/text.h"
#include "exchange/onnx/patterns/patterns.h"
#include "nn/layers/attention/rotary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { Q, K, V, PARTS };

/* Nodes are remembered as their letters here, of q, k and v. */
#define ROTARY(x, concat, split)                                                                   \
    "Add(Mul(z" x ",kcos" x "),Mul(Concat#" concat "(Split#" split ".1(z" x ",~),Split#" split     \
    ".0(z" x ",~)),ksin" x "))"
#define PROJECTED(x, turn, shape)                                                                  \
    "Transpose#" turn "(Reshape#" shape "(Add?(MatMul(x" x ",kw" x "),kb" x "),kh" x "))"
#define CAUSAL "LessOrEqual#v(kkey,kquery)"
#define COUNTED "LessOrEqual#w(kkey,Reshape(Cast(len),kall))"

/* q, k or v, turned or not. */
static bool match_projected(nn_onnx_match *m, const char *rotary, const char *turned,
                            const char *projected, const char *value) {
    if (rotary && nn_onnx_match_value(m, rotary, value))
        value = nn_onnx_matched(m, turned);
    return nn_onnx_match_value(m, projected, value);
}

/* Heads of k are turned twice, or once for both. */
static bool match_keys(nn_onnx_match *m) {
    const char *rotary = ROTARY("k", "t", "u"), *projected = PROJECTED("k", "n", "o");
    const char *keys = nn_onnx_matched(m, "turned");
    nn_onnx_match before = *m;
    if (nn_onnx_match_value(m, "Transpose#m(back)", keys) &&
        match_projected(m, rotary, "zk", projected, nn_onnx_matched(m, "back")))
        return true;
    *m = before;
    return match_projected(m, NULL, NULL, projected, keys);
}

/* Scores, of which some may be masked by what a node says, or a constant. */
static bool match_scores(nn_onnx_match *m) {
    const char *scores = nn_onnx_matched(m, "masked");
    if (nn_onnx_match_value(m, "Where(seen,scores,kunseen)", scores)) {
        const char *seen = nn_onnx_matched(m, "seen");
        scores = nn_onnx_matched(m, "scores");
        if (!nn_onnx_match_value(m, "And(" CAUSAL "," COUNTED ")", seen) &&
            !nn_onnx_match_value(m, COUNTED, seen) && !nn_onnx_match_value(m, CAUSAL, seen) &&
            !nn_onnx_match_value(m, "kseen", seen))
            return false;
    }
    return nn_onnx_match_value(m,
                               "Div?(Mul?(Reshape#f(MatMul(Reshape#g(Mul?(q,kscale),kg),turned),kf)"
                               ",kafter),kdivisor)",
                               scores) ||
           nn_onnx_match_value(m, "Div?(Mul?(MatMul(Mul?(q,kscale),turned),kafter),kdivisor)",
                               scores);
}

bool nn_onnx_match_attention(nn_onnx_match *m) {
    return nn_onnx_match_value(m, "Reshape?#c(MatMul(Reshape?#e(Softmax#s(masked),ke),values),kc)",
                               nn_onnx_matched(m, "y")) &&
           match_scores(m) && match_keys(m) &&
           match_projected(m, ROTARY("q", "h", "i"), "zq", PROJECTED("q", "j", "l"),
                           nn_onnx_matched(m, "q")) &&
           match_projected(m, NULL, NULL, PROJECTED("v", "p", "r"), nn_onnx_matched(m, "values"));
}

/* What the nodes say. */
typedef struct found {
    const nn_onnx_match *m;
    int64_t heads, kv_heads, dim, queries, keys, inputs[2]; /* features of both inputs */
    const nn_file_tensor *weight[PARTS], *bias[PARTS], *out_weight, *out_bias;
    bool causal, lengths;
    double rotary_base;
} found;

/* [N, steps, heads, d] of a Reshape. */
static bool has_heads(const found *f, const char *shape, int64_t *steps, int64_t *heads,
                      int64_t *dim) {
    int64_t size[4];
    if (nn_onnx_whole(nn_onnx_matched_constant(f->m, shape, 1), 4, size) != 4 || size[0] > 0)
        return false;
    for (int i = 1; i < 4; i++)
        if (size[i] < 1 || size[i] > (i == 2 ? 65536 : INT32_MAX))
            return false;
    *steps = size[1];
    *heads = size[2];
    *dim = size[3];
    return true;
}

static bool read_shapes(found *f) {
    int64_t steps, heads, dim[2];
    if (!has_heads(f, "khq", &f->queries, &f->heads, &f->dim) ||
        !has_heads(f, "khk", &f->keys, &f->kv_heads, &dim[0]) ||
        !has_heads(f, "khv", &steps, &heads, &dim[1]) || heads != f->kv_heads || steps != f->keys ||
        dim[0] != f->dim || dim[1] != f->dim || f->heads % f->kv_heads)
        return false;
    int64_t rows = f->heads / f->kv_heads * f->queries, q = f->queries, k = f->keys;
    bool grouped = f->heads != f->kv_heads;
    for (const char *c = "cefg"; *c; c++)
        if (grouped != (nn_onnx_matched_op(f->m, *c) != NULL))
            return false;
    return nn_onnx_matched_shape(f->m, 'a', 3, (int64_t[]){q, f->heads * f->dim}) &&
           (!grouped ||
            (nn_onnx_matched_shape(f->m, 'g', 4, (int64_t[]){f->kv_heads, rows, f->dim}) &&
             nn_onnx_matched_shape(f->m, 'f', 4, (int64_t[]){f->heads, q, k}) &&
             nn_onnx_matched_shape(f->m, 'e', 4, (int64_t[]){f->kv_heads, rows, k}) &&
             nn_onnx_matched_shape(f->m, 'c', 4, (int64_t[]){f->heads, q, f->dim})));
}

static bool has_axes(const found *f) {
    const int64_t there[] = {0, 2, 1, 3}, last[] = {0, 1, 3, 2}, both[] = {0, 2, 3, 1};
    const nn_onnx_attribute *axis = nn_onnx_attribute_of(nn_onnx_matched_op(f->m, 's'), "axis");
    bool twice = nn_onnx_matched_op(f->m, 'm') != NULL;
    return nn_onnx_matched_axes(f->m, 'b', 4, there) && nn_onnx_matched_axes(f->m, 'j', 4, there) &&
           nn_onnx_matched_axes(f->m, 'p', 4, there) &&
           nn_onnx_matched_axes(f->m, 'n', 4, twice ? there : both) &&
           (!twice || nn_onnx_matched_axes(f->m, 'm', 4, last)) &&
           (!axis || axis->number == -1 || axis->number == 3);
}

static bool read_weights(found *f) {
    static const char *const weight[PARTS] = {"kwq", "kwk", "kwv"}, *const bias[PARTS] = {
                                                                        "kbq", "kbk", "kbv"};
    f->out_weight = nn_onnx_matched_constant(f->m, "kwo", 2);
    f->out_bias = nn_onnx_matched_constant(f->m, "kbo", 1);
    bool biased = nn_onnx_matched(f->m, "kbo") != NULL;
    int64_t width = f->heads * f->dim;
    if (!f->out_weight || f->out_weight->dim[0] != width || f->out_weight->dim[1] != width ||
        biased != (f->out_bias && f->out_bias->dim[0] == width))
        return false;
    for (int i = 0; i < PARTS; i++) {
        int64_t rows = i == Q ? width : f->kv_heads * f->dim;
        f->weight[i] = nn_onnx_matched_constant(f->m, weight[i], 2);
        f->bias[i] = nn_onnx_matched_constant(f->m, bias[i], 1);
        if (!f->weight[i] || f->weight[i]->dim[1] != rows ||
            biased != (f->bias[i] && f->bias[i]->dim[0] == rows) ||
            biased != (nn_onnx_matched(f->m, bias[i]) != NULL))
            return false;
    }
    f->inputs[0] = f->weight[Q]->dim[0];
    f->inputs[1] = f->weight[K]->dim[0];
    return f->inputs[0] == width && f->weight[V]->dim[0] == f->inputs[1];
}

static bool has_scale(const found *f) {
    static const char *const name[] = {"kscale", "kafter", "kdivisor"};
    double scale = 1;
    for (int i = 0; i < 3; i++) {
        const nn_file_tensor *t = nn_onnx_matched_constant(f->m, name[i], -1);
        if (!nn_onnx_matched(f->m, name[i]))
            continue;
        if (!t || t->count != 1 || !t->type->get)
            return false;
        double number = t->type->get(t->bytes);
        scale = i < 2 ? scale * number : scale / number;
    }
    return fabs(scale * sqrt((double)f->dim) - 1) < 1e-5;
}

/* A mask of truths, which are bytes: on and below the diagonal alone. */
static bool is_triangle(const found *f, const nn_file_tensor *t) {
    if (!t || t->type->size != 1 || t->fortran || t->count != (size_t)(f->queries * f->keys) ||
        t->rank < 2 || t->dim[t->rank - 1] != f->keys || nn_onnx_take(f->m->c, t->count) < 0)
        return false;
    for (size_t i = 0; i < t->count; i++) {
        bool seen = (int64_t)i % f->keys <= (int64_t)i / f->keys;
        if ((t->bytes[i] != 0) != seen)
            return false;
    }
    return true;
}

/* Which keys are seen, and that lengths count for keys and queries or for none. */
static bool read_mask(found *f) {
    const nn_onnx_match *m = f->m;
    const nn_file_tensor *unseen = nn_onnx_matched_constant(m, "kunseen", -1);
    bool of_queries = nn_onnx_matched(m, "kstep") != NULL;
    f->causal = nn_onnx_matched_op(m, 'v') || nn_onnx_matched(m, "kseen");
    f->lengths = nn_onnx_matched_op(m, 'w') != NULL;
    if (f->lengths != of_queries || (f->lengths && !nn_onnx_matched_step_mask(m)) ||
        (nn_onnx_matched(m, "kunseen") && (!unseen || unseen->count != 1 || !unseen->type->get ||
                                           !(unseen->type->get(unseen->bytes) <= -1e9))) ||
        (nn_onnx_matched(m, "kkey") && !nn_onnx_matched_ordinals(m, "kkey", 1, f->keys)) ||
        (nn_onnx_matched(m, "kquery") && !nn_onnx_matched_ordinals(m, "kquery", 1, f->queries)))
        return false;
    return !nn_onnx_matched(m, "kseen") || is_triangle(f, nn_onnx_matched_constant(m, "kseen", -1));
}

/* The base of rotary positions by the angle of element 1 at step 1. */
static double base_of(double cosine, double sine, int64_t dim) {
    double angle = sine;
    for (int i = 0; i < 8; i++) { /* Newton's way to sin(angle - a) = 0 */
        nn_circle at = nn_circle_at(angle / 6.283185307179586477);
        angle += sine * at.cosine - cosine * at.sine;
    }
    return angle > 0 ? nn_power(angle, -(double)dim / 2) : 0;
}

static bool has_turns(found *f, const char *cosine, const char *sine, int64_t steps) {
    const nn_file_tensor *c = nn_onnx_matched_constant(f->m, cosine, 2),
                         *s = nn_onnx_matched_constant(f->m, sine, 2);
    size_t count = (size_t)(steps * f->dim), half = (size_t)f->dim / 2, dim = 2 * half;
    if (!c || !s || c->count != count || s->count != count || f->dim % 2 || c->fortran ||
        s->fortran || nn_onnx_take(f->m->c, 4 * count) < 0)
        return false;
    float *numbers = nn_pool_alloc(f->m->c->pool, 3 * count * sizeof *numbers + 1);
    const nn_file_tensors *constants = &f->m->c->file->constants;
    if (!numbers || nn_file_tensor_floats(constants, c, numbers) < 0 ||
        nn_file_tensor_floats(constants, s, numbers + count) < 0)
        return false;
    if (f->rotary_base == 0) {
        char text[32];
        double base = steps > 1 && half > 1
                          ? base_of(numbers[dim + 1], numbers[count + dim + 1 + half], f->dim)
                          : 10000;
        snprintf(text, sizeof text, "%.4g", base);
        if (!nn_text_to_real(text, &f->rotary_base) || !(f->rotary_base > 1))
            return false;
    }
    float *turns = numbers + 2 * count;
    nn_rotary_fill(f->rotary_base, (size_t)steps, dim, turns);
    for (size_t e = 0; e < count; e++) {
        const float *at = turns + e / dim * dim + e % half;
        float want = e % dim < half ? -at[half] : at[half];
        if (!(fabsf(numbers[e] - at[0]) <= 1e-5F && fabsf(numbers[count + e] - want) <= 1e-5F))
            return false;
    }
    return true;
}

static bool read_rotary(found *f) {
    bool q = nn_onnx_matched(f->m, "zq") != NULL, k = nn_onnx_matched(f->m, "zk") != NULL;
    const nn_onnx_op *concat[] = {nn_onnx_matched_op(f->m, 'h'), nn_onnx_matched_op(f->m, 't')},
                     *split[] = {nn_onnx_matched_op(f->m, 'i'), nn_onnx_matched_op(f->m, 'u')};
    for (int i = 0; i < 2 && (q || k); i++) {
        const nn_onnx_attribute *a = concat[i] ? nn_onnx_attribute_of(concat[i], "axis") : NULL,
                                *b = split[i] ? nn_onnx_attribute_of(split[i], "axis") : NULL;
        if (!a || !b || a->number != -1 || b->number != -1 || split[i]->inputs != 1 ||
            split[i]->outputs != 2)
            return false;
    }
    return q == k && (!q || (has_turns(f, "kcosq", "ksinq", f->queries) &&
                             has_turns(f, "kcosk", "ksink", f->keys)));
}

/* What is wrong with it; NULL: nothing. */
static const char *read_found(found *f) {
    if (strcmp(nn_onnx_matched(f->m, "xk"), nn_onnx_matched(f->m, "xv")) != 0)
        return "keys and values of attention are made of different values";
    if (!read_shapes(f) || !has_axes(f))
        return "attention whose heads are not put apart and together as [N, steps, heads, d]";
    if (!read_weights(f))
        return "attention whose weights do not fit, or with biases here and none there";
    if (!has_scale(f))
        return "attention that is not scaled by 1 / sqrt(d)";
    if (!read_mask(f))
        return "attention with a mask that is neither causal nor that of lengths of sequences";
    return read_rotary(f) ? NULL : "attention with rotary positions of another kind";
}

/* A parameter that is what the parts have, one below the other. */
static int add_packed(nn_onnx_conversion *c, const nn_onnx_item *item, const char *name,
                      const nn_file_tensor *const part[PARTS], bool turned) {
    size_t count = part[Q]->count + part[K]->count + part[V]->count, at = 0;
    float *numbers = nn_pool_alloc(c->pool, count * sizeof *numbers + 1);
    if (!numbers)
        return NN_EMEMORY;
    for (int i = 0; i < PARTS; at += part[i++]->count)
        NN_TRY(nn_onnx_copy(c, part[i], turned, numbers + at));
    return nn_onnx_add_numbers(c, item, name, numbers, count);
}

static int add_params(nn_onnx_conversion *c, const found *f, const nn_onnx_item *item) {
    static const char *const name[PARTS] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
    if (f->heads == f->kv_heads && f->inputs[0] == f->inputs[1])
        NN_TRY(add_packed(c, item, "in_proj_weight", f->weight, true));
    else
        for (int i = 0; i < PARTS; i++)
            NN_TRY(nn_onnx_add_weight(c, item, name[i], f->weight[i], true));
    NN_TRY(nn_onnx_add_weight(c, item, "out_proj.weight", f->out_weight, true));
    if (!f->out_bias)
        return 0;
    NN_TRY(add_packed(c, item, "in_proj_bias", f->bias, false));
    return nn_onnx_add_weight(c, item, "out_proj.bias", f->out_bias, false);
}

int nn_onnx_from_attention(nn_onnx_conversion *c, const nn_onnx_match *m) {
    found f = {.m = m};
    const char *x = nn_onnx_matched(m, "xq"), *other = nn_onnx_matched(m, "xk");
    const char *why = read_found(&f);
    nn_onnx_item *item;
    if (why)
        return nn_onnx_no(c, why);
    NN_TRY(nn_onnx_add_group(c, "attention", x, strcmp(x, other) == 0 ? NULL : other, &item));
    if (!item)
        return 0;
    item->takes = (nn_shape){2, {f.queries, f.inputs[0]}};
    item->heeds_lengths = true;
    item->lengths = f.lengths;
    NN_TRY(nn_onnx_set(item, "heads", "%" PRId64, f.heads));
    NN_TRY(nn_onnx_set(item, "kv_heads", "%" PRId64, f.kv_heads));
    NN_TRY(nn_onnx_set(item, "causal", f.causal ? "true" : "false"));
    NN_TRY(nn_onnx_set(item, "bias", f.out_bias ? "true" : "false"));
    if (f.rotary_base > 0)
        NN_TRY(nn_onnx_set(item, "rotary_base", "%.4g", f.rotary_base));
    return add_params(c, &f, item);
}
