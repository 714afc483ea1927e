/* Pooling of channels-last images: all channels of a pixel at a time, or, where they are few, those
 * of several pixels. */
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
static inline ivec load_indices(const uint8_t *x) {
#if LANES_16
    return (ivec)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)x));
#elif defined(__AVX2__) && !defined(NN_DOUBLE)
    return (ivec)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)x));
#else
    return __builtin_convertvector(*(const loose_bytes *)x, ivec);
#endif
}

/* The first n lanes; nothing behind x[n - 1] is touched. */
static inline void store_indices(uint8_t *x, ivec index, size_t n) {
#if LANES_16
    _mm_mask_storeu_epi8(x, (__mmask16)((1u << n) - 1), _mm512_cvtepi32_epi8((__m512i)index));
#else
    bytes narrow = __builtin_convertvector(index, bytes);
    const uint8_t *from = (const uint8_t *)&narrow;
    UNROLL for (size_t size = LANES; size; size /= 2) {
        if (!(n & size))
            continue;
        memcpy(x, from, size);
        x += size;
        from += size;
    }
#endif
}

static inline ivec is_nan(vec v) {
    return v != v; /* NOLINT(misc-redundant-expression) */
}

/* A number of each lane, and the index of the pixel that it comes from. */
typedef struct choice {
    vec value;
    ivec index;
} choice;

/* The larger one, `a` on a tie, NaN above all. */
INLINE choice larger_of(choice a, choice b) {
    ivec larger = (b.value > a.value) | is_nan(b.value);
    return (choice){(vec)(((ivec)b.value & larger) | ((ivec)a.value & ~larger)),
                    (b.index & larger) | (a.index & ~larger)};
}

/* ---- windows of 2 x 2 pixels side by side, of few channels: several points in a vector ------- */

#if LANES_16
typedef struct pairs {
    size_t lanes;     /* numbers of as many points as a vector holds */
    ivec pixel[2];    /* of a lane: the left and the right pixel among 2 `lanes` numbers of a row */
    ivec from[2];     /* of two vectors of such a row: the lane of their point, */
    ivec is_right[2]; /* and 1 for the right pixel */
} pairs;

static bool are_pairs(const nn_pool_row *p) {
    return p->planes == 1 && p->rows == 2 && p->cols == 2 && p->x_step == 2 * p->channels &&
           p->channels <= LANES / 2;
}

static pairs pairs_of(size_t channels) {
    const ivec lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const lane_int c = (lane_int)channels, inverse = 65536 / c + 1; /* to divide lanes by c */
    pairs g = {.lanes = LANES / channels * channels};
    g.pixel[0] = lane + (lane * inverse >> 16) * c;
    g.pixel[1] = g.pixel[0] + c;
    for (int i = 0; i < 2; i++) {
        ivec at = lane + i * (lane_int)LANES, column = at * inverse >> 16;
        g.from[i] = at - ((column + 1) >> 1) * c;
        g.is_right[i] = column & 1;
    }
    return g;
}

/* Of the 2 n numbers of a row of windows that belong to n lanes, those in its vector i. */
static size_t part_of_row(size_t n, size_t i) {
    return i == 0 ? vec_part(2 * n) : 2 * n - vec_part(2 * n);
}

/* The left and the right pixels of a row of windows. */
static void load_pixels(const pairs *g, const nn_real *x, size_t n, vec pixel[2]) {
    vec low = vec_load_part(x, part_of_row(n, 0)),
        high = vec_load_part(x + LANES, part_of_row(n, 1));
    for (int i = 0; i < 2; i++)
        pixel[i] = (vec)_mm512_permutex2var_ps((__m512)low, (__m512i)g->pixel[i], (__m512)high);
}

static void max_pairs(const nn_pool_row *p, const nn_real *x, nn_real *y, uint8_t *arg) {
    pairs g = pairs_of(p->channels);
    for (size_t left = p->points * p->channels, n; left; left -= n, x += 2 * n, y += n, arg += n) {
        choice best[2];
        n = left < g.lanes ? left : g.lanes;
        for (size_t r = 0; r < 2; r++) {
            vec pixel[2];
            load_pixels(&g, x + r * p->x_row, n, pixel);
            size_t first = p->first + r * p->first_row;
            best[r] =
                larger_of((choice){pixel[0], spread(first)}, (choice){pixel[1], spread(first + 1)});
        }
        best[0] = larger_of(best[0], best[1]);
        vec_store_part(y, best[0].value, n);
        store_indices(arg, best[0].index, n);
    }
}

static void avg_pairs(const nn_pool_row *p, const nn_real *x, nn_real *y) {
    pairs g = pairs_of(p->channels);
    for (size_t left = p->points * p->channels, n; left; left -= n, x += 2 * n, y += n) {
        vec upper[2], lower[2];
        n = left < g.lanes ? left : g.lanes;
        load_pixels(&g, x, n, upper);
        load_pixels(&g, x + p->x_row, n, lower);
        vec_store_part(y, ((vec){0} + upper[0] + upper[1] + lower[0] + lower[1]) * p->scale, n);
    }
}

/* dx of n lanes: each one's share, for its winner or, where there are none, for all four pixels. */
INLINE void store_pairs(const nn_pool_row *p, const pairs *g, vec share, const ivec *winner,
                        size_t n, nn_real *dx) {
    for (size_t i = 0; i < 2; i++) {
        vec v = (vec)_mm512_permutexvar_ps((__m512i)g->from[i], (__m512)share);
        ivec index = winner ? (ivec)_mm512_permutexvar_epi32((__m512i)g->from[i], (__m512i)*winner)
                            : (ivec){0};
        for (size_t r = 0; r < 2; r++) {
            ivec own = g->is_right[i] + spread(p->first + r * p->first_row);
            vec_store_part(dx + r * p->x_row + i * LANES,
                           winner ? (vec)((ivec)v & (index == own)) : v, part_of_row(n, i));
        }
    }
}

static void max_grad_pairs(const nn_pool_row *p, const nn_real *dy, const uint8_t *arg,
                           nn_real *dx) {
    pairs g = pairs_of(p->channels);
    for (size_t left = p->points * p->channels, n; left;
         left -= n, dy += n, arg += n, dx += 2 * n) {
        n = left < g.lanes ? left : g.lanes;
        ivec winner = load_indices(arg);
        store_pairs(p, &g, vec_load_part(dy, n), &winner, n, dx);
    }
}

static void avg_grad_pairs(const nn_pool_row *p, const nn_real *dy, nn_real *dx) {
    pairs g = pairs_of(p->channels);
    for (size_t left = p->points * p->channels, n; left; left -= n, dy += n, dx += 2 * n) {
        n = left < g.lanes ? left : g.lanes;
        store_pairs(p, &g, (vec){0} + vec_load_part(dy, n) * p->scale, NULL, n, dx);
    }
}
#endif

/* ---- any windows ---------------------------------------------------------------------------- */

/* The largest of `planes` x `rows` x `cols` pixels and its index, the first one on a tie. */
INLINE void max_of(const nn_pool_row *p, const size_t planes, const size_t rows, const size_t cols,
                   const nn_real *x, size_t n, nn_real *y, uint8_t *arg) {
    choice best;
    for (size_t d = 0; d < planes; d++)
        for (size_t r = 0; r < rows; r++) {
            choice of_row;
            for (size_t c = 0; c < cols; c++) {
                size_t at = d * p->x_plane + r * p->x_row + c * p->channels;
                choice pixel = {vec_load_part(x + at, n),
                                spread(p->first + d * p->first_plane + r * p->first_row + c)};
                of_row = c == 0 ? pixel : larger_of(of_row, pixel);
            }
            best = d == 0 && r == 0 ? of_row : larger_of(best, of_row);
        }
    vec_store_part(y, best.value, n);
    store_indices(arg, best.index, n);
}

/* The row is copied: for all the compiler knows, bytes that are written could be a part of it. */
INLINE void max_points(const nn_pool_row row, const size_t planes, const size_t rows,
                       const size_t cols, const nn_real *x, nn_real *y, uint8_t *arg) {
    for (size_t i = 0; i < row.points; i++, x += row.x_step, y += row.channels) {
        for (size_t c = 0; c < row.channels; c += LANES) {
            size_t n = vec_part(row.channels - c);
            max_of(&row, planes, rows, cols, x + c, n, y + c, arg + c);
        }
        arg += row.channels;
    }
}

void ISA(max_pool)(const nn_pool_row *p, const nn_real *x, nn_real *y, uint8_t *arg) {
#if LANES_16
    if (are_pairs(p)) {
        max_pairs(p, x, y, arg);
        return;
    }
#endif
    if (p->planes == 1 && p->rows == 2 && p->cols == 2)
        max_points(*p, 1, 2, 2, x, y, arg);
    else
        max_points(*p, p->planes, p->rows, p->cols, x, y, arg);
}

INLINE void max_grad_of(const nn_pool_row *p, const size_t planes, const size_t rows,
                        const size_t cols, bool add, vec dy, ivec winner, size_t n, nn_real *dx) {
    for (size_t d = 0; d < planes; d++)
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < cols; c++) {
                nn_real *to = dx + d * p->x_plane + r * p->x_row + c * p->channels;
                size_t at = p->first + d * p->first_plane + r * p->first_row + c;
                vec share = (vec)((ivec)dy & (winner == spread(at)));
                vec_store_part(to, add ? vec_load_part(to, n) + share : share, n);
            }
}

INLINE void max_grad_points(const nn_pool_row *p, const size_t planes, const size_t rows,
                            const size_t cols, bool add, const nn_real *dy, const uint8_t *arg,
                            nn_real *dx) {
    for (size_t i = 0; i < p->points; i++, dx += p->x_step, dy += p->channels) {
        for (size_t c = 0; c < p->channels; c += LANES) {
            size_t n = vec_part(p->channels - c);
            ivec winner = load_indices(arg + c);
            max_grad_of(p, planes, rows, cols, add, vec_load_part(dy + c, n), winner, n, dx + c);
        }
        arg += p->channels;
    }
}

void ISA(max_pool_grad)(const nn_pool_row *p, const nn_real *dy, const uint8_t *arg, bool add,
                        nn_real *dx) {
#if LANES_16
    if (are_pairs(p) && !add) {
        max_grad_pairs(p, dy, arg, dx);
        return;
    }
#endif
    if (p->planes == 1 && p->rows == 2 && p->cols == 2 && !add)
        max_grad_points(p, 1, 2, 2, false, dy, arg, dx);
    else
        max_grad_points(p, p->planes, p->rows, p->cols, add, dy, arg, dx);
}

void ISA(avg_pool)(const nn_pool_row *p, const nn_real *x, nn_real *y) {
#if LANES_16
    if (are_pairs(p)) {
        avg_pairs(p, x, y);
        return;
    }
#endif
    for (size_t i = 0; i < p->points; i++, x += p->x_step, y += p->channels)
        for (size_t c = 0; c < p->channels; c += LANES) {
            size_t n = vec_part(p->channels - c);
            vec sum = {0};
            for (size_t d = 0; d < p->planes; d++)
                for (size_t r = 0; r < p->rows; r++)
                    for (size_t k = 0; k < p->cols; k++)
                        sum += vec_load_part(
                            x + d * p->x_plane + r * p->x_row + k * p->channels + c, n);
            vec_store_part(y + c, sum * p->scale, n);
        }
}

INLINE void avg_grad_points(const nn_pool_row *p, const size_t planes, const size_t rows,
                            const size_t cols, bool add, const nn_real *dy, nn_real *dx) {
    for (size_t i = 0; i < p->points; i++, dx += p->x_step, dy += p->channels)
        for (size_t c = 0; c < p->channels; c += LANES) {
            size_t n = vec_part(p->channels - c);
            vec share = vec_load_part(dy + c, n) * p->scale;
            for (size_t d = 0; d < planes; d++)
                for (size_t r = 0; r < rows; r++)
                    for (size_t k = 0; k < cols; k++) {
                        nn_real *to = dx + d * p->x_plane + r * p->x_row + k * p->channels + c;
                        vec_store_part(to, (add ? vec_load_part(to, n) : (vec){0}) + share, n);
                    }
        }
}

void ISA(avg_pool_grad)(const nn_pool_row *p, const nn_real *dy, bool add, nn_real *dx) {
#if LANES_16
    if (are_pairs(p) && !add) {
        avg_grad_pairs(p, dy, dx);
        return;
    }
#endif
    if (p->planes == 1 && p->rows == 2 && p->cols == 2 && !add)
        avg_grad_points(p, 1, 2, 2, false, dy, dx);
    else
        avg_grad_points(p, p->planes, p->rows, p->cols, add, dy, dx);
}
