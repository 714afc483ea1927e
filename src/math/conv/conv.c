#include "math/conv/conv.h"

#include "math/conv/parts.h"
#include "math/conv/passes.h"

#include <stdint.h>

void nn_conv_prepare(nn_conv *conv, const nn_compute *compute, size_t batch, bool training) {
    conv_view v = conv_view_of(conv);
    conv->compute = compute;
    conv->batch = batch;
    conv->threads = (size_t)nn_compute_threads(compute);
    conv->parts = SIZE_MAX;
    conv->parts = conv_parts(&v, batch);
    size_t most = conv_forward_scratch(&v);
    if (training) {
        most = conv_larger(most, conv_backward_data_scratch(&v));
        most = conv_larger(most, conv_backward_weights_scratch(&v));
    }
    conv->scratch_bytes = most * sizeof(nn_real);
}

void nn_conv_forward(const nn_conv *conv, size_t batch, const nn_real *x, const nn_real *w,
                     const nn_real *bias, nn_real *y, void *scratch) {
    conv_view v = conv_view_of(conv);
    conv_forward(&v, batch, x, w, bias, y, scratch);
}

void nn_conv_backward_data(const nn_conv *conv, size_t batch, const nn_real *dy, const nn_real *w,
                           nn_real *dx, void *scratch) {
    conv_view v = conv_view_of(conv);
    conv_backward_data(&v, batch, dy, w, dx, scratch);
}

void nn_conv_backward_weights(const nn_conv *conv, size_t batch, const nn_real *x,
                              const nn_real *dy, nn_real beta, nn_real *dw, nn_real *dbias,
                              void *scratch) {
    conv_view v = conv_view_of(conv);
    conv_backward_weights(&v, batch, x, dy, beta, dw, dbias, scratch);
}
