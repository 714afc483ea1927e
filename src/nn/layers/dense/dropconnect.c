/* DropConnect (Wan et al. 2013): a dense layer of which weights are dropped instead of outputs. In
 * training a weight is 0 with probability `rate`, else divided by 1 - rate, so that evaluation,
 * which takes the weights as they are, sees the expectation of the sums. Which weights is a
 * function of seed, step, layer, sample and place in the matrix, the same on any number of ranks.
 * One mask for all samples of a step is the cheap form: one matrix product. Biases stay. */
#include "base/numbers/rng.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/dense/dense.h"
#include "nn/layers/layers.h"

#include <string.h>

#define GRAIN 8192 /* weights worth a fork and join */

struct dropconnect {
    struct nn_dense dense;
    double rate;
    int mask;
};
enum { PER_SAMPLE, PER_STEP };

static const nn_option dropconnect_options[] = {
    {"units", NN_OPT_INT, offsetof(struct dropconnect, dense.units), NULL, "[1, 1e9]",
     "outputs of the layer"},
    {"rate", NN_OPT_REAL, offsetof(struct dropconnect, rate), "0.5", "[0, 1)",
     "share of the weights that is dropped"},
    {"mask", NN_OPT_CHOICE, offsetof(struct dropconnect, mask), "sample", "sample|step",
     "whose weights are dropped together: those of one sample, as the method was published, or of "
     "all samples of a step, which is many times faster, since it is one matrix product"},
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

/* What each weight is multiplied by, and the products; those of one mask. */
struct mask {
    size_t count;
    nn_real *factor, *product;
    const nn_real *weight;
    nn_rng rng;
    double rate;
};

static bool per_sample(const nn_layer *layer) {
    return ((const struct dropconnect *)layer->options)->mask == PER_SAMPLE;
}

/* That of sample r of a call, or of its step. */
static struct mask mask_of(const nn_layer *layer, const nn_io *io, size_t r) {
    size_t count = layer->param[NN_DENSE_WEIGHT].count;
    uint64_t name = nn_hash_text(layer->name), step = io->pass->step;
    nn_rng rng = per_sample(layer)
                     ? nn_rng_stream(io->pass->seed, NN_RNG_LAYER, nn_mix64(name + step),
                                     (uint64_t)io->pass->sample[r])
                     : nn_rng_stream(io->pass->seed, NN_RNG_LAYER, name, nn_mix64(step));
    return (struct mask){.count = count,
                         .factor = io->keep,
                         .product = (nn_real *)io->keep + count,
                         .weight = io->w[NN_DENSE_WEIGHT],
                         .rng = rng,
                         .rate = ((const struct dropconnect *)layer->options)->rate};
}

static void draw_some(void *ctx, size_t begin, size_t end) {
    const struct mask *m = ctx;
    nn_rng_dropout(&m->rng, begin, end - begin, m->rate, m->factor + begin);
    nn_kernels_get()->multiply(end - begin, m->factor + begin, m->weight + begin,
                               m->product + begin);
}

static void draw(const nn_layer *layer, struct mask *m) {
    nn_parallel(layer->compute, m->count, GRAIN, draw_some, m);
}

static size_t masks(const nn_layer *layer, const nn_io *io) {
    return per_sample(layer) ? io->batch : 1;
}

/* The dense layer's call for the rows that share mask r. */
static nn_io masked_rows(const nn_layer *layer, const nn_io *io, const struct mask *m, size_t r) {
    size_t in = r * nn_shape_count(&layer->in[0]), out = r * nn_shape_count(&layer->out);
    nn_io rows = *io;
    if (per_sample(layer))
        rows.batch = 1;
    rows.w[NN_DENSE_WEIGHT] = m->product;
    rows.x[0] += in;
    rows.y += out;
    rows.dy += out;
    if (rows.dx[0])
        rows.dx[0] += in;
    return rows;
}

static void dropconnect_forward(const nn_layer *layer, const nn_io *io) {
    if (!io->pass->training) {
        nn_layer_dense.forward(layer, io);
        return;
    }
    for (size_t r = 0; r < masks(layer, io); r++) {
        struct mask m = mask_of(layer, io, r);
        nn_io rows = masked_rows(layer, io, &m, r);
        draw(layer, &m);
        nn_layer_dense.forward(layer, &rows);
    }
}

/* The dense layer's gradients, where they are wanted, come to scratch, so that those of dropped
 * weights can be left out before they are added to what is there. The mask of a step is still
 * there, those of samples are drawn again. */
static void add_gradients(const nn_layer *layer, const nn_io *io, size_t r) {
    const nn_kernels *k = nn_kernels_get();
    struct mask m = mask_of(layer, io, r);
    nn_io rows = masked_rows(layer, io, &m, r);
    if (per_sample(layer))
        draw(layer, &m);
    if (io->g[NN_DENSE_WEIGHT])
        rows.g[NN_DENSE_WEIGHT] = io->scratch;
    if (io->g[NN_DENSE_BIAS])
        rows.g[NN_DENSE_BIAS] = rows.g[NN_DENSE_WEIGHT] + m.count;
    rows.g_beta = 0;
    nn_layer_dense.backward(layer, &rows);
    if (!io->g[NN_DENSE_WEIGHT])
        return;
    k->multiply(m.count, m.factor, rows.g[NN_DENSE_WEIGHT], rows.g[NN_DENSE_WEIGHT]);
    for (size_t p = 0; p < layer->params; p++)
        k->add(layer->param[p].count, rows.g[p], io->g[p]);
}

static void dropconnect_backward(const nn_layer *layer, const nn_io *io) {
    for (size_t p = 0; io->g[p] && io->g_beta == 0 && p < layer->params; p++)
        memset(io->g[p], 0, layer->param[p].count * sizeof(nn_real));
    for (size_t r = 0; r < masks(layer, io); r++)
        add_gradients(layer, io, r);
}

const nn_layer_ops nn_layer_dropconnect = {
    .entry = {"dropconnect",
              "dense layer of which in training each weight is 0 with probability rate, else "
              "divided by 1 - rate",
              dropconnect_options, sizeof(struct dropconnect)},
    .plan = dropconnect_plan,
    .check_steps = nn_layer_each_step,
    .work = dropconnect_work,
    .forward = dropconnect_forward,
    .backward = dropconnect_backward,
};
