/* The number type of parameters, activations and gradients. The product is built in float; the
 * gradient-check tests build the same sources with NN_DOUBLE. Files always hold float32. */
#ifndef NN_BASE_REAL_H
#define NN_BASE_REAL_H

/* Which operations are made, and in which order, stands in the sources. */
#ifdef __FAST_MATH__
#error "without -ffast-math: results would depend on the compiler, and NaN would not be found"
#endif

#ifdef NN_DOUBLE
typedef double nn_real;
#define NN_EPSILON 2.220446049250313e-16
#else
typedef float nn_real;
#define NN_EPSILON 1.1920929e-7f
#endif

#endif
