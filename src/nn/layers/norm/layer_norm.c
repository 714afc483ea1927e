/* Layer normalisation (Ba et al. 2016) of each sample over its last dimensions:
 *
 *   y = weight (x - mean) / sqrt(var + eps) + bias
 *
 * with mean and biased variance of these elements, and a weight and a bias for each of them; and
 * RMS normalisation (Zhang, Sennrich 2019), which leaves the mean in and has no bias:
 *
 *   y = weight x / sqrt(mean(x^2) + eps)
 *
 * They are the same in evaluation. */
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/layers.h"
#include "nn/layers/norm/normalize.h"

#include <math.h>
#include <string.h>

#define GRAIN 16384 /* elements worth a fork and join */

struct layer_norm {
    int64_t dims;
    double eps;
    bool affine;
};

#define DIMS                                                                                       \
    {                                                                                              \
        "dims", NN_OPT_INT, offsetof(struct layer_norm, dims), "1", "[1, 4]",                      \
            "how many of the last dimensions are normalised together; of images [C, H, W] 1 is "   \
            "each row of pixels, 2 each channel, 3 everything"                                     \
    }

static const nn_option layer_norm_options[] = {
    DIMS,
    {"eps", NN_OPT_REAL, offsetof(struct layer_norm, eps), "1e-5", "(0, inf)",
     "added to the variance"},
    {"affine", NN_OPT_BOOL, offsetof(struct layer_norm, affine), "true", NULL,
     "a learned factor (weight) and summand (bias) for each element"},
    NN_OPTION_END};

static const nn_option rms_norm_options[] = {
    DIMS,
    {"eps", NN_OPT_REAL, offsetof(struct layer_norm, eps), "1.1920929e-7", "(0, inf)",
     "added to the mean square; default: PyTorch's for float32"},
    {"affine", NN_OPT_BOOL, offsetof(struct layer_norm, affine), "true", NULL,
     "a learned factor (weight) for each element"},
    NN_OPTION_END};

static bool is_rms(const nn_layer *layer) {
    return layer->ops == &nn_layer_rms_norm;
}

enum { WEIGHT, BIAS };

/* Elements that are normalised together. */
static size_t cols_of(const nn_layer *layer) {
    const struct layer_norm *o = layer->options;
    size_t count = 1;
    for (int i = 0; i < (int)o->dims; i++)
        count *= (size_t)layer->in[0].dim[layer->in[0].rank - 1 - i];
    return count;
}

static size_t rows_of(const nn_layer *layer, size_t batch) {
    return batch * (nn_shape_count(&layer->in[0]) / cols_of(layer));
}

static size_t grain_of(size_t cols) {
    return 1 + GRAIN / cols;
}

/* Of whole images only the parameters depend on the order of the elements, so that nothing is
 * copied. */
static bool is_whole_image(const nn_layer *layer) {
    const nn_shape *in = &layer->in[0];
    return nn_shape_is_image(in) && ((const struct layer_norm *)layer->options)->dims == in->rank;
}

/* A tensor of the normalised dimensions. */
static int add_param(nn_layer *layer, const char *name, nn_param_role role) {
    const nn_shape *in = &layer->in[0];
    int dims = (int)((const struct layer_norm *)layer->options)->dims;
    const int64_t *d = in->dim + in->rank - dims;
    NN_TRY(nn_layer_add_param(layer, name, role, dims, d, 1, 1));
    if (is_whole_image(layer))
        nn_param_reorder(&layer->param[layer->params - 1],
                         dims == 3 ? (int[]){1, 2, 0} : (int[]){1, 2, 3, 0});
    return 0;
}

static int layer_norm_plan(nn_layer *layer) {
    const struct layer_norm *o = layer->options;
    int rank = layer->in[0].rank;
    if (o->dims > rank)
        return nn_layer_fail(layer, "dims: %lld does not fit; take 1 to %d", (long long)o->dims,
                             rank);
    layer->out = layer->in[0];
    layer->flags = NN_LAYER_READS_X | (is_whole_image(layer) ? 0 : NN_LAYER_USER_ORDER);
    layer->save_bytes = rows_of(layer, 1) * sizeof(nn_layer_norm_point);
    if (!o->affine)
        return 0;
    NN_TRY(add_param(layer, "weight", NN_PARAM_SCALE));
    return is_rms(layer) ? 0 : add_param(layer, "bias", NN_PARAM_BIAS);
}

static int layer_norm_prepare(nn_layer *layer, size_t batch, bool training) {
    size_t cols = cols_of(layer);
    size_t ranges = nn_sum_ranges(rows_of(layer, batch), grain_of(cols));
    layer->scratch_bytes = training && layer->params ? ranges * 2 * cols * sizeof(double) : 0;
    return 0;
}

struct call {
    const nn_layer *layer;
    const nn_io *io;
    const nn_kernels *kernels;
    const nn_real *weight, *bias; /* NULL: there is none */
    nn_layer_norm_point *point;   /* of each row */
    size_t cols;
};

static struct call call_of(const nn_layer *layer, const nn_io *io) {
    return (struct call){.layer = layer,
                         .io = io,
                         .kernels = nn_kernels_get(),
                         .weight = layer->params > WEIGHT ? io->w[WEIGHT] : NULL,
                         .bias = layer->params > BIAS ? io->w[BIAS] : NULL,
                         .point = io->save,
                         .cols = cols_of(layer)};
}

/* By the mean square: a row is normalised as if its mean were 0. */
static void rms_row(const struct call *c, size_t row) {
    const struct layer_norm *o = c->layer->options;
    const nn_real *x = c->io->x[0] + row * c->cols;
    nn_real *y = c->io->y + row * c->cols;
    double mean_square = c->kernels->sum_squares(c->cols, x) / (double)c->cols;
    nn_real factor = (nn_real)(1 / sqrt(mean_square + o->eps));
    c->point[row] = (nn_layer_norm_point){.inv_std = factor};
    memcpy(y, x, c->cols * sizeof *y);
    c->kernels->scale(c->cols, factor, y);
    if (c->weight)
        c->kernels->multiply(c->cols, y, c->weight, y);
}

static void forward_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    const struct layer_norm *o = c->layer->options;
    size_t at = begin * c->cols;
    if (!is_rms(c->layer))
        c->kernels->layer_norm(end - begin, c->cols, o->eps, c->io->x[0] + at, c->weight, c->bias,
                               c->io->y + at, c->point + begin);
    for (size_t r = begin; is_rms(c->layer) && r < end; r++)
        rms_row(c, r);
}

static void layer_norm_forward(const nn_layer *layer, const nn_io *io) {
    struct call c = call_of(layer, io);
    nn_parallel(layer->compute, rows_of(layer, io->batch), grain_of(c.cols), forward_rows, &c);
}

/* dx = (u - z mean(u z)) / rms with u = weight dy, z = x / rms */
static void rms_row_grad(const struct call *c, size_t row) {
    const nn_real zero = 0, *x = c->io->x[0] + row * c->cols, *dy = c->io->dy + row * c->cols;
    nn_real *dx = c->io->dx[0] + row * c->cols, factor = c->point[row].inv_std;
    double sums[2], cube = (double)factor * (double)factor * (double)factor;
    if (c->weight)
        c->kernels->multiply(c->cols, dy, c->weight, dx);
    else
        memcpy(dx, dy, c->cols * sizeof *dx);
    c->kernels->products(c->cols, 1, x, &zero, dx, sums);
    c->kernels->scale(c->cols, factor, dx);
    c->kernels->axpy(c->cols, (nn_real)(-cube * sums[1] / (double)c->cols), x, dx);
}

static void backward_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    size_t at = begin * c->cols;
    if (!is_rms(c->layer))
        c->kernels->layer_norm_grad(end - begin, c->cols, c->io->x[0] + at, c->weight,
                                    c->point + begin, c->io->dy + at, c->io->dx[0] + at);
    for (size_t r = begin; is_rms(c->layer) && r < end; r++)
        rms_row_grad(c, r);
}

static void sum_rows(void *ctx, size_t begin, size_t end, double *sums) {
    const struct call *c = ctx;
    size_t at = begin * c->cols;
    c->kernels->layer_norm_sums(end - begin, c->cols, c->io->x[0] + at, c->point + begin,
                                c->io->dy + at, sums);
}

static void layer_norm_backward(const nn_layer *layer, const nn_io *io) {
    struct call c = call_of(layer, io);
    size_t rows = rows_of(layer, io->batch);
    double *sums = io->scratch;
    if (io->g[WEIGHT]) {
        nn_parallel_sum(layer->compute, rows, grain_of(c.cols), 2 * c.cols, sum_rows, &c, sums);
        if (c.bias)
            nn_norm_store(c.cols, sums, io->g_beta, io->g[BIAS]);
        nn_norm_store(c.cols, sums + c.cols, io->g_beta, io->g[WEIGHT]);
    }
    if (io->dx[0])
        nn_parallel(layer->compute, rows, grain_of(c.cols), backward_rows, &c);
}

static int layer_norm_check_steps(const nn_layer *layer) {
    const struct layer_norm *o = layer->options;
    if (o->dims == 1)
        return 0;
    return nn_layer_fail(layer, "dims: %lld: it normalises all steps together", (long long)o->dims);
}

const nn_layer_ops nn_layer_layer_norm = {
    .entry = {"layer_norm",
              "y = weight (x - mean) / sqrt(var + eps) + bias, mean and variance over the last "
              "dimensions of each sample",
              layer_norm_options, sizeof(struct layer_norm)},
    .plan = layer_norm_plan,
    .check_steps = layer_norm_check_steps,
    .prepare = layer_norm_prepare,
    .forward = layer_norm_forward,
    .backward = layer_norm_backward,
};

const nn_layer_ops nn_layer_rms_norm = {
    .entry = {"rms_norm",
              "y = weight x / sqrt(mean(x^2) + eps), the mean over the last dimensions of each "
              "sample",
              rms_norm_options, sizeof(struct layer_norm)},
    .plan = layer_norm_plan,
    .check_steps = layer_norm_check_steps,
    .prepare = layer_norm_prepare,
    .forward = layer_norm_forward,
    .backward = layer_norm_backward,
};
