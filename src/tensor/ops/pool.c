/* Pooling, composed of other operations: the largest elements are taken by their indices, and the
 * mean is a convolution of each channel with equal weights. */
#include "tensor/tensor.h"

/* Place of the largest of a window's elements, the first of equals, or of a NaN. */
static int64_t largest(const nn_tensor *x, const nn_window *w, int64_t image, int64_t row,
                       int64_t column) {
    int64_t height = x->dim[2], width = x->dim[3], best = -1;
    const nn_real *v = nn_reals(x);
    for (int64_t u = 0; u < w->kernel[0]; u++)
        for (int64_t k = 0; k < w->kernel[1]; k++) {
            int64_t i = row + u * w->dilation[0], j = column + k * w->dilation[1];
            int64_t at = (image * height + i) * width + j;
            if (i >= 0 && i < height && j >= 0 && j < width &&
                (best < 0 || v[at] > v[best] || (v[at] != v[at] && v[best] == v[best])))
                best = at;
        }
    return best;
}

static nn_tensor *max_indices(const nn_tensor *x, const nn_window *w, const int64_t out[2]) {
    int64_t dim[] = {x->dim[0], x->dim[1], out[0], out[1]};
    nn_tensor *indices = nn_tensor_make("max_pool2d", true, 4, dim);
    if (!indices)
        return NULL;
    int64_t *to = nn_integers(indices);
    for (int64_t image = 0; image < x->dim[0] * x->dim[1]; image++)
        for (int64_t i = 0; i < out[0]; i++)
            for (int64_t j = 0; j < out[1]; j++)
                *to++ = largest(x, w, image, i * w->stride[0] - w->padding[0],
                                j * w->stride[1] - w->padding[1]);
    return nn_tensor_adopt(indices);
}

/* Images, and the caller's windows, of which each sees a pixel. */
static int plan(const char *what, const nn_tensor *x, const nn_window *window, nn_window *w,
                int64_t out[2]) {
    NN_TRY(nn_window_read(what, window, w));
    if (x->integer || x->rank != 4)
        return nn_fail(NN_EUSAGE,
                       "%s: floats [samples, channels, height, width] are wanted, not %s", what,
                       NN_TEXT_OF(x));
    NN_TRY(nn_window_out(what, x, w, out));
    for (int i = 0; i < 2; i++)
        if (2 * w->padding[i] > w->kernel[i])
            return nn_fail(NN_EUSAGE, "%s: padding %lld is more than half of the window of %lld",
                           what, (long long)w->padding[i], (long long)w->kernel[i]);
    return 0;
}

nn_tensor *nn_tensor_max_pool2d(nn_tensor *x, const nn_window *window) {
    int64_t out[2];
    nn_tensor_scope scope;
    nn_window own;
    if (!x || plan("max_pool2d", x, window, &own, out) < 0)
        return NULL;
    nn_tensor_scope_open(&scope);
    return nn_tensor_yield(&scope, nn_tensor_take(x, max_indices(x, &own, out)));
}

nn_tensor *nn_tensor_avg_pool2d(nn_tensor *x, const nn_window *window) {
    int64_t out[2];
    nn_tensor_scope scope;
    nn_window own;
    if (!x || plan("avg_pool2d", x, window, &own, out) < 0)
        return NULL;
    own.groups = x->dim[1];
    int64_t dim[] = {x->dim[1], 1, own.kernel[0], own.kernel[1]};
    nn_tensor_scope_open(&scope);
    nn_tensor *equal = nn_tensor_filled(4, dim, 1 / (double)(own.kernel[0] * own.kernel[1]));
    return nn_tensor_yield(&scope, nn_tensor_conv2d(x, equal, NULL, &own));
}
