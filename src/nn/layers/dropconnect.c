/* DropConnect (Wan et al. 2013): a dense layer of which weights are dropped instead of outputs. In
 * training a weight is 0 with probability `rate`, else divided by 1 - rate, so that evaluation,
 * which takes the weights as they are, sees the expectation of the sums. All samples of a step have
 * the same weights dropped: those that seed, step, layer and place in the matrix say, the same on
 * any number of ranks. Biases stay. */
#include "base/numbers/rng.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/dense.h"
#include "nn/layers/layers.h"

#include <string.h>

#define PIECE 256  /* random numbers drawn at a time */
#define GRAIN 8192 /* weights worth a fork and join */

struct dropconnect {
    struct nn_dense dense;
    double rate;
};

static const nn_option dropconnect_options[] = {
    {"units", NN_OPT_INT, offsetof(struct dropconnect, dense.units), NULL, "[1, 1e9]",
     "outputs of the layer"},
    {"rate", NN_OPT_REAL, offsetof(struct dropconnect, rate), "0.5", "[0, 1)",
     "share of the weights that is dropped"},
    {"bias", NN_OPT_BOOL, offsetof(struct dropconnect, dense.bias), "true", NULL,
     "add a bias to every output"},
    NN_OPTION_END};

static int dropconnect_plan(nn_layer *layer) {
    NN_TRY(nn_layer_dense.plan(layer));
    layer->keep_bytes = 2 * layer->param[NN_DENSE_WEIGHT].count * sizeof(nn_real);
    layer->outers = 0; /* its masks belong to the step */
    layer->scratch_bytes = 0;
    for (size_t p = 0; p < layer->params; p++)
        layer->scratch_bytes += layer->param[p].count * sizeof(nn_real);
    return 0;
}

static double dropconnect_work(const nn_layer *layer) {
    return nn_layer_dense.work(layer);
}

/* What each weight is multiplied by, and the products; for one step. */
struct mask {
    size_t count;
    nn_real *factor, *product;
    const nn_real *weight;
    nn_rng rng;
    double rate;
};

static struct mask mask_of(const nn_layer *layer, const nn_io *io) {
    size_t count = layer->param[NN_DENSE_WEIGHT].count;
    return (struct mask){.count = count,
                         .factor = io->keep,
                         .product = (nn_real *)io->keep + count,
                         .weight = io->w[NN_DENSE_WEIGHT],
                         .rng = nn_rng_stream(io->pass->seed, NN_RNG_LAYER,
                                              nn_hash_text(layer->name), nn_mix64(io->pass->step)),
                         .rate = ((const struct dropconnect *)layer->options)->rate};
}

static void draw(void *ctx, size_t begin, size_t end) {
    const struct mask *m = ctx;
    uint32_t bits[PIECE], limit = (uint32_t)(m->rate * 4294967296.0);
    nn_real kept = (nn_real)(1 / (1 - m->rate));
    for (size_t at = begin; at < end; at += PIECE) {
        size_t n = end - at < PIECE ? end - at : PIECE;
        nn_rng_bits(&m->rng, at, n, bits);
        for (size_t i = 0; i < n; i++)
            m->factor[at + i] = bits[i] >= limit ? kept : 0;
    }
    nn_kernels_get()->multiply(end - begin, m->factor + begin, m->weight + begin,
                               m->product + begin);
}

static void dropconnect_forward(const nn_layer *layer, const nn_io *io) {
    struct mask m = mask_of(layer, io);
    nn_io masked = *io;
    if (io->pass->training) {
        nn_parallel(layer->compute, m.count, GRAIN, draw, &m);
        masked.w[NN_DENSE_WEIGHT] = m.product;
    }
    nn_layer_dense.forward(layer, &masked);
}

/* The dense layer's gradients come to scratch, so that those of dropped weights can be left out
 * before they are added to what is there. */
static void dropconnect_backward(const nn_layer *layer, const nn_io *io) {
    const nn_kernels *k = nn_kernels_get();
    struct mask m = mask_of(layer, io);
    nn_io masked = *io;
    masked.w[NN_DENSE_WEIGHT] = m.product;
    masked.g[NN_DENSE_WEIGHT] = io->scratch;
    if (layer->params > NN_DENSE_BIAS)
        masked.g[NN_DENSE_BIAS] = masked.g[NN_DENSE_WEIGHT] + m.count;
    masked.g_beta = 0;
    nn_layer_dense.backward(layer, &masked);
    k->multiply(m.count, m.factor, masked.g[NN_DENSE_WEIGHT], masked.g[NN_DENSE_WEIGHT]);
    for (size_t p = 0; p < layer->params; p++) {
        size_t n = layer->param[p].count;
        if (io->g_beta == 0)
            memset(io->g[p], 0, n * sizeof(nn_real));
        k->add(n, masked.g[p], io->g[p]);
    }
}

const nn_layer_ops nn_layer_dropconnect = {
    .entry = {"dropconnect",
              "dense layer of which in training each weight is 0 with probability rate, else "
              "divided by 1 - rate; the same ones for all samples of a step",
              dropconnect_options, sizeof(struct dropconnect)},
    .plan = dropconnect_plan,
    .work = dropconnect_work,
    .forward = dropconnect_forward,
    .backward = dropconnect_backward,
};
