/* Convolution of images of one channel by vectors of four pixels (math/isa/conv_gray.c). Weights
 * and sums are [terms][conv_row_size]. */
#ifndef NN_MATH_CONV_GRAY_H
#define NN_MATH_CONV_GRAY_H

#include "math/conv/view.h"

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

#endif
