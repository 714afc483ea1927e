/* Sums of outer products, C = A^T B: the gradient of a matrix from the rows of a minibatch. BLAS
 * makes them one product for each microbatch, each of which writes all of C, to be added later;
 * with the few rows of a microbatch that costs more than the products. Here a tile of C stays in
 * registers while the rows of a microbatch run, and the sums of microbatches are added along their
 * tree before anything is written. */
#include "math/isa/isa.h"
#include "math/isa/lanes.h"

#include <stdalign.h>

#define TILE_ROWS 6
#define LEVELS 6 /* sums that may wait: NN_OUTER_PARTS is 2^6 */
#define PANEL (PANEL_VECTORS * LANES)
/* Rows of C for which A is copied together, and the columns of C from which that pays. */
#define BLOCK (32 * TILE_ROWS)
#define WORTH_COPY 512

/* One tile of C: a[row][.] with `a_row` elements from row to row, b[row][PANEL]. */
struct tile {
    const nn_outer *args;
    const nn_real *a, *b;
    size_t a_row, width; /* columns that count */
    nn_real *c;
};

/* acc[R] = the sum of rows [begin, end) */
INLINE void sum_part(const struct tile *t, size_t begin, size_t end, const size_t R,
                     vec acc[TILE_ROWS][PANEL_VECTORS]) {
    const nn_real *a = t->a + begin * t->a_row, *b = t->b + begin * PANEL;
    UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < PANEL_VECTORS; v++)
        acc[r][v] = (vec){0};
    for (size_t i = begin; i < end; i++, a += t->a_row, b += PANEL)
        UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < PANEL_VECTORS; v++)
            acc[r][v] = vec_mul_add(vec_of(a[r]), vec_load(b + v * LANES), acc[r][v]);
}

/* Elements of vector v that are columns of C. */
static inline size_t lanes_at(const struct tile *t, size_t v) {
    size_t at = v * LANES;
    return t->width <= at ? 0 : vec_part(t->width - at);
}

INLINE void write_tile(const struct tile *t, const size_t R, vec acc[TILE_ROWS][PANEL_VECTORS]) {
    UNROLL for (size_t v = 0; v < PANEL_VECTORS; v++) {
        size_t n = lanes_at(t, v);
        if (n == 0)
            break;
        UNROLL for (size_t r = 0; r < R; r++)
            vec_store_part(t->c + r * t->args->ldc + v * LANES, acc[r][v], n);
    }
}

/* What waits for the sum on its right is stacked. */
INLINE void sum_tile(const struct tile *t, const size_t R) {
    const nn_outer *o = t->args;
    vec stack[LEVELS][TILE_ROWS][PANEL_VECTORS];
    vec acc[TILE_ROWS][PANEL_VECTORS];
    size_t height = 0;
    for (size_t p = 0;; p++) {
        sum_part(t, o->row[p] - o->row[0], o->row[p + 1] - o->row[0], R, acc);
        for (size_t j = 0; j < o->joins[p]; j++) {
            height--;
            UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < PANEL_VECTORS; v++)
                acc[r][v] += stack[height][r][v];
        }
        if (p + 1 == o->parts)
            break;
        UNROLL for (size_t r = 0; r < R; r++) UNROLL for (size_t v = 0; v < PANEL_VECTORS; v++)
            stack[height][r][v] = acc[r][v];
        height++;
    }
    write_tile(t, R, acc);
}

/* Up to TILE_ROWS rows. */
static void sum_rows(const struct tile *t, size_t rows) {
    switch (rows) {
    case 1:
        sum_tile(t, 1);
        return;
    case 2:
        sum_tile(t, 2);
        return;
    case 3:
        sum_tile(t, 3);
        return;
    case 4:
        sum_tile(t, 4);
        return;
    case 5:
        sum_tile(t, 5);
        return;
    default:
        sum_tile(t, TILE_ROWS);
        return;
    }
}

/* The columns [col, col + width) of B, side by side and filled up with zeros. */
static void copy_panel(const nn_outer *o, size_t col, size_t width, nn_real *to) {
    size_t rows = o->row[o->parts] - o->row[0];
    const nn_real *from = o->b + col;
    for (size_t i = 0; i < rows; i++, from += o->ldb, to += PANEL)
        for (size_t v = 0; v < PANEL_VECTORS; v++) {
            size_t at = v * LANES, left = width > at ? width - at : 0;
            vec x = {0};
            if (left > 0)
                x = vec_load_part(from + at, vec_part(left));
            vec_store(to + at, x);
        }
}

/* Columns [begin, end) of A, which are rows of C, as tiles [row][TILE_ROWS]. */
static void copy_block(const nn_outer *o, size_t begin, size_t end, nn_real *to) {
    size_t rows = o->row[o->parts] - o->row[0];
    for (size_t at = begin; at < end; at += TILE_ROWS) {
        size_t height = end - at < TILE_ROWS ? end - at : TILE_ROWS;
        const nn_real *from = o->a + at;
        for (size_t i = 0; i < rows; i++, from += o->lda, to += TILE_ROWS)
            for (size_t r = 0; r < height; r++)
                to[r] = from[r];
    }
}

/* Rows [begin, end) of C; `copy`: their columns of A, or NULL. */
static void sum_block(const nn_outer *o, size_t begin, size_t end, const nn_real *copy) {
    alignas(VECTOR_BYTES) nn_real panel[NN_OUTER_ROWS * PANEL];
    size_t rows = o->row[o->parts] - o->row[0];
    for (size_t col = 0; col < o->n; col += PANEL) {
        size_t width = o->n - col < PANEL ? o->n - col : PANEL;
        copy_panel(o, col, width, panel);
        for (size_t at = begin; at < end; at += TILE_ROWS) {
            size_t height = end - at < TILE_ROWS ? end - at : TILE_ROWS;
            struct tile t = {.args = o, .b = panel, .width = width};
            t.c = o->c + at * o->ldc + col;
            t.a = copy ? copy + (at - begin) * rows : o->a + at;
            t.a_row = copy ? TILE_ROWS : o->lda;
            sum_rows(&t, height);
        }
    }
}

void ISA(outer)(const nn_outer *args, size_t begin, size_t end) {
    alignas(VECTOR_BYTES) nn_real copy[NN_OUTER_ROWS * BLOCK];
    if (args->n < WORTH_COPY) {
        sum_block(args, begin, end, NULL);
        return;
    }
    for (size_t at = begin, next; at < end; at = next) {
        next = end - at < BLOCK ? end : at + BLOCK;
        copy_block(args, at, next, copy);
        sum_block(args, at, next, copy);
    }
}

void ISA(outer_sum)(const nn_outer *args, nn_real *sum) {
    for (size_t col = 0; col < args->n; col += LANES) {
        size_t n = vec_part(args->n - col), height = 0;
        vec stack[LEVELS + 1];
        for (size_t p = 0; p < args->parts; p++) {
            vec acc = {0};
            for (size_t i = args->row[p]; i < args->row[p + 1]; i++)
                acc += vec_load_part(args->b + (i - args->row[0]) * args->ldb + col, n);
            for (size_t j = 0; j < args->joins[p]; j++)
                acc += stack[--height];
            stack[height++] = acc;
        }
        vec_store_part(sum + col, stack[0], n);
    }
}
