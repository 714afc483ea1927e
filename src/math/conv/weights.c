/* Convolution: the gradient by weights and bias. The samples are divided into parts, each part is
 * summed on its own, and the sums are added in the order of the parts. */
#include "math/conv/band.h"
#include "math/conv/depth.h"
#include "math/conv/gray.h"
#include "math/conv/parts.h"
#include "math/conv/passes.h"
#include "math/conv/remainder.h"
#include "math/conv/scratch.h"
#include "math/parallel.h"

#include <string.h>

/* Points of the output that are summed at a time: they and their input fit into a level-1 cache. */
#define CHUNK_POINTS 64

/* A part's sums: weights [group][panel][term][width of the panel], the last filters', then bias
 * [filters]. */
typedef struct sums {
    const conv_view *v;
    size_t batch, parts;
    const nn_real *x, *dy;
    bool bias;
    nn_real *sums, *bands, *pixel_blocks, *pairs;
} sums;

/* Memory of a part beside its sums. */
typedef struct part_memory {
    nn_real *band, *pixel_blocks, *pairs;
} part_memory;

static size_t weights_size(const conv_view *v) {
    return conv_row_size(v) * v->terms + conv_remainder_size(v);
}

static size_t sums_size(const conv_view *v) {
    return nn_align_count(weights_size(v) + v->conv->filters, sizeof(nn_real));
}

static size_t chunk_rows(const conv_view *v) {
    return nn_larger(1, CHUNK_POINTS / v->conv->out[2]);
}

/* Of dy of two images. */
static size_t pairs_size(const conv_view *v) {
    size_t row = v->conv->out[2] * v->conv->filters;
    size_t size = v->conv->operand == NN_CONV_IMAGE_PAIRS ? chunk_rows(v) * row : 0;
    return nn_align_count(size, sizeof(nn_real));
}

static size_t layout(sums *s, void *memory) {
    const conv_view *v = s->v;
    conv_scratch scratch = {.at = memory};
    s->sums = conv_scratch_alloc(&scratch, v->conv->parts * sums_size(v));
    s->bands = conv_scratch_alloc(&scratch, v->conv->parts * conv_band_size(v));
    s->pixel_blocks = conv_scratch_alloc(&scratch, v->conv->parts * conv_gray_size(v));
    s->pairs = conv_scratch_alloc(&scratch, v->conv->parts * pairs_size(v));
    return scratch.used;
}

size_t conv_backward_weights_scratch(const conv_view *v) {
    sums s = {.v = v};
    return layout(&s, NULL);
}

static void add_panel(const conv_view *v, nn_conv_sums call) {
    const nn_real *a = call.a;
    call.count = v->length;
    for (size_t i = 0; i < v->tap_planes * v->tap_rows; i++)
        for (size_t j = 0; j < v->taps; j++) {
            call.a =
                a + i / v->tap_rows * conv_tap_plane(v) + i % v->tap_rows * v->tap_row + j * v->tap;
            v->conv_sums(&call);
            call.c += v->length * conv_whole(v, call.width);
        }
}

/* `rows` rows of output from dy on, and the input that they have seen. */
static void add_chunk(const conv_view *v, size_t rows, const nn_real *input, const nn_real *dy,
                      nn_real *weights) {
    size_t group_size = conv_whole(v, v->panels);
    nn_conv_sums call = {.rows = rows,
                         .cols = v->conv->out[2],
                         .a_row = v->conv->stride[1] * v->pitch,
                         .a_col = v->column,
                         .b_row = v->conv->out[2] * v->conv->filters,
                         .b_col = v->conv->filters};
    for (size_t g = 0; g < v->conv->groups; g++)
        for (size_t o = 0; o < v->panels; o += v->kernels->conv_panel) {
            call.width = nn_smaller(v->kernels->conv_panel, v->panels - o);
            call.a = input + g * v->in_group;
            call.b = dy + g * v->out_group + o;
            call.c = weights + (g * group_size + o) * v->terms;
            add_panel(v, call);
        }
    if (v->remainder)
        conv_remainder_add(v, rows, input, dy, weights + conv_row_size(v) * v->terms);
}

/* Asks for n numbers that are wanted soon: the processor's own prefetching stops at every page. */
static void prefetch(const nn_real *x, size_t n) {
    for (size_t i = 0; i < n; i += NN_ALIGN / sizeof *x)
        __builtin_prefetch(x + i, 0, 2);
}

/* A chunk of two images, or of a single one. */
static void add_pairs(const sums *s, const conv_band *band, size_t rows, const nn_real *input,
                      const nn_real *dy, nn_real *pairs, nn_real *to) {
    const conv_view *v = s->v;
    size_t count = rows * v->conv->out[2] * v->conv->filters;
    const nn_real *second = band->single ? NULL : dy + v->out_image;
    nn_kernels_bf16()->join(count, dy, second, pairs);
    add_chunk(v, rows, input, pairs, to);
    if (s->bias && second)
        v->kernels->sum_rows(rows * v->conv->out[2], v->conv->filters, second, 1,
                             to + weights_size(v));
}

static void add_band(const sums *s, const conv_band *band, const nn_real *input,
                     const part_memory *memory, nn_real *to) {
    const conv_view *v = s->v;
    size_t row = v->conv->out[2] * v->conv->filters;
    const nn_real *dy = s->dy + conv_band_output(v, band);
    size_t most = v->gray_blocks ? band->rows : chunk_rows(v);

    for (size_t r = 0, rows; r < band->rows; r += rows) {
        const nn_real *x = input + r * v->conv->stride[1] * v->pitch;
        rows = nn_smaller(most, band->rows - r);
        prefetch(dy + (r + rows) * row, nn_smaller(rows, band->rows - r - rows) * row);
        if (v->gray_blocks)
            conv_gray_add(v, rows, input, dy, memory->pixel_blocks, to);
        else if (v->depthwise)
            conv_depth_add(v, rows, x, dy + r * row, to);
        else if (v->conv->operand == NN_CONV_IMAGE_PAIRS)
            add_pairs(s, band, rows, x, dy + r * row, memory->pairs, to);
        else
            add_chunk(v, rows, x, dy + r * row, to);
        if (s->bias)
            v->kernels->sum_rows(rows * v->conv->out[2], v->conv->filters, dy + r * row, 1,
                                 to + weights_size(v));
    }
}

static void sum_part(void *ctx, size_t part) {
    const sums *s = ctx;
    const conv_view *v = s->v;
    nn_real *to = s->sums + part * sums_size(v);
    part_memory memory = {s->bands + part * conv_band_size(v),
                          s->pixel_blocks + part * conv_gray_size(v),
                          s->pairs + part * pairs_size(v)};
    size_t image = conv_begin(s->batch, part, s->parts), rows = v->conv->out[0] * v->conv->out[1];
    size_t end = conv_begin(s->batch, part + 1, s->parts);
    size_t step = v->conv->operand == NN_CONV_IMAGE_PAIRS ? 2 : 1;

    memset(to, 0, sums_size(v) * sizeof *to);
    for (; image < end; image += step)
        for (size_t row = 0; row < rows;) {
            conv_band band = conv_band_at(v, image * rows + row, rows - row);
            band.single = image + 1 == end;
            add_band(s, &band, conv_band_input(v, &band, s->x, memory.band), &memory, to);
            row += band.rows;
        }
}

static void store(size_t n, const nn_real *from, nn_real beta, nn_real *to) {
    for (size_t i = 0; i < n; i++)
        to[i] = (beta == 0 ? 0 : beta * to[i]) + from[i];
}

static void unpack(const conv_view *v, nn_real *from, nn_real beta, nn_real *dw) {
    if (v->gray_blocks || v->depthwise) {
        if (v->gray_blocks)
            conv_gray_unpack(v, from);
        store(v->terms * v->conv->filters, from, beta, dw);
        return;
    }
    for (size_t g = 0; g < v->conv->groups; g++)
        for (size_t o = 0; o < v->panels; o += v->kernels->conv_panel) {
            size_t width = nn_smaller(v->kernels->conv_panel, v->panels - o);
            for (size_t k = 0; k < v->terms; k++, from += conv_whole(v, width))
                store(width, from, beta, dw + k * v->conv->filters + g * v->out_group + o);
        }
    conv_remainder_unpack(v, from, beta, dw);
}

void conv_backward_weights(const conv_view *v, size_t batch, const nn_real *x, const nn_real *dy,
                           nn_real beta, nn_real *dw, nn_real *dbias, void *scratch) {
    sums s = {.v = v, .batch = batch, .x = x, .dy = dy, .bias = dbias};
    s.parts = conv_parts(v, batch);
    layout(&s, scratch);
    nn_parallel_for(v->conv->compute, s.parts, sum_part, &s);
    for (size_t part = 1; part < s.parts; part++)
        v->kernels->add(sums_size(v), s.sums + part * sums_size(v), s.sums);
    unpack(v, s.sums, beta, dw);
    if (dbias)
        store(v->conv->filters, s.sums + weights_size(v), beta, dbias);
}
