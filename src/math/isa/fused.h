/* Multiply and add, a b + c. Where the instruction set can do it at once (v3, v4, arm64) it is
 * rounded once, elsewhere twice. Compilers are told not to fuse anything themselves
 * (-ffp-contract=off), because each would choose differently: what is fused stands in the sources
 * of the kernels, and so do the bits of their results. */
#ifndef NN_MATH_ISA_FUSED_H
#define NN_MATH_ISA_FUSED_H

#include "base/real.h"

#if defined(__FMA__) || defined(__aarch64__)
#define IS_FUSED true
#define FUSED(suffix, a, b, c) __builtin_fma##suffix(a, b, c)
#else
#define IS_FUSED false
#define FUSED(suffix, a, b, c) ((a) * (b) + (c))
#endif

static inline double mul_add_double(double a, double b, double c) {
    return FUSED(, a, b, c);
}

#ifdef NN_DOUBLE
static inline nn_real mul_add(nn_real a, nn_real b, nn_real c) {
    return mul_add_double(a, b, c);
}
#else
static inline nn_real mul_add(nn_real a, nn_real b, nn_real c) {
    return FUSED(f, a, b, c);
}
#endif

#endif
