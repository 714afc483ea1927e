/* Numbers travel between nodes in half of the bytes: as bfloat16, the upper half of a float32. What
 * rounding takes away from a number is added to it in the next sum (error feedback, Seide et al.
 * 2014), so that no part of a gradient is lost for good, only late. */
#ifndef NN_COMM_BETWEEN_BF16_H
#define NN_COMM_BETWEEN_BF16_H

#include "base/real.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Round to nearest, ties to even; NaN stays NaN. Local, as all. */
static inline uint16_t nn_bf16_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, nan = bits >> 16 | 0x40;
    return (uint16_t)(x != x ? nan : nearest);
}

static inline float nn_bf16_value(uint16_t b) {
    uint32_t bits = (uint32_t)b << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* out[n] = x + residual, rounded, and residual[n] what that takes away; `residual` NULL: out[n] =
 * x, rounded. */
void nn_bf16_round(size_t n, const nn_real *x, uint16_t *residual, uint16_t *out);
/* y[n] = x */
void nn_bf16_expand(size_t n, const uint16_t *x, nn_real *y);
/* y[n] += x */
void nn_bf16_add(size_t n, const uint16_t *x, nn_real *y);

#endif
