/* Derivatives by central differences, and how uncertain they are: where the function bends, has a
 * kink or jumps, and where floats drown it in rounding. */
#ifndef NN_EXTEND_GRADIENT_DIFFERENCE_H
#define NN_EXTEND_GRADIENT_DIFFERENCE_H

#include "base/real.h"

/* A sum, and how large its terms are together, which its rounding is in proportion to. */
typedef struct gradient_sum {
    double value, size;
} gradient_sum;

/* A function of numbers in memory. */
typedef struct gradient_function {
    gradient_sum (*at)(void *ctx); /* of the numbers as they stand */
    void *ctx;
    gradient_sum here; /* where derivatives are wanted */
} gradient_function;

/* The derivative by *x, which stays as it is, with the step that leaves the least doubt; *doubt:
 * how wrong it may be. Local. */
double gradient_difference(const gradient_function *f, nn_real *x, double *doubt);

#endif
