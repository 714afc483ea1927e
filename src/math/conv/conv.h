/* Convolution (cross-correlation) of channels-last images, by direct kernels:
 *   y[i][j][o] = bias[o] + sum_{u,v,c} w[u][v][c][o] x[i s + u d - p][j s + v d - p][c]
 * or of volumes, with a third direction, and x taken as 0 outside of the image, stride s, dilation
 * d and padding p in each direction. With groups, output channel o sees the input channels of its
 * group alone. Results of a sample do not depend on the other samples, nor on the number of
 * threads; gradients of the weights are sums over the samples whose order depends on the number of
 * parts only. */
#ifndef NN_MATH_CONV_CONV_H
#define NN_MATH_CONV_CONV_H

#include "base/real.h"
#include "math/conv/shape.h"

#include <stdbool.h>

/* For up to `batch` samples a call; `compute` outlives the use of it. */
void nn_conv_prepare(nn_conv *conv, const nn_compute *compute, size_t batch, bool training);

/* x [batch][in][channels], w [kernel][channels / groups][filters], bias [filters] or NULL,
 * y [batch][out][filters]; scratch is 64-byte aligned. */
void nn_conv_forward(const nn_conv *conv, size_t batch, const nn_real *x, const nn_real *w,
                     const nn_real *bias, nn_real *y, void *scratch);
/* dx = dC/dx from dy = dC/dy. */
void nn_conv_backward_data(const nn_conv *conv, size_t batch, const nn_real *dy, const nn_real *w,
                           nn_real *dx, void *scratch);
/* dw = beta dw + dC/dw, and the same for dbias unless that is NULL. */
void nn_conv_backward_weights(const nn_conv *conv, size_t batch, const nn_real *x,
                              const nn_real *dy, nn_real beta, nn_real *dw, nn_real *dbias,
                              void *scratch);

#endif
