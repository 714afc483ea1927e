/* What the passes of a convolution share: how it is divided, and padded copies of images. */
#ifndef NN_MATH_CONV_INNER_H
#define NN_MATH_CONV_INNER_H

#include "base/mem.h"
#include "math/conv/conv.h"
#include "math/kernels.h"

/* The sum of one output number runs over tap_rows x taps runs of `length` neighbouring numbers of
 * the input: a whole row of the kernel where its channels are neighbours, else one pixel. */
typedef struct conv_view {
    const nn_conv *conv;
    const nn_kernels *kernels;
    size_t in_group, out_group; /* channels of a group */
    size_t tap_rows, taps, length;
    size_t terms;        /* tap_rows * taps * length */
    size_t span[2];      /* rows and columns of the input that the kernel visits */
    bool padded;         /* some of them are outside of the image */
    size_t pitch;        /* elements from one input row to the next, in the padded copy if any */
    size_t tap_row, tap; /* elements from one row of taps, one tap to the next */
    size_t column;       /* elements from the input of one output column to that of the next */
    size_t in_image, out_image;
    size_t remainder;   /* the last filters, which fill a small part of a vector */
    size_t panels;      /* those of a group that fill panels of vectors: out_group less remainder */
    bool depthwise;     /* one filter for each channel */
    size_t gray_blocks; /* vectors of four pixels that hold all filters; 0: not used */
} conv_view;

conv_view conv_view_of(const nn_conv *conv);

/* n rounded up to whole vectors. */
size_t conv_whole(const conv_view *v, size_t n);

/* Elements of a term's weights for all filters, in whole vectors. */
size_t conv_row_size(const conv_view *v);

static inline size_t conv_smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t conv_larger(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Asks for n numbers that are wanted soon: the processor's own prefetching stops at every page. */
static inline void conv_prefetch(const nn_real *x, size_t n) {
    for (size_t i = 0; i < n; i += NN_ALIGN / sizeof *x)
        __builtin_prefetch(x + i, 0, 2);
}

/* Scratch memory that is dealt out from its start; `at` NULL only counts. */
typedef struct conv_scratch {
    nn_real *at;
    size_t used;
} conv_scratch;

nn_real *conv_take(conv_scratch *scratch, size_t count);

/* Output rows [row, row + rows) of one image. */
typedef struct conv_band {
    size_t image, row, rows;
} conv_band;

/* Most rows of a band: what it reads and writes fits well into a level-2 cache. */
size_t conv_band_rows(const conv_view *v);
/* Elements of the padded copy of a band's input. */
size_t conv_band_size(const conv_view *v);
/* The input of a band, with zeros around it; `copy` is used where there is something to pad. */
const nn_real *conv_band_input(const conv_view *v, const conv_band *band, const nn_real *x,
                               nn_real *copy);

/* The piece `part` of `parts` of [0, n). */
static inline size_t conv_begin(size_t n, size_t part, size_t parts) {
    return n * part / parts;
}

/* Threads that `batch` samples are worth. */
size_t conv_threads(const conv_view *v, size_t batch);

/* Parts that a sum over `batch` samples is divided into. */
size_t conv_parts(const conv_view *v, size_t batch);

/* Images of one channel (conv_gray.c). Weights and sums are [terms][conv_row_size]. */
size_t conv_gray_blocks(const conv_view *v);
void conv_gray_pack(const conv_view *v, const nn_real *w, const nn_real *bias, nn_real *weights,
                    nn_real *start);
void conv_gray_forward(const conv_view *v, size_t rows, const nn_real *input,
                       const nn_real *weights, const nn_real *start, nn_real *y);
/* Elements that conv_gray_add works in. */
size_t conv_gray_size(const conv_view *v);
void conv_gray_add(const conv_view *v, size_t rows, const nn_real *input, const nn_real *dy,
                   nn_real *pixel_blocks, nn_real *sums);
/* Adds up over the pixels of pixel_blocks, in place: [terms][filters]. */
void conv_gray_unpack(const conv_view *v, nn_real *sums);

/* The last filters (conv_remainder.c); weights are [remainder][tap_rows][length in whole vectors],
 * sums [tap_rows][remainder][length in whole vectors]. */
size_t conv_remainder_filters(const conv_view *v);
size_t conv_remainder_size(const conv_view *v);
void conv_remainder_pack(const conv_view *v, const nn_real *w, nn_real *to);
void conv_remainder_forward(const conv_view *v, size_t rows, const nn_real *input, const nn_real *w,
                            const nn_real *bias, nn_real *y);
void conv_remainder_add(const conv_view *v, size_t rows, const nn_real *input, const nn_real *dy,
                        nn_real *sums);
void conv_remainder_unpack(const conv_view *v, const nn_real *sums, nn_real beta, nn_real *dw);

/* Depthwise (conv_depth.c); weights and sums are [terms][channels]. */
bool conv_is_depthwise(const nn_conv *conv);
void conv_depth_forward(const conv_view *v, size_t rows, const nn_real *input, const nn_real *w,
                        const nn_real *bias, nn_real *y);
/* Adds to one image, padded where v->padded. */
void conv_depth_backward(const conv_view *v, const nn_real *dy, const nn_real *w, nn_real *dx);
void conv_depth_add(const conv_view *v, size_t rows, const nn_real *input, const nn_real *dy,
                    nn_real *sums);

size_t conv_forward_scratch(const conv_view *v);
size_t conv_backward_data_scratch(const conv_view *v);
size_t conv_backward_weights_scratch(const conv_view *v);

#endif
