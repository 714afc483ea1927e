/* The gradient as the optimisers' kernels see it. */
#ifndef NN_MATH_ISA_GRADIENT_H
#define NN_MATH_ISA_GRADIENT_H

#include "math/isa/fused.h"
#include "math/isa/isa.h"

#include <math.h>

/* The scalars by value, so that no store in the loop can change them; no bound is infinity. */
static inline nn_gradient_args gradient_of(const nn_gradient_args *args) {
    nn_gradient_args a = *args;
    a.clip = a.clip > 0 ? a.clip : (nn_real)INFINITY;
    return a;
}

/* clip(scale g) + l2 w + l1 sign(w); NaN comes through. */
static inline nn_real gradient_at(nn_gradient_args a, nn_real g, nn_real w) {
    nn_real d = a.scale * g;
    nn_real below = d > a.clip ? a.clip : d;
    nn_real within = below < -a.clip ? -a.clip : below;
    nn_real sign = (nn_real)(w > 0) - (nn_real)(w < 0);
    return mul_add(a.l1, sign, mul_add(a.l2, w, within));
}

#endif
