/* Group normalisation (Wu, He 2018) of images [C, H, W] and of vectors: the channels of a sample
 * are `groups` groups of neighbours, and all elements of one are normalised together,
 *
 *   y = weight (x - mean) / sqrt(var + eps) + bias
 *
 * with their mean and biased variance, and a weight and a bias for each channel. It is the same in
 * evaluation. Channels are innermost in memory. */
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/layers.h"
#include "nn/layers/norm/normalize.h"

#include <math.h>
#include <string.h>

#define GRAIN 16384 /* elements worth a fork and join */

struct group_norm {
    int64_t groups;
    double eps;
    bool affine;
};

static const nn_option group_norm_options[] = {
    {"groups", NN_OPT_INT, offsetof(struct group_norm, groups), NULL, "[1, 1e6]",
     "groups of channels, each normalised by itself; 1: all channels together, as many as "
     "channels: instance normalisation"},
    {"eps", NN_OPT_REAL, offsetof(struct group_norm, eps), "1e-5", "(0, inf)",
     "added to the variance"},
    {"affine", NN_OPT_BOOL, offsetof(struct group_norm, affine), "true", NULL,
     "a learned factor (weight) and summand (bias) for each channel"},
    NN_OPTION_END};

enum { WEIGHT, BIAS };

static int group_norm_plan(nn_layer *layer) {
    const struct group_norm *o = layer->options;
    int64_t channels = nn_shape_channels(&layer->in[0]);
    if (layer->in[0].rank == 2)
        return nn_layer_fail(layer, "it works on images [channels, rows, columns], volumes and "
                                    "vectors; layer_norm normalises the steps of sequences");
    if (channels % o->groups)
        return nn_layer_fail(layer, "groups = %lld does not divide its %lld channels",
                             (long long)o->groups, (long long)channels);
    if ((size_t)o->groups == nn_shape_count(&layer->in[0]))
        return nn_layer_fail(layer,
                             "each of its %lld groups is one number, which less its mean is always "
                             "0: take fewer groups",
                             (long long)o->groups);
    layer->out = layer->in[0];
    layer->flags = NN_LAYER_READS_X;
    layer->save_bytes = 2 * (size_t)o->groups * sizeof(double);
    if (!o->affine)
        return 0;
    NN_TRY(nn_layer_add_param(layer, "weight", NN_PARAM_SCALE, 1, &channels, 1, 1));
    return nn_layer_add_param(layer, "bias", NN_PARAM_BIAS, 1, &channels, 1, 1);
}

/* One call, with memory for each of its samples. */
struct call {
    const nn_io *io;
    const nn_kernels *kernels;
    size_t channels, pixels, groups, members; /* channels of a group */
    double eps, *point; /* [batch][2][groups]: mean and 1 / sqrt(var + eps); kept for backward */
    double *sums;       /* [batch][2][channels]: what a kernel sums over the pixels */
    double *partial;    /* [ranges][2][channels]: gradients of the parameters */
    nn_real *constants; /* [batch][4][channels]: center, factor, shift, slope */
};

static size_t grain_of(const nn_layer *layer) {
    return 1 + GRAIN / nn_shape_count(&layer->in[0]);
}

static int group_norm_prepare(nn_layer *layer, size_t batch, bool training) {
    size_t channels = (size_t)nn_shape_channels(&layer->in[0]);
    size_t sums = batch + (training ? nn_sum_ranges(batch, grain_of(layer)) : 0);
    layer->scratch_bytes =
        sums * 2 * channels * sizeof(double) + batch * 4 * channels * sizeof(nn_real);
    return 0;
}

static struct call call_of(const nn_layer *layer, const nn_io *io) {
    const struct group_norm *o = layer->options;
    size_t channels = (size_t)nn_shape_channels(&layer->in[0]), groups = (size_t)o->groups;
    double *sums = (double *)((nn_real *)io->scratch + io->batch * 4 * channels);
    return (struct call){.io = io,
                         .kernels = nn_kernels_get(),
                         .channels = channels,
                         .pixels = nn_shape_count(&layer->in[0]) / channels,
                         .groups = groups,
                         .members = channels / groups,
                         .eps = o->eps,
                         .point = io->save,
                         .sums = sums,
                         .partial = sums + io->batch * 2 * channels,
                         .constants = io->scratch};
}

/* What belongs to one sample. */
struct sample {
    const nn_real *x;
    double *mean, *inv_std; /* [groups] */
    double *sum, *product;  /* [channels] */
    nn_real *center, *factor, *shift, *slope;
    size_t at; /* its first element */
};

static struct sample sample_of(const struct call *c, size_t i) {
    size_t at = i * c->pixels * c->channels;
    double *mean = c->point + i * 2 * c->groups, *sum = c->sums + i * 2 * c->channels;
    nn_real *constants = c->constants + i * 4 * c->channels;
    return (struct sample){.x = c->io->x[0] + at,
                           .mean = mean,
                           .inv_std = mean + c->groups,
                           .sum = sum,
                           .product = sum + c->channels,
                           .center = constants,
                           .factor = constants + c->channels,
                           .shift = constants + 2 * c->channels,
                           .slope = constants + 3 * c->channels,
                           .at = at};
}

static double weight_of(const struct call *c, size_t channel) {
    return c->io->w[WEIGHT] ? (double)c->io->w[WEIGHT][channel] : 1;
}

/* ---- forward -------------------------------------------------------------------------------- */

/* Center of all channels: the means of their groups. */
static void set_centers(const struct call *c, const struct sample *s) {
    for (size_t i = 0; i < c->channels; i++)
        s->center[i] = (nn_real)s->mean[i / c->members];
}

static double sum_of_group(const struct call *c, const double *of_channel, size_t group) {
    double sum = 0;
    for (size_t i = group * c->members; i < (group + 1) * c->members; i++)
        sum += of_channel[i];
    return sum;
}

/* x is read twice, first around 0, then around the means. */
static void take_statistics(const struct call *c, const struct sample *s) {
    double count = (double)(c->pixels * c->members);
    memset(s->center, 0, c->channels * sizeof *s->center);
    c->kernels->moments(c->pixels, c->channels, s->x, s->center, s->sum);
    for (size_t g = 0; g < c->groups; g++)
        s->mean[g] = sum_of_group(c, s->sum, g) / count;
    set_centers(c, s);
    c->kernels->moments(c->pixels, c->channels, s->x, s->center, s->sum);
    for (size_t g = 0; g < c->groups; g++) {
        double off = sum_of_group(c, s->sum, g) / count; /* of the mean as nn_real */
        double var = sum_of_group(c, s->product, g) / count - off * off;
        s->inv_std[g] = 1 / sqrt((var < 0 ? 0 : var) + c->eps);
    }
}

static void forward_sample(void *ctx, size_t number) {
    const struct call *c = ctx;
    struct sample s = sample_of(c, number);
    take_statistics(c, &s);
    for (size_t i = 0; i < c->channels; i++) {
        size_t g = i / c->members;
        double bias = c->io->w[BIAS] ? (double)c->io->w[BIAS][i] : 0;
        nn_norm_constants(s.mean[g], s.inv_std[g], weight_of(c, i), bias, &s.center[i],
                          &s.factor[i], &s.shift[i]);
    }
    c->kernels->normalize(c->pixels, c->channels, s.x, s.center, s.factor, s.shift,
                          c->io->y + s.at);
}

static void group_norm_forward(const nn_layer *layer, const nn_io *io) {
    struct call c = call_of(layer, io);
    nn_parallel_for(layer->compute, io->batch, forward_sample, &c);
}

/* ---- backward ------------------------------------------------------------------------------- */

/* Of samples [begin, end): over the pixels, of each channel, the sums of dy and of dy z with
 * z = (x - mean) / std, which added up are the gradients of bias and weight. */
static void sum_samples(void *ctx, size_t begin, size_t end, double *sums) {
    const struct call *c = ctx;
    memset(sums, 0, 2 * c->channels * sizeof *sums);
    for (size_t number = begin; number < end; number++) {
        struct sample s = sample_of(c, number);
        set_centers(c, &s);
        c->kernels->products(c->pixels, c->channels, s.x, s.center, c->io->dy + s.at, s.sum);
        for (size_t i = 0; i < c->channels; i++) {
            size_t g = i / c->members;
            double rest = (double)s.center[i] - s.mean[g];
            s.product[i] = (s.product[i] + rest * s.sum[i]) * s.inv_std[g];
            sums[i] += s.sum[i];
            sums[c->channels + i] += s.product[i];
        }
    }
}

/* dx = (u - mean(u) - z mean(u z)) / std with u = weight dy, means over the group; as
 * factor dy + slope (x - center) + shift. */
static void set_gradient_formula(const struct call *c, const struct sample *s, size_t group) {
    double inv_std = s->inv_std[group], count = (double)(c->pixels * c->members);
    double sum = 0, product = 0;
    size_t begin = group * c->members, end = begin + c->members;
    for (size_t i = begin; i < end; i++) {
        sum += weight_of(c, i) * s->sum[i];
        product += weight_of(c, i) * s->product[i];
    }
    for (size_t i = begin; i < end; i++) {
        double rest = (double)s->center[i] - s->mean[group];
        double slope = -inv_std * inv_std * product / count;
        s->factor[i] = (nn_real)(weight_of(c, i) * inv_std);
        s->slope[i] = (nn_real)slope;
        s->shift[i] = (nn_real)(slope * rest - inv_std * sum / count);
    }
}

static void backward_sample(void *ctx, size_t number) {
    const struct call *c = ctx;
    struct sample s = sample_of(c, number);
    for (size_t g = 0; g < c->groups; g++)
        set_gradient_formula(c, &s, g);
    c->kernels->normalize_grad(c->pixels, c->channels, s.x, s.center, s.factor, s.slope, s.shift,
                               c->io->dy + s.at, c->io->dx[0] + s.at);
}

static void group_norm_backward(const nn_layer *layer, const nn_io *io) {
    struct call c = call_of(layer, io);
    nn_parallel_sum(layer->compute, io->batch, grain_of(layer), 2 * c.channels, sum_samples, &c,
                    c.partial);
    if (io->g[WEIGHT]) {
        nn_norm_store(c.channels, c.partial, io->g_beta, io->g[BIAS]);
        nn_norm_store(c.channels, c.partial + c.channels, io->g_beta, io->g[WEIGHT]);
    }
    if (io->dx[0])
        nn_parallel_for(layer->compute, io->batch, backward_sample, &c);
}

const nn_layer_ops nn_layer_group_norm = {
    .entry = {"group_norm",
              "y = weight (x - mean) / sqrt(var + eps) + bias for each channel, mean and variance "
              "over its group of channels of each sample",
              group_norm_options, sizeof(struct group_norm)},
    .images = true,
    .plan = group_norm_plan,
    .prepare = group_norm_prepare,
    .forward = group_norm_forward,
    .backward = group_norm_backward,
};
