#include "math/conv/depth.h"

static nn_conv_depth row_of(const conv_view *v) {
    return (nn_conv_depth){.channels = v->conv->channels,
                           .points = v->conv->out[2],
                           .tap_rows = v->tap_rows,
                           .taps = v->taps,
                           .x_row = v->tap_row,
                           .x_tap = v->tap,
                           .x_point = v->column};
}

void conv_depth_forward(const conv_view *v, size_t rows, const nn_real *input, const nn_real *w,
                        const nn_real *bias, nn_real *y) {
    nn_conv_depth call = row_of(v);
    call.x = input;
    call.w = w;
    call.start = bias;
    call.y = y;
    for (size_t r = 0; r < rows; r++) {
        v->kernels->conv_depth(&call);
        call.x += v->conv->stride[1] * v->pitch;
        call.y += v->conv->out[2] * v->conv->filters;
    }
}

void conv_depth_backward(const conv_view *v, const nn_real *dy, const nn_real *w, nn_real *dx) {
    nn_conv_depth call = row_of(v);
    call.w = w;
    call.dy = dy;
    for (size_t r = 0; r < v->conv->out[1]; r++) {
        v->kernels->conv_depth_grad(&call, dx);
        call.dy += v->conv->out[2] * v->conv->filters;
        dx += v->conv->stride[1] * v->pitch;
    }
}

void conv_depth_add(const conv_view *v, size_t rows, const nn_real *input, const nn_real *dy,
                    nn_real *sums) {
    nn_conv_depth call = row_of(v);
    call.x = input;
    call.dy = dy;
    for (size_t r = 0; r < rows; r++) {
        v->kernels->conv_depth_sums(&call, sums);
        call.x += v->conv->stride[1] * v->pitch;
        call.dy += v->conv->out[2] * v->conv->filters;
    }
}
