/* Layer normalisation (Ba et al. 2016) of each sample over its last dimensions:
 *
 *   y = weight (x - mean) / sqrt(var + eps) + bias
 *
 * with mean and biased variance of these elements, and a weight and a bias for each of them. It is
 * the same in evaluation. */
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/layers.h"

#define GRAIN 16384 /* elements worth a fork and join */

struct layer_norm {
    int64_t dims;
    double eps;
    bool affine;
};

static const nn_option layer_norm_options[] = {
    {"dims", NN_OPT_INT, offsetof(struct layer_norm, dims), "1", "[1, 4]",
     "how many of the last dimensions are normalised together; of images [C, H, W] 1 is each row "
     "of pixels, 2 each channel, 3 everything"},
    {"eps", NN_OPT_REAL, offsetof(struct layer_norm, eps), "1e-5", "(0, inf)",
     "added to the variance"},
    {"affine", NN_OPT_BOOL, offsetof(struct layer_norm, affine), "true", NULL,
     "a learned factor (weight) and summand (bias) for each element"},
    NN_OPTION_END};

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
    return layer->in[0].rank == 3 && ((const struct layer_norm *)layer->options)->dims == 3;
}

/* A tensor of the normalised dimensions. */
static int add_param(nn_layer *layer, const char *name, nn_param_role role) {
    const nn_shape *in = &layer->in[0];
    int dims = (int)((const struct layer_norm *)layer->options)->dims;
    const int64_t *d = in->dim + in->rank - dims;
    NN_TRY(nn_layer_add_param(layer, name, role, dims, d, 1, 1));
    if (is_whole_image(layer))
        nn_param_reorder(&layer->param[layer->params - 1], (int[]){1, 2, 0});
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
    return add_param(layer, "bias", NN_PARAM_BIAS);
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
    const nn_real *weight, *bias; /* NULL: not affine */
    nn_layer_norm_point *point;   /* of each row */
    size_t cols;
};

static struct call call_of(const nn_layer *layer, const nn_io *io) {
    bool affine = layer->params > 0;
    return (struct call){.layer = layer,
                         .io = io,
                         .kernels = nn_kernels_get(),
                         .weight = affine ? io->w[WEIGHT] : NULL,
                         .bias = affine ? io->w[BIAS] : NULL,
                         .point = io->save,
                         .cols = cols_of(layer)};
}

static void forward_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    const struct layer_norm *o = c->layer->options;
    size_t at = begin * c->cols;
    c->kernels->layer_norm(end - begin, c->cols, o->eps, c->io->x[0] + at, c->weight, c->bias,
                           c->io->y + at, c->point + begin);
}

static void layer_norm_forward(const nn_layer *layer, const nn_io *io) {
    struct call c = call_of(layer, io);
    nn_parallel(layer->compute, rows_of(layer, io->batch), grain_of(c.cols), forward_rows, &c);
}

static void backward_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    size_t at = begin * c->cols;
    c->kernels->layer_norm_grad(end - begin, c->cols, c->io->x[0] + at, c->weight, c->point + begin,
                                c->io->dy + at, c->io->dx[0] + at);
}

static void sum_rows(void *ctx, size_t begin, size_t end, double *sums) {
    const struct call *c = ctx;
    size_t at = begin * c->cols;
    c->kernels->layer_norm_sums(end - begin, c->cols, c->io->x[0] + at, c->point + begin,
                                c->io->dy + at, sums);
}

/* g = beta g + sum */
static void store(size_t n, const double *sum, nn_real beta, nn_real *g) {
    for (size_t i = 0; i < n; i++)
        g[i] = (beta == 0 ? 0 : beta * g[i]) + (nn_real)sum[i];
}

static void layer_norm_backward(const nn_layer *layer, const nn_io *io) {
    struct call c = call_of(layer, io);
    size_t rows = rows_of(layer, io->batch);
    double *sums = io->scratch;
    if (io->g[WEIGHT]) {
        nn_parallel_sum(layer->compute, rows, grain_of(c.cols), 2 * c.cols, sum_rows, &c, sums);
        store(c.cols, sums, io->g_beta, io->g[BIAS]);
        store(c.cols, sums + c.cols, io->g_beta, io->g[WEIGHT]);
    }
    if (io->dx[0])
        nn_parallel(layer->compute, rows, grain_of(c.cols), backward_rows, &c);
}

const nn_layer_ops nn_layer_layer_norm = {
    .entry = {"layer_norm",
              "y = weight (x - mean) / sqrt(var + eps) + bias, mean and variance over the last "
              "dimensions of each sample",
              layer_norm_options, sizeof(struct layer_norm)},
    .plan = layer_norm_plan,
    .prepare = layer_norm_prepare,
    .forward = layer_norm_forward,
    .backward = layer_norm_backward,
};
