/* The rows of the initialiser table, and what they share. */
#ifndef NN_NN_INITIALIZERS_INITIALIZERS_H
#define NN_NN_INITIALIZERS_INITIALIZERS_H

#include "nn/initializers/initializer.h"

extern const nn_initializer_ops nn_initializer_zeros, nn_initializer_constant,
    nn_initializer_normal, nn_initializer_uniform, nn_initializer_xavier_uniform,
    nn_initializer_xavier_normal, nn_initializer_glorot_uniform, nn_initializer_glorot_normal,
    nn_initializer_he_uniform, nn_initializer_he_normal, nn_initializer_kaiming_uniform,
    nn_initializer_kaiming_normal, nn_initializer_lecun_uniform, nn_initializer_lecun_normal,
    nn_initializer_orthogonal;

/* w[i] = mean + std * element i of the stream, standard normal. */
void nn_fill_normal(const nn_compute *compute, const nn_rng *rng, size_t n, double mean, double std,
                    nn_real *w);
/* w[i] = bound * (2 u - 1), u element i of the stream, uniform in [0, 1). */
void nn_fill_uniform(const nn_compute *compute, const nn_rng *rng, size_t n, double bound,
                     nn_real *w);

#endif
