/* The passes of a convolution, each on its view: what conv.h says of them. */
#ifndef NN_MATH_CONV_PASSES_H
#define NN_MATH_CONV_PASSES_H

#include "math/conv/view.h"

void conv_forward(const conv_view *v, size_t batch, const nn_real *x, const nn_real *w,
                  const nn_real *bias, nn_real *y, void *scratch) __attribute__((nonnull(7)));
void conv_backward_data(const conv_view *v, size_t batch, const nn_real *dy, const nn_real *w,
                        nn_real *dx, void *scratch);
void conv_backward_weights(const conv_view *v, size_t batch, const nn_real *x, const nn_real *dy,
                           nn_real beta, nn_real *dw, nn_real *dbias, void *scratch);

/* Elements of scratch that each takes. */
size_t conv_forward_scratch(const conv_view *v);
size_t conv_backward_data_scratch(const conv_view *v);
size_t conv_backward_weights_scratch(const conv_view *v);

#endif
