#include "math/conv/remainder.h"

#include "math/conv/bf16.h"

#include <string.h>

size_t conv_remainder_size(const conv_view *v) {
    return v->remainder * v->tap_rows * nn_conv_remainder_run(v->length);
}

/* Pixels of a run of the kernel, for one filter. */
static void pack_run(const conv_view *v, size_t pixels, const nn_real *w, nn_real *to) {
    size_t channels = conv_x_channels(v->conv), filters = v->conv->filters;
    for (size_t p = 0; p < pixels; p++, w += channels * filters, to += v->conv->channels)
        if (v->conv->operand == NN_CONV_CHANNEL_PAIRS)
            conv_round_filter(channels, w, filters, to);
        else
            for (size_t c = 0; c < channels; c++)
                to[c] = w[c * filters];
}

void conv_remainder_pack(const conv_view *v, const nn_real *w, nn_real *to) {
    size_t pixels = v->conv->kernel[2], whole = nn_conv_remainder_run(v->length);
    size_t run = pixels * conv_x_channels(v->conv) * v->conv->filters;
    memset(to, 0, conv_remainder_size(v) * sizeof *to);
    for (size_t f = 0; f < v->remainder; f++)
        for (size_t i = 0; i < v->tap_rows; i++, to += whole)
            pack_run(v, pixels, w + i * run + v->panels + f, to);
}

void conv_remainder_forward(const conv_view *v, size_t rows, const nn_real *input, const nn_real *w,
                            const nn_real *bias, nn_real *y) {
    nn_conv_remainder call = {.points = v->conv->out[2],
                              .tap_rows = v->tap_rows,
                              .length = v->length,
                              .filters = v->remainder,
                              .x = input,
                              .x_row = v->tap_row,
                              .x_point = v->column,
                              .w = w,
                              .start = bias ? bias + v->panels : NULL,
                              .y = y + v->panels,
                              .y_point = v->conv->filters};
    for (size_t r = 0; r < rows; r++) {
        v->conv_remainder(&call);
        call.x += v->conv->stride[1] * v->pitch;
        call.y += v->conv->out[2] * v->conv->filters;
    }
}

void conv_remainder_add(const conv_view *v, size_t rows, const nn_real *input, const nn_real *dy,
                        nn_real *sums) {
    nn_conv_remainder_sums call = {.rows = rows,
                                   .cols = v->conv->out[2],
                                   .length = v->length,
                                   .filters = v->remainder,
                                   .x = input,
                                   .x_row = v->conv->stride[1] * v->pitch,
                                   .x_col = v->column,
                                   .dy = dy + v->panels,
                                   .dy_row = v->conv->out[2] * v->conv->filters,
                                   .dy_col = v->conv->filters,
                                   .sums = sums};
    for (size_t i = 0; i < v->tap_rows; i++) {
        v->conv_remainder_sums(&call);
        call.x += v->tap_row;
        call.sums += v->remainder * nn_conv_remainder_run(v->length);
    }
}

void conv_remainder_unpack(const conv_view *v, const nn_real *sums, nn_real beta, nn_real *dw) {
    size_t filters = v->conv->filters, whole = nn_conv_remainder_run(v->length);
    for (size_t i = 0; i < v->tap_rows; i++)
        for (size_t f = 0; f < v->remainder; f++, sums += whole)
            for (size_t k = 0; k < v->length; k++) {
                nn_real *to = dw + (i * v->length + k) * filters + v->panels + f;
                *to = (beta == 0 ? 0 : beta * *to) + sums[k];
            }
}
