#include "math/conv/bf16.h"

#include <string.h>

/* Numbers of a vector of the processors that have AVX512_BF16, and what it takes to load and store
 * one, in the time of a multiplication: what is loaded has just been stored in other vectors. */
#define LANES 16
#define RUN_COST 6

static bool takes_bf16(const nn_conv *conv) {
    conv_view v = conv_view_of(conv);
    return nn_compute_bf16(conv->compute) && !v.depthwise && !v.gray_blocks;
}

nn_conv conv_for_forward(const nn_conv *conv) {
    nn_conv pairs = *conv;
    if (!takes_bf16(conv) || (conv->groups > 1 && conv->channels / conv->groups % 2))
        return pairs;
    pairs.operand = NN_CONV_CHANNEL_PAIRS;
    pairs.x_channels = conv->channels;
    pairs.channels = (conv->channels + 1) / 2;
    return pairs;
}

nn_conv conv_for_data(const nn_conv *conv) {
    nn_conv pairs = *conv;
    if (takes_bf16(conv) && (conv->groups == 1 || conv->filters / conv->groups % 2 == 0))
        pairs.operand = NN_CONV_FILTER_PAIRS;
    return pairs;
}

nn_conv conv_for_weights(const nn_conv *conv) {
    nn_conv pairs = *conv;
    if (takes_bf16(conv))
        pairs.operand = NN_CONV_IMAGE_PAIRS;
    return pairs;
}

static double points(const size_t length[3]) {
    return (double)length[0] * (double)length[1] * (double)length[2];
}

static double vectors(size_t n) {
    size_t count = (n + LANES - 1) / LANES;
    return (double)count;
}

/* The mirrored pass multiplies vectors of channels, the other one vectors of a run of pixels, which
 * it loads and stores for each pixel of dy. With planes that has few rows to a tile. */
static bool suits_mirror(const nn_conv *conv) {
    conv_view v = conv_view_of(conv);
    size_t out_pairs = (v.out_group + 1) / 2;
    double pairs = (double)out_pairs;
    double runs = (double)(v.tap_planes * v.tap_rows * v.taps) * vectors(v.length);
    return v.volume || points(conv->in) * points(conv->kernel) * vectors(v.in_group) * pairs <=
                           points(conv->out) * runs * (pairs + RUN_COST);
}

bool conv_mirror(const nn_conv *conv, nn_conv *mirror) {
    nn_conv m = *conv;
    bool suits = takes_bf16(conv);
    m.channels = conv->filters;
    m.filters = conv->channels;
    for (int d = 0; d < 3; d++) {
        size_t reach = (conv->kernel[d] - 1) * conv->dilation[d];
        suits &= conv->stride[d] == 1 && conv->pad[d] <= reach;
        m.in[d] = conv->out[d];
        m.out[d] = conv->in[d];
        m.pad[d] = reach - conv->pad[d];
    }
    if (!suits || !suits_mirror(conv))
        return false;
    *mirror = conv_for_forward(&m);
    return mirror->operand != NN_CONV_FLOAT;
}

/* One point of the kernel: [channels of a group][filters] to [filters of a group][channels]. */
static void mirror_point(const nn_conv *conv, const nn_real *w, nn_real *to) {
    size_t channels = conv->channels / conv->groups, filters = conv->filters / conv->groups;
    for (size_t f = 0; f < filters; f++)
        for (size_t c = 0; c < conv->channels; c++)
            *to++ = w[c % channels * conv->filters + c / channels * filters + f];
}

void conv_mirror_weights(const nn_conv *conv, const nn_real *w, nn_real *to) {
    size_t points = conv->kernel[0] * conv->kernel[1] * conv->kernel[2];
    size_t size = conv->channels / conv->groups * conv->filters;
    for (size_t p = 0; p < points; p++)
        mirror_point(conv, w + (points - 1 - p) * size, to + p * size);
}

void conv_round_pixels(size_t channels, size_t pixels, const nn_real *x, nn_real *to) {
    const nn_bf16_kernels *kernels = nn_kernels_bf16();
    size_t pairs = (channels + 1) / 2;
    if (channels % 2 == 0)
        kernels->round(pixels * channels, x, to);
    else
        for (size_t p = 0; p < pixels; p++)
            kernels->round(channels, x + p * channels, to + p * pairs);
}

void conv_join_weights(const conv_view *v, size_t k, size_t width, const nn_real *w, size_t whole,
                       nn_real *to) {
    const nn_conv *conv = v->conv;
    size_t channels = conv->x_channels / conv->groups, channel = 2 * (k % v->in_group);
    const nn_real *first = w + (k / v->in_group * channels + channel) * conv->filters;
    nn_kernels_bf16()->join(width, first, channel + 1 < channels ? first + conv->filters : NULL,
                            to);
    memset(to + width, 0, (whole - width) * sizeof *to);
}

void conv_round_filter(size_t channels, const nn_real *w, size_t step, nn_real *to) {
    nn_real run[2 * LANES];
    for (size_t c = 0; c < channels; c += 2 * LANES, to += LANES) {
        size_t count = nn_smaller(2 * LANES, channels - c);
        for (size_t i = 0; i < count; i++)
            run[i] = w[(c + i) * step];
        nn_kernels_bf16()->round(count, run, to);
    }
}
