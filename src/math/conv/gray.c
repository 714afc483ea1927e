#include "math/conv/gray.h"

#include <string.h>

/* Points of the output that are turned into pixel_blocks and summed at a time. */
#define CHUNK_POINTS 256

/* Where filter o of a row of blocks begins; it has four lanes. */
static size_t place(const conv_view *v, size_t o) {
    size_t each = v->kernels->conv_gray_filters;
    return o / each * v->kernels->conv_lanes + o % each * 4;
}

static void pack_row(const conv_view *v, const nn_real *from, nn_real *to) {
    memset(to, 0, conv_row_size(v) * sizeof *to);
    for (size_t o = 0; from && o < v->conv->filters; o++)
        for (size_t i = 0; i < 4; i++)
            to[place(v, o) + i] = from[o];
}

void conv_gray_pack(const conv_view *v, const nn_real *w, const nn_real *bias, nn_real *weights,
                    nn_real *start) {
    pack_row(v, bias, start);
    for (size_t k = 0; k < v->terms; k++)
        pack_row(v, w + k * v->conv->filters, weights + k * conv_row_size(v));
}

void conv_gray_forward(const conv_view *v, size_t rows, const nn_real *input,
                       const nn_real *weights, const nn_real *start, nn_real *y) {
    const nn_conv *conv = v->conv;
    nn_conv_gray call = {.pixel_blocks = conv->out[2] / 4,
                         .filters = conv->filters,
                         .blocks = v->gray_blocks,
                         .kernel_rows = conv->kernel[1],
                         .kernel_cols = conv->kernel[2],
                         .x = input,
                         .x_row = v->tap_row,
                         .weights = weights,
                         .start = start,
                         .y = y};
    for (size_t r = 0; r < rows; r++) {
        v->kernels->conv_gray(&call);
        call.x += conv->stride[1] * v->pitch;
        call.y += conv->out[2] * conv->filters;
    }
}

static size_t chunk_rows(const conv_view *v) {
    return nn_larger(1, CHUNK_POINTS / v->conv->out[2]);
}

size_t conv_gray_size(const conv_view *v) {
    return v->gray_blocks ? chunk_rows(v) * v->conv->out[2] / 4 * conv_row_size(v) : 0;
}

/* The kernel's rows over the points of `rows` rows, whose dy has been turned into pixel_blocks. */
static void add_rows(const conv_view *v, size_t rows, const nn_real *input,
                     const nn_real *pixel_blocks, nn_real *sums) {
    const nn_conv *conv = v->conv;
    nn_conv_gray_sums call = {.rows = rows,
                              .pixel_blocks = conv->out[2] / 4,
                              .blocks = v->gray_blocks,
                              .kernel_cols = conv->kernel[2],
                              .x = input,
                              .x_row = conv->stride[1] * v->pitch,
                              .dy = pixel_blocks,
                              .sums = sums};
    for (size_t i = 0; i < conv->kernel[1]; i++) {
        v->kernels->conv_gray_sums(&call);
        call.x += v->tap_row;
        call.sums += conv->kernel[2] * conv_row_size(v);
    }
}

void conv_gray_add(const conv_view *v, size_t rows, const nn_real *input, const nn_real *dy,
                   nn_real *pixel_blocks, nn_real *sums) {
    const nn_conv *conv = v->conv;
    for (size_t r = 0; r < rows; r += chunk_rows(v)) {
        size_t count = nn_smaller(chunk_rows(v), rows - r);
        v->kernels->conv_gray_gather(count * conv->out[2] / 4, conv->filters,
                                     dy + r * conv->out[2] * conv->filters, pixel_blocks);
        add_rows(v, count, input + r * conv->stride[1] * v->pitch, pixel_blocks, sums);
    }
}

void conv_gray_unpack(const conv_view *v, nn_real *sums) {
    nn_real *to = sums;
    for (size_t k = 0; k < v->terms; k++, sums += conv_row_size(v))
        for (size_t o = 0; o < v->conv->filters; o++) {
            const nn_real *q = sums + place(v, o);
            *to++ = (q[0] + q[1]) + (q[2] + q[3]);
        }
}
