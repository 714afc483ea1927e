/* How numbers are distributed. */
#ifndef NN_BASE_NUMBERS_HISTOGRAM_H
#define NN_BASE_NUMBERS_HISTOGRAM_H

#include "base/real.h"

#include <stddef.h>

#define NN_HISTOGRAM_BINS 30

/* Bins of the same width from the least value to the largest. */
typedef struct nn_histogram {
    size_t count; /* values */
    double least, most, sum, squares;
    double bin[NN_HISTOGRAM_BINS]; /* how many values each has */
} nn_histogram;

/* Of `count` > 0 finite values. */
nn_histogram nn_histogram_of(const nn_real *values, size_t count);

#endif
