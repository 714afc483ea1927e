/* The last few filters of a convolution where whole vectors of them would be nearly empty, such as
 * the last 2 of 50 (math/isa/conv/remainder.h). Weights are [remainder][tap_rows][length in whole
 * lanes], sums [tap_rows][remainder][length in whole lanes]. */
#ifndef NN_MATH_CONV_REMAINDER_H
#define NN_MATH_CONV_REMAINDER_H

#include "math/conv/view.h"

size_t conv_remainder_size(const conv_view *v);
void conv_remainder_pack(const conv_view *v, const nn_real *w, nn_real *to);
void conv_remainder_forward(const conv_view *v, size_t rows, const nn_real *input, const nn_real *w,
                            const nn_real *bias, nn_real *y);
void conv_remainder_add(const conv_view *v, size_t rows, const nn_real *input, const nn_real *dy,
                        nn_real *sums);
void conv_remainder_unpack(const conv_view *v, const nn_real *sums, nn_real beta, nn_real *dw);

#endif
