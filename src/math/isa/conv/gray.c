/* Convolution of images of one channel. Where a vector has more lanes than there are filters, one
 * that holds four neighbouring pixels of LANES / 4 filters wastes none: [filter][pixel]. The input
 * of four pixels is then one load, spread over all filters. */
#include "math/isa/isa.h"
#include "math/isa/lanes.h"

#if NN_CONV_GRAY_FILTERS

#define Q NN_CONV_GRAY_FILTERS

#if PANEL_VECTORS == 4
#define MOST_BLOCKS 5
#define ROWS_OF(blocks) ((blocks) == 5 ? 4 : (blocks) == 4 ? 6 : 8)
#else
#define MOST_BLOCKS 2
#define ROWS_OF(blocks) ((blocks) == 2 ? 6 : 8)
#endif
#define MOST_ROWS 8

/* The input of four pixels, for every filter of a vector. */
INLINE vec spread(const nn_real *x) {
#if defined(NN_DOUBLE)
    return (vec)_mm512_broadcast_f64x4(_mm256_loadu_pd(x));
#elif LANES_16
    return (vec)_mm512_broadcast_f32x4(_mm_loadu_ps(x));
#elif Q == 2
    return (vec)_mm256_broadcast_ps((const __m128 *)x);
#else
    return vec_load(x);
#endif
}

/* [filter][pixel] to [pixel][filter] */
INLINE vec by_pixel(vec v) {
#if LANES_16
    return __builtin_shufflevector(v, v, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
#elif Q == 2
    return __builtin_shufflevector(v, v, 0, 4, 1, 5, 2, 6, 3, 7);
#else
    return v;
#endif
}

/* Four pixels of the n filters of a block; pixels are `step` apart. */
#if LANES_16
INLINE void store_pixels(vec v, size_t n, nn_real *y, size_t step) {
    const __m512 pixels = (__m512)by_pixel(v);
    const __mmask8 mask = (__mmask8)((1u << n) - 1);
    _mm_mask_storeu_ps(y, mask, _mm512_castps512_ps128(pixels));
    _mm_mask_storeu_ps(y + step, mask, _mm512_extractf32x4_ps(pixels, 1));
    _mm_mask_storeu_ps(y + 2 * step, mask, _mm512_extractf32x4_ps(pixels, 2));
    _mm_mask_storeu_ps(y + 3 * step, mask, _mm512_extractf32x4_ps(pixels, 3));
}
#else
INLINE void store_pixels(vec v, size_t n, nn_real *y, size_t step) {
    v = by_pixel(v);
    for (size_t i = 0; i < n; i++)
        UNROLL for (size_t p = 0; p < 4; p++) y[p * step + i] = v[p * Q + i];
}
#endif

/* R pixel_blocks of pixels, B blocks of filters from `block` on. */
INLINE void pixel_tile(const nn_conv_gray *t, size_t first, size_t block, const size_t R,
                       const size_t B) {
    vec acc[MOST_ROWS][MOST_BLOCKS];
    const nn_real *b = t->weights + block * LANES;

    UNROLL for (size_t v = 0; v < B; v++) UNROLL for (size_t r = 0; r < R; r++) acc[r][v] =
        vec_load(t->start + (block + v) * LANES);
    for (size_t i = 0; i < t->kernel_rows; i++) {
        const nn_real *x = t->x + i * t->x_row + 4 * first;
        for (size_t j = 0; j < t->kernel_cols; j++, x++, b += t->blocks * LANES)
            UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < B; v++) acc[r][v] =
                vec_mul_add(spread(x + 4 * r), vec_load(b + v * LANES), acc[r][v]);
    }
    UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < B; v++) {
        size_t filter = (block + v) * Q, left = t->filters - filter;
        store_pixels(acc[r][v], left < Q ? left : Q, t->y + 4 * (first + r) * t->filters + filter,
                     t->filters);
    }
}

/* Sums over the pixel_blocks of pixels for R columns of the kernel, B blocks of filters. */
INLINE void sum_tile(const nn_conv_gray_sums *t, size_t first, size_t block, const size_t R,
                     const size_t B) {
    vec acc[MOST_ROWS][MOST_BLOCKS];
    nn_real *sums = t->sums + (first * t->blocks + block) * LANES;
    const nn_real *dy = t->dy + block * LANES;

    UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < B; v++) acc[r][v] =
        vec_load(sums + (r * t->blocks + v) * LANES);
    for (size_t i = 0; i < t->rows; i++) {
        const nn_real *x = t->x + i * t->x_row + first;
        for (size_t j = 0; j < t->pixel_blocks; j++, x += 4, dy += t->blocks * LANES)
            UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < B; v++) acc[r][v] =
                vec_mul_add(spread(x + r), vec_load(dy + v * LANES), acc[r][v]);
    }
    UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < B; v++)
        vec_store(sums + (r * t->blocks + v) * LANES, acc[r][v]);
}

typedef void pixels_fn(const nn_conv_gray *args, size_t first, size_t block);
typedef void sum_fn(const nn_conv_gray_sums *args, size_t first, size_t block);

#define TILE(R, B)                                                                                 \
    static void pixels_##R##_##B(const nn_conv_gray *t, size_t first, size_t block) {              \
        pixel_tile(t, first, block, R, B);                                                         \
    }                                                                                              \
    static void sums_##R##_##B(const nn_conv_gray_sums *t, size_t first, size_t block) {           \
        sum_tile(t, first, block, R, B);                                                           \
    }
#define TILES_TO_4(X, B) X(1, B) X(2, B) X(3, B) X(4, B)
#define TILES_TO_6(X, B) TILES_TO_4(X, B) X(5, B) X(6, B)
#define TILES_TO_8(X, B) TILES_TO_6(X, B) X(7, B) X(8, B)
#if MOST_BLOCKS == 5
#define TILES(X)                                                                                   \
    TILES_TO_8(X, 1) TILES_TO_8(X, 2) TILES_TO_8(X, 3) TILES_TO_6(X, 4) TILES_TO_4(X, 5) X(5, 5)
#else
#define TILES(X) TILES_TO_8(X, 1) TILES_TO_6(X, 2)
#endif
TILES(TILE)

#define PIXELS_ENTRY(R, B) [B][R] = pixels_##R##_##B,
#define SUMS_ENTRY(R, B) [B][R] = sums_##R##_##B,
static pixels_fn *const pixel_tiles[MOST_BLOCKS + 1][MOST_ROWS + 1] = {TILES(PIXELS_ENTRY)};
static sum_fn *const sum_tiles[MOST_BLOCKS + 1][MOST_ROWS + 1] = {TILES(SUMS_ENTRY)};

/* Calls of nearly equal size, each at most `most`. */
INLINE size_t next_size(size_t left, size_t most) {
    size_t calls = (left + most - 1) / most;
    return (left + calls - 1) / calls;
}

void ISA(conv_gray)(const nn_conv_gray *t) {
    for (size_t block = 0, blocks; block < t->blocks; block += blocks) {
        blocks = next_size(t->blocks - block, MOST_BLOCKS);
        for (size_t first = 0, pixel_blocks; first < t->pixel_blocks; first += pixel_blocks) {
            pixel_blocks = next_size(t->pixel_blocks - first, ROWS_OF(blocks));
            pixel_tiles[blocks][pixel_blocks](t, first, block);
        }
    }
}

void ISA(conv_gray_sums)(const nn_conv_gray_sums *t) {
    for (size_t block = 0, blocks; block < t->blocks; block += blocks) {
        blocks = next_size(t->blocks - block, MOST_BLOCKS);
        size_t most = blocks == 5 ? 5 : ROWS_OF(blocks);
        for (size_t col = 0, cols; col < t->kernel_cols; col += cols) {
            cols = next_size(t->kernel_cols - col, most);
            sum_tiles[blocks][cols](t, col, block);
        }
    }
}

/* [pixel][filter] of one block to [filter][pixel] */
INLINE vec load_pixels(const nn_real *y, size_t step, size_t n) {
#if Q == 1
    (void)n;
    return (vec){y[0], y[step], y[2 * step], y[3 * step]};
#else
    vec a = vec_load_part(y, n), b = vec_load_part(y + step, n);
    vec c = vec_load_part(y + 2 * step, n), d = vec_load_part(y + 3 * step, n);
#if LANES_16
    vec ab = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 0, 16, 1, 17, 2, 18, 3, 19);
    vec cd = __builtin_shufflevector(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 0, 16, 1, 17, 2, 18, 3, 19);
    return __builtin_shufflevector(ab, cd, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
#else
    vec ab = __builtin_shufflevector(a, b, 0, 8, 1, 9, 0, 8, 1, 9);
    vec cd = __builtin_shufflevector(c, d, 0, 8, 1, 9, 0, 8, 1, 9);
    return __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 2, 3, 10, 11);
#endif
#endif
}

void ISA(conv_gray_gather)(size_t pixel_blocks, size_t filters, const nn_real *y, nn_real *to) {
    for (size_t i = 0; i < pixel_blocks; i++, y += 4 * filters)
        for (size_t filter = 0; filter < filters; filter += Q, to += LANES) {
            size_t n = filters - filter < Q ? filters - filter : Q;
            vec_store(to, load_pixels(y + filter, filters, n));
        }
}

#else

/* Vectors of less than four lanes, and those of four of double precision, which would hold one
 * filter each: conv_gray_filters is 0. */
void ISA(conv_gray)(const nn_conv_gray *t) {
    (void)t;
}

void ISA(conv_gray_sums)(const nn_conv_gray_sums *t) {
    (void)t;
}

void ISA(conv_gray_gather)(size_t pixel_blocks, size_t filters, const nn_real *y, nn_real *to) {
    (void)pixel_blocks;
    (void)filters;
    (void)y;
    (void)to;
}

#endif
