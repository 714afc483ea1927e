/* Initialisers: the first values of a parameter, as a function of its stream of random numbers. */
#ifndef NN_NN_INITIALIZERS_INITIALIZER_H
#define NN_NN_INITIALIZERS_INITIALIZER_H

#include "base/numbers/rng.h"
#include "base/options/option.h"
#include "math/compute.h"

typedef struct nn_fan {
    int64_t in, out;   /* connections into and out of a unit, >= 1 */
    size_t rows, cols; /* the tensor as a matrix [rows][cols], rows = dim[0] */
} nn_fan;

typedef struct nn_initializer_ops {
    nn_entry entry;
    bool symmetric; /* makes all units of a layer identical */
    /* Fills w[rows * cols] from the stream. Orthogonal needs memory, hence the return value. The
     * result does not depend on the number of threads. */
    int (*fill)(const void *options, const nn_compute *compute, const nn_rng *rng,
                const nn_fan *fan, nn_real *w);
} nn_initializer_ops;

extern const nn_family nn_initializers; /* initializers.c: one row an initialiser */

#endif
