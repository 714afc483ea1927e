/* How a convolution is cut into runs, and which of the kernels suit it. That is asked of vectors of
 * LANES numbers whatever the processor has: other kernels add in another order. */
#include "math/conv/view.h"

#define LANES 16
#define LANE_SUM 32 /* multiplications in the time of adding the lanes of a vector */

static size_t pieces(size_t n, size_t size) {
    return (n + size - 1) / size;
}

size_t conv_whole(const conv_view *v, size_t n) {
    return pieces(n, v->kernels->conv_lanes) * v->kernels->conv_lanes;
}

size_t conv_row_size(const conv_view *v) {
    if (v->gray_blocks)
        return v->gray_blocks * v->kernels->conv_lanes;
    if (v->depthwise)
        return v->conv->channels;
    return v->conv->groups * conv_whole(v, v->panels);
}

/* One filter for each channel (depth.c). */
static bool is_depthwise(const nn_conv *conv) {
    return conv->groups > 1 && conv->groups == conv->channels && conv->groups == conv->filters;
}

/* Images of one channel (gray.c). */
static size_t gray_blocks(const conv_view *v) {
    const nn_conv *conv = v->conv;
    size_t each = v->kernels->conv_gray_filters;
    if (!each || v->volume || conv->channels > 1 || conv->stride[2] > 1 || conv->dilation[2] > 1 ||
        conv->out[2] % 4)
        return 0;
    /* a fourth of a block for a pixel, against whole vectors: worth it from a tenth on */
    bool worth = 10 * pieces(conv->filters, LANES / 4) < 36 * pieces(conv->filters, LANES);
    return worth ? pieces(conv->filters, each) : 0;
}

/* The last filters (remainder.c). Pairs take half as long, adding lanes as long as ever: they have
 * to be worth it. */
static size_t remainder_filters(const conv_view *v) {
    size_t remainder = v->out_group % LANES, least = LANES;
    if (v->conv->operand != NN_CONV_FLOAT)
        least = nn_larger(least, LANE_SUM * remainder / v->tap_rows);
    bool fits = v->conv->groups == 1 && v->taps == 1 && v->length >= least && v->out_group > LANES;
    return fits && !v->volume && remainder <= NN_CONV_REMAINDER && !v->gray_blocks ? remainder : 0;
}

size_t conv_x_channels(const nn_conv *conv) {
    return conv->operand == NN_CONV_CHANNEL_PAIRS ? conv->x_channels : conv->channels;
}

conv_view conv_view_of(const nn_conv *conv) {
    bool joined = conv->groups == 1 && conv->dilation[2] == 1;
    const nn_bf16_kernels *pairs = conv->operand == NN_CONV_FLOAT ? NULL : nn_kernels_bf16();
    conv_view v = {.conv = conv,
                   .kernels = nn_kernels_get(),
                   .in_group = conv->channels / conv->groups,
                   .out_group = conv->filters / conv->groups,
                   .volume = conv->in[0] * conv->out[0] * conv->kernel[0] > 1,
                   .tap_planes = conv->kernel[0],
                   .tap_rows = conv->kernel[1],
                   .taps = joined ? 1 : conv->kernel[2]};

    v.conv_rows = pairs ? pairs->conv_rows : v.kernels->conv_rows;
    v.conv_sums = pairs ? pairs->conv_sums : v.kernels->conv_sums;
    v.conv_remainder = pairs ? pairs->conv_remainder : v.kernels->conv_remainder;
    v.conv_remainder_sums = pairs ? pairs->conv_remainder_sums : v.kernels->conv_remainder_sums;
    v.length = joined ? conv->kernel[2] * conv->channels : v.in_group;
    v.terms = v.tap_planes * v.tap_rows * v.taps * v.length;
    for (int d = 0; d < 3; d++) {
        v.span[d] =
            (conv->out[d] - 1) * conv->stride[d] + (conv->kernel[d] - 1) * conv->dilation[d] + 1;
        v.padded |= conv->pad[d] > 0 || v.span[d] > conv->in[d];
    }
    v.copied = v.padded || pairs;
    v.pitch = (v.padded ? v.span[2] : conv->in[2]) * conv->channels;
    v.tap_row = conv->dilation[1] * v.pitch;
    v.tap = conv->dilation[2] * conv->channels;
    v.column = conv->stride[2] * conv->channels;
    v.in_image = conv->in[0] * conv->in[1] * conv->in[2] * conv_x_channels(conv);
    v.out_plane = conv->out[1] * conv->out[2] * conv->filters;
    v.out_image = conv->out[0] * v.out_plane;
    v.depthwise = !pairs && !v.volume && is_depthwise(conv);
    v.gray_blocks = pairs ? 0 : gray_blocks(&v);
    v.remainder = remainder_filters(&v);
    v.panels = v.out_group - v.remainder;
    return v;
}
