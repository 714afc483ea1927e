/* Initialisers that do not look at the size of the layer: zeros, constant, normal, uniform. */
#include "math/parallel.h"
#include "nn/initializers/initializers.h"

#include <stddef.h>
#include <string.h>

/* Random numbers that are worth a fork and join. */
#define GRAIN 4096

/* One fill, shared by the threads. */
struct fill {
    const nn_rng *rng;
    double mean, scale;
    nn_real *w;
};

static void fill_normal(void *ctx, size_t begin, size_t end) {
    const struct fill *f = ctx;
    nn_rng_normal(f->rng, begin, end - begin, f->w + begin);
    for (size_t i = begin; i < end; i++)
        f->w[i] = (nn_real)(f->mean + f->scale * (double)f->w[i]);
}

static void fill_uniform(void *ctx, size_t begin, size_t end) {
    const struct fill *f = ctx;
    nn_rng_uniform(f->rng, begin, end - begin, f->w + begin);
    for (size_t i = begin; i < end; i++)
        f->w[i] = (nn_real)(f->scale * (2 * (double)f->w[i] - 1));
}

void nn_fill_normal(const nn_compute *compute, const nn_rng *rng, size_t n, double mean, double std,
                    nn_real *w) {
    nn_parallel(compute, n, GRAIN, fill_normal, &(struct fill){rng, mean, std, w});
}

void nn_fill_uniform(const nn_compute *compute, const nn_rng *rng, size_t n, double bound,
                     nn_real *w) {
    nn_parallel(compute, n, GRAIN, fill_uniform, &(struct fill){rng, 0, bound, w});
}

struct constant {
    double value;
};

struct normal {
    double mean, std;
};

struct uniform {
    double r;
};

static int zeros_fill(const void *options, const nn_compute *compute, const nn_rng *rng,
                      const nn_fan *fan, nn_real *w) {
    (void)options, (void)compute, (void)rng;
    memset(w, 0, fan->rows * fan->cols * sizeof *w);
    return 0;
}

static int constant_fill(const void *options, const nn_compute *compute, const nn_rng *rng,
                         const nn_fan *fan, nn_real *w) {
    const struct constant *o = options;

    (void)compute, (void)rng;
    for (size_t i = 0; i < fan->rows * fan->cols; i++)
        w[i] = (nn_real)o->value;
    return 0;
}

static int normal_fill(const void *options, const nn_compute *compute, const nn_rng *rng,
                       const nn_fan *fan, nn_real *w) {
    const struct normal *o = options;
    nn_fill_normal(compute, rng, fan->rows * fan->cols, o->mean, o->std, w);
    return 0;
}

static int uniform_fill(const void *options, const nn_compute *compute, const nn_rng *rng,
                        const nn_fan *fan, nn_real *w) {
    const struct uniform *o = options;
    nn_fill_uniform(compute, rng, fan->rows * fan->cols, o->r, w);
    return 0;
}

/* Values are float32 in files, so nothing larger is taken. */
#define FLOAT_RANGE "[-1e38, 1e38]"

static const nn_option constant_options[] = {{"value", NN_OPT_REAL,
                                              offsetof(struct constant, value), NULL, FLOAT_RANGE,
                                              "what every element starts with"},
                                             NN_OPTION_END};

static const nn_option normal_options[] = {
    {"mean", NN_OPT_REAL, offsetof(struct normal, mean), "0", FLOAT_RANGE, "mean"},
    {"std", NN_OPT_REAL, offsetof(struct normal, std), "0.05", "(0, 1e37]", "standard deviation"},
    NN_OPTION_END};

static const nn_option uniform_options[] = {
    {"r", NN_OPT_REAL, offsetof(struct uniform, r), "0.05", "(0, 1e38]", "half the width"},
    NN_OPTION_END};

const nn_initializer_ops nn_initializer_zeros = {
    .entry = {"zeros", "0 everywhere", NULL, 0},
    .symmetric = true,
    .fill = zeros_fill,
};

const nn_initializer_ops nn_initializer_constant = {
    .entry = {"constant", "the same value everywhere", constant_options, sizeof(struct constant)},
    .symmetric = true,
    .fill = constant_fill,
};

const nn_initializer_ops nn_initializer_normal = {
    .entry = {"normal", "normal distribution N(mean, std^2)", normal_options,
              sizeof(struct normal)},
    .fill = normal_fill,
};

const nn_initializer_ops nn_initializer_uniform = {
    .entry = {"uniform", "uniform distribution in [-r, r)", uniform_options,
              sizeof(struct uniform)},
    .fill = uniform_fill,
};
