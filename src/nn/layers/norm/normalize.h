/* What the layers that normalise have in common. */
#ifndef NN_NN_LAYERS_NORM_NORMALIZE_H
#define NN_NN_LAYERS_NORM_NORMALIZE_H

#include "base/real.h"

#include <stddef.h>

/* weight (x - mean) inv_std + bias as (x - center) factor + shift, where center is the mean as
 * nn_real and shift makes up for the rest of it: with a mean of 10^4 that is what would be lost. */
static inline void nn_norm_constants(double mean, double inv_std, double weight, double bias,
                                     nn_real *center, nn_real *factor, nn_real *shift) {
    *center = (nn_real)mean;
    *factor = (nn_real)(weight * inv_std);
    *shift = (nn_real)(bias + ((double)*center - mean) * weight * inv_std);
}

/* g = beta g + sum */
static inline void nn_norm_store(size_t n, const double *sum, nn_real beta, nn_real *g) {
    for (size_t i = 0; i < n; i++)
        g[i] = (beta == 0 ? 0 : beta * g[i]) + (nn_real)sum[i];
}

#endif
