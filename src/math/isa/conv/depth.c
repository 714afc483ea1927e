/* Depthwise convolution: every channel is convolved with a kernel of its own, so a vector holds
 * LANES channels of a pixel and nothing is broadcast. */
#include "base/numbers/compare.h"
#include "math/isa/isa.h"
#include "math/isa/lanes.h"

#define MOST 8 /* points or taps that are worked on at a time */

/* `count` points from the one at x and y on, channels [c, c + n). */
INLINE void points_tile(const nn_conv_depth *t, const nn_real *x, nn_real *y, size_t c, size_t n,
                        const size_t count) {
    vec acc[MOST], first = {0};
    if (t->start)
        first = vec_load_part(t->start + c, n);
    UNROLL for (size_t p = 0; p < count; p++) acc[p] = first;
    const nn_real *w = t->w + c;
    for (size_t i = 0; i < t->tap_rows; i++)
        for (size_t j = 0; j < t->taps; j++, w += t->channels) {
            const nn_real *at = x + i * t->x_row + j * t->x_tap + c;
            vec weight = vec_load_part(w, n);
            UNROLL for (size_t p = 0; p < count; p++) acc[p] =
                vec_mul_add(weight, vec_load_part(at + p * t->x_point, n), acc[p]);
        }
    UNROLL for (size_t p = 0; p < count; p++) vec_store_part(y + p * t->channels + c, acc[p], n);
}

void ISA(conv_depth)(const nn_conv_depth *t) {
    for (size_t c = 0; c < t->channels; c += LANES) {
        size_t n = nn_smaller(LANES, t->channels - c), p = 0;
        for (; p + MOST <= t->points; p += MOST)
            points_tile(t, t->x + p * t->x_point, t->y + p * t->channels, c, n, MOST);
        for (; p < t->points; p++)
            points_tile(t, t->x + p * t->x_point, t->y + p * t->channels, c, n, 1);
    }
}

/* One tap: x += w dy for every point. */
INLINE void add_tap(const nn_conv_depth *t, const nn_real *w, nn_real *x, size_t c, size_t n) {
    vec weight = vec_load_part(w + c, n);
    const nn_real *dy = t->dy + c;
    for (size_t p = 0; p < t->points; p++, x += t->x_point, dy += t->channels)
        vec_store_part(x + c, vec_mul_add(weight, vec_load_part(dy, n), vec_load_part(x + c, n)),
                       n);
}

void ISA(conv_depth_grad)(const nn_conv_depth *t, nn_real *dx) {
    for (size_t c = 0; c < t->channels; c += LANES) {
        size_t n = nn_smaller(LANES, t->channels - c);
        const nn_real *w = t->w;
        for (size_t i = 0; i < t->tap_rows; i++)
            for (size_t j = 0; j < t->taps; j++, w += t->channels)
                add_tap(t, w, dx + i * t->x_row + j * t->x_tap, c, n);
    }
}

/* sums[tap] += sum over points of x dy, for `count` taps of a row. */
INLINE void taps_tile(const nn_conv_depth *t, const nn_real *x, nn_real *sums, size_t c, size_t n,
                      const size_t count) {
    vec acc[MOST];
    const nn_real *dy = t->dy + c;
    UNROLL for (size_t j = 0; j < count; j++) acc[j] = vec_load_part(sums + j * t->channels + c, n);
    for (size_t p = 0; p < t->points; p++, x += t->x_point, dy += t->channels) {
        vec share = vec_load_part(dy, n);
        UNROLL for (size_t j = 0; j < count; j++) acc[j] =
            vec_mul_add(share, vec_load_part(x + j * t->x_tap + c, n), acc[j]);
    }
    UNROLL for (size_t j = 0; j < count; j++) vec_store_part(sums + j * t->channels + c, acc[j], n);
}

void ISA(conv_depth_sums)(const nn_conv_depth *t, nn_real *sums) {
    for (size_t c = 0; c < t->channels; c += LANES) {
        size_t n = nn_smaller(LANES, t->channels - c);
        nn_real *to = sums;
        for (size_t i = 0; i < t->tap_rows; i++) {
            const nn_real *x = t->x + i * t->x_row;
            size_t j = 0;
            for (; j + 3 <= t->taps; j += 3, to += 3 * t->channels)
                taps_tile(t, x + j * t->x_tap, to, c, n, 3);
            for (; j < t->taps; j++, to += t->channels)
                taps_tile(t, x + j * t->x_tap, to, c, n, 1);
        }
    }
}
