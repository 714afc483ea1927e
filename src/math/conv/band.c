#include "math/conv/band.h"

#include "base/mem.h"
#include "math/conv/bf16.h"

#include <string.h>

/* Bytes of a band's input and output. */
#define BAND_BYTES 262144

size_t conv_band_rows(const conv_view *v) {
    const nn_conv *conv = v->conv;
    size_t row = v->tap_planes * v->pitch * conv->stride[1] + conv->out[2] * conv->filters;
    size_t rows = BAND_BYTES / (row * sizeof(nn_real));
    return nn_larger(1, nn_smaller(rows, conv->out[1]));
}

static size_t band_height(const conv_view *v, size_t rows) {
    const nn_conv *conv = v->conv;
    return (rows - 1) * conv->stride[1] + (conv->kernel[1] - 1) * conv->dilation[1] + 1;
}

size_t conv_band_size(const conv_view *v) {
    size_t size = v->copied ? v->tap_planes * conv_tap_plane(v) : 0;
    return nn_align_count(size, sizeof(nn_real));
}

size_t conv_tap_plane(const conv_view *v) {
    return v->pitch *
           (v->copied ? band_height(v, conv_band_rows(v)) : v->conv->dilation[0] * v->conv->in[1]);
}

size_t conv_band_output(const conv_view *v, const conv_band *band) {
    return band->image * v->out_image + band->plane * v->out_plane +
           band->row * v->conv->out[2] * v->conv->filters;
}

conv_band conv_band_at(const conv_view *v, size_t at, size_t left) {
    const size_t *out = v->conv->out;
    size_t plane = at / out[1], row = at % out[1];
    return (conv_band){.image = plane / out[0],
                       .plane = plane % out[0],
                       .row = row,
                       .rows = nn_smaller(nn_smaller(conv_band_rows(v), out[1] - row), left)};
}

static void copy_pixels(const conv_view *v, const conv_band *band, size_t pixels, const nn_real *x,
                        nn_real *to) {
    if (v->conv->operand == NN_CONV_CHANNEL_PAIRS)
        conv_round_pixels(v->conv->x_channels, pixels, x, to);
    else if (v->conv->operand == NN_CONV_IMAGE_PAIRS)
        nn_kernels_bf16()->join(pixels * v->conv->channels, x,
                                band->single ? NULL : x + v->in_image, to);
    else
        memcpy(to, x, pixels * v->conv->channels * sizeof *to);
}

/* The input of one plane of taps, with zeros around it. */
static void copy_plane(const conv_view *v, const conv_band *band, const nn_real *plane,
                       nn_real *to) {
    const nn_conv *conv = v->conv;
    size_t channels = conv->channels, columns = v->pitch / channels, left = conv->pad[2];
    size_t width = left < columns ? nn_smaller(conv->in[2], columns - left) : 0;
    left = columns - width < left ? columns - width : left;
    for (size_t r = 0; r < band_height(v, band->rows); r++, to += v->pitch) {
        size_t y = band->row * conv->stride[1] + r - conv->pad[1]; /* wraps around above it */
        size_t inside = plane && y < conv->in[1] ? width : 0;
        size_t before = inside ? left : 0;
        memset(to, 0, before * channels * sizeof *to);
        if (inside)
            copy_pixels(v, band, inside, plane + y * conv->in[2] * conv_x_channels(conv),
                        to + before * channels);
        memset(to + (before + inside) * channels, 0,
               (columns - before - inside) * channels * sizeof *to);
    }
}

const nn_real *conv_band_input(const conv_view *v, const conv_band *band, const nn_real *x,
                               nn_real *copy) {
    const nn_conv *conv = v->conv;
    const nn_real *image = x + band->image * v->in_image;
    size_t front = band->plane * conv->stride[0], in_plane = v->in_image / conv->in[0];
    if (!v->copied)
        return image + front * in_plane + band->row * conv->stride[1] * v->pitch;
    for (size_t i = 0; i < v->tap_planes; i++) {
        size_t plane = front + i * conv->dilation[0] - conv->pad[0]; /* wraps around before it */
        copy_plane(v, band, plane < conv->in[0] ? image + plane * in_plane : NULL,
                   copy + i * conv_tap_plane(v));
    }
    return copy;
}
