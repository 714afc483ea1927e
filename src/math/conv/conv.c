#include "math/conv/conv.h"

#include "math/conv/bf16.h"
#include "math/conv/parts.h"
#include "math/conv/passes.h"
#include "math/conv/scratch.h"

#include <stdint.h>

static size_t weights_size(const nn_conv *conv) {
    size_t points = conv->kernel[0] * conv->kernel[1] * conv->kernel[2];
    return nn_align_count(points * conv->channels / conv->groups * conv->filters, sizeof(nn_real));
}

static size_t forward_scratch(const nn_conv *conv) {
    nn_conv pass = conv_for_forward(conv);
    conv_view v = conv_view_of(&pass);
    return conv_forward_scratch(&v);
}

static size_t backward_data_scratch(const nn_conv *conv) {
    nn_conv mirror;
    bool mirrored = conv_mirror(conv, &mirror);
    nn_conv pass = mirrored ? mirror : conv_for_data(conv);
    conv_view v = conv_view_of(&pass);
    return mirrored ? weights_size(conv) + conv_forward_scratch(&v)
                    : conv_backward_data_scratch(&v);
}

static size_t backward_weights_scratch(const nn_conv *conv) {
    nn_conv pass = conv_for_weights(conv);
    conv_view v = conv_view_of(&pass);
    return conv_backward_weights_scratch(&v);
}

void nn_conv_prepare(nn_conv *conv, const nn_compute *compute, size_t batch, bool training) {
    conv_view v = conv_view_of(conv);
    conv->compute = compute;
    conv->batch = batch;
    conv->threads = (size_t)nn_compute_threads(compute);
    conv->parts = SIZE_MAX;
    conv->parts = conv_parts(&v, batch);
    size_t most = forward_scratch(conv);
    if (training) {
        most = nn_larger(most, backward_data_scratch(conv));
        most = nn_larger(most, backward_weights_scratch(conv));
    }
    conv->scratch_bytes = most * sizeof(nn_real);
}

void nn_conv_forward(const nn_conv *conv, size_t batch, const nn_real *x, const nn_real *w,
                     const nn_real *bias, nn_real *y, void *scratch) {
    nn_conv pass = conv_for_forward(conv);
    conv_view v = conv_view_of(&pass);
    conv_forward(&v, batch, x, w, bias, y, scratch);
}

void nn_conv_backward_data(const nn_conv *conv, size_t batch, const nn_real *dy, const nn_real *w,
                           nn_real *dx, void *scratch) {
    nn_conv mirror;
    if (conv_mirror(conv, &mirror)) {
        conv_view v = conv_view_of(&mirror);
        nn_real *weights = scratch;
        conv_mirror_weights(conv, w, weights);
        conv_forward(&v, batch, dy, weights, NULL, dx, weights + weights_size(conv));
    } else {
        nn_conv pass = conv_for_data(conv);
        conv_view v = conv_view_of(&pass);
        conv_backward_data(&v, batch, dy, w, dx, scratch);
    }
}

void nn_conv_backward_weights(const nn_conv *conv, size_t batch, const nn_real *x,
                              const nn_real *dy, nn_real beta, nn_real *dw, nn_real *dbias,
                              void *scratch) {
    nn_conv pass = conv_for_weights(conv);
    conv_view v = conv_view_of(&pass);
    conv_backward_weights(&v, batch, x, dy, beta, dw, dbias, scratch);
}
