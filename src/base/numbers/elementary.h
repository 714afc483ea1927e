/* Elementary functions of one number in double, made of additions, multiplications and
 * divisions alone, which every processor rounds alike: the same bits with every C library and on
 * every processor. libm promises neither: glibc's functions differ with and without fused
 * multiply-add.
 *
 * Whatever reaches parameters, samples, losses or metrics calls these; loops over many elements
 * call the kernels of src/math/isa. Errors, in units of the last place
 * (tests/base/elementary.c): exponential 0.9, logarithm 0.6, power 1.2 for results between
 * 1e-10 and 1e10 and 40 elsewhere, circle 1.9. */
#ifndef NN_BASE_NUMBERS_ELEMENTARY_H
#define NN_BASE_NUMBERS_ELEMENTARY_H

/* e^x. */
double nn_exponential(double x);

/* Natural logarithm: -inf of 0, NaN of less. */
double nn_logarithm(double x);

/* x^y for x >= 0 and |y| < 2^900, with 0^0 = 1; NaN for x < 0. */
double nn_power(double x, double y);

/* A point of the unit circle. */
typedef struct nn_circle {
    double cosine, sine;
} nn_circle;

/* The point at an angle in turns, of which 1 is the whole circle. In turns, not radians, because
 * then the quadrant and what is left within it are exact; |turns| < 2^49. */
nn_circle nn_circle_at(double turns);

#endif
