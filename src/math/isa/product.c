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

/* Columns [0, PANEL) of `rows` rows of C; inlined with a constant for `rows`. The rows start with
 * those of `from`, which stand ld_from apart. */
INLINE void tile(const size_t rows, size_t k, const nn_real *a, size_t lda, const nn_real *b,
                 const nn_real *from, size_t ld_from, nn_real *c, size_t ldc) {
    vec low[TILE_ROWS], high[TILE_ROWS];

    UNROLL for (size_t r = 0; r < rows; r++) {
        low[r] = vec_load(from + r * ld_from);
        high[r] = vec_load(from + r * ld_from + LANES);
    }
    for (size_t i = 0; i < k; i++) {
        vec b_low = vec_load(b + i * PANEL), b_high = vec_load(b + i * PANEL + LANES);
        UNROLL for (size_t r = 0; r < rows; r++) {
            vec factor = vec_of(a[r * lda + i]);
            low[r] = vec_mul_add(factor, b_low, low[r]);
            high[r] = vec_mul_add(factor, b_high, high[r]);
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++) {
        vec_store(c + r * ldc, low[r]);
        vec_store(c + r * ldc + LANES, high[r]);
    }
}

/* The first `rows` rows, TILE_ROWS at most; returns how many were done. */
static size_t some_rows(size_t rows, size_t k, const nn_real *a, size_t lda, const nn_real *b,
                        const nn_real *from, size_t ld_from, nn_real *c, size_t ldc) {
    if (rows >= TILE_ROWS) {
        tile(TILE_ROWS, k, a, lda, b, from, ld_from, c, ldc);
        return TILE_ROWS;
    }
    if (rows >= 4) {
        tile(4, k, a, lda, b, from, ld_from, c, ldc);
        return 4;
    }
    if (rows >= 2) {
        tile(2, k, a, lda, b, from, ld_from, c, ldc);
        return 2;
    }
    tile(1, k, a, lda, b, from, ld_from, c, ldc);
    return 1;
}

static void whole_panel(size_t m, size_t k, const nn_real *a, size_t lda, const nn_real *b,
                        const nn_real *init, nn_real *c, size_t ldc) {
    for (size_t done = 0; m > 0; m -= done, a += done * lda, c += done * ldc)
        done = some_rows(m, k, a, lda, b, init ? init : c, init ? 0 : ldc, c, ldc);
}

/* The last `width` columns, row by row in a buffer as wide as a panel. */
static void part_panel(size_t m, size_t width, size_t k, const nn_real *a, size_t lda,
                       const nn_real *b, const nn_real *init, nn_real *c, size_t ldc) {
    nn_real buffer[TILE_ROWS * PANEL] = {0};

    for (size_t r = 0, rows; r < m; r += rows) {
        rows = m - r < TILE_ROWS ? m - r : TILE_ROWS;
        for (size_t i = 0; i < rows; i++)
            memcpy(buffer + i * PANEL, init ? init : c + (r + i) * ldc, width * sizeof *c);
        whole_panel(rows, k, a + r * lda, lda, b, NULL, buffer, PANEL);
        for (size_t i = 0; i < rows; i++)
            memcpy(c + (r + i) * ldc, buffer + i * PANEL, width * sizeof *c);
    }
}

void ISA(packed_product)(size_t m, size_t n, size_t k, const nn_real *a, size_t lda,
                         const nn_real *packed, const nn_real *init, nn_real *c, size_t ldc) {
    for (size_t j = 0; j < n; j += PANEL, packed += k * PANEL) {
        const nn_real *from = init ? init + j : NULL;
        if (n - j >= PANEL)
            whole_panel(m, k, a, lda, packed, from, c + j, ldc);
        else
            part_panel(m, n - j, k, a, lda, packed, from, c + j, ldc);
    }
}

void ISA(pack)(size_t k, size_t n, const nn_real *b, size_t row, size_t col, nn_real *packed) {
    for (size_t j = 0; j < n; j += PANEL, packed += k * PANEL) {
        size_t width = n - j < PANEL ? n - j : PANEL;
        for (size_t i = 0; i < k; i++) {
            const nn_real *from = b + i * row + j * col;
            nn_real *to = packed + i * PANEL;
            for (size_t l = 0; l < width; l++)
                to[l] = from[l * col];
            memset(to + width, 0, (PANEL - width) * sizeof *to);
        }
    }
}
