/* Adds to each step of a sequence [steps, features] a vector of its own, so that layers which do
 * not see the order of steps can learn from it: a row of a learned table, or sines and cosines
 * (Vaswani et al. 2017). */
#include "nn/layers/positions.h"

#include "base/numbers/elementary.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/layers.h"

#include <string.h>

#define GRAIN 16384 /* elements worth a fork and join */

enum { LEARNED, SINUSOIDAL };

struct positions {
    int64_t kind, context;
};

static const nn_option positions_options[] = {
    {"kind", NN_OPT_CHOICE, offsetof(struct positions, kind), "learned", "learned|sinusoidal",
     "a learned vector for each position, or sin(t / 10000^(2i/E)) and cos of it in turns"},
    {"context", NN_OPT_INT, offsetof(struct positions, context), "0", "[0, 16777216]",
     "positions that the learned table has, at least the steps of the input; 0: as many as these"},
    NN_OPTION_END};

static int positions_plan(nn_layer *layer) {
    const struct positions *o = layer->options;
    const nn_shape *in = &layer->in[0];
    if (in->rank != 2)
        return nn_layer_fail(layer, "reads sequences, [steps, features]; put a reshape or an "
                                    "embedding before it");
    int64_t steps = (int64_t)nn_layer_context(layer);
    layer->out = *in;
    layer->flags = NN_LAYER_IN_PLACE;
    if (o->kind == SINUSOIDAL) {
        if (o->context > 0)
            return nn_layer_fail(layer, "context is the size of a learned table; kind: sinusoidal "
                                        "has none");
        layer->constant_count = (size_t)(steps * in->dim[1]);
        return 0;
    }
    if (o->context > 0 && o->context < steps)
        return nn_layer_fail(layer, "context: %lld is less than its %lld steps",
                             (long long)o->context, (long long)steps);
    /* one weight of each feature is active at a time */
    NN_TRY(nn_layer_add_param(layer, "weight", NN_PARAM_WEIGHT, 2,
                              (int64_t[]){o->context ? o->context : steps, in->dim[1]}, 1,
                              in->dim[1]));
    layer->param[0].table = true;
    return 0;
}

struct waves {
    nn_real *table; /* [steps][width] */
    size_t steps, width;
};

/* Columns 2i and 2i + 1 go round the circle step by step: rounding adds up to less than `steps`
 * units in the last place of a double. */
static void make_waves(void *ctx, size_t begin, size_t end) {
    const struct waves *w = ctx;
    const double turn = 6.283185307179586477;
    for (size_t i = 2 * begin; i < 2 * end; i += 2) {
        double angle = nn_power(10000, -(double)i / (double)w->width);
        nn_circle by = nn_circle_at(angle / turn), at = {1, 0};
        for (size_t t = 0; t < w->steps; t++) {
            nn_real *row = w->table + t * w->width;
            row[i] = (nn_real)at.sine;
            if (i + 1 < w->width)
                row[i + 1] = (nn_real)at.cosine;
            at = (nn_circle){at.cosine * by.cosine - at.sine * by.sine,
                             at.sine * by.cosine + at.cosine * by.sine};
        }
    }
}

void nn_positions_sinusoidal(const nn_compute *compute, size_t steps, size_t width,
                             nn_real *table) {
    struct waves w = {table, steps, width};
    nn_parallel(compute, (width + 1) / 2, 1 + GRAIN / steps, make_waves, &w);
}

static void positions_fill(const nn_layer *layer, nn_real *table) {
    nn_positions_sinusoidal(layer->compute, nn_layer_context(layer), (size_t)layer->in[0].dim[1],
                            table);
}

struct call {
    const nn_io *io;
    const nn_real *table; /* [steps][width] */
    size_t steps, width;
};

static void add_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    for (size_t r = begin; r < end; r++)
        nn_kernels_get()->plus(c->width, c->io->x[0] + r * c->width,
                               c->table + r % c->steps * c->width, c->io->y + r * c->width);
}

static void positions_forward(const nn_layer *layer, const nn_io *io) {
    struct call c = {.io = io,
                     .table = layer->params ? io->w[0] : layer->constants,
                     .steps = (size_t)layer->in[0].dim[0],
                     .width = (size_t)layer->in[0].dim[1]};
    c.table += io->pass->past * c.width;
    nn_parallel(layer->compute, io->batch * c.steps, 1 + GRAIN / c.width, add_rows, &c);
}

static void positions_backward(const nn_layer *layer, const nn_io *io) {
    size_t used = nn_shape_count(&layer->in[0]);
    if (io->g[0]) {
        size_t rest = layer->param[0].count - used;
        nn_kernels_get()->sum_rows(io->batch, used, io->dy, io->g_beta, io->g[0]);
        if (io->g_beta == 0)
            memset(io->g[0] + used, 0, rest * sizeof(nn_real));
    }
    if (io->dx[0] && io->dx[0] != io->dy)
        memcpy(io->dx[0], io->dy, io->batch * used * sizeof(nn_real));
}

const nn_layer_ops nn_layer_positions = {
    .entry = {"positions", "adds to each step of a sequence a vector that says which one it is",
              positions_options, sizeof(struct positions)},
    .plan = positions_plan,
    .fill = positions_fill,
    .check_steps = nn_layer_each_step,
    .forward = positions_forward,
    .backward = positions_backward,
};
