/* Operations that are expressions of others. */
#include "base/numbers/rng.h"
#include "math/kernels.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

nn_tensor *nn_tensor_minimum(nn_tensor *a, nn_tensor *b) {
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    return nn_tensor_yield(
        &scope, nn_tensor_negate(nn_tensor_maximum(nn_tensor_negate(a), nn_tensor_negate(b))));
}

nn_tensor *nn_tensor_mse(nn_tensor *y, nn_tensor *t) {
    nn_tensor_scope scope;
    if (y && t && !nn_tensor_same_shape(y, t)) {
        (void)nn_fail(NN_EUSAGE, "mse: %s and %s differ in shape", NN_TEXT_OF(y), NN_TEXT_OF(t));
        return NULL;
    }
    nn_tensor_scope_open(&scope);
    nn_tensor *difference = nn_tensor_subtract(y, t);
    return nn_tensor_yield(
        &scope, nn_tensor_mean(nn_tensor_multiply(difference, difference), 0, NULL, false));
}

/* ---- dropout --------------------------------------------------------------------------------- */

/* 0 with probability `rate`, else 1 / (1 - rate). */
static nn_tensor *dropout_mask(const nn_tensor *x, double rate, uint64_t seed, uint64_t step) {
    nn_rng rng = nn_rng_stream(seed, NN_RNG_LAYER, nn_mix64(step), 0);
    nn_tensor *mask = nn_tensor_make("dropout", false, x->rank, x->dim);
    if (!mask)
        return NULL;
    nn_real *m = nn_reals(mask), scale = (nn_real)(1 / (1 - rate));
    nn_rng_uniform(&rng, 0, x->count, m);
    for (size_t i = 0; i < x->count; i++)
        m[i] = (double)m[i] < rate ? 0 : scale;
    return nn_tensor_adopt(mask);
}

nn_tensor *nn_tensor_dropout(nn_tensor *x, double rate, uint64_t seed, uint64_t step) {
    nn_tensor_scope scope;
    if (!x)
        return NULL;
    if (!(rate >= 0 && rate < 1)) {
        (void)nn_fail(NN_EUSAGE, "dropout: the rate is in [0, 1), not %g", rate);
        return NULL;
    }
    nn_tensor_scope_open(&scope);
    return nn_tensor_yield(&scope, nn_tensor_multiply(x, dropout_mask(x, rate, seed, step)));
}

/* ---- normalisation --------------------------------------------------------------------------- */

/* w centred / sqrt(var + eps) + b, where w and b may be NULL */
static nn_tensor *normalized(nn_tensor *centred, nn_tensor *var, double eps, nn_tensor *w,
                             nn_tensor *b) {
    nn_tensor *y = nn_tensor_divide(centred, nn_tensor_sqrt(nn_tensor_affine(var, 1, eps)));
    y = w ? nn_tensor_multiply(y, w) : y;
    return b ? nn_tensor_add(y, b) : y;
}

/* Weights of the last `dims` dimensions are of these, and not of more that would be broadcast. */
static int check_last(const nn_tensor *x, int dims, const nn_tensor *w) {
    const int64_t *last = x->dim + (x->rank - dims);
    if (!w || (w->rank == dims && memcmp(w->dim, last, (size_t)dims * sizeof *last) == 0))
        return 0;
    return nn_fail(NN_EUSAGE, "layer_norm: weights %s of the last %d dimensions of %s",
                   NN_TEXT_OF(w), dims, NN_TEXT_OF(x));
}

nn_tensor *nn_tensor_layer_norm(nn_tensor *x, int dims, nn_tensor *w, nn_tensor *b, double eps) {
    nn_tensor_scope scope;
    int axes[NN_TENSOR_RANK];
    if (x && (dims < 1 || dims > x->rank)) {
        (void)nn_fail(NN_EUSAGE, "layer_norm: %d dimensions of %s; there are 1 to %d", dims,
                      NN_TEXT_OF(x), x->rank);
        return NULL;
    }
    if (x && (check_last(x, dims, w) < 0 || check_last(x, dims, b) < 0))
        return NULL;
    for (int i = 0; x && i < dims; i++)
        axes[i] = -1 - i;
    nn_tensor_scope_open(&scope);
    nn_tensor *centred = nn_tensor_subtract(x, nn_tensor_mean(x, dims, axes, true));
    nn_tensor *var = nn_tensor_mean(nn_tensor_multiply(centred, centred), dims, axes, true);
    return nn_tensor_yield(&scope, normalized(centred, var, eps, w, b));
}

/* kept <- kept + rate (scale new - kept), in place. */
static void follow(nn_tensor *kept, const nn_tensor *new, double scale, double rate) {
    for (size_t i = 0; kept && new &&i < kept->count; i++)
        nn_reals(kept)[i] +=
            (nn_real)(rate * (scale * (double)nn_reals(new)[i] - (double)nn_reals(kept)[i]));
    if (kept)
        kept->buffer->version++;
}

static int check_channels(const nn_tensor *x, nn_tensor *const *of, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (of[i] && (of[i]->integer || of[i]->rank != 1 || of[i]->dim[0] != x->dim[1]))
            return nn_fail(NN_EUSAGE, "batch_norm: %s has %lld channels, and %s is no row of these",
                           NN_TEXT_OF(x), (long long)x->dim[1], NN_TEXT_OF(of[i]));
    return 0;
}

/* A row of channels in the shape [1, channels, 1 ...]. */
static nn_tensor *channels(const nn_tensor *x, nn_tensor *row) {
    int64_t dim[NN_TENSOR_RANK];
    for (int i = 0; i < x->rank; i++)
        dim[i] = i == 1 ? x->dim[1] : 1;
    return row ? nn_tensor_reshape(row, x->rank, dim) : NULL;
}

/* By the statistics of the minibatch, which `mean` and `var` follow. */
static nn_tensor *by_minibatch(nn_tensor *x, nn_tensor *const *row, double momentum, double eps) {
    int axes[NN_TENSOR_RANK], count = 0;
    for (int i = 0; i < x->rank; i++)
        if (i != 1)
            axes[count++] = i;
    double n = x->count ? (double)x->count / (double)x->dim[1] : 0;
    nn_tensor *m = nn_tensor_mean(x, count, axes, true), *centred = nn_tensor_subtract(x, m);
    nn_tensor *v = nn_tensor_mean(nn_tensor_multiply(centred, centred), count, axes, true);
    if (x->count > 0) { /* a rank's part of a minibatch may be empty, and then has no mean */
        follow(row[2], m, 1, momentum);
        follow(row[3], v, n > 1 ? n / (n - 1) : 1, momentum);
    }
    return normalized(centred, v, eps, channels(x, row[0]), channels(x, row[1]));
}

nn_tensor *nn_tensor_batch_norm(nn_tensor *x, nn_tensor *w, nn_tensor *b, nn_tensor *mean,
                                nn_tensor *var, bool training, double momentum, double eps) {
    nn_tensor *row[] = {w, b, mean, var}, *y;
    nn_tensor_scope scope;
    if (!x)
        return NULL;
    if (x->rank < 2 || (!training && (!mean || !var))) {
        (void)nn_fail(NN_EUSAGE, "batch_norm: %s",
                      x->rank < 2 ? "samples with channels are wanted"
                                  : "without training, mean and variance are wanted");
        return NULL;
    }
    if (check_channels(x, row, 4) < 0)
        return NULL;
    nn_tensor_scope_open(&scope);
    if (training)
        y = by_minibatch(x, row, momentum, eps);
    else
        y = normalized(nn_tensor_subtract(x, channels(x, mean)), channels(x, var), eps,
                       channels(x, w), channels(x, b));
    return nn_tensor_yield(&scope, y);
}
