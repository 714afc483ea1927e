/* Dropout (Srivastava et al. 2014): in training an element is 0 with probability `rate`. So that
 * evaluation sees the expectation, others are divided by 1 - rate in training (inverted dropout),
 * or all multiplied by it in evaluation, as the paper does. What is dropped is a function of seed,
 * step, layer, sample and element: the same on any number of ranks. */
#include "base/numbers/rng.h"
#include "math/kernels.h"
#include "nn/layers/layers.h"

#include <string.h>

#define PIECE 256 /* random numbers drawn at a time */

struct dropout {
    double rate;
    int scale;
};
enum { IN_TRAINING, IN_EVALUATION };

static const nn_option dropout_options[] = {
    {"rate", NN_OPT_REAL, offsetof(struct dropout, rate), "0.5", "[0, 1)",
     "share of the elements that is dropped"},
    {"scale", NN_OPT_CHOICE, offsetof(struct dropout, scale), "training", "training|evaluation",
     "where elements are scaled, so that both see the same expectation: in training those that are "
     "kept are divided by 1 - rate, or in evaluation all are multiplied by it, the classic form"},
    NN_OPTION_END};

static int dropout_plan(nn_layer *layer) {
    layer->out = layer->in[0];
    layer->flags = NN_LAYER_IN_PLACE;
    layer->save_bytes = nn_shape_count(&layer->out); /* one byte an element: kept or not */
    return 0;
}

/* kept[i] = 1 with probability 1 - rate, for the elements of one sample. */
static void draw(const nn_rng *rng, double rate, size_t n, uint8_t *kept) {
    uint32_t bits[PIECE], limit = (uint32_t)(rate * 4294967296.0);
    for (size_t at = 0; at < n; at += PIECE) {
        size_t count = n - at < PIECE ? n - at : PIECE;
        nn_rng_bits(rng, at, count, bits);
        for (size_t i = 0; i < count; i++)
            kept[at + i] = bits[i] >= limit;
    }
}

static void apply(size_t n, nn_real scale, const uint8_t *kept, const nn_real *x, nn_real *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = kept[i] ? x[i] * scale : 0;
}

/* What is kept in training is multiplied by it. */
static nn_real scale_of(const nn_layer *layer) {
    const struct dropout *o = layer->options;
    return o->scale == IN_TRAINING ? (nn_real)(1 / (1 - o->rate)) : 1;
}

static void dropout_forward(const nn_layer *layer, const nn_io *io) {
    const struct dropout *o = layer->options;
    size_t width = nn_shape_count(&layer->out);
    uint64_t place = nn_mix64(nn_hash_text(layer->name) + io->pass->step);
    uint8_t *kept = io->save;
    if (!io->pass->training) {
        size_t n = io->batch * width;
        if (io->y != io->x[0])
            memcpy(io->y, io->x[0], n * sizeof *io->y);
        if (o->scale == IN_EVALUATION)
            nn_kernels_get()->scale(n, (nn_real)(1 - o->rate), io->y);
        return;
    }
    for (size_t r = 0; r < io->batch; r++) {
        nn_rng rng =
            nn_rng_stream(io->pass->seed, NN_RNG_LAYER, place, (uint64_t)io->pass->sample[r]);
        draw(&rng, o->rate, width, kept + r * width);
    }
    apply(io->batch * width, scale_of(layer), kept, io->x[0], io->y);
}

static void dropout_backward(const nn_layer *layer, const nn_io *io) {
    if (io->dx[0])
        apply(io->batch * nn_shape_count(&layer->out), scale_of(layer), io->save, io->dy,
              io->dx[0]);
}

const nn_layer_ops nn_layer_dropout = {
    .entry =
        {"dropout",
         "in training each element is 0 with probability rate; evaluation sees the expectation",
         dropout_options, sizeof(struct dropout)},
    .plan = dropout_plan,
    .check_steps = nn_layer_each_step,
    .forward = dropout_forward,
    .backward = dropout_backward,
};
