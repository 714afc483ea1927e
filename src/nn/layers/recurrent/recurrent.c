#include "nn/layers/recurrent/recurrent.h"

#include "base/mem.h"
#include "base/numbers/rng.h"
#include "math/gemm/bf16.h"
#include "math/parallel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Multiply-adds that are worth a fork and join. */
#define GRAIN 1048576
/* Numbers copied that are worth it. */
#define PACK_GRAIN 16384

const nn_option nn_recurrent_options[] = {NN_RECURRENT_OPTIONS, NN_OPTION_END};

static const nn_recurrent *options_of(const nn_layer *layer) {
    return layer->options;
}

size_t nn_recurrent_directions(const nn_recurrent *o) {
    return o->bidirectional ? 2 : 1;
}

static size_t width_of(const nn_recurrent *o) {
    return nn_recurrent_directions(o) * (size_t)o->units;
}

size_t nn_recurrent_inputs(const nn_layer *layer, size_t level) {
    return level ? width_of(options_of(layer)) : (size_t)layer->in[0].dim[1];
}

/* --- plan --- */

static int add_param(nn_layer *layer, const char *kind, size_t level, bool reverse,
                     nn_param_role role, int64_t inputs) {
    nn_recurrent *o = layer->options;
    int64_t rows = (int64_t)o->cell->gates * o->units;
    if (layer->params == NN_MAX_PARAMS)
        return nn_layer_fail(layer, "layers: %lld gives more than %d parameter tensors",
                             (long long)o->layers, NN_MAX_PARAMS);
    char *name = o->name[layer->params];
    snprintf(name, sizeof o->name[0], "%s_l%zu%s", kind, level, reverse ? "_reverse" : "");
    /* every gate is a layer of its own */
    return nn_layer_add_param(layer, name, role, role == NN_PARAM_WEIGHT ? 2 : 1,
                              (int64_t[]){rows, inputs}, inputs, o->units);
}

/* The tensors of one level and direction, in PyTorch's order. */
static int add_params(nn_layer *layer, size_t level, bool reverse) {
    const nn_recurrent *o = options_of(layer);
    int64_t inputs = (int64_t)nn_recurrent_inputs(layer, level);
    NN_TRY(add_param(layer, "weight_ih", level, reverse, NN_PARAM_WEIGHT, inputs));
    NN_TRY(add_param(layer, "weight_hh", level, reverse, NN_PARAM_WEIGHT, o->units));
    if (!o->bias)
        return 0;
    NN_TRY(add_param(layer, "bias_ih", level, reverse, NN_PARAM_BIAS, inputs));
    return add_param(layer, "bias_hh", level, reverse, NN_PARAM_BIAS, o->units);
}

static nn_shape output_of(const nn_layer *layer) {
    const nn_recurrent *o = options_of(layer);
    int64_t width = (int64_t)width_of(o);
    if (o->returns == NN_RETURN_ALL)
        return (nn_shape){.rank = 2, .dim = {layer->in[0].dim[0], width}};
    return (nn_shape){.rank = 1, .dim = {width}};
}

/* Products that are gradients of a direction: of W_ih, and of the parts of W_hh. */
static size_t outers_of(const nn_recurrent *o) {
    return 1 + o->cell->parts;
}

/* Of a direction whose W_ih is that parameter: the gates' gradients with x, and with h. */
static void add_outers(nn_layer *layer, size_t weight_ih) {
    const nn_recurrent *o = options_of(layer);
    size_t units = (size_t)o->units, steps = (size_t)layer->in[0].dim[0];
    nn_layer_outer *out = layer->outer + layer->outers;
    nn_layer_outer outer = {.param = weight_ih,
                            .m = o->cell->gates * units,
                            .n = (size_t)layer->param[weight_ih].dim[1],
                            .steps = steps,
                            .padded = true,
                            .first = NN_OUTER_B};
    out[0] = outer;
    outer.param++;
    outer.n = units;
    outer.steps = steps > 1 ? steps - 1 : 1; /* of one step there are no rows, but zeros */
    for (size_t p = 0; p < o->cell->parts; p++) {
        outer.at = o->cell->part[p].row * units * units;
        outer.m = o->cell->part[p].count * units;
        out[1 + p] = outer;
    }
    layer->outers += outers_of(o);
}

/* Numbers that a level has of the steps before: h, and c. */
static size_t state_count(const nn_recurrent *o) {
    return (o->cell->has_c ? 2 : 1) * (size_t)o->units;
}

int nn_recurrent_check_steps(const nn_layer *layer) {
    const nn_recurrent *o = options_of(layer);
    if (o->bidirectional)
        return nn_layer_fail(layer, "it is bidirectional: a step sees later ones");
    if (o->returns == NN_RETURN_LAST)
        return nn_layer_fail(layer, "it gives the state after the last step alone; return: all "
                                    "gives those of all");
    return 0;
}

int nn_recurrent_plan(nn_layer *layer, const nn_cell *cell) {
    nn_recurrent *o = layer->options;
    if (layer->in[0].rank != 2)
        return nn_layer_fail(layer, "reads sequences, [steps, features]; put a reshape before it");
    if (o->dropout > 0 && o->layers == 1)
        return nn_layer_fail(layer, "dropout acts between layers, and there is one; put a dropout "
                                    "behind it");
    o->cell = cell;
    layer->out = output_of(layer);
    layer->cache_bytes = layer->context ? (size_t)o->layers * state_count(o) * sizeof(nn_real) : 0;
    for (size_t level = 0; level < (size_t)o->layers; level++)
        for (size_t dir = 0; dir < nn_recurrent_directions(o); dir++) {
            size_t first = layer->params;
            NN_TRY(add_params(layer, level, dir > 0));
            add_outers(layer, first);
        }
    return 0;
}

/* --- memory --- */

nn_real *nn_scratch_alloc(nn_scratch *scratch, size_t count) {
    nn_real *at = scratch->base ? scratch->base + scratch->used : NULL;
    scratch->used += nn_align_count(count, sizeof(nn_real));
    return at;
}

/* What `save` holds for one level. */
struct level {
    nn_real *x, *h;
    nn_real *gates[2], *c[2];
};

/* Level by level up to `level`; h of the level below serves as x unless dropout changes it. */
static struct level level_of(const nn_layer *layer, size_t rows, bool training, size_t level,
                             nn_scratch *scratch) {
    const nn_recurrent *o = options_of(layer);
    size_t all = (size_t)layer->in[0].dim[0] * rows, kept = training ? all : rows;
    size_t units = (size_t)o->units;
    struct level l = {0};
    for (size_t i = 0; i <= level; i++) {
        bool own = i == 0 || (training && o->dropout > 0);
        l.x = own ? nn_scratch_alloc(scratch, all * nn_recurrent_inputs(layer, i)) : l.h;
        l.h = nn_scratch_alloc(scratch, all * width_of(o));
        for (size_t dir = 0; dir < nn_recurrent_directions(o); dir++) {
            l.gates[dir] = nn_scratch_alloc(scratch, kept * o->cell->blocks * units);
            l.c[dir] = o->cell->has_c ? nn_scratch_alloc(scratch, kept * units) : NULL;
        }
    }
    return l;
}

static struct level saved_level(const nn_layer *layer, const nn_io *io, size_t level) {
    return level_of(layer, io->batch, io->pass->training, level, &(nn_scratch){.base = io->save});
}

nn_real *nn_recurrent_x(const nn_layer *layer, const nn_io *io, size_t level) {
    return saved_level(layer, io, level).x;
}

nn_real *nn_recurrent_h(const nn_layer *layer, const nn_io *io, size_t level) {
    return saved_level(layer, io, level).h;
}

static size_t packed_count(size_t k, size_t n) {
    return k * ((n + NN_PACK_COLS - 1) / NN_PACK_COLS * NN_PACK_COLS);
}

void nn_direction_alloc(nn_direction *d, nn_scratch *scratch, bool backward) {
    const nn_cell *cell = d->o->cell;
    size_t gates = cell->gates * d->units;
    d->packed_x = nn_scratch_alloc(scratch, backward ? packed_count(gates, d->inputs)
                                                     : packed_count(d->inputs, gates));
    for (size_t p = 0; p < cell->parts; p++) {
        size_t part = cell->part[p].count * d->units;
        d->packed_h[p] = nn_scratch_alloc(scratch, backward ? packed_count(part, d->units)
                                                            : packed_count(d->units, part));
    }
    d->bias = nn_scratch_alloc(scratch, cell->blocks * d->units);
    nn_real *zeros = nn_scratch_alloc(scratch, d->units > d->inputs ? d->units : d->inputs);
    if (zeros)
        memset(zeros, 0, (d->units > d->inputs ? d->units : d->inputs) * sizeof *zeros);
    d->zeros = zeros;
    if (backward) {
        d->dh = nn_scratch_alloc(scratch, d->rows * d->units);
        d->dc = cell->has_c ? nn_scratch_alloc(scratch, d->rows * d->units) : NULL;
    }
}

static size_t scratch_count(const nn_layer *layer, size_t rows, bool training) {
    const nn_recurrent *o = options_of(layer);
    nn_scratch scratch = {0};
    size_t most = 0;
    for (size_t level = 0; level < (size_t)o->layers; level++)
        if (nn_recurrent_inputs(layer, level) > most)
            most = nn_recurrent_inputs(layer, level);
    nn_direction d = {.o = o, .rows = rows, .inputs = most, .units = (size_t)o->units};
    nn_direction_alloc(&d, &scratch, false);
    size_t forward = scratch.used;
    if (!training)
        return forward;
    scratch.used = 0;
    nn_direction_alloc(&d, &scratch, true);
    for (size_t level = 1; level < (size_t)o->layers && level <= 2; level++) /* dx of two levels */
        nn_scratch_alloc(&scratch, (size_t)layer->in[0].dim[0] * rows * width_of(o));
    return scratch.used > forward ? scratch.used : forward;
}

int nn_recurrent_prepare(nn_layer *layer, size_t batch, bool training) {
    nn_scratch scratch = {0};
    level_of(layer, 1, training, (size_t)options_of(layer)->layers - 1, &scratch);
    layer->save_bytes =
        scratch.used * sizeof(nn_real); /* rounded up for each row, which is enough */
    layer->scratch_bytes = scratch_count(layer, batch, training) * sizeof(nn_real);
    return 0;
}

/* --- a direction --- */

size_t nn_recurrent_steps(const nn_layer *layer, const nn_io *io) {
    int32_t all = (int32_t)layer->in[0].dim[0], most = 0;
    if (!io->pass->length)
        return (size_t)all;
    for (size_t r = 0; r < io->batch; r++)
        if (io->pass->length[r] > most)
            most = io->pass->length[r];
    return (size_t)(most < all ? most : all);
}

nn_direction nn_direction_of(const nn_layer *layer, const nn_io *io, size_t level,
                             size_t direction) {
    const nn_recurrent *o = options_of(layer);
    const char *table = (const char *)nn_kernels_get();
    struct level l = saved_level(layer, io, level);
    size_t units = (size_t)o->units, directions = nn_recurrent_directions(o);
    return (nn_direction){
        .compute = layer->compute,
        .o = o,
        .kernels =
            (const nn_cell_kernels *)(const void *)(table + o->cell->kernel[o->nonlinearity]),
        .length = io->pass->length,
        .rows = io->batch,
        .steps = nn_recurrent_steps(layer, io),
        .inputs = nn_recurrent_inputs(layer, level),
        .units = units,
        .width = width_of(o),
        .first_param = (level * directions + direction) * (o->bias ? 4 : 2),
        .first_outer = (level * directions + direction) * outers_of(o),
        .reverse = direction > 0,
        .x = l.x,
        .h = l.h + direction * units,
        .gates = l.gates[direction],
        .c = l.c[direction],
        .steps_kept = io->pass->training ? (size_t)layer->in[0].dim[0] : 1,
        .state = layer->context ? (nn_real *)io->cache + level * state_count(o) : NULL,
        .state_stride = (size_t)o->layers * state_count(o)};
}

struct packing {
    bool bf16;
    size_t k, n;
    const nn_real *b;
    size_t row, col;
    nn_real *packed;
};

/* Pieces are counted in fours of columns: they start at multiples of 16 fours, where panels start
 * on every instruction set. */
static_assert(NN_PACK_COLS == 32 && NN_BF16_PANEL == 64,
              "a piece of nn_parallel begins with a panel");

static void pack_fours(void *ctx, size_t begin, size_t end) {
    const struct packing *p = ctx;
    size_t first = 4 * begin, last = 4 * end < p->n ? 4 * end : p->n;
    const nn_real *b = p->b + first * p->col;
    if (p->bf16)
        nn_bf16_pack(p->k, last - first, b, p->row, p->col, p->packed + (p->k + 1) / 2 * first);
    else
        nn_kernels_get()->pack(p->k, last - first, b, p->row, p->col, p->packed + p->k * first);
}

void nn_direction_pack(const nn_compute *compute, size_t k, size_t n, const nn_real *b, size_t row,
                       size_t col, nn_real *packed) {
    struct packing p = {nn_compute_bf16(compute), k, n, b, row, col, packed};
    nn_parallel(compute, (n + 3) / 4, PACK_GRAIN / (4 * k + 1) + 1, pack_fours, &p);
}

void nn_direction_product(const nn_direction *d, size_t m, size_t n, size_t k, const nn_real *a,
                          size_t lda, const nn_real *packed, const nn_real *init, nn_real *c,
                          size_t ldc) {
    if (nn_compute_bf16(d->compute))
        nn_bf16_packed_product(m, n, k, a, lda, packed, init, c, ldc);
    else
        nn_kernels_get()->packed_product(m, n, k, a, lda, packed, init, c, ldc);
}

size_t nn_direction_time(const nn_direction *d, size_t n) {
    return d->reverse ? d->steps - 1 - n : n;
}

nn_cell_step nn_direction_step(const nn_direction *d, size_t n, size_t begin, size_t end) {
    size_t t = nn_direction_time(d, n), kept = d->steps_kept > 1 ? t * d->rows + begin : begin;
    nn_cell_step step = {.rows = end - begin,
                         .units = d->units,
                         .length = d->length ? d->length + begin : NULL,
                         .t = (int32_t)t,
                         .gates = d->gates + kept * d->o->cell->blocks * d->units,
                         .c = d->c ? d->c + kept * d->units : NULL,
                         .h = d->h + (t * d->rows + begin) * d->width,
                         .out_stride = d->width,
                         .c_old = d->zeros,
                         .h_old = d->zeros};
    if (n == 0 && d->state) {
        step.h_old = d->state + begin * d->state_stride;
        step.c_old = d->c ? step.h_old + d->units : NULL;
        step.h_stride = step.c_stride = d->state_stride;
    }
    if (n == 0)
        return step;
    size_t old = nn_direction_time(d, n - 1), kept_old = d->steps_kept > 1 ? old * d->rows : 0;
    step.h_old = d->h + (old * d->rows + begin) * d->width;
    step.h_stride = d->width;
    step.c_old = d->c ? d->c + (kept_old + begin) * d->units : NULL;
    step.c_stride = d->units;
    return step;
}

/* nn_parallel's pieces begin at multiples of 16: with every row counted four times, at multiples of
 * four rows. */
#define ROW_COUNT 4

struct run {
    const nn_direction *direction;
    nn_direction_fn *fn;
};

static void run_rows(void *ctx, size_t begin, size_t end) {
    const struct run *run = ctx;
    run->fn(run->direction, begin / ROW_COUNT, end / ROW_COUNT);
}

void nn_direction_run(const nn_direction *d, nn_direction_fn *fn) {
    size_t work = d->steps * d->o->cell->gates * d->units * (d->inputs + d->units) / ROW_COUNT;
    nn_parallel(d->compute, d->rows * ROW_COUNT, GRAIN / (work + 1) + 1, run_rows,
                &(struct run){d, fn});
}

/* --- dropout between levels --- */

#define PIECE 256 /* random numbers drawn at a time */

static void drop(const nn_rng *rng, size_t first, size_t n, double rate, const nn_real *x,
                 nn_real *y) {
    uint32_t bits[PIECE], limit = (uint32_t)(rate * 4294967296.0);
    nn_real scale = (nn_real)(1 / (1 - rate));
    for (size_t at = 0; at < n; at += PIECE) {
        size_t count = n - at < PIECE ? n - at : PIECE;
        nn_rng_bits(rng, first + at, count, bits);
        for (size_t i = 0; i < count; i++)
            y[at + i] = bits[i] >= limit ? x[at + i] * scale : 0;
    }
}

void nn_recurrent_drop(const nn_layer *layer, const nn_io *io, size_t level, const nn_real *x,
                       nn_real *y) {
    const nn_recurrent *o = options_of(layer);
    size_t width = width_of(o), steps = nn_recurrent_steps(layer, io);
    uint64_t place = nn_mix64(nn_hash_text(layer->name) + io->pass->step);
    for (size_t r = 0; r < io->batch; r++) {
        nn_rng rng = nn_rng_stream(io->pass->seed, NN_RNG_LAYER, nn_mix64(place + level),
                                   (uint64_t)io->pass->sample[r]);
        for (size_t t = 0; t < steps; t++) {
            size_t at = (t * io->batch + r) * width;
            drop(&rng, t * width, width, o->dropout, x + at, y + at);
        }
    }
}

double nn_recurrent_work(const nn_layer *layer) {
    return (double)layer->in[0].dim[0] * nn_layer_weights(layer);
}

/* Those of W_ih of the lowest level. */
double nn_recurrent_work_dx(const nn_layer *layer) {
    const nn_recurrent *o = options_of(layer);
    size_t rows = nn_recurrent_directions(o) * o->cell->gates * (size_t)o->units;
    return (double)(nn_shape_count(&layer->in[0]) * rows);
}
