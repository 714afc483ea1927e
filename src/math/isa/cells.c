/* The cells of recurrent layers (formulas: nn_cell_step in math/kernels.h): everything of a step
 * but the matrix products, in one pass. */
#include "math/isa/elementary.h"
#include "math/isa/isa.h"

#include <string.h>

/* What a step touches for one sequence. */
typedef struct cell_row {
    nn_real *gates, *c, *h, *dh, *dc;
    const nn_real *c_old, *h_old, *dy;
} cell_row;

static cell_row row_of(const nn_cell_step *s, size_t blocks, size_t r) {
    size_t units = s->units;
    return (cell_row){.gates = s->gates + r * blocks * units,
                      .c = s->c ? s->c + r * units : NULL,
                      .h = s->h + r * s->out_stride,
                      .dh = s->dh ? s->dh + r * units : NULL,
                      .dc = s->dc ? s->dc + r * units : NULL,
                      .c_old = s->c_old ? s->c_old + r * s->c_stride : NULL,
                      .h_old = s->h_old + r * s->h_stride,
                      .dy = s->dy ? s->dy + r * s->dy_stride : NULL};
}

static bool is_over(const nn_cell_step *s, size_t r) {
    return s->length && s->t >= s->length[r];
}

static void clear(size_t n, nn_real *x) {
    if (x)
        memset(x, 0, n * sizeof *x);
}

static inline nn_real sigmoid(nn_real z) {
    return real_logistic(z).value;
}

static inline void lstm_forward(size_t n, const cell_row *at) {
    nn_real *zi = at->gates, *zf = zi + n, *zg = zf + n, *zo = zg + n, *c = at->c, *h = at->h;
    const nn_real *c_old = at->c_old;

    SIMD for (size_t u = 0; u < n; u++) {
        nn_real i = sigmoid(zi[u]), f = sigmoid(zf[u]), g = real_tanh(zg[u]), o = sigmoid(zo[u]);
        nn_real state = mul_add(f, c_old[u], i * g);
        zi[u] = i;
        zf[u] = f;
        zg[u] = g;
        zo[u] = o;
        c[u] = state;
        h[u] = o * real_tanh(state);
    }
}

static inline void lstm_backward(size_t n, const cell_row *at) {
    nn_real *zi = at->gates, *zf = zi + n, *zg = zf + n, *zo = zg + n, *dh = at->dh, *dc = at->dc;
    const nn_real *c_old = at->c_old, *c = at->c, *dy = at->dy;

    SIMD for (size_t u = 0; u < n; u++) {
        nn_real i = zi[u], f = zf[u], g = zg[u], o = zo[u];
        nn_real squashed = real_tanh(c[u]), d = dh[u] + dy[u];
        nn_real ds = mul_add(d * o, mul_add(-squashed, squashed, 1), dc[u]);
        zi[u] = ds * g * (i * (1 - i));
        zf[u] = ds * c_old[u] * (f * (1 - f));
        zg[u] = ds * i * mul_add(-g, g, 1);
        zo[u] = d * squashed * (o * (1 - o));
        dc[u] = ds * f;
        dh[u] = 0;
    }
}

static inline void gru_forward(size_t n, const cell_row *at) {
    nn_real *zr = at->gates, *zz = zr + n, *zn = zz + n, *h = at->h;
    const nn_real *m = zn + n, *h_old = at->h_old;

    SIMD for (size_t u = 0; u < n; u++) {
        nn_real r = sigmoid(zr[u]), z = sigmoid(zz[u]), fresh = real_tanh(mul_add(r, m[u], zn[u]));
        zr[u] = r;
        zz[u] = z;
        zn[u] = fresh;
        h[u] = mul_add(z, h_old[u] - fresh, fresh);
    }
}

static inline void gru_backward(size_t n, const cell_row *at) {
    nn_real *zr = at->gates, *zz = zr + n, *zn = zz + n, *zm = zn + n, *dh = at->dh;
    const nn_real *h_old = at->h_old, *dy = at->dy;

    SIMD for (size_t u = 0; u < n; u++) {
        nn_real r = zr[u], z = zz[u], fresh = zn[u], d = dh[u] + dy[u];
        nn_real dn = d * (1 - z) * mul_add(-fresh, fresh, 1);
        zr[u] = dn * zm[u] * (r * (1 - r));
        zz[u] = d * (h_old[u] - fresh) * (z * (1 - z));
        zn[u] = dn;
        zm[u] = dn * r;
        dh[u] = d * z;
    }
}

static inline void rnn_tanh_forward(size_t n, const cell_row *at) {
    SIMD for (size_t u = 0; u < n; u++) at->h[u] = real_tanh(at->gates[u]);
}

static inline void rnn_tanh_backward(size_t n, const cell_row *at) {
    SIMD for (size_t u = 0; u < n; u++) {
        at->gates[u] = (at->dh[u] + at->dy[u]) * mul_add(-at->h[u], at->h[u], 1);
        at->dh[u] = 0;
    }
}

static inline void rnn_relu_forward(size_t n, const cell_row *at) {
    SIMD for (size_t u = 0; u < n; u++) at->h[u] = at->gates[u] < 0 ? 0 : at->gates[u];
}

static inline void rnn_relu_backward(size_t n, const cell_row *at) {
    SIMD for (size_t u = 0; u < n; u++) {
        at->gates[u] = at->h[u] > 0 ? at->dh[u] + at->dy[u] : 0;
        at->dh[u] = 0;
    }
}

/* The loops over the rows. */
#define CELL(name, blocks)                                                                         \
    void ISA(name##_forward)(const nn_cell_step *s) {                                              \
        for (size_t r = 0; r < s->rows; r++) {                                                     \
            cell_row at = row_of(s, blocks, r);                                                    \
            if (!is_over(s, r)) {                                                                  \
                name##_forward(s->units, &at);                                                     \
                continue;                                                                          \
            }                                                                                      \
            clear(s->units, at.h);                                                                 \
            clear(s->units, at.c);                                                                 \
        }                                                                                          \
    }                                                                                              \
    void ISA(name##_backward)(const nn_cell_step *s) {                                             \
        for (size_t r = 0; r < s->rows; r++) {                                                     \
            cell_row at = row_of(s, blocks, r);                                                    \
            if (!is_over(s, r)) {                                                                  \
                name##_backward(s->units, &at);                                                    \
                continue;                                                                          \
            }                                                                                      \
            clear((blocks)*s->units, at.gates);                                                    \
            clear(s->units, at.dh);                                                                \
            clear(s->units, at.dc);                                                                \
        }                                                                                          \
    }

CELL(lstm, 4)
CELL(gru, 4)
CELL(rnn_tanh, 1)
CELL(rnn_relu, 1)
