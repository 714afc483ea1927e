/* Convolution: the forward pass. */
#include "math/conv/band.h"
#include "math/conv/bf16.h"
#include "math/conv/depth.h"
#include "math/conv/gray.h"
#include "math/conv/parts.h"
#include "math/conv/passes.h"
#include "math/conv/remainder.h"
#include "math/conv/scratch.h"
#include "math/parallel.h"

#include <string.h>

/* Bytes of the weights that a tile of rows is multiplied with. */
#define PANEL_BYTES 32768

/* Weights: [group][panel][term][width of the panel]; bias: [group][panels in whole vectors]. */
typedef struct forward {
    const conv_view *v;
    size_t batch, threads;
    const nn_real *x, *w, *b;
    nn_real *y;
    nn_real *weights, *bias, *remainder, *bands;
} forward;

static size_t forward_layout(forward *f, void *memory) {
    const conv_view *v = f->v;
    conv_scratch scratch = {.at = memory};
    f->weights = conv_scratch_alloc(&scratch, conv_row_size(v) * v->terms);
    f->bias = conv_scratch_alloc(&scratch, conv_row_size(v));
    f->remainder = conv_scratch_alloc(&scratch, conv_remainder_size(v));
    f->bands = conv_scratch_alloc(&scratch, v->conv->threads * conv_band_size(v));
    return scratch.used;
}

size_t conv_forward_scratch(const conv_view *v) {
    forward f = {.v = v};
    return forward_layout(&f, NULL);
}

/* Copies n numbers and fills up with zeros. */
static void copy_padded(size_t n, const nn_real *from, size_t whole, nn_real *to) {
    if (n)
        memcpy(to, from, n * sizeof *to);
    memset(to + n, 0, (whole - n) * sizeof *to);
}

/* Term k of `width` filters, from that of the first one on. */
static void pack_term(const conv_view *v, size_t k, size_t width, const nn_real *w, size_t whole,
                      nn_real *to) {
    if (v->conv->operand == NN_CONV_FLOAT)
        copy_padded(width, w + k * v->conv->filters, whole, to);
    else
        conv_join_weights(v, k, width, w, whole, to);
}

static void pack_weights(const forward *f, const nn_real *w) {
    const conv_view *v = f->v;
    size_t group_size = conv_whole(v, v->panels);
    for (size_t g = 0; g < v->conv->groups; g++)
        for (size_t o = 0; o < v->panels; o += v->kernels->conv_panel) {
            size_t width = nn_smaller(v->kernels->conv_panel, v->panels - o);
            size_t whole = conv_whole(v, width);
            nn_real *to = f->weights + (g * group_size + o) * v->terms;
            for (size_t k = 0; k < v->terms; k++)
                pack_term(v, k, width, w + g * v->out_group + o, whole, to + k * whole);
        }
}

static void pack_bias(const forward *f, const nn_real *bias) {
    const conv_view *v = f->v;
    size_t whole = conv_whole(v, v->panels);
    for (size_t g = 0; g < v->conv->groups; g++)
        copy_padded(bias ? v->panels : 0, bias ? bias + g * v->out_group : NULL, whole,
                    f->bias + g * whole);
}

static void pack(const forward *f) {
    if (f->v->depthwise)
        return;
    if (f->v->gray_blocks) {
        conv_gray_pack(f->v, f->w, f->b, f->weights, f->bias);
        return;
    }
    pack_weights(f, f->w);
    pack_bias(f, f->b);
    conv_remainder_pack(f->v, f->w, f->remainder);
}

static void multiply_rows(const conv_view *v, size_t rows, nn_conv_rows call) {
    for (size_t r = 0; r < rows; r++) {
        v->conv_rows(&call);
        call.a += v->conv->stride[1] * v->pitch;
        call.c += v->conv->out[2] * v->conv->filters;
    }
}

/* One panel of output channels: the sum is cut so that its weights stay in the level-1 cache while
 * all rows pass. */
static void forward_panel(const conv_view *v, size_t rows, nn_conv_rows call) {
    size_t whole = conv_whole(v, call.width);
    size_t most = PANEL_BYTES / (whole * sizeof(nn_real));
    const nn_real *a = call.a, *b = call.b;
    bool by_row = v->terms / v->tap_planes > most, by_tap = v->taps * v->length > most;
    size_t pieces = by_tap ? (v->length + most - 1) / most : 1;
    size_t piece = (v->length + pieces - 1) / pieces;

    call.tap_rows = by_row ? 1 : v->tap_rows;
    call.taps = by_tap ? 1 : v->taps;
    for (size_t i = 0; i < v->tap_planes * v->tap_rows; i += call.tap_rows)
        for (size_t j = 0; j < v->taps; j += call.taps)
            for (size_t k = 0; k < v->length; k += piece) {
                call.length = nn_smaller(piece, v->length - k);
                call.a = a + i / v->tap_rows * conv_tap_plane(v) + i % v->tap_rows * v->tap_row +
                         j * v->tap + k;
                call.b = b + ((i * v->taps + j) * v->length + k) * whole;
                multiply_rows(v, rows, call);
                call.start = NULL;
            }
}

static void forward_band(const forward *f, const conv_band *band, const nn_real *input) {
    const conv_view *v = f->v;
    size_t group_size = conv_whole(v, v->panels);
    nn_real *y = f->y + conv_band_output(v, band);
    nn_conv_rows call = {.rows = v->conv->out[2],
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
            call.width = nn_smaller(v->kernels->conv_panel, v->panels - o);
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
    const conv_view *v = f->v;
    size_t rows = f->batch * v->conv->out[0] * v->conv->out[1];
    size_t end = conv_begin(rows, part + 1, f->threads);
    nn_real *copy = f->bands + part * conv_band_size(v);

    for (size_t at = conv_begin(rows, part, f->threads); at < end;) {
        conv_band band = conv_band_at(v, at, end - at);
        forward_band(f, &band, conv_band_input(v, &band, f->x, copy));
        at += band.rows;
    }
}

void conv_forward(const conv_view *v, size_t batch, const nn_real *x, const nn_real *w,
                  const nn_real *bias, nn_real *y, void *scratch) {
    forward f = {.v = v, .batch = batch, .x = x, .w = w, .b = bias, .y = y};
    if (batch == 0)
        return;
    f.threads = conv_threads(v, batch);
    forward_layout(&f, scratch);
    pack(&f);
    nn_parallel_for(v->conv->compute, f.threads, forward_part, &f);
}
