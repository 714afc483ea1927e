/* The two products that convolutions are made of. A tile of R rows and V vectors of the result
 * stays in registers; each step of the sum broadcasts R factors and multiplies them with V vectors.
 *
 * To be included once, by a file that says what is multiplied: FACTOR makes a vector of a factor,
 * MULTIPLY_ADD adds its product with another one; TARGET is an attribute of functions that do so,
 * and CONV_ROWS and CONV_SUMS are the names of the kernels. */
#ifndef NN_MATH_ISA_CONV_TILES_H
#define NN_MATH_ISA_CONV_TILES_H

#include "math/isa/isa.h"
#include "math/isa/lanes.h"

#if PANEL_VECTORS == 4
#define ROWS_OF(vectors) ((vectors) == 4 ? 6 : (vectors) == 3 ? 8 : 12)
#else
#define ROWS_OF(vectors) ((vectors) == 2 ? 6 : 12)
#endif
#define MOST_ROWS 12

typedef void tile_fn(const void *args, size_t row);

/* c[r] (+)= sum over taps of a[r] b, for the R rows from `row` on. */
INLINE TARGET void sum_taps(const void *args, size_t row, const size_t R, const size_t V) {
    const nn_conv_rows *t = args;
    const size_t last = t->width - (V - 1) * LANES;
    const nn_real *b = t->b;
    nn_real *c = t->c + row * t->c_row;
    vec acc[MOST_ROWS][PANEL_VECTORS];

    UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < V; v++) {
        if (t->start)
            acc[r][v] = vec_load(t->start + v * LANES);
        else if (v + 1 < V)
            acc[r][v] = vec_load(c + r * t->c_row + v * LANES);
        else
            acc[r][v] = vec_load_part(c + r * t->c_row + v * LANES, last);
    }
    for (size_t i = 0; i < t->tap_rows; i++)
        for (size_t j = 0; j < t->taps; j++) {
            const nn_real *a = t->a + row * t->a_row + i * t->tap_row + j * t->tap;
            for (size_t k = 0; k < t->length; k++, b += V * LANES)
                UNROLL for (size_t r = 0; r < R; r++) {
                    vec factor = FACTOR(a[r * t->a_row + k]);
                    UNROLL for (size_t v = 0; v < V; v++) acc[r][v] =
                        MULTIPLY_ADD(factor, vec_load(b + v * LANES), acc[r][v]);
                }
        }
    UNROLL for (size_t r = 0; r < R; r++) {
        UNROLL for (size_t v = 0; v + 1 < V; v++)
            vec_store(c + r * t->c_row + v * LANES, acc[r][v]);
        vec_store_part(c + r * t->c_row + (V - 1) * LANES, acc[r][V - 1], last);
    }
}

/* c[r][.] += sum over pixels of a[r] b[.], for the R rows from `row` on. */
INLINE TARGET void sum_pixels(const void *args, size_t row, const size_t R, const size_t V) {
    const nn_conv_sums *t = args;
    const size_t last = t->width - (V - 1) * LANES;
    nn_real *c = t->c + row * V * LANES;
    vec acc[MOST_ROWS][PANEL_VECTORS];

    UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < V; v++) acc[r][v] =
        vec_load(c + (r * V + v) * LANES);
    for (size_t y = 0; y < t->rows; y++) {
        const nn_real *a = t->a + y * t->a_row + row, *b = t->b + y * t->b_row;
        for (size_t x = 0; x < t->cols; x++, a += t->a_col, b += t->b_col) {
            vec w[PANEL_VECTORS];
            UNROLL for (size_t v = 0; v + 1 < V; v++) w[v] = vec_load(b + v * LANES);
            w[V - 1] = vec_load_part(b + (V - 1) * LANES, last);
            UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < V; v++) acc[r][v] =
                MULTIPLY_ADD(FACTOR(a[r]), w[v], acc[r][v]);
        }
    }
    UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < V; v++)
        vec_store(c + (r * V + v) * LANES, acc[r][v]);
}

#define TILE(R, V)                                                                                 \
    TARGET static void taps_##R##_##V(const void *args, size_t row) {                              \
        sum_taps(args, row, R, V);                                                                 \
    }                                                                                              \
    TARGET static void pixels_##R##_##V(const void *args, size_t row) {                            \
        sum_pixels(args, row, R, V);                                                               \
    }
#define TILES_TO_6(X, V) X(1, V) X(2, V) X(3, V) X(4, V) X(5, V) X(6, V)
#define TILES_TO_8(X, V) TILES_TO_6(X, V) X(7, V) X(8, V)
#define TILES_TO_12(X, V) TILES_TO_8(X, V) X(9, V) X(10, V) X(11, V) X(12, V)
#if PANEL_VECTORS == 4
#define TILES(X) TILES_TO_12(X, 1) TILES_TO_12(X, 2) TILES_TO_8(X, 3) TILES_TO_6(X, 4)
#else
#define TILES(X) TILES_TO_12(X, 1) TILES_TO_6(X, 2)
#endif
TILES(TILE)

#define TAPS_ENTRY(R, V) [V][R] = taps_##R##_##V,
#define PIXELS_ENTRY(R, V) [V][R] = pixels_##R##_##V,
static tile_fn *const taps_tile[PANEL_VECTORS + 1][MOST_ROWS + 1] = {TILES(TAPS_ENTRY)};
static tile_fn *const pixels_tile[PANEL_VECTORS + 1][MOST_ROWS + 1] = {TILES(PIXELS_ENTRY)};

/* Cuts the rows into tiles of nearly equal height. */
static void run(tile_fn *const tile[MOST_ROWS + 1], size_t most, size_t rows, const void *args) {
    for (size_t row = 0, left = (rows + most - 1) / most; row < rows; left--) {
        size_t height = (rows - row + left - 1) / left;
        tile[height](args, row);
        row += height;
    }
}

void CONV_ROWS(const nn_conv_rows *args) {
    size_t vectors = (args->width + LANES - 1) / LANES;
    run(taps_tile[vectors], ROWS_OF(vectors), args->rows, args);
}

void CONV_SUMS(const nn_conv_sums *args) {
    size_t vectors = (args->width + LANES - 1) / LANES;
    run(pixels_tile[vectors], ROWS_OF(vectors), args->count, args);
}

#endif
