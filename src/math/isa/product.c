/* Products with one packed matrix. BLAS arranges both factors anew in every call, which for the
 * small products of a recurrent layer's steps costs about as much as the product.
 *
 * Packed are panels of PANEL columns, [panel][k][PANEL], the last one filled up with zeros. A tile
 * of C, some rows of a panel, stays in registers while k runs. */
#include "math/isa/isa.h"
#include "math/isa/lanes.h"

#include <string.h>

#if VECTOR_BYTES == 64
#define TILE_ROWS 8
#else
#define TILE_ROWS 6
#endif
#define PANEL (2 * LANES)

/* The first columns of `rows` rows of C, one vector of them or, as a panel has, two; inlined with
 * constants for `rows` and `vectors`. The rows start with those of `from`, which stand ld_from
 * apart. */
INLINE void tile(const size_t rows, const size_t vectors, size_t k, const nn_real *a, size_t lda,
                 const nn_real *b, const nn_real *from, size_t ld_from, nn_real *c, size_t ldc) {
    vec low[TILE_ROWS], high[TILE_ROWS];

    UNROLL for (size_t r = 0; r < rows; r++) {
        low[r] = vec_load(from + r * ld_from);
        if (vectors > 1)
            high[r] = vec_load(from + r * ld_from + LANES);
    }
    for (size_t i = 0; i < k; i++) {
        vec b_low = vec_load(b + i * PANEL), b_high = vec_load(b + i * PANEL + LANES);
        UNROLL for (size_t r = 0; r < rows; r++) {
            vec factor = vec_of(a[r * lda + i]);
            low[r] = vec_mul_add(factor, b_low, low[r]);
            if (vectors > 1)
                high[r] = vec_mul_add(factor, b_high, high[r]);
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++) {
        vec_store(c + r * ldc, low[r]);
        if (vectors > 1)
            vec_store(c + r * ldc + LANES, high[r]);
    }
}

/* The first `rows` rows, TILE_ROWS at most; returns how many were done. */
INLINE size_t some_rows(size_t rows, const size_t vectors, size_t k, const nn_real *a, size_t lda,
                        const nn_real *b, const nn_real *from, size_t ld_from, nn_real *c,
                        size_t ldc) {
    if (rows >= TILE_ROWS) {
        tile(TILE_ROWS, vectors, k, a, lda, b, from, ld_from, c, ldc);
        return TILE_ROWS;
    }
    if (rows >= 4) {
        tile(4, vectors, k, a, lda, b, from, ld_from, c, ldc);
        return 4;
    }
    if (rows >= 2) {
        tile(2, vectors, k, a, lda, b, from, ld_from, c, ldc);
        return 2;
    }
    tile(1, vectors, k, a, lda, b, from, ld_from, c, ldc);
    return 1;
}

/* A function by itself: within the loop below gcc 12 makes it a tenth slower. */
static size_t some_of_two(size_t rows, size_t k, const nn_real *a, size_t lda, const nn_real *b,
                          const nn_real *from, size_t ld_from, nn_real *c, size_t ldc) {
    return some_rows(rows, 2, k, a, lda, b, from, ld_from, c, ldc);
}

static void two_vectors(size_t m, size_t k, const nn_real *a, size_t lda, const nn_real *b,
                        const nn_real *init, nn_real *c, size_t ldc) {
    for (size_t done = 0; m > 0; m -= done, a += done * lda, c += done * ldc)
        done = some_of_two(m, k, a, lda, b, init ? init : c, init ? 0 : ldc, c, ldc);
}

static void one_vector(size_t m, size_t k, const nn_real *a, size_t lda, const nn_real *b,
                       nn_real *c) {
    for (size_t done = 0; m > 0; m -= done, a += done * lda, c += done * PANEL)
        done = some_rows(m, 1, k, a, lda, b, c, PANEL, c, PANEL);
}

/* The last `width` columns, row by row in a buffer as wide as a panel. */
static void part_panel(size_t m, size_t width, size_t k, const nn_real *a, size_t lda,
                       const nn_real *b, const nn_real *init, nn_real *c, size_t ldc) {
    nn_real buffer[TILE_ROWS * PANEL] = {0};

    for (size_t r = 0, rows; r < m; r += rows) {
        rows = m - r < TILE_ROWS ? m - r : TILE_ROWS;
        for (size_t i = 0; i < rows; i++)
            memcpy(buffer + i * PANEL, init ? init : c + (r + i) * ldc, width * sizeof *c);
        if (width > LANES)
            two_vectors(rows, k, a + r * lda, lda, b, NULL, buffer, PANEL);
        else
            one_vector(rows, k, a + r * lda, lda, b, buffer);
        for (size_t i = 0; i < rows; i++)
            memcpy(c + (r + i) * ldc, buffer + i * PANEL, width * sizeof *c);
    }
}

void ISA(packed_product)(size_t m, size_t n, size_t k, const nn_real *a, size_t lda,
                         const nn_real *packed, const nn_real *init, nn_real *c, size_t ldc) {
    for (size_t j = 0; j < n; j += PANEL, packed += k * PANEL) {
        const nn_real *from = init ? init + j : NULL;
        if (n - j >= PANEL)
            two_vectors(m, k, a, lda, packed, from, c + j, ldc);
        else
            part_panel(m, n - j, k, a, lda, packed, from, c + j, ldc);
    }
}

/* A vector of four numbers, also where registers hold more. */
typedef nn_real vec4 __attribute__((vector_size(4 * sizeof(nn_real))));
typedef nn_real loose_vec4
    __attribute__((vector_size(4 * sizeof(nn_real)), aligned(sizeof(nn_real)), may_alias));

/* Four rows of four numbers in memory, `row` apart, become four columns of rows that are `to_row`
 * apart. */
INLINE void transpose_four(const nn_real *from, size_t row, nn_real *to, size_t to_row) {
    vec4 a = *(const loose_vec4 *)from, b = *(const loose_vec4 *)(from + row);
    vec4 c = *(const loose_vec4 *)(from + 2 * row), d = *(const loose_vec4 *)(from + 3 * row);
    vec4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    vec4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    vec4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    vec4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(loose_vec4 *)to = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(loose_vec4 *)(to + to_row) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(loose_vec4 *)(to + 2 * to_row) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(loose_vec4 *)(to + 3 * to_row) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/* Rows [begin, k) of a panel of `width` columns. */
static void pack_rows(size_t begin, size_t k, size_t width, const nn_real *b, size_t row,
                      size_t col, nn_real *packed) {
    for (size_t i = begin; i < k; i++) {
        const nn_real *from = b + i * row;
        nn_real *to = packed + i * PANEL;
        for (size_t l = 0; l < width; l++)
            to[l] = from[l * col];
        memset(to + width, 0, (PANEL - width) * sizeof *to);
    }
}

/* Whole panels, of a B whose rows, or columns, are those in memory; return how many rows were done.
 */
static size_t pack_plain(size_t k, const nn_real *b, size_t row, nn_real *packed) {
    for (size_t i = 0; i < k; i++) {
        vec_store(packed + i * PANEL, vec_load(b + i * row));
        vec_store(packed + i * PANEL + LANES, vec_load(b + i * row + LANES));
    }
    return k;
}

static size_t pack_transposed(size_t k, const nn_real *b, size_t col, nn_real *packed) {
    size_t whole = k / 4 * 4;
    for (size_t i = 0; i < whole; i += 4)
        for (size_t l = 0; l < PANEL; l += 4)
            transpose_four(b + i + l * col, col, packed + i * PANEL + l, PANEL);
    return whole;
}

void ISA(pack)(size_t k, size_t n, const nn_real *b, size_t row, size_t col, nn_real *packed) {
    for (size_t j = 0; j < n; j += PANEL, packed += k * PANEL) {
        const nn_real *from = b + j * col;
        size_t width = n - j < PANEL ? n - j : PANEL, done = 0;
        if (width == PANEL && col == 1)
            done = pack_plain(k, from, row, packed);
        else if (width == PANEL && row == 1)
            done = pack_transposed(k, from, col, packed);
        pack_rows(done, k, width, from, row, col, packed);
    }
}

/* The columns from `begin` on of some rows, one by one. */
static void transpose_rest(size_t rows, size_t begin, size_t cols, const nn_real *x, size_t ldx,
                           nn_real *y, size_t ldy) {
    for (size_t c = begin; c < cols; c++)
        for (size_t r = 0; r < rows; r++)
            y[c * ldy + r] = x[r * ldx + c];
}

void ISA(transpose)(size_t rows, size_t cols, const nn_real *x, size_t ldx, nn_real *y,
                    size_t ldy) {
    size_t r = 0, whole = cols / 4 * 4;
    for (; r + 4 <= rows; r += 4) {
        for (size_t c = 0; c < whole; c += 4)
            transpose_four(x + r * ldx + c, ldx, y + c * ldy + r, ldy);
        transpose_rest(4, whole, cols, x + r * ldx, ldx, y + r, ldy);
    }
    transpose_rest(rows - r, 0, cols, x + r * ldx, ldx, y + r, ldy);
}
