/* Convolution: how it is divided, and the forward pass. */
#include "math/conv/conv.h"

#include "math/conv/inner.h"
#include "math/gemm/gemm.h"
#include "math/parallel.h"

#include <string.h>

/* Bytes of a band's input and output, of the weights that a tile of rows is multiplied with. */
#define BAND_BYTES 262144
#define PANEL_BYTES 32768
/* Parts of a sum over samples that do not depend on the number of threads: how many at most, and
 * the points of the output that are worth one, since it has to be cleared and added up. */
#define FIXED_PARTS 16
#define FIXED_POINTS 1024

conv_view conv_view_of(const nn_conv *conv) {
    bool joined = conv->groups == 1 && conv->dilation[1] == 1;
    conv_view v = {.conv = conv,
                   .kernels = nn_kernels_get(),
                   .in_group = conv->channels / conv->groups,
                   .out_group = conv->filters / conv->groups,
                   .tap_rows = conv->kernel[0],
                   .taps = joined ? 1 : conv->kernel[1]};

    v.length = joined ? conv->kernel[1] * conv->channels : v.in_group;
    v.terms = v.tap_rows * v.taps * v.length;
    for (int d = 0; d < 2; d++) {
        v.span[d] =
            (conv->out[d] - 1) * conv->stride[d] + (conv->kernel[d] - 1) * conv->dilation[d] + 1;
        v.padded |= conv->pad[d] > 0 || v.span[d] > conv->in[d];
    }
    v.pitch = (v.padded ? v.span[1] : conv->in[1]) * conv->channels;
    v.tap_row = conv->dilation[0] * v.pitch;
    v.tap = conv->dilation[1] * conv->channels;
    v.column = conv->stride[1] * conv->channels;
    v.in_image = conv->in[0] * conv->in[1] * conv->channels;
    v.out_image = conv->out[0] * conv->out[1] * conv->filters;
    v.depthwise = conv_is_depthwise(conv);
    v.gray_blocks = conv_gray_blocks(&v);
    v.remainder = conv_remainder_filters(&v);
    v.panels = v.out_group - v.remainder;
    return v;
}

size_t conv_whole(const conv_view *v, size_t n) {
    size_t lanes = v->kernels->conv_lanes;
    return (n + lanes - 1) / lanes * lanes;
}

size_t conv_row_size(const conv_view *v) {
    if (v->gray_blocks)
        return v->gray_blocks * v->kernels->conv_lanes;
    if (v->depthwise)
        return v->conv->channels;
    return v->conv->groups * conv_whole(v, v->panels);
}

nn_real *conv_take(conv_scratch *scratch, size_t count) {
    nn_real *taken = scratch->at ? scratch->at + scratch->used : NULL;
    scratch->used += nn_align_count(count, sizeof(nn_real));
    return taken;
}

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
    size_t size = v->padded ? band_height(v, conv_band_rows(v)) * v->pitch : 0;
    return nn_align_count(size, sizeof(nn_real));
}

const nn_real *conv_band_input(const conv_view *v, const conv_band *band, const nn_real *x,
                               nn_real *copy) {
    const nn_conv *conv = v->conv;
    const nn_real *image = x + band->image * v->in_image;
    size_t top = band->row * conv->stride[0];
    if (!v->padded)
        return image + top * v->pitch;

    size_t left = conv->pad[1] * conv->channels, width = conv->in[1] * conv->channels;
    width = left < v->pitch ? conv_smaller(width, v->pitch - left) : 0;
    left = v->pitch - width < left ? v->pitch - width : left;
    for (size_t r = 0; r < band_height(v, band->rows); r++) {
        nn_real *to = copy + r * v->pitch;
        size_t y = top + r - conv->pad[0]; /* wraps around above the image */
        size_t inside = y < conv->in[0] ? width : 0;
        size_t before = inside ? left : 0;
        memset(to, 0, before * sizeof *to);
        if (inside)
            memcpy(to + before, image + y * conv->in[1] * conv->channels, inside * sizeof *to);
        memset(to + before + inside, 0, (v->pitch - before - inside) * sizeof *to);
    }
    return copy;
}

static double work_of(const conv_view *v, size_t batch) {
    return (double)batch * (double)v->out_image * (double)v->terms;
}

size_t conv_threads(const conv_view *v, size_t batch) {
    double most = work_of(v, batch) / NN_THREAD_WORK, threads = (double)v->conv->threads;
    return most < 1 ? 1 : (size_t)(most < threads ? most : threads);
}

static size_t fixed_parts(const conv_view *v, size_t batch) {
    size_t points = batch * v->conv->out[0] * v->conv->out[1], parts = 1;
    while (parts < FIXED_PARTS && points >= 2 * FIXED_POINTS * parts &&
           work_of(v, batch) >= 2 * NN_THREAD_WORK * (double)parts)
        parts *= 2;
    return parts;
}

size_t conv_parts(const conv_view *v, size_t batch) {
    size_t parts =
        nn_compute_fixed_tiles(v->conv->compute) ? fixed_parts(v, batch) : conv_threads(v, batch);
    return conv_larger(1, conv_smaller(conv_smaller(parts, batch), v->conv->parts));
}

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

/* ---- forward -------------------------------------------------------------------------------- */

/* Weights: [group][panel][term][width of the panel]; bias: [group][panels in whole vectors]. */
typedef struct forward {
    conv_view v;
    size_t batch, threads;
    const nn_real *x, *w, *b;
    nn_real *y;
    nn_real *weights, *bias, *remainder, *bands;
} forward;

static size_t forward_layout(forward *f, void *memory) {
    const conv_view *v = &f->v;
    conv_scratch scratch = {.at = memory};
    f->weights = conv_take(&scratch, conv_row_size(v) * v->terms);
    f->bias = conv_take(&scratch, conv_row_size(v));
    f->remainder = conv_take(&scratch, conv_remainder_size(v));
    f->bands = conv_take(&scratch, v->conv->threads * conv_band_size(v));
    return scratch.used;
}

size_t conv_forward_scratch(const conv_view *v) {
    forward f = {.v = *v};
    return forward_layout(&f, NULL);
}

/* Copies n numbers and fills up with zeros. */
static void copy_padded(size_t n, const nn_real *from, size_t whole, nn_real *to) {
    if (n)
        memcpy(to, from, n * sizeof *to);
    memset(to + n, 0, (whole - n) * sizeof *to);
}

static void pack_weights(const forward *f, const nn_real *w) {
    const conv_view *v = &f->v;
    nn_real *to = f->weights;
    for (size_t g = 0; g < v->conv->groups; g++)
        for (size_t o = 0; o < v->panels; o += v->kernels->conv_panel) {
            size_t width = conv_smaller(v->kernels->conv_panel, v->panels - o);
            size_t whole = conv_whole(v, width);
            for (size_t k = 0; k < v->terms; k++, to += whole)
                copy_padded(width, w + k * v->conv->filters + g * v->out_group + o, whole, to);
        }
}

static void pack_bias(const forward *f, const nn_real *bias) {
    const conv_view *v = &f->v;
    size_t whole = conv_whole(v, v->panels);
    for (size_t g = 0; g < v->conv->groups; g++)
        copy_padded(bias ? v->panels : 0, bias ? bias + g * v->out_group : NULL, whole,
                    f->bias + g * whole);
}

static void pack(const forward *f) {
    if (f->v.depthwise)
        return;
    if (f->v.gray_blocks) {
        conv_gray_pack(&f->v, f->w, f->b, f->weights, f->bias);
        return;
    }
    pack_weights(f, f->w);
    pack_bias(f, f->b);
    conv_remainder_pack(&f->v, f->w, f->remainder);
}

static void multiply_rows(const conv_view *v, size_t rows, nn_conv_rows call) {
    for (size_t r = 0; r < rows; r++) {
        v->kernels->conv_rows(&call);
        call.a += v->conv->stride[0] * v->pitch;
        call.c += v->conv->out[1] * v->conv->filters;
    }
}

/* One panel of output channels: the sum is cut so that its weights stay in the level-1 cache while
 * all rows pass. */
static void forward_panel(const conv_view *v, size_t rows, nn_conv_rows call) {
    size_t whole = conv_whole(v, call.width);
    size_t most = PANEL_BYTES / (whole * sizeof(nn_real));
    const nn_real *a = call.a, *b = call.b;
    bool by_row = v->terms > most, by_tap = v->taps * v->length > most;
    size_t pieces = by_tap ? (v->length + most - 1) / most : 1;
    size_t piece = (v->length + pieces - 1) / pieces;

    call.tap_rows = by_row ? 1 : v->tap_rows;
    call.taps = by_tap ? 1 : v->taps;
    for (size_t i = 0; i < v->tap_rows; i += call.tap_rows)
        for (size_t j = 0; j < v->taps; j += call.taps)
            for (size_t k = 0; k < v->length; k += piece) {
                call.length = conv_smaller(piece, v->length - k);
                call.a = a + i * v->tap_row + j * v->tap + k;
                call.b = b + ((i * v->taps + j) * v->length + k) * whole;
                multiply_rows(v, rows, call);
                call.start = NULL;
            }
}

static void forward_band(const forward *f, const conv_band *band, const nn_real *input) {
    const conv_view *v = &f->v;
    size_t group_size = conv_whole(v, v->panels);
    nn_real *y = f->y + band->image * v->out_image + band->row * v->conv->out[1] * v->conv->filters;
    nn_conv_rows call = {.rows = v->conv->out[1],
                         .a_row = v->column,
                         .tap_row = v->tap_row,
                         .tap = v->tap,
                         .c_row = v->conv->filters};
    if (v->gray_blocks) {
        conv_gray_forward(v, band->rows, input, f->weights, f->bias, y);
        return;
    }
    if (v->depthwise) {
        conv_depth_forward(v, band->rows, input, f->w, f->b, y);
        return;
    }
    for (size_t g = 0; g < v->conv->groups; g++)
        for (size_t o = 0; o < v->panels; o += v->kernels->conv_panel) {
            call.width = conv_smaller(v->kernels->conv_panel, v->panels - o);
            call.a = input + g * v->in_group;
            call.b = f->weights + (g * group_size + o) * v->terms;
            call.start = f->bias + g * group_size + o;
            call.c = y + g * v->out_group + o;
            forward_panel(v, band->rows, call);
        }
    if (v->remainder)
        conv_remainder_forward(v, band->rows, input, f->remainder, f->b, y);
}

static void forward_part(void *ctx, size_t part) {
    const forward *f = ctx;
    const conv_view *v = &f->v;
    size_t height = v->conv->out[0], most = conv_band_rows(v);
    size_t end = conv_begin(f->batch * height, part + 1, f->threads);
    nn_real *copy = f->bands + part * conv_band_size(v);

    for (size_t at = conv_begin(f->batch * height, part, f->threads); at < end;) {
        conv_band band = {.image = at / height, .row = at % height};
        band.rows = conv_smaller(conv_smaller(most, height - band.row), end - at);
        forward_band(f, &band, conv_band_input(v, &band, f->x, copy));
        at += band.rows;
    }
}

void nn_conv_forward(const nn_conv *conv, size_t batch, const nn_real *x, const nn_real *w,
                     const nn_real *bias, nn_real *y, void *scratch) {
    forward f = {.v = conv_view_of(conv), .batch = batch, .x = x, .w = w, .b = bias, .y = y};
    if (batch == 0)
        return;
    f.threads = conv_threads(&f.v, batch);
    forward_layout(&f, scratch);
    pack(&f);
    nn_parallel_parts(conv->compute, f.threads, forward_part, &f);
}
