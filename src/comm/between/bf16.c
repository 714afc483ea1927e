#include "comm/between/bf16.h"

/* What is lost of Inf and NaN is nothing to be made up for. */
static void round_with(size_t n, const nn_real *x, uint16_t *residual, uint16_t *out) {
    for (size_t i = 0; i < n; i++) {
        float value = (float)x[i] + nn_bf16_value(residual[i]);
        out[i] = nn_bf16_of(value);
        float rest = value - nn_bf16_value(out[i]);
        residual[i] = rest - rest == 0 ? nn_bf16_of(rest) : 0;
    }
}

void nn_bf16_round(size_t n, const nn_real *x, uint16_t *residual, uint16_t *out) {
    if (residual) {
        round_with(n, x, residual, out);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = nn_bf16_of((float)x[i]);
}

void nn_bf16_expand(size_t n, const uint16_t *x, nn_real *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = (nn_real)nn_bf16_value(x[i]);
}

void nn_bf16_add(size_t n, const uint16_t *x, nn_real *y) {
    for (size_t i = 0; i < n; i++)
        y[i] += (nn_real)nn_bf16_value(x[i]);
}
