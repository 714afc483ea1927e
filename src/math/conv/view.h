/* A convolution as its passes and kernels see it: sums over runs of neighbouring numbers. */
#ifndef NN_MATH_CONV_VIEW_H
#define NN_MATH_CONV_VIEW_H

#include "base/numbers/compare.h"
#include "math/conv/shape.h"
#include "math/kernels.h"

/* The sum of one output number runs over tap_planes x tap_rows x taps runs of `length` neighbouring
 * numbers of the input: a whole row of the kernel where its pixels touch, else one pixel. */
typedef struct conv_view {
    const nn_conv *conv;
    const nn_kernels *kernels;
    void (*conv_rows)(const nn_conv_rows *args); /* those that suit conv->operand */
    void (*conv_sums)(const nn_conv_sums *args);
    void (*conv_remainder)(const nn_conv_remainder *args);
    void (*conv_remainder_sums)(const nn_conv_remainder_sums *args);
    size_t in_group, out_group; /* channels of a group */
    size_t tap_planes, tap_rows, taps, length;
    size_t terms;        /* tap_planes * tap_rows * taps * length */
    size_t span[3];      /* of the input that the kernel visits over a whole image */
    bool volume;         /* there are several planes, of images or of the kernel */
    bool padded;         /* some of them are outside of the image */
    bool copied;         /* bands of the input are copied, to be padded or rounded */
    size_t pitch;        /* elements from one input row to the next, in the copy if any */
    size_t tap_row, tap; /* elements from one row of taps, one tap to the next (conv_tap_plane) */
    size_t column;       /* elements from the input of one output column to that of the next */
    size_t in_image, out_plane, out_image;
    size_t remainder;   /* the last filters, which fill a small part of a vector */
    size_t panels;      /* those of a group that fill panels of vectors: out_group less remainder */
    bool depthwise;     /* one filter for each channel */
    size_t gray_blocks; /* vectors of four pixels that hold all filters; 0: not used */
} conv_view;

conv_view conv_view_of(const nn_conv *conv);

/* Numbers of a pixel of the input. */
size_t conv_x_channels(const nn_conv *conv);

/* n rounded up to whole vectors. */
size_t conv_whole(const conv_view *v, size_t n);

/* Elements of a term's weights for all filters, in whole vectors. */
size_t conv_row_size(const conv_view *v);

#endif
