/* Convolution for the few filters that would leave a vector of them nearly empty: here the lanes of
 * a vector are neighbouring numbers of the input.
 *
 * To be included once, as tiles.h is; CONV_REMAINDER and CONV_REMAINDER_SUMS are the names of the
 * kernels. */
#ifndef NN_MATH_ISA_CONV_REMAINDER_H
#define NN_MATH_ISA_CONV_REMAINDER_H

#include "math/isa/isa.h"
#include "math/isa/lanes.h"

/* The lanes of a sum, in as many vectors: the same numbers are added in the same order by vectors
 * of any width. */
#define VECTORS (NN_CONV_REMAINDER_LANES / LANES)
#define POINTS (VECTORS > 2 ? 1 : 4 / VECTORS)
#define RUNS PANEL_VECTORS /* vectors of a run that are summed at a time */

static inline nn_real sum_lanes(const vec sum[VECTORS]) {
    nn_real lane[NN_CONV_REMAINDER_LANES];
    UNROLL for (size_t v = 0; v < VECTORS; v++) vec_store(lane + v * LANES, sum[v]);
    for (size_t half = NN_CONV_REMAINDER_LANES / 2; half; half /= 2)
        for (size_t i = 0; i < half; i++)
            lane[i] += lane[i + half];
    return lane[0];
}

/* Vector v of x, which has `left` numbers. */
static inline vec load_vector(const nn_real *x, size_t v, size_t left) {
    size_t at = v * LANES;
    return left > at ? vec_load_part(x + at, vec_part(left - at)) : (vec){0};
}

INLINE TARGET void points_tile(const nn_conv_remainder *t, size_t point, const size_t P,
                               const size_t F) {
    vec acc[POINTS][NN_CONV_REMAINDER][VECTORS];
    size_t whole = nn_conv_remainder_run(t->length);

    UNROLL for (size_t p = 0; p < P; p++) UNROLL for (size_t f = 0; f < F; f++)
        UNROLL for (size_t v = 0; v < VECTORS; v++) acc[p][f][v] = (vec){0};
    for (size_t i = 0; i < t->tap_rows; i++) {
        const nn_real *x = t->x + point * t->x_point + i * t->x_row, *w = t->w + i * whole;
        for (size_t k = 0; k < t->length; k += NN_CONV_REMAINDER_LANES)
            UNROLL for (size_t p = 0; p < P; p++) UNROLL for (size_t v = 0; v < VECTORS; v++) {
                vec from = load_vector(x + p * t->x_point + k, v, t->length - k);
                const nn_real *b = w + k + v * LANES;
                UNROLL for (size_t f = 0; f < F; f++) acc[p][f][v] =
                    MULTIPLY_ADD(from, vec_load(b + f * t->tap_rows * whole), acc[p][f][v]);
            }
    }
    for (size_t p = 0; p < P; p++)
        for (size_t f = 0; f < F; f++)
            t->y[(point + p) * t->y_point + f] =
                (t->start ? t->start[f] : 0) + sum_lanes(acc[p][f]);
}

INLINE TARGET void points_of(const nn_conv_remainder *t, const size_t F) {
    size_t p = 0;
    for (; p + POINTS <= t->points; p += POINTS)
        points_tile(t, p, POINTS, F);
    for (; p < t->points; p++)
        points_tile(t, p, 1, F);
}

TARGET void CONV_REMAINDER(const nn_conv_remainder *t) {
    switch (t->filters) {
    case 1:
        points_of(t, 1);
        break;
    case 2:
        points_of(t, 2);
        break;
    case 3:
        points_of(t, 3);
        break;
    default:
        points_of(t, 4);
        break;
    }
}

/* `last` numbers count in the last one of the R vectors from number k of the run on. */
INLINE TARGET void sums_tile(const nn_conv_remainder_sums *t, size_t k, size_t last, const size_t R,
                             const size_t F) {
    vec acc[NN_CONV_REMAINDER][RUNS];
    size_t whole = nn_conv_remainder_run(t->length);
    nn_real *sums = t->sums + k;

    UNROLL for (size_t f = 0; f < F; f++) UNROLL for (size_t r = 0; r < R; r++) acc[f][r] =
        vec_load(sums + f * whole + r * LANES);
    for (size_t i = 0; i < t->rows; i++) {
        const nn_real *x = t->x + i * t->x_row + k, *dy = t->dy + i * t->dy_row;
        for (size_t j = 0; j < t->cols; j++, x += t->x_col, dy += t->dy_col)
            UNROLL for (size_t r = 0; r < R; r++) {
                vec from = vec_load_part(x + r * LANES, r + 1 < R ? LANES : last);
                UNROLL for (size_t f = 0; f < F; f++) acc[f][r] =
                    MULTIPLY_ADD(from, FACTOR(dy[f]), acc[f][r]);
            }
    }
    UNROLL for (size_t f = 0; f < F; f++) UNROLL for (size_t r = 0; r < R; r++)
        vec_store(sums + f * whole + r * LANES, acc[f][r]);
}

INLINE TARGET void sums_of(const nn_conv_remainder_sums *t, const size_t F) {
    size_t k = 0;
    for (; k + RUNS * LANES <= t->length; k += RUNS * LANES)
        sums_tile(t, k, LANES, RUNS, F);
    for (; k < t->length; k += LANES)
        sums_tile(t, k, vec_part(t->length - k), 1, F);
}

TARGET void CONV_REMAINDER_SUMS(const nn_conv_remainder_sums *t) {
    switch (t->filters) {
    case 1:
        sums_of(t, 1);
        break;
    case 2:
        sums_of(t, 2);
        break;
    case 3:
        sums_of(t, 3);
        break;
    default:
        sums_of(t, 4);
        break;
    }
}

#endif
