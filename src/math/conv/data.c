/* Convolution: the gradient by the input. Each number of dy, times the weights that have met it, is
 * added to where the kernel stood. Neighbouring pixels of an image overlap there, the same pixel of
 * different images does not: a block of images makes the rows of a product. Nor does that of
 * different planes of a volume, as far as one plane of the kernel goes: then these make the rows.
 */
#include "math/conv/bf16.h"
#include "math/conv/depth.h"
#include "math/conv/parts.h"
#include "math/conv/passes.h"
#include "math/conv/scratch.h"
#include "math/gemm/bf16.h"
#include "math/parallel.h"

#include <string.h>

/* Images of a block: a multiple of what a tile of the kernels takes; fewer if they are large. */
#define BLOCK_IMAGES 12
#define BLOCK_BYTES 1048576
/* Numbers of a run, a multiple of every panel, and output channels that are summed together, so
 * that their weights stay in the level-1 cache. For vectors of any width they are the same, and so
 * is the order in which neighbouring pixels are added. */
#define RUN 64
#define SUMMED 128

/* Weights: [tap plane][group][tap row][tap][panel of the run][output channel][its width]. With
 * NN_CONV_FILTER_PAIRS, pairs take the place of output channels. */
typedef struct backward {
    const conv_view *v;
    size_t batch, threads;
    const nn_real *dy, *w;
    nn_real *dx;
    nn_real *weights, *copies, *pairs;
} backward;

static bool in_pairs(const conv_view *v) {
    return v->conv->operand == NN_CONV_FILTER_PAIRS;
}

/* Output channels of a group, or pairs of them. */
static size_t summed(const conv_view *v) {
    return in_pairs(v) ? (v->out_group + 1) / 2 : v->out_group;
}

/* Of a row of pixels of dy. */
static size_t row_size(const conv_view *v) {
    return v->conv->out[2] * v->conv->groups * summed(v);
}

/* Pairs of a row of pixels of all planes of a block. */
static size_t pairs_size(const conv_view *v) {
    return in_pairs(v) ? nn_align_count(BLOCK_IMAGES * row_size(v), sizeof(nn_real)) : 0;
}

static size_t block_images(const conv_view *v) {
    size_t image = v->span[1] * v->pitch * sizeof(nn_real);
    if (v->volume)
        return 1;
    size_t images = nn_smaller(BLOCK_IMAGES, nn_larger(6, BLOCK_BYTES / image / 6 * 6));
    return nn_larger(1, nn_smaller(images, v->conv->batch));
}

/* Elements of the padded copy of one plane. */
static size_t copy_size(const conv_view *v) {
    return v->padded ? nn_align_count(v->span[1] * v->pitch, sizeof(nn_real)) : 0;
}

static size_t block_copies(const conv_view *v) {
    return block_images(v) * v->conv->in[0] * copy_size(v);
}

/* Elements of the weights of one plane of the kernel. */
static size_t plane_weights(const conv_view *v) {
    return v->conv->groups * v->tap_rows * v->taps * conv_whole(v, v->length) * summed(v);
}

static size_t layout(backward *b, void *memory) {
    const conv_view *v = b->v;
    conv_scratch scratch = {.at = memory};
    b->weights = conv_scratch_alloc(&scratch, v->tap_planes * plane_weights(v));
    b->copies = conv_scratch_alloc(&scratch, v->conv->threads * block_copies(v));
    b->pairs = conv_scratch_alloc(&scratch, v->conv->threads * pairs_size(v));
    return scratch.used;
}

size_t conv_backward_data_scratch(const conv_view *v) {
    backward b = {.v = v};
    return layout(&b, NULL);
}

/* One panel: w [width][filters] transposed to [out_group][whole]. */
static void pack_panel(const conv_view *v, size_t width, const nn_real *w, nn_real *to) {
    size_t whole = conv_whole(v, width);
    if (in_pairs(v)) {
        nn_bf16_pack(v->out_group, width, w, 1, v->conv->filters, to);
        return;
    }
    for (size_t o = 0; o < v->out_group; o++) {
        for (size_t k = 0; k < width; k++)
            to[o * whole + k] = w[k * v->conv->filters + o];
        memset(to + o * whole + width, 0, (whole - width) * sizeof *to);
    }
}

static void pack_weights(const backward *b) {
    const conv_view *v = b->v;
    size_t runs = v->tap_rows * v->taps, panel = v->kernels->conv_panel;
    size_t groups = v->tap_planes * v->conv->groups; /* of every plane */
    for (size_t g = 0; g < groups; g++)
        for (size_t run = 0; run < runs; run++)
            for (size_t k = 0; k < v->length; k += panel)
                pack_panel(
                    v, nn_smaller(panel, v->length - k),
                    b->w + ((g / v->conv->groups * runs + run) * v->length + k) * v->conv->filters +
                        g % v->conv->groups * v->out_group,
                    b->weights + ((g * runs + run) * conv_whole(v, v->length) + k) * summed(v));
}

/* One row of pixels times `width` numbers of a run. */
static void add_run(const conv_view *v, size_t width, nn_conv_rows call) {
    size_t panel = v->kernels->conv_panel;
    nn_conv_rows first = call;
    size_t terms = summed(v), pixel = v->conv->groups * terms;
    for (size_t o = 0; o < terms; o += SUMMED) {
        call.length = nn_smaller(SUMMED, terms - o);
        for (size_t x = 0; x < v->conv->out[2]; x++)
            for (size_t k = 0; k < width; k += panel) {
                call.width = nn_smaller(panel, width - k);
                call.a = first.a + x * pixel + o;
                call.b = first.b + k * terms + o * conv_whole(v, call.width);
                call.c = first.c + x * v->column + k;
                v->conv_rows(&call);
            }
    }
}

/* One row of pixels of a block of images, for one group; dy is at its first pixel and `to` where
 * the kernel's corner stands then. */
static void add_row(const conv_view *v, nn_conv_rows call) {
    nn_conv_rows first = call;
    for (size_t i = 0; i < v->tap_rows; i++)
        for (size_t j = 0; j < v->taps; j++)
            for (size_t k = 0; k < v->length; k += RUN) {
                size_t width = nn_smaller(RUN, v->length - k);
                call.c = first.c + i * v->tap_row + j * v->tap + k;
                add_run(v, width, call);
                call.b += summed(v) * conv_whole(v, width);
            }
}

/* Planes that do not overlap: of dy, `from` one to the next, by one plane of the kernel. */
typedef struct plane_block {
    size_t planes, from, to; /* elements from one plane to the next */
    const nn_real *dy, *weights;
    nn_real *dx, *pairs;
} plane_block;

/* A row of pixels of all planes, from dy on, as pairs. */
static void round_rows(const conv_view *v, const plane_block *block, const nn_real *dy) {
    for (size_t p = 0; p < block->planes; p++)
        conv_round_pixels(v->conv->filters, v->conv->out[2], dy + p * block->from,
                          block->pairs + p * row_size(v));
}

static void add_block(const conv_view *v, const plane_block *block) {
    size_t row = v->conv->out[2] * v->conv->filters;
    nn_conv_rows call = {
        .rows = block->planes, .tap_rows = 1, .taps = 1, .a_row = block->from, .c_row = block->to};
    if (in_pairs(v))
        call.a_row = row_size(v);
    for (size_t y = 0; y < v->conv->out[1]; y++) {
        const nn_real *dy = block->dy + y * row;
        if (in_pairs(v))
            round_rows(v, block, dy);
        for (size_t g = 0; g < v->conv->groups; g++) {
            call.a = (in_pairs(v) ? block->pairs : dy) + g * summed(v);
            call.b = block->weights + g * plane_weights(v) / v->conv->groups;
            call.c = block->dx + y * v->conv->stride[1] * v->pitch + g * v->in_group;
            add_row(v, call);
        }
    }
}

/* All planes of a volume, whose planes of dx are `to_plane` apart, by plane i of the kernel. */
static void add_tap_plane(const backward *b, size_t i, const nn_real *dy, nn_real *dx,
                          size_t to_plane, nn_real *pairs) {
    const nn_conv *conv = b->v->conv;
    size_t stride = conv->stride[0], at = i * conv->dilation[0], pad = conv->pad[0];
    size_t first = pad > at ? (pad - at + stride - 1) / stride : 0;
    for (size_t z = first, planes; z < conv->out[0]; z += planes) {
        size_t to = z * stride + at - pad; /* inside from `first` on, up to the volume's end */
        if (to >= conv->in[0])
            break;
        planes = nn_smaller(BLOCK_IMAGES, (conv->in[0] - 1 - to) / stride + 1);
        planes = nn_smaller(planes, conv->out[0] - z);
        add_block(b->v, &(plane_block){.planes = planes,
                                       .from = b->v->out_plane,
                                       .to = stride * to_plane,
                                       .dy = dy + z * b->v->out_plane,
                                       .weights = b->weights + i * plane_weights(b->v),
                                       .dx = dx + to * to_plane,
                                       .pairs = pairs});
    }
}

/* The inside of a padded plane. */
static void crop(const conv_view *v, const nn_real *copy, nn_real *dx) {
    const nn_conv *conv = v->conv;
    size_t width = conv->in[2] * conv->channels, left = conv->pad[2] * conv->channels;
    size_t inside = left < v->pitch ? nn_smaller(width, v->pitch - left) : 0;
    for (size_t y = 0; y < conv->in[1]; y++, dx += width) {
        size_t row = y + conv->pad[1], count = row < v->span[1] ? inside : 0;
        if (count)
            memcpy(dx, copy + row * v->pitch + left, count * sizeof *dx);
        memset(dx + count, 0, (width - count) * sizeof *dx);
    }
}

static void backward_block(const backward *b, size_t image, size_t images, nn_real *copies,
                           nn_real *pairs) {
    const conv_view *v = b->v;
    const nn_real *dy = b->dy + image * v->out_image;
    nn_real *dx = b->dx + image * v->in_image, *to = v->padded ? copies : dx;
    size_t planes = images * v->conv->in[0], in_plane = v->in_image / v->conv->in[0];
    size_t to_plane = v->padded ? copy_size(v) : in_plane;

    memset(to, 0, planes * to_plane * sizeof *to);
    if (v->depthwise)
        for (size_t i = 0; i < images; i++)
            conv_depth_backward(v, dy + i * v->out_image, b->w, to + i * to_plane);
    else if (v->volume)
        for (size_t i = 0; i < v->tap_planes; i++)
            add_tap_plane(b, i, dy, to, to_plane, pairs);
    else
        add_block(v, &(plane_block){images, v->out_image, to_plane, dy, b->weights, to, pairs});
    for (size_t i = 0; v->padded && i < planes; i++)
        crop(v, copies + i * to_plane, dx + i * in_plane);
}

static void backward_part(void *ctx, size_t part) {
    const backward *b = ctx;
    size_t most = block_images(b->v), end = conv_begin(b->batch, part + 1, b->threads);
    nn_real *copies = b->copies + part * block_copies(b->v);
    nn_real *pairs = b->pairs + part * pairs_size(b->v);
    for (size_t image = conv_begin(b->batch, part, b->threads); image < end; image += most)
        backward_block(b, image, nn_smaller(most, end - image), copies, pairs);
}

void conv_backward_data(const conv_view *v, size_t batch, const nn_real *dy, const nn_real *w,
                        nn_real *dx, void *scratch) {
    backward b = {.v = v, .batch = batch, .dy = dy, .w = w, .dx = dx};
    if (batch == 0)
        return;
    b.threads = nn_smaller(conv_threads(v, batch), batch);
    layout(&b, scratch);
    if (!v->depthwise)
        pack_weights(&b);
    nn_parallel_for(v->conv->compute, b.threads, backward_part, &b);
}
