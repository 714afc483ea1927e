/* Multi-head attention (Vaswani et al. 2017) on sequences [steps, features]: q = x W_q^T + b_q, k
 * and v likewise, of the same sequence or of a second input; y = attention(q, k, v) W_out^T +
 * b_out. Parameters are those of PyTorch's MultiheadAttention. */
#include "nn/layers/attention/attention.h"

#include "math/gemm/gemm.h"
#include "math/kernels.h"
#include "nn/layers/attention/rotary.h"
#include "nn/layers/layers.h"

#include <string.h>

struct attention {
    int64_t heads, kv_heads;
    bool causal, bias;
    double dropout, rotary_base; /* 0: no positions */
};

static const nn_option attention_options[] = {
    {"heads", NN_OPT_INT, offsetof(struct attention, heads), NULL, "[1, 65536]",
     "heads, which share the features of the first input evenly"},
    {"kv_heads", NN_OPT_INT, offsetof(struct attention, kv_heads), "", "[1, 65536]",
     "heads of keys and values, each for as many neighbouring heads (grouped queries; 1: "
     "multi-query); default: as many as heads"},
    {"causal", NN_OPT_BOOL, offsetof(struct attention, causal), "false", NULL,
     "a step sees no later ones"},
    {"dropout", NN_OPT_REAL, offsetof(struct attention, dropout), "0", "[0, 1)",
     "share of the attention weights that is dropped in training; others are divided by 1 - "
     "dropout"},
    {"bias", NN_OPT_BOOL, offsetof(struct attention, bias), "true", NULL,
     "add biases, in_proj_bias and out_proj.bias"},
    {"rotary_base", NN_OPT_REAL, offsetof(struct attention, rotary_base), "", "(1, inf)",
     "rotary positions: at step t, elements i and i + d/2 of the d of a head of q and k turn by "
     "the "
     "angle t rotary_base^(-2i/d), usually of base 10000; default: no positions"},
    NN_OPTION_END};

/* --- shapes --- */

static const struct attention *options_of(const nn_layer *layer) {
    return layer->options;
}

static size_t features_of(const nn_layer *layer, size_t input) {
    return (size_t)layer->in[input].dim[1];
}

static size_t steps_of(const nn_layer *layer, size_t input) {
    return (size_t)layer->in[input].dim[0];
}

/* The input that keys and values are made of. */
static size_t keys_input(const nn_layer *layer) {
    return layer->inputs > 1 ? 1 : 0;
}

static size_t dim_of(const nn_layer *layer) {
    return features_of(layer, 0) / (size_t)options_of(layer)->heads;
}

static size_t kv_width(const nn_layer *layer) {
    return dim_of(layer) * (size_t)options_of(layer)->kv_heads;
}

/* All of W_q, W_k, W_v have one shape, so that they are one parameter. */
static bool is_packed(const nn_layer *layer) {
    size_t width = features_of(layer, 0);
    return kv_width(layer) == width && features_of(layer, keys_input(layer)) == width;
}

enum { Q, K, V, PARTS };

/* q, k or v: rows [row, row + width) of a weight, and where they stand in what is made of an input.
 */
struct part {
    size_t param, row, width, input, col;
};

static struct part part_of(const nn_layer *layer, size_t i) {
    size_t width = features_of(layer, 0), kv = kv_width(layer);
    size_t before = i == Q ? 0 : width + (i == V ? kv : 0);
    bool packed = is_packed(layer), apart = i != Q && layer->inputs > 1;
    return (struct part){.param = packed ? 0 : i,
                         .row = packed ? before : 0,
                         .width = i == Q ? width : kv,
                         .input = i == Q ? 0 : keys_input(layer),
                         .col = before - (apart ? width : 0)};
}

/* Columns of what is made of an input: q k v, or of two inputs q and k v. */
static size_t cols_of(const nn_layer *layer, size_t input) {
    size_t width = features_of(layer, 0), kv = 2 * kv_width(layer);
    if (layer->inputs == 1)
        return width + kv;
    return input == 0 ? width : kv;
}

static size_t in_bias(const nn_layer *layer) {
    return is_packed(layer) ? 1 : PARTS;
}

static size_t out_weight(const nn_layer *layer) {
    return in_bias(layer) + (options_of(layer)->bias ? 1 : 0);
}

static size_t out_bias(const nn_layer *layer) {
    return out_weight(layer) + 1;
}

/* --- plan --- */

static int check(const nn_layer *layer) {
    const struct attention *o = options_of(layer);
    if (layer->inputs > 2)
        return nn_layer_fail(layer,
                             "takes one input, or a second one for keys and values, and "
                             "there are %zu",
                             layer->inputs);
    for (size_t i = 0; i < layer->inputs; i++)
        if (layer->in[i].rank != 2)
            return nn_layer_fail(layer, "reads sequences, [steps, features], and '%s' gives none",
                                 layer->input[i]->name);
    if (layer->in[0].dim[1] % o->heads)
        return nn_layer_fail(layer, "heads: %lld does not divide the %lld features",
                             (long long)o->heads, (long long)layer->in[0].dim[1]);
    if (o->heads % o->kv_heads)
        return nn_layer_fail(layer, "kv_heads: %lld does not divide the %lld heads",
                             (long long)o->kv_heads, (long long)o->heads);
    if (o->rotary_base > 0 && dim_of(layer) % 2)
        return nn_layer_fail(layer, "rotary_base turns pairs of elements, and a head has %zu",
                             dim_of(layer));
    return 0;
}

static int add_params(nn_layer *layer) {
    static const char *const name[PARTS] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
    const struct attention *o = options_of(layer);
    int64_t width = layer->in[0].dim[1], kv = (int64_t)kv_width(layer), all = width + 2 * kv;
    if (is_packed(layer))
        NN_TRY(nn_layer_add_param(layer, "in_proj_weight", NN_PARAM_WEIGHT, 2,
                                  (int64_t[]){all, width}, width, width));
    for (size_t i = 0; !is_packed(layer) && i < PARTS; i++) {
        struct part p = part_of(layer, i);
        int64_t inputs = layer->in[p.input].dim[1], rows = (int64_t)p.width;
        NN_TRY(nn_layer_add_param(layer, name[i], NN_PARAM_WEIGHT, 2, (int64_t[]){rows, inputs},
                                  inputs, rows));
    }
    if (o->bias)
        NN_TRY(nn_layer_add_param(layer, "in_proj_bias", NN_PARAM_BIAS, 1, &all, width, width));
    NN_TRY(nn_layer_add_param(layer, "out_proj.weight", NN_PARAM_WEIGHT, 2,
                              (int64_t[]){width, width}, width, width));
    if (o->bias)
        NN_TRY(nn_layer_add_param(layer, "out_proj.bias", NN_PARAM_BIAS, 1, &width, width, width));
    return 0;
}

/* Elements of q, k and v of a sample. */
static size_t projected_count(const nn_layer *layer) {
    size_t count = 0;
    for (size_t i = 0; i < layer->inputs; i++)
        count += steps_of(layer, i) * cols_of(layer, i);
    return count;
}

/* Steps of the longer sequence. */
static size_t longest(const nn_layer *layer) {
    size_t queries = nn_layer_context(layer), keys = steps_of(layer, keys_input(layer));
    return queries > keys ? queries : keys;
}

static int attention_plan(nn_layer *layer) {
    struct attention *o = layer->options;
    o->kv_heads = o->kv_heads ? o->kv_heads : o->heads;
    NN_TRY(check(layer));
    if (o->rotary_base > 0)
        layer->constant_count = longest(layer) * dim_of(layer);
    layer->out = layer->in[0];
    layer->flags = NN_LAYER_READS_X;
    layer->save_bytes = (projected_count(layer) + nn_shape_count(&layer->out) +
                         2 * (size_t)o->heads * steps_of(layer, 0)) *
                        sizeof(nn_real);
    layer->cache_bytes = 2 * layer->context * kv_width(layer) * sizeof(nn_real);
    return add_params(layer);
}

static void attention_fill(const nn_layer *layer, nn_real *turns) {
    nn_rotary_fill(options_of(layer)->rotary_base, longest(layer), dim_of(layer), turns);
}

/* There is one length for both inputs. */
static int attention_check_lengths(const nn_layer *layer) {
    size_t queries = steps_of(layer, 0), keys = steps_of(layer, keys_input(layer));
    if (queries == keys)
        return 0;
    return nn_layer_fail(layer,
                         "the lengths of sequences (len) are those of both inputs, and '%s' has "
                         "%zu steps and '%s' %zu: with lengths they have as many",
                         layer->input[0]->name, queries, layer->input[1]->name, keys);
}

static int attention_check_steps(const nn_layer *layer) {
    if (layer->inputs > 1)
        return nn_layer_fail(layer, "its keys and values are those of a whole other sequence");
    if (!options_of(layer)->causal)
        return nn_layer_fail(layer, "a step sees later ones, since causal is false");
    return 0;
}

/* --- a call --- */

/* Makes places for q, k and v from `at` on, of each input side by side; returns the end. */
static nn_real *place(const nn_layer *layer, size_t batch, nn_real *at,
                      nn_attention_rows rows[PARTS]) {
    nn_real *of_input[2] = {at, at + batch * steps_of(layer, 0) * cols_of(layer, 0)};
    for (size_t i = 0; i < PARTS; i++) {
        struct part p = part_of(layer, i);
        rows[i] = (nn_attention_rows){of_input[p.input] + p.col, cols_of(layer, p.input)};
    }
    return at + batch * projected_count(layer);
}

struct call {
    const nn_layer *layer;
    const nn_io *io;
    nn_attention attention;
    nn_attention_rows part[PARTS], grad[PARTS];
};

/* Keys and values of a context stand in the cache, [batch][context][k, v]. */
static void aim_at_cache(struct call *c) {
    size_t width = kv_width(c->layer);
    nn_real *cache = c->io->cache;
    c->attention.keys = c->layer->context;
    c->attention.past = c->io->pass->past;
    c->attention.k = (nn_attention_rows){cache, 2 * width};
    c->attention.v = (nn_attention_rows){cache + width, 2 * width};
}

static struct call call_of(const nn_layer *layer, const nn_io *io) {
    const struct attention *o = options_of(layer);
    const nn_pass *pass = io->pass;
    struct call c = {.layer = layer, .io = io};
    size_t stride = features_of(layer, 0), points = io->batch * steps_of(layer, 0);
    nn_real *y = place(layer, io->batch, io->save, c.part), *max = y + points * stride;
    c.attention = (nn_attention){.compute = layer->compute,
                                 .batch = io->batch,
                                 .queries = steps_of(layer, 0),
                                 .keys = steps_of(layer, keys_input(layer)),
                                 .heads = (size_t)o->heads,
                                 .kv_heads = (size_t)o->kv_heads,
                                 .dim = dim_of(layer),
                                 .length = pass->length,
                                 .causal = o->causal,
                                 .rate = pass->training ? o->dropout : 0,
                                 .seed = pass->seed,
                                 .place = nn_mix64(nn_hash_text(layer->name) + pass->step),
                                 .sample = pass->sample,
                                 .q = c.part[Q],
                                 .k = c.part[K],
                                 .v = c.part[V],
                                 .y = {y, stride},
                                 .max = max,
                                 .inverse = max + points * (size_t)o->heads,
                                 .scratch = io->scratch};
    nn_real *dy = c.attention.scratch + nn_attention_scratch(&c.attention);
    place(layer, io->batch, dy + points * stride, c.grad);
    if (layer->context)
        aim_at_cache(&c);
    c.attention.dy = (nn_attention_rows){dy, stride};
    c.attention.dq = c.grad[Q];
    c.attention.dk = c.grad[K];
    c.attention.dv = c.grad[V];
    return c;
}

static int attention_prepare(nn_layer *layer, size_t batch, bool training) {
    const struct attention *o = options_of(layer);
    nn_attention most = {.compute = layer->compute,
                         .batch = batch,
                         .keys =
                             layer->context ? layer->context : steps_of(layer, keys_input(layer)),
                         .kv_heads = (size_t)o->kv_heads,
                         .dim = dim_of(layer)};
    size_t grads = batch * (nn_shape_count(&layer->out) + projected_count(layer));
    layer->scratch_bytes = (nn_attention_scratch(&most) + (training ? grads : 0)) * sizeof(nn_real);
    return 0;
}

static double attention_work(const nn_layer *layer) {
    double queries = (double)steps_of(layer, 0), keys = (double)steps_of(layer, keys_input(layer));
    double seen = queries * keys, width = (double)features_of(layer, 0), work = 0;
    if (options_of(layer)->causal) {
        double square = queries < keys ? queries : keys;
        seen = square * (square + 1) / 2 + (queries - square) * keys;
    }
    for (size_t i = 0; i < PARTS; i++) {
        struct part p = part_of(layer, i);
        work += (double)(steps_of(layer, p.input) * p.width * features_of(layer, p.input));
    }
    return work + queries * width * width + 2 * seen * width;
}

/* q or k, or its gradient, turned by their positions, or back. */
static void turn(const struct call *c, size_t i, nn_attention_rows rows, nn_rotary_direction way) {
    const nn_layer *layer = c->layer;
    struct part p = part_of(layer, i);
    if (layer->constant_count)
        nn_rotary_turn(layer->compute, layer->constants + c->io->pass->past * dim_of(layer),
                       dim_of(layer), c->io->batch, steps_of(layer, p.input), rows, p.width, way);
}

/* --- forward --- */

/* Rows of what an input gives. */
static size_t rows_of(const struct call *c, size_t input) {
    return c->io->batch * steps_of(c->layer, input);
}

/* Of all samples, what an input gives and its part of in_proj_bias. */
static nn_real *made_of(const nn_attention_rows part[PARTS], size_t input) {
    return part[input == 0 ? Q : K].at;
}

static size_t bias_at(const struct call *c, size_t input) {
    return input == 0 ? 0 : features_of(c->layer, 0);
}

static void project(const struct call *c) {
    const nn_layer *layer = c->layer;
    const nn_io *io = c->io;
    for (size_t i = 0; i < PARTS; i++) {
        struct part p = part_of(layer, i);
        size_t inputs = features_of(layer, p.input);
        nn_gemm(layer->compute, NN_PLAIN, NN_TRANSPOSED, rows_of(c, p.input), p.width, inputs, 1,
                io->x[p.input], inputs, io->w[p.param] + p.row * inputs, inputs, 0, c->part[i].at,
                c->part[i].stride);
    }
    for (size_t i = 0; options_of(layer)->bias && i < layer->inputs; i++)
        nn_kernels_get()->add_bias(rows_of(c, i), cols_of(layer, i),
                                   io->w[in_bias(layer)] + bias_at(c, i), made_of(c->part, i));
}

/* y is 0 behind the end of a sequence. */
static void clear_padding(const struct call *c) {
    size_t steps = steps_of(c->layer, 0), width = features_of(c->layer, 0);
    for (size_t b = 0; c->io->pass->length && b < c->io->batch; b++) {
        size_t valid = nn_valid_steps(c->io->pass->length, b, steps);
        memset(c->io->y + (b * steps + valid) * width, 0,
               (steps - valid) * width * sizeof(nn_real));
    }
}

/* The new keys and values join those of the steps before. */
static void keep_keys(const struct call *c) {
    size_t steps = steps_of(c->layer, 0), width = kv_width(c->layer);
    for (size_t row = 0; row < rows_of(c, 0); row++) {
        size_t at = row / steps * c->layer->context + c->io->pass->past + row % steps;
        nn_real *to = (nn_real *)c->io->cache + at * 2 * width;
        memcpy(to, c->part[K].at + row * c->part[K].stride, width * sizeof *to);
        memcpy(to + width, c->part[V].at + row * c->part[V].stride, width * sizeof *to);
    }
}

static void attention_forward(const nn_layer *layer, const nn_io *io) {
    struct call c = call_of(layer, io);
    size_t width = features_of(layer, 0);
    project(&c);
    turn(&c, Q, c.part[Q], NN_ROTARY_FORWARD);
    turn(&c, K, c.part[K], NN_ROTARY_FORWARD);
    if (layer->context)
        keep_keys(&c);
    nn_attention_forward(&c.attention);
    nn_gemm(layer->compute, NN_PLAIN, NN_TRANSPOSED, rows_of(&c, 0), width, width, 1,
            c.attention.y.at, width, io->w[out_weight(layer)], width, 0, io->y, width);
    if (options_of(layer)->bias)
        nn_kernels_get()->add_bias(rows_of(&c, 0), width, io->w[out_bias(layer)], io->y);
    clear_padding(&c);
}

/* --- backward --- */

/* out_proj.bias is no part of y behind the end of a sequence. */
static void out_bias_gradient(const struct call *c) {
    const nn_kernels *k = nn_kernels_get();
    const nn_io *io = c->io;
    size_t steps = steps_of(c->layer, 0), width = features_of(c->layer, 0);
    nn_real *g = io->g[out_bias(c->layer)];
    if (!io->pass->length) {
        k->sum_rows(rows_of(c, 0), width, io->dy, io->g_beta, g);
        return;
    }
    k->sum_rows(0, width, io->dy, io->g_beta, g);
    for (size_t b = 0; b < io->batch; b++)
        k->sum_rows(nn_valid_steps(io->pass->length, b, steps), width, io->dy + b * steps * width,
                    1, g);
}

/* Some x or dy is NaN or Inf: behind the end of a sequence, 0 times that would not be 0. */
static bool has_nonfinite(const struct call *c) {
    const nn_kernels *k = nn_kernels_get();
    bool finite = k->all_finite(rows_of(c, 0) * features_of(c->layer, 0), c->io->dy);
    for (size_t i = 0; i < c->layer->inputs && finite; i++)
        finite = k->all_finite(rows_of(c, i) * features_of(c->layer, i), c->io->x[i]);
    return !finite;
}

struct side {
    const nn_real *at;
    size_t stride, width;
};

/* The gradient a^T b of a weight, by the rows of an input; `apart`: sample by sample, of those rows
 * alone that count. */
static void outer(const struct call *c, bool apart, size_t input, struct side a, struct side b,
                  nn_real *g) {
    size_t steps = steps_of(c->layer, input), calls = apart ? c->io->batch : 1;
    for (size_t s = 0; s < calls; s++) {
        size_t rows = apart ? nn_valid_steps(c->io->pass->length, s, steps) : rows_of(c, input);
        nn_gemm(c->layer->compute, NN_TRANSPOSED, NN_PLAIN, a.width, b.width, rows, 1,
                a.at + s * steps * a.stride, a.stride, b.at + s * steps * b.stride, b.stride,
                s > 0 ? 1 : c->io->g_beta, g, b.width);
    }
}

static void weight_gradients(const struct call *c) {
    const nn_layer *layer = c->layer;
    const nn_io *io = c->io;
    size_t width = features_of(layer, 0);
    bool apart = io->pass->length && io->batch > 0 && has_nonfinite(c);
    outer(c, apart, 0, (struct side){io->dy, width, width},
          (struct side){c->attention.y.at, width, width}, io->g[out_weight(layer)]);
    for (size_t i = 0; i < PARTS; i++) {
        struct part p = part_of(layer, i);
        size_t inputs = features_of(layer, p.input);
        outer(c, apart, p.input, (struct side){c->grad[i].at, c->grad[i].stride, p.width},
              (struct side){io->x[p.input], inputs, inputs}, io->g[p.param] + p.row * inputs);
    }
    if (!options_of(layer)->bias)
        return;
    out_bias_gradient(c);
    for (size_t i = 0; i < layer->inputs; i++)
        nn_kernels_get()->sum_rows(rows_of(c, i), cols_of(layer, i), made_of(c->grad, i),
                                   io->g_beta, io->g[in_bias(layer)] + bias_at(c, i));
}

/* The first part that an input gives writes its gradient, others add to it. */
static void input_gradients(const struct call *c) {
    const nn_layer *layer = c->layer;
    const nn_io *io = c->io;
    for (size_t i = 0; i < PARTS; i++) {
        struct part p = part_of(layer, i);
        size_t inputs = features_of(layer, p.input);
        if (io->dx[p.input])
            nn_gemm(layer->compute, NN_PLAIN, NN_PLAIN, rows_of(c, p.input), inputs, p.width, 1,
                    c->grad[i].at, c->grad[i].stride, io->w[p.param] + p.row * inputs, inputs,
                    p.col == 0 ? 0 : 1, io->dx[p.input], inputs);
    }
}

static void attention_backward(const nn_layer *layer, const nn_io *io) {
    struct call c = call_of(layer, io);
    size_t width = features_of(layer, 0);
    nn_gemm(layer->compute, NN_PLAIN, NN_PLAIN, rows_of(&c, 0), width, width, 1, io->dy, width,
            io->w[out_weight(layer)], width, 0, c.attention.dy.at, width);
    nn_attention_backward(&c.attention);
    turn(&c, Q, c.grad[Q], NN_ROTARY_BACKWARD);
    turn(&c, K, c.grad[K], NN_ROTARY_BACKWARD);
    if (io->g[0])
        weight_gradients(&c);
    input_gradients(&c);
}

const nn_layer_ops nn_layer_attention = {
    .entry =
        {"attention",
         "multi-head attention on sequences [steps, features]: each step becomes a mean of the "
         "values of all steps, weighted by softmax(q k^T / sqrt(d)), d the features of a head. "
         "Keys and values are made of the same sequence, or of a second one of `inputs`. Steps "
         "behind the end of a sequence (len) are not looked at and give 0; with len, a second "
         "input has as many steps as the first",
         attention_options, sizeof(struct attention)},
    .plan = attention_plan,
    .fill = attention_fill,
    .check_lengths = attention_check_lengths,
    .check_steps = attention_check_steps,
    .prepare = attention_prepare,
    .work = attention_work,
    .forward = attention_forward,
    .backward = attention_backward,
};
