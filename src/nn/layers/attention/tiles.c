/* The way through the tiles. A task is what one head of keys and values of a sample takes, with all
 * heads of queries that it serves. */
#include "base/mem.h"
#include "base/numbers/compare.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/attention/attention.h"

#include <math.h>
#include <string.h>

#define QUERIES NN_ATTENTION_COLS /* of a tile */
#define KEYS 64

static const nn_real zeros[QUERIES];

/* The memory of a thread; whole panels of NN_PACK_COLS columns where it is packed. */
struct room {
    nn_real *turned;                        /* [dim][keys] v, in backward k */
    nn_real *q, *q_turned, *dy, *dy_turned; /* packed, of the tile's queries */
    nn_real *s, *ds, *packed, *kept;        /* [KEYS][QUERIES] */
    nn_real *sum;                           /* [dim][QUERIES] y, in backward dq */
    nn_real *line[2];                       /* [QUERIES] */
};

static nn_real *take(nn_real *base, size_t *used, size_t count) {
    nn_real *at = base ? base + *used : NULL;
    *used += nn_align_count(count, sizeof(nn_real));
    return at;
}

/* Lays it out from `base` on; NULL: only its size counts. */
static size_t room_at(const nn_attention *a, nn_real *base, struct room *r) {
    size_t used = 0, panels = (a->dim + NN_PACK_COLS - 1) / NN_PACK_COLS * NN_PACK_COLS;
    r->turned = take(base, &used, a->dim * a->keys);
    r->q_turned = take(base, &used, a->dim * QUERIES);
    r->q = take(base, &used, QUERIES * panels);
    r->dy_turned = take(base, &used, a->dim * QUERIES);
    r->dy = take(base, &used, QUERIES * panels);
    r->s = take(base, &used, KEYS * QUERIES);
    r->ds = take(base, &used, KEYS * QUERIES);
    r->packed = take(base, &used, KEYS * QUERIES);
    r->kept = take(base, &used, KEYS * QUERIES);
    r->sum = take(base, &used, a->dim * QUERIES);
    r->line[0] = take(base, &used, QUERIES);
    r->line[1] = take(base, &used, QUERIES);
    return used;
}

static size_t threads_of(const nn_attention *a) {
    return nn_smaller((size_t)nn_compute_threads(a->compute), a->batch * a->kv_heads);
}

size_t nn_attention_scratch(const nn_attention *a) {
    struct room r;
    return threads_of(a) * room_at(a, NULL, &r);
}

/* What a tile of queries of one head works with. */
struct tile {
    const nn_attention *a;
    const nn_kernels *kernels;
    const struct room *room;
    size_t sample, head;
    size_t valid;        /* keys that count */
    size_t first, count; /* queries */
    nn_attention_tile scores;
};

/* Numbers of `head` at step t. */
static nn_real *at(nn_attention_rows rows, size_t steps, size_t sample, size_t t, size_t head,
                   size_t dim) {
    return rows.at + (sample * steps + t) * rows.stride + head * dim;
}

static nn_real *query_at(const struct tile *t, nn_attention_rows rows) {
    const nn_attention *a = t->a;
    return at(rows, a->queries, t->sample, t->first, t->head, a->dim);
}

static nn_real *key_at(const struct tile *t, nn_attention_rows rows, size_t key) {
    const nn_attention *a = t->a;
    return at(rows, a->keys, t->sample, key, t->head / (a->heads / a->kv_heads), a->dim);
}

/* Where forward leaves what it found of the tile's first query. */
static size_t found_at(const struct tile *t) {
    return (t->sample * t->a->heads + t->head) * t->a->queries + t->first;
}

/* Keys that any of the tile's queries sees. */
static size_t keys_seen(const struct tile *t) {
    return t->a->causal ? nn_smaller(t->valid, t->a->past + t->first + t->count) : t->valid;
}

/* Factors of dropout for keys from `key` on. */
static void draw(const struct tile *t, size_t key, size_t rows) {
    const nn_attention *a = t->a;
    nn_rng rng = nn_rng_stream(a->seed, NN_RNG_LAYER, a->place, (uint64_t)a->sample[t->sample]);
    for (size_t r = 0; r < rows; r++) {
        uint64_t row = (uint64_t)t->head * a->keys + key + r;
        nn_rng_dropout(&rng, row * a->queries + t->first, t->count, a->rate,
                       t->room->kept + r * t->count);
    }
}

/* Packs rows of queries of the tile as [dim][count]. */
static void pack_turned(const struct tile *t, nn_attention_rows rows, nn_real *packed) {
    t->kernels->pack(t->a->dim, t->count, query_at(t, rows), 1, rows.stride, packed);
}

static void pack_plain(const struct tile *t, nn_attention_rows rows, nn_real *packed) {
    t->kernels->pack(t->count, t->a->dim, query_at(t, rows), rows.stride, 1, packed);
}

/* to[rows][count] = rows of keys from `key` on times the packed queries */
static void multiply_keys(const struct tile *t, nn_attention_rows rows, size_t key,
                          const nn_real *packed, nn_real *to) {
    t->kernels->packed_product(t->scores.rows, t->count, t->a->dim, key_at(t, rows, key),
                               rows.stride, packed, zeros, to, t->count);
}

/* The scores of keys from `key` on, with what dropout does to them. */
static void score(struct tile *t, size_t key, size_t end) {
    const nn_attention *a = t->a;
    nn_attention_tile *s = &t->scores;
    s->rows = nn_smaller(KEYS, end - key);
    s->first = a->causal ? (ptrdiff_t)key - (ptrdiff_t)(a->past + t->first) : -(ptrdiff_t)s->rows;
    multiply_keys(t, a->k, key, t->room->q_turned, s->s);
    if (a->rate > 0)
        draw(t, key, s->rows);
}

/* sum[dim][count] += the turned rows of keys times x[rows][count] */
static void add_keys(const struct tile *t, size_t key, const nn_real *x) {
    const struct room *r = t->room;
    size_t rows = t->scores.rows;
    t->kernels->pack(rows, t->count, x, t->count, 1, r->packed);
    t->kernels->packed_product(t->a->dim, t->count, rows, r->turned + key, t->valid, r->packed,
                               NULL, r->sum, t->count);
}

/* A tile of queries, its q packed for the scores, its sum 0. */
static void begin(struct tile *t) {
    const struct room *r = t->room;
    t->scores.cols = t->count;
    t->scores.scale = (nn_real)(1 / sqrt((double)t->a->dim));
    t->scores.s = r->s;
    t->scores.kept = t->a->rate > 0 ? r->kept : NULL;
    pack_turned(t, t->a->q, r->q_turned);
    memset(r->sum, 0, t->a->dim * t->count * sizeof(nn_real));
}

static void forward_tile(struct tile *t) {
    const nn_attention *a = t->a;
    const struct room *r = t->room;
    nn_attention_tile *s = &t->scores;
    nn_real *inverse = a->inverse + found_at(t);
    begin(t);
    s->max = a->max + found_at(t);
    s->sum = r->line[0];
    s->width = a->dim;
    s->y = r->sum;
    for (size_t c = 0; c < t->count; c++) {
        s->max[c] = -(nn_real)INFINITY;
        s->sum[c] = 0;
    }
    for (size_t key = 0, end = keys_seen(t); key < end; key += KEYS) {
        score(t, key, end);
        t->kernels->attention_weights(s);
        add_keys(t, key, s->s);
    }
    for (size_t c = 0; c < t->count; c++)
        inverse[c] = 1 / s->sum[c];
    for (size_t d = 0; d < a->dim; d++)
        t->kernels->multiply(t->count, inverse, r->sum + d * t->count, r->sum + d * t->count);
    t->kernels->transpose(a->dim, t->count, r->sum, t->count, query_at(t, a->y), a->y.stride);
}

/* c += x[rows][count] times the packed rows of queries */
static void add_queries(const struct tile *t, size_t key, const nn_real *x, const nn_real *packed,
                        nn_attention_rows c) {
    t->kernels->packed_product(t->scores.rows, t->a->dim, t->count, x, t->count, packed, NULL,
                               key_at(t, c, key), c.stride);
}

static void backward_tile(struct tile *t) {
    const nn_attention *a = t->a;
    const struct room *r = t->room;
    nn_attention_tile *s = &t->scores;
    begin(t);
    pack_plain(t, a->q, r->q);
    pack_plain(t, a->dy, r->dy);
    pack_turned(t, a->dy, r->dy_turned);
    s->max = a->max + found_at(t);
    s->inverse = a->inverse + found_at(t);
    s->delta = r->line[0];
    s->ds = r->ds;
    t->kernels->row_dots(t->count, a->dim, query_at(t, a->dy), a->dy.stride, query_at(t, a->y),
                         a->y.stride, r->line[0]);
    for (size_t key = 0, end = keys_seen(t); key < end; key += KEYS) {
        score(t, key, end);
        multiply_keys(t, a->v, key, r->dy_turned, r->ds);
        t->kernels->attention_grad(s);
        add_queries(t, key, r->s, r->dy, a->dv);
        add_queries(t, key, r->ds, r->q, a->dk);
        add_keys(t, key, r->ds);
    }
    t->kernels->transpose(a->dim, t->count, r->sum, t->count, query_at(t, a->dq), a->dq.stride);
}

static void clear(nn_attention_rows rows, size_t steps, size_t sample, size_t begin, size_t head,
                  size_t dim) {
    for (size_t t = begin; t < steps; t++)
        memset(at(rows, steps, sample, t, head, dim), 0, dim * sizeof(nn_real));
}

typedef void tile_fn(struct tile *t);

/* All tiles of a head, `out` being its output; `turned` are its rows of keys. */
static void run_head(struct tile *t, tile_fn *fn, nn_attention_rows out) {
    const nn_attention *a = t->a;
    size_t queries = t->valid ? nn_valid_steps(a->length, t->sample, a->queries) : 0;
    for (t->first = 0; t->first < queries; t->first += QUERIES) {
        t->count = nn_smaller(QUERIES, queries - t->first);
        fn(t);
    }
    clear(out, a->queries, t->sample, queries, t->head, a->dim);
}

struct run {
    const nn_attention *a;
    bool backward;
    size_t parts;
};

static void run_task(const struct run *run, size_t task, const struct room *room) {
    const nn_attention *a = run->a;
    size_t group = a->heads / a->kv_heads, head = task % a->kv_heads;
    struct tile t = {.a = a,
                     .kernels = nn_kernels_get(),
                     .room = room,
                     .sample = task / a->kv_heads,
                     .head = head * group};
    nn_attention_rows turned = run->backward ? a->k : a->v;
    t.valid = nn_valid_steps(a->length, t.sample, a->keys);
    t.valid = a->causal ? nn_smaller(t.valid, a->past + a->queries) : t.valid;
    t.kernels->transpose(t.valid, a->dim, key_at(&t, turned, 0), turned.stride, room->turned,
                         t.valid);
    if (run->backward) {
        clear(a->dk, a->keys, t.sample, 0, head, a->dim);
        clear(a->dv, a->keys, t.sample, 0, head, a->dim);
    }
    for (size_t i = 0; i < group; i++, t.head++)
        run_head(&t, run->backward ? backward_tile : forward_tile, run->backward ? a->dq : a->y);
}

static void run_part(void *ctx, size_t part) {
    const struct run *run = ctx;
    const nn_attention *a = run->a;
    struct room room;
    size_t tasks = a->batch * a->kv_heads, end = tasks * (part + 1) / run->parts;
    room_at(a, a->scratch + part * room_at(a, NULL, &room), &room);
    for (size_t task = tasks * part / run->parts; task < end; task++)
        run_task(run, task, &room);
}

static void run(const nn_attention *a, bool backward) {
    struct run run = {a, backward, threads_of(a)};
    nn_parallel_for(a->compute, run.parts, run_part, &run);
}

void nn_attention_forward(const nn_attention *a) {
    run(a, false);
}

void nn_attention_backward(const nn_attention *a) {
    run(a, true);
}
