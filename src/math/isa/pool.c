/* Pooling of channels-last images: all channels of a pixel at a time. */
#include "math/isa/isa.h"
#include "math/isa/lanes.h"

/* Whole numbers and bit masks as wide as nn_real, and one byte for each. */
#ifdef NN_DOUBLE
typedef int64_t lane_int;
#else
typedef int32_t lane_int;
#endif
typedef lane_int ivec __attribute__((vector_size(VECTOR_BYTES)));
typedef uint8_t bytes __attribute__((vector_size(LANES)));
typedef uint8_t loose_bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

static inline ivec spread(size_t i) {
    return (ivec){0} + (lane_int)i;
}

/* gcc converts bytes one by one. */
static inline ivec widen(const uint8_t *x) {
#if defined(__AVX512F__) && !defined(NN_DOUBLE)
    return (ivec)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)x));
#elif defined(__AVX2__) && !defined(NN_DOUBLE)
    return (ivec)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)x));
#else
    return __builtin_convertvector(*(const loose_bytes *)x, ivec);
#endif
}

static inline ivec is_nan(vec v) {
    return v != v; /* NOLINT(misc-redundant-expression) */
}

/* The largest of `rows` x `cols` pixels and its index, the first one on a tie, NaN above all. */
INLINE void max_of(const nn_pool_row *p, const size_t rows, const size_t cols, const nn_real *x,
                   size_t n, nn_real *y, uint8_t *arg) {
    vec best = vec_load_part(x, n);
    ivec winner = spread(p->first);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            vec other = vec_load_part(x + r * p->x_row + c * p->channels, n);
            ivec larger = (other > best) | is_nan(other);
            best = (vec)(((ivec)other & larger) | ((ivec)best & ~larger));
            winner = (spread(p->first + r * p->first_row + c) & larger) | (winner & ~larger);
        }
    vec_store_part(y, best, n);
    *(loose_bytes *)arg = __builtin_convertvector(winner, bytes);
}

/* The row is copied: for all the compiler knows, bytes that are written could be a part of it. */
INLINE void max_points(const nn_pool_row row, const size_t rows, const size_t cols,
                       const nn_real *x, nn_real *y, uint8_t *arg) {
    for (size_t i = 0; i < row.points; i++, x += row.x_step, y += row.channels) {
        for (size_t c = 0; c < row.channels; c += LANES) {
            size_t n = vec_part(row.channels - c);
            max_of(&row, rows, cols, x + c, n, y + c, arg + c);
        }
        arg += nn_pool_arg_step(row.channels);
    }
}

void ISA(max_pool)(const nn_pool_row *p, const nn_real *x, nn_real *y, uint8_t *arg) {
    if (p->rows == 2 && p->cols == 2)
        max_points(*p, 2, 2, x, y, arg);
    else
        max_points(*p, p->rows, p->cols, x, y, arg);
}

INLINE void max_grad_of(const nn_pool_row *p, const size_t rows, const size_t cols, bool add,
                        vec dy, ivec winner, size_t n, nn_real *dx) {
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            nn_real *to = dx + r * p->x_row + c * p->channels;
            vec share = (vec)((ivec)dy & (winner == spread(p->first + r * p->first_row + c)));
            vec_store_part(to, add ? vec_load_part(to, n) + share : share, n);
        }
}

INLINE void max_grad_points(const nn_pool_row *p, const size_t rows, const size_t cols, bool add,
                            const nn_real *dy, const uint8_t *arg, nn_real *dx) {
    for (size_t i = 0; i < p->points; i++, dx += p->x_step, dy += p->channels) {
        for (size_t c = 0; c < p->channels; c += LANES) {
            size_t n = vec_part(p->channels - c);
            ivec winner = widen(arg + c);
            max_grad_of(p, rows, cols, add, vec_load_part(dy + c, n), winner, n, dx + c);
        }
        arg += nn_pool_arg_step(p->channels);
    }
}

void ISA(max_pool_grad)(const nn_pool_row *p, const nn_real *dy, const uint8_t *arg, bool add,
                        nn_real *dx) {
    if (p->rows == 2 && p->cols == 2 && !add)
        max_grad_points(p, 2, 2, false, dy, arg, dx);
    else
        max_grad_points(p, p->rows, p->cols, add, dy, arg, dx);
}

void ISA(avg_pool)(const nn_pool_row *p, const nn_real *x, nn_real *y) {
    for (size_t i = 0; i < p->points; i++, x += p->x_step, y += p->channels)
        for (size_t c = 0; c < p->channels; c += LANES) {
            size_t n = vec_part(p->channels - c);
            vec sum = {0};
            for (size_t r = 0; r < p->rows; r++)
                for (size_t k = 0; k < p->cols; k++)
                    sum += vec_load_part(x + r * p->x_row + k * p->channels + c, n);
            vec_store_part(y + c, sum * p->scale, n);
        }
}

void ISA(avg_pool_grad)(const nn_pool_row *p, const nn_real *dy, nn_real *dx) {
    for (size_t i = 0; i < p->points; i++, dx += p->x_step, dy += p->channels)
        for (size_t c = 0; c < p->channels; c += LANES) {
            size_t n = vec_part(p->channels - c);
            vec share = vec_load_part(dy + c, n) * p->scale;
            for (size_t r = 0; r < p->rows; r++)
                for (size_t k = 0; k < p->cols; k++) {
                    nn_real *to = dx + r * p->x_row + k * p->channels + c;
                    vec_store_part(to, vec_load_part(to, n) + share, n);
                }
        }
}
