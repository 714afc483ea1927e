/* Elementwise vector functions and conversions. */
#include "math/isa/elementary.h"
#include "math/isa/isa.h"

void ISA(exp)(size_t n, const nn_real *x, nn_real *y) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = real_exp(x[i]);
}

void ISA(log)(size_t n, const nn_real *x, nn_real *y) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = real_log(x[i]);
}

void ISA(add)(size_t n, const nn_real *x, nn_real *y) {
    SIMD for (size_t i = 0; i < n; i++) y[i] += x[i];
}

void ISA(plus)(size_t n, const nn_real *x, const nn_real *y, nn_real *z) {
    SIMD for (size_t i = 0; i < n; i++) z[i] = x[i] + y[i];
}

void ISA(axpy)(size_t n, nn_real alpha, const nn_real *x, nn_real *y) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = mul_add(alpha, x[i], y[i]);
}

void ISA(scale)(size_t n, nn_real alpha, nn_real *x) {
    SIMD for (size_t i = 0; i < n; i++) x[i] *= alpha;
}

void ISA(multiply)(size_t n, const nn_real *x, const nn_real *y, nn_real *z) {
    SIMD for (size_t i = 0; i < n; i++) z[i] = x[i] * y[i];
}

void ISA(from_u8)(size_t n, const uint8_t *x, nn_real scale, nn_real offset, nn_real *y) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = mul_add((nn_real)x[i], scale, offset);
}

void ISA(from_f32)(size_t n, const float *x, nn_real scale, nn_real offset, nn_real *y) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = mul_add((nn_real)x[i], scale, offset);
}
