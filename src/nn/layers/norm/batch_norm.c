/* Batch normalisation (Ioffe, Szegedy 2015) of each channel (C of an image [C, H, W],
 * else the last dimension):
 *
 *   y = weight (x - mean) / sqrt(var + eps) + bias
 *
 * In training mean and variance (the biased one) are those of the global minibatch: one sum over
 * the ranks in forward, one in backward. Evaluation uses the running ones, which move by the share
 * `momentum` towards mean and unbiased variance of each step's minibatch, of its last pass where a
 * step has several. A frozen layer uses them in training too, and they stay: it is a
 * factor and a summand for each channel, as in PyTorch after eval().
 *
 * One reading of x gives both statistics: sums of x - K and (x - K)^2 in double, K the running
 * mean, which is the same on all ranks. */
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/layers.h"
#include "nn/layers/norm/normalize.h"

#include <math.h>
#include <string.h>

#define GRAIN 16384 /* elements worth a fork and join */

struct batch_norm {
    double eps, momentum;
    bool affine;
};

static const nn_option batch_norm_options[] = {
    {"eps", NN_OPT_REAL, offsetof(struct batch_norm, eps), "1e-5", "(0, inf)",
     "added to the variance"},
    {"momentum", NN_OPT_REAL, offsetof(struct batch_norm, momentum), "0.1", "[0, 1]",
     "share of a step's statistics in the running ones: r <- (1 - momentum) r + momentum s"},
    {"affine", NN_OPT_BOOL, offsetof(struct batch_norm, affine), "true", NULL,
     "a learned factor (weight) and summand (bias) for each channel"},
    NN_OPTION_END};

enum { WEIGHT, BIAS };

static size_t channels_of(const nn_layer *layer) {
    return (size_t)nn_shape_channels(&layer->in[0]);
}

static int add_state(nn_layer *layer, const char *name, double value, const int64_t *channels) {
    const struct batch_norm *o = layer->options;
    NN_TRY(nn_layer_add_param(layer, name, NN_PARAM_STATE, 1, channels, 1, 1));
    layer->param[layer->params - 1].value = (nn_real)value;
    layer->param[layer->params - 1].rate = (nn_real)o->momentum;
    return 0;
}

static int batch_norm_plan(nn_layer *layer) {
    const struct batch_norm *o = layer->options;
    const int64_t *channels = &layer->in[0].dim[nn_shape_channel_axis(&layer->in[0])];
    layer->out = layer->in[0];
    layer->flags = NN_LAYER_READS_X | (layer->frozen ? 0 : NN_LAYER_WHOLE);
    layer->global_sums = 2 * (size_t)*channels + 1;
    if (o->affine) {
        NN_TRY(nn_layer_add_param(layer, "weight", NN_PARAM_SCALE, 1, channels, 1, 1));
        NN_TRY(nn_layer_add_param(layer, "bias", NN_PARAM_BIAS, 1, channels, 1, 1));
    }
    NN_TRY(add_state(layer, "running_mean", 0, channels));
    return add_state(layer, "running_var", 1, channels);
}

/* One call: the matrix it works on and its memory. */
struct call {
    const nn_layer *layer;
    const nn_io *io;
    const nn_kernels *kernels;
    size_t channels, rows;
    size_t first; /* row at which a sum over rows begins */
    /* From forward to backward, for each channel; the shares are what this rank adds to the
     * statistics of all. */
    double *mean, *inv_std, *mean_share, *var_share, *count;
    /* Constants of a kernel's formula, for each channel. */
    nn_real *center, *factor, *slope, *shift;
    /* Two sums for each channel and the rows they are over: of all ranks or of each microbatch; of
     * this rank; of ranges of rows. */
    size_t width;
    double *sums, *local, *partial;
};

static size_t rows_of(const nn_layer *layer, size_t batch) {
    return batch * (nn_shape_count(&layer->in[0]) / channels_of(layer));
}

static size_t grain_of(size_t channels) {
    return 1 + GRAIN / (channels + 1);
}

static int batch_norm_prepare(nn_layer *layer, size_t batch, bool training) {
    size_t channels = channels_of(layer), sums = 0;
    if (training)
        sums = layer->microbatches + 1 + nn_sum_ranges(rows_of(layer, batch), grain_of(channels));
    layer->keep_bytes = training ? (4 * channels + 1) * sizeof(double) : 0;
    layer->scratch_bytes =
        4 * channels * sizeof(nn_real) + sums * (2 * channels + 1) * sizeof(double);
    return 0;
}

static struct call call_of(const nn_layer *layer, const nn_io *io) {
    size_t channels = channels_of(layer), width = 2 * channels + 1;
    double *keep = io->keep;
    nn_real *constants = io->scratch;
    double *sums = (double *)(constants + 4 * channels);
    return (struct call){.layer = layer,
                         .io = io,
                         .kernels = nn_kernels_get(),
                         .channels = channels,
                         .rows = rows_of(layer, io->batch),
                         .mean = keep,
                         .inv_std = keep + channels,
                         .mean_share = keep + 2 * channels,
                         .var_share = keep + 3 * channels,
                         .count = keep + 4 * channels,
                         .center = constants,
                         .factor = constants + channels,
                         .slope = constants + 2 * channels,
                         .shift = constants + 3 * channels,
                         .width = width,
                         .sums = sums,
                         .local = sums + layer->microbatches * width,
                         .partial = sums + (layer->microbatches + 1) * width};
}

/* Running mean and variance are the last two parameters. */
static const nn_real *running_mean(const struct call *c) {
    return c->io->w[c->layer->params - 2];
}

static const nn_real *running_var(const struct call *c) {
    return c->io->w[c->layer->params - 1];
}

static bool is_affine(const struct call *c) {
    return c->layer->params > 2;
}

/* The sums over rows [begin, end): of x - center and its square in forward, of dy and
 * dy (x - center) in backward. */
static void sum_range(void *ctx, size_t begin, size_t end, double *sums) {
    const struct call *c = ctx;
    size_t at = (c->first + begin) * c->channels;
    const nn_real *x = c->io->x[0] + at;
    if (c->io->dy)
        c->kernels->products(end - begin, c->channels, x, c->center, c->io->dy + at, sums);
    else
        c->kernels->moments(end - begin, c->channels, x, c->center, sums);
    sums[2 * c->channels] = (double)(end - begin);
}

static void sum_rows(struct call *c, size_t begin, size_t end, double *sums) {
    c->first = begin;
    nn_parallel_sum(c->layer->compute, end - begin, grain_of(c->channels), c->width, sum_range, c,
                    c->partial);
    memcpy(sums, c->partial, c->width * sizeof *sums);
}

/* `sums` gets those of the global minibatch. `local` gets what this rank's gradients are made of:
 * its own rows, or, where microbatches are added along a tree, everything on the one rank that has
 * the first of them. */
static void sum_minibatch(struct call *c) {
    const nn_pass *pass = c->io->pass;
    const nn_shard_microbatches *micro = pass->micro;
    size_t pixels = rows_of(c->layer, 1), bytes = c->width * sizeof *c->sums;
    for (size_t i = 0; micro && i < micro->count; i++)
        sum_rows(c, micro->row[i] * pixels, micro->row[i + 1] * pixels, c->sums + i * c->width);
    if (!micro) {
        sum_rows(c, 0, c->rows, c->sums);
        memcpy(c->local, c->sums, bytes);
    }
    if (pass->sum)
        pass->sum(pass->sum_ctx, c->width, c->sums);
    if (micro && micro->lead)
        memcpy(c->local, c->sums, bytes);
    else if (micro)
        memset(c->local, 0, bytes);
}

/* Mean, variance and this rank's share of both from the sums around K. Where the minibatch has one
 * value a channel, no variance can be estimated and the running one stays. */
static void take_statistics(struct call *c, double eps) {
    const double *sum = c->sums, *square = sum + c->channels;
    const double *local = c->local, *local_square = local + c->channels;
    double n = c->sums[2 * c->channels], rows = c->local[2 * c->channels];
    *c->count = n;
    n = n > 0 ? n : 1;
    for (size_t i = 0; i < c->channels; i++) {
        double k = (double)c->center[i], shift = sum[i] / n;
        double var = square[i] / n - shift * shift;
        c->mean[i] = k + shift;
        c->inv_std[i] = 1 / sqrt((var < 0 ? 0 : var) + eps);
        c->mean_share[i] = (rows * k + local[i]) / n;
        c->var_share[i] = n > 1
                              ? (local_square[i] - shift * (2 * local[i] - rows * shift)) / (n - 1)
                              : rows * (double)running_var(c)[i];
    }
}

static void set_formula(const struct call *c, size_t i, double mean, double inv_std) {
    double weight = is_affine(c) ? (double)c->io->w[WEIGHT][i] : 1;
    double bias = is_affine(c) ? (double)c->io->w[BIAS][i] : 0;
    nn_norm_constants(mean, inv_std, weight, bias, &c->center[i], &c->factor[i], &c->shift[i]);
}

static void forward_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    size_t at = begin * c->channels;
    c->kernels->normalize(end - begin, c->channels, c->io->x[0] + at, c->center, c->factor,
                          c->shift, c->io->y + at);
}

static double running_inv_std(const struct call *c, size_t i) {
    const struct batch_norm *o = c->layer->options;
    return 1 / sqrt((double)running_var(c)[i] + o->eps);
}

static void batch_norm_forward(const nn_layer *layer, const nn_io *io) {
    const struct batch_norm *o = layer->options;
    struct call c = call_of(layer, io);
    bool by_minibatch = io->pass->training && !layer->frozen;
    if (by_minibatch && !io->pass->again) {
        memcpy(c.center, running_mean(&c), c.channels * sizeof *c.center);
        sum_minibatch(&c);
        take_statistics(&c, o->eps);
    }
    for (size_t i = 0; i < c.channels; i++)
        if (by_minibatch)
            set_formula(&c, i, c.mean[i], c.inv_std[i]);
        else
            set_formula(&c, i, (double)running_mean(&c)[i], running_inv_std(&c, i));
    nn_parallel(layer->compute, c.rows, grain_of(c.channels), forward_rows, &c);
}

/* Of weight and bias: the sums of dy (x - mean) / std and of dy. */
static void add_gradients(const struct call *c) {
    const double *sum = c->local, *product = sum + c->channels;
    nn_real *weight = c->io->g[WEIGHT], *bias = c->io->g[BIAS], beta = c->io->g_beta;
    for (size_t i = 0; i < c->channels; i++) {
        double rest = (double)c->center[i] - c->mean[i];
        double dw = (product[i] + rest * sum[i]) * c->inv_std[i];
        weight[i] = (beta == 0 ? 0 : beta * weight[i]) + (nn_real)dw;
        bias[i] = (beta == 0 ? 0 : beta * bias[i]) + (nn_real)sum[i];
    }
}

/* A step's last minibatch counts: nothing is added to what was there. */
static void put_shares(const struct call *c) {
    nn_real *const *state = c->io->g + c->layer->params - 2;
    for (size_t i = 0; *c->count > 0 && i < c->channels; i++) {
        state[0][i] = (nn_real)c->mean_share[i];
        state[1][i] = (nn_real)c->var_share[i];
    }
}

/* dx = weight / std (dy - mean(dy) - z mean(dy z)) with z = (x - mean) / std, means over the global
 * minibatch; as factor dy + slope (x - center) + shift. */
static void set_gradient_formula(const struct call *c) {
    const double *sum = c->sums, *product = sum + c->channels;
    double n = *c->count > 0 ? *c->count : 1;
    for (size_t i = 0; i < c->channels; i++) {
        double rest = (double)c->center[i] - c->mean[i], inv_std = c->inv_std[i];
        double factor = inv_std * (is_affine(c) ? (double)c->io->w[WEIGHT][i] : 1);
        double slope = -factor * inv_std * inv_std * (product[i] + rest * sum[i]) / n;
        c->factor[i] = (nn_real)factor;
        c->slope[i] = (nn_real)slope;
        c->shift[i] = (nn_real)(slope * rest - factor * sum[i] / n);
    }
}

static void backward_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    const nn_io *io = c->io;
    size_t at = begin * c->channels;
    c->kernels->normalize_grad(end - begin, c->channels, io->x[0] + at, c->center, c->factor,
                               c->slope, c->shift, io->dy + at, io->dx[0] + at);
}

/* The statistics are constants: dx = weight / std dy. */
static void frozen_backward(struct call *c) {
    for (size_t i = 0; i < c->channels; i++) {
        c->mean[i] = (double)running_mean(c)[i];
        c->inv_std[i] = running_inv_std(c, i);
        set_formula(c, i, c->mean[i], c->inv_std[i]);
        c->slope[i] = c->shift[i] = 0;
    }
    if (c->io->dx[0])
        nn_parallel(c->layer->compute, c->rows, grain_of(c->channels), backward_rows, c);
}

static void batch_norm_backward(const nn_layer *layer, const nn_io *io) {
    struct call c = call_of(layer, io);
    if (layer->frozen) {
        frozen_backward(&c);
        return;
    }
    for (size_t i = 0; i < c.channels; i++)
        c.center[i] = (nn_real)c.mean[i];
    sum_minibatch(&c);
    put_shares(&c);
    if (is_affine(&c))
        add_gradients(&c);
    if (!io->dx[0])
        return;
    set_gradient_formula(&c);
    nn_parallel(layer->compute, c.rows, grain_of(c.channels), backward_rows, &c);
}

const nn_layer_ops nn_layer_batch_norm = {
    .entry =
        {"batch_norm",
         "y = weight (x - mean) / sqrt(var + eps) + bias for each channel (C of [C, H, W], else "
         "the last dimension), mean and variance "
         "over the global minibatch; in evaluation, and where the layer is frozen, the running "
         "ones",
         batch_norm_options, sizeof(struct batch_norm)},
    .plan = batch_norm_plan,
    .check_steps = nn_layer_each_step,
    .prepare = batch_norm_prepare,
    .forward = batch_norm_forward,
    .backward = batch_norm_backward,
};
