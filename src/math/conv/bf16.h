/* Convolutions whose factors are rounded to bfloat16 (nn_compute.bf16). The passes and loops are
 * those in float; pairs take the place of numbers (math/isa/bf16.c):
 *
 * - forward, neighbouring channels are a pair, so there are half as many
 * - the gradient by the input is a forward pass over the mirrored convolution or, where that has
 *   more to multiply, the pass in float with neighbouring filters as a pair
 * - for the gradient by the weights, the same place in two images is a pair
 *
 * Depthwise ones, those of one channel by vectors of pixels (gray.h) and odd numbers of channels in
 * groups stay in float. */
#ifndef NN_MATH_CONV_BF16_H
#define NN_MATH_CONV_BF16_H

#include "math/conv/view.h"

/* The convolution as the passes see it, or itself. */
nn_conv conv_for_forward(const nn_conv *conv);
nn_conv conv_for_data(const nn_conv *conv);
nn_conv conv_for_weights(const nn_conv *conv);

/* The one whose forward pass over dy is the gradient by the input; false where conv_for_data is
 * better, or there is none. Its weights are conv_mirror_weights of those of `conv`, which take as
 * many elements. */
bool conv_mirror(const nn_conv *conv, nn_conv *mirror);
void conv_mirror_weights(const nn_conv *conv, const nn_real *w, nn_real *to);

/* Pixels as pairs of channels, the last one with 0 where their number is odd. */
void conv_round_pixels(size_t channels, size_t pixels, const nn_real *x, nn_real *to);
/* Term k of a forward pass, a pair of channels, for `width` filters; filled up with zeros. */
void conv_join_weights(const conv_view *v, size_t k, size_t width, const nn_real *w, size_t whole,
                       nn_real *to);
/* The weights of one filter for a pixel, `step` apart, as pairs of channels. */
void conv_round_filter(size_t channels, const nn_real *w, size_t step, nn_real *to);

#endif
