/* Depthwise convolution (math/isa/conv_depth.c), a row of output at a time; weights and sums are
 * [terms][channels]. */
#ifndef NN_MATH_CONV_DEPTH_H
#define NN_MATH_CONV_DEPTH_H

#include "math/conv/view.h"

void conv_depth_forward(const conv_view *v, size_t rows, const nn_real *input, const nn_real *w,
                        const nn_real *bias, nn_real *y);
/* Adds to one image, padded where v->padded. */
void conv_depth_backward(const conv_view *v, const nn_real *dy, const nn_real *w, nn_real *dx);
void conv_depth_add(const conv_view *v, size_t rows, const nn_real *input, const nn_real *dy,
                    nn_real *sums);

#endif
