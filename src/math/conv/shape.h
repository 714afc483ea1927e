/* What a convolution is: its sizes, and how calls of it are prepared. */
#ifndef NN_MATH_CONV_SHAPE_H
#define NN_MATH_CONV_SHAPE_H

#include "math/compute.h"

#include <stddef.h>

/* What stands in the place of a number of the input: itself or, rounded to bfloat16, a pair of
 * numbers of neighbouring channels, or of the same place in two images. Or it stands for one of the
 * output: a pair of neighbouring filters. */
typedef enum nn_conv_operand {
    NN_CONV_FLOAT,
    NN_CONV_CHANNEL_PAIRS,
    NN_CONV_IMAGE_PAIRS,
    NN_CONV_FILTER_PAIRS
} nn_conv_operand;

/* Lengths in planes [0], rows [1] and columns [2]: images have one plane, sequences one row. */
typedef struct nn_conv {
    size_t in[3], channels;
    size_t out[3], filters;
    size_t kernel[3], stride[3], dilation[3];
    size_t pad[3]; /* in front, above and to the left; on the other side it follows from `out` */
    size_t groups; /* divides channels and filters */

    /* set by nn_conv_prepare */
    const nn_compute *compute;
    size_t batch;          /* most samples of a call */
    size_t threads, parts; /* parts: sums of gradients that are added up at last */
    size_t scratch_bytes;

    /* of a pass, see math/conv/bf16.h */
    nn_conv_operand operand;
    size_t x_channels; /* with NN_CONV_CHANNEL_PAIRS: `channels` are pairs of so many */
} nn_conv;

#endif
