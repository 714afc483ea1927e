#include "math/conv/band.h"

#include "base/mem.h"
#include "math/conv/bf16.h"

#include <string.h>

/* Bytes of a band's input and output. */
#define BAND_BYTES 262144

size_t conv_band_rows(const conv_view *v) {
    const nn_conv *conv = v->conv;
    size_t row = v->pitch * conv->stride[0] + conv->out[1] * conv->filters;
    size_t rows = BAND_BYTES / (row * sizeof(nn_real));
    return conv_larger(1, conv_smaller(rows, conv->out[0]));
}

static size_t band_height(const conv_view *v, size_t rows) {
    const nn_conv *conv = v->conv;
    return (rows - 1) * conv->stride[0] + (conv->kernel[0] - 1) * conv->dilation[0] + 1;
}

size_t conv_band_size(const conv_view *v) {
    size_t size = v->copied ? band_height(v, conv_band_rows(v)) * v->pitch : 0;
    return nn_align_count(size, sizeof(nn_real));
}

static void copy_pixels(const conv_view *v, const conv_band *band, size_t pixels, const nn_real *x,
                        nn_real *to) {
    if (v->conv->operand == NN_CONV_CHANNEL_PAIRS)
        conv_round_pixels(v, pixels, x, to);
    else if (v->conv->operand == NN_CONV_IMAGE_PAIRS)
        nn_kernels_bf16()->join(pixels * v->conv->channels, x,
                                band->single ? NULL : x + v->in_image, to);
    else
        memcpy(to, x, pixels * v->conv->channels * sizeof *to);
}

const nn_real *conv_band_input(const conv_view *v, const conv_band *band, const nn_real *x,
                               nn_real *copy) {
    const nn_conv *conv = v->conv;
    const nn_real *image = x + band->image * v->in_image;
    size_t top = band->row * conv->stride[0];
    if (!v->copied)
        return image + top * v->pitch;

    size_t channels = conv->channels, columns = v->pitch / channels, left = conv->pad[1];
    size_t width = left < columns ? conv_smaller(conv->in[1], columns - left) : 0;
    left = columns - width < left ? columns - width : left;
    for (size_t r = 0; r < band_height(v, band->rows); r++) {
        nn_real *to = copy + r * v->pitch;
        size_t y = top + r - conv->pad[0]; /* wraps around above the image */
        size_t inside = y < conv->in[0] ? width : 0;
        size_t before = inside ? left : 0;
        memset(to, 0, before * channels * sizeof *to);
        if (inside)
            copy_pixels(v, band, inside, image + y * conv->in[1] * conv_x_channels(conv),
                        to + before * channels);
        memset(to + (before + inside) * channels, 0,
               (columns - before - inside) * channels * sizeof *to);
    }
    return copy;
}
