/* Positions as models get them that do not have to learn them (Vaswani et al. 2017). */
#ifndef NN_NN_LAYERS_POSITIONS_H
#define NN_NN_LAYERS_POSITIONS_H

#include "base/real.h"
#include "math/compute.h"

#include <stddef.h>

/* table[steps][width]: sin(t / 10000^(2i / width)) in column 2i, its cosine in column 2i + 1. */
void nn_positions_sinusoidal(const nn_compute *compute, size_t steps, size_t width, nn_real *table);

#endif
