/* Packed is B in panels of columns, [panel][pairs of k][width of the panel in whole vectors]. The
 * sum is cut so that a panel stays in the level-1 cache while all rows pass. */
#include "math/gemm/bf16.h"

#include "base/mem.h"
#include "base/numbers/compare.h"
#include "math/kernels.h"

#include <assert.h>
#include <string.h>

/* Pairs of a piece of the sum, rows of A that are rounded at a time, and columns of B. */
#define PAIRS 96
#define ROWS 48
#define COLS 256
/* Pairs by which C is read and written once for A^T: gradients of weights may be in memory. */
#define DEEP (2 * PAIRS)

#define ALIGNED _Alignas(NN_ALIGN)

static_assert(COLS % NN_BF16_PANEL == 0, "columns of B are whole panels");

static size_t pairs_of(size_t n) {
    return (n + 1) / 2;
}

/* n columns in whole vectors. */
static size_t whole(size_t n) {
    size_t lanes = nn_kernels_get()->conv_lanes;
    return (n + lanes - 1) / lanes * lanes;
}

/* Rows of B, two at a time. */
static void pack_rows(size_t k, size_t width, const nn_real *b, size_t row, nn_real *panel) {
    const nn_bf16_kernels *kernels = nn_kernels_bf16();
    size_t wide = whole(width);
    for (size_t i = 0; i < k; i += 2, panel += wide) {
        kernels->join(width, b + i * row, i + 1 < k ? b + (i + 1) * row : NULL, panel);
        memset(panel + width, 0, (wide - width) * sizeof *panel);
    }
}

/* Columns of B, each of which is a run in memory. */
static void pack_columns(size_t k, size_t width, const nn_real *b, size_t col, nn_real *panel) {
    const nn_bf16_kernels *kernels = nn_kernels_bf16();
    size_t wide = whole(width);
    ALIGNED nn_real runs[NN_BF16_PANEL * PAIRS];
    memset(runs + width * PAIRS, 0, (wide - width) * PAIRS * sizeof *runs);
    for (size_t at = 0; at < k; at += 2 * PAIRS, panel += PAIRS * wide) {
        size_t count = nn_smaller(2 * PAIRS, k - at);
        for (size_t j = 0; j < width; j++)
            kernels->round(count, b + j * col + at, runs + j * PAIRS);
        nn_kernels_get()->transpose(wide, pairs_of(count), runs, PAIRS, panel, wide);
    }
}

void nn_bf16_pack(size_t k, size_t n, const nn_real *b, size_t row, size_t col, nn_real *packed) {
    for (size_t j = 0; j < n; j += NN_BF16_PANEL) {
        size_t width = nn_smaller(NN_BF16_PANEL, n - j);
        if (col == 1)
            pack_rows(k, width, b + j, row, packed);
        else
            pack_columns(k, width, b + j * col, col, packed);
        packed += pairs_of(k) * whole(width);
    }
}

/* Columns [j, j + width) of B from pair `at` on, of `pairs` that each has. */
static const nn_real *panel_at(const nn_real *packed, size_t pairs, size_t j, size_t at,
                               size_t width) {
    return packed + j * pairs + at * whole(width);
}

/* A block of rounded rows times all columns; pairs [at, at + call.length) of the sum. */
static void multiply_rows(nn_conv_rows call, size_t n, const nn_real *packed, size_t pairs,
                          size_t at, const nn_real *init) {
    ALIGNED nn_real start[NN_BF16_PANEL] = {0};
    nn_real *c = call.c;
    for (size_t j = 0; j < n; j += NN_BF16_PANEL) {
        call.width = nn_smaller(NN_BF16_PANEL, n - j);
        call.b = panel_at(packed, pairs, j, at, call.width);
        call.c = c + j;
        if (init) {
            memcpy(start, init + j, call.width * sizeof *start);
            call.start = start;
        }
        nn_kernels_bf16()->conv_rows(&call);
    }
}

void nn_bf16_packed_product(size_t m, size_t n, size_t k, const nn_real *a, size_t lda,
                            const nn_real *packed, const nn_real *init, nn_real *c, size_t ldc) {
    size_t pairs = pairs_of(k), at = 0;
    ALIGNED nn_real rows[ROWS * PAIRS];
    do { /* once where k is 0 */
        size_t depth = nn_smaller(PAIRS, pairs - at), count = nn_smaller(2 * depth, k - 2 * at);
        for (size_t i = 0; i < m; i += ROWS) {
            nn_conv_rows call = {.rows = nn_smaller(ROWS, m - i), .tap_rows = 1, .taps = 1};
            for (size_t r = 0; r < call.rows; r++)
                nn_kernels_bf16()->round(count, a + (i + r) * lda + 2 * at, rows + r * PAIRS);
            call.length = depth;
            call.a = rows;
            call.a_row = PAIRS;
            call.c = c + i * ldc;
            call.c_row = ldc;
            multiply_rows(call, n, packed, pairs, at, at == 0 ? init : NULL);
        }
        at += depth;
    } while (at < pairs);
}

static void load_sums(const nn_conv_sums *call, bool add, const nn_real *c, size_t ldc) {
    memset(call->c, 0, call->count * call->b_col * sizeof *c);
    for (size_t i = 0; add && i < call->count; i++)
        memcpy(call->c + i * call->b_col, c + i * ldc, call->width * sizeof *c);
}

static void store_sums(const nn_conv_sums *call, nn_real *c, size_t ldc) {
    for (size_t i = 0; i < call->count; i++)
        memcpy(c + i * ldc, call->c + i * call->b_col, call->width * sizeof *c);
}

/* The pairs of a sum, a piece after the other. */
static void add_sums(nn_conv_sums call, size_t pairs) {
    size_t pieces = (pairs + PAIRS - 1) / PAIRS, piece = (pairs + pieces - 1) / pieces;
    for (size_t at = 0; at < pairs; at += piece) {
        call.cols = nn_smaller(piece, pairs - at);
        nn_kernels_bf16()->conv_sums(&call);
        call.a += piece * call.a_col;
        call.b += piece * call.b_col;
    }
}

/* C (+)= A^T B for A[k][m] and packed B, a piece of the sum; where `add`, to what C holds. A block
 * of C stays in the level-1 cache. */
static void multiply_columns(size_t m, size_t n, size_t k, const nn_real *a, size_t lda,
                             const nn_real *packed, bool add, nn_real *c, size_t ldc) {
    size_t pairs = pairs_of(k);
    ALIGNED nn_real columns[DEEP * ROWS], sums[ROWS * NN_BF16_PANEL];
    for (size_t i = 0; i < m; i += ROWS) {
        nn_conv_sums call = {.count = nn_smaller(ROWS, m - i), .rows = 1};
        pack_rows(k, call.count, a + i, lda, columns);
        call.a = columns;
        call.a_col = whole(call.count);
        call.c = sums;
        for (size_t j = 0; j < n; j += NN_BF16_PANEL) {
            call.width = nn_smaller(NN_BF16_PANEL, n - j);
            call.b_col = whole(call.width);
            call.b = panel_at(packed, pairs, j, 0, call.width);
            load_sums(&call, add, c + i * ldc + j, ldc);
            add_sums(call, pairs);
            store_sums(&call, c + i * ldc + j, ldc);
        }
    }
}

void nn_bf16_gemm(nn_transpose ta, nn_transpose tb, size_t m, size_t n, size_t k, const nn_real *a,
                  size_t lda, const nn_real *b, size_t ldb, bool add, nn_real *c, size_t ldc) {
    static const nn_real zeros[COLS];
    size_t row = tb == NN_TRANSPOSED ? 1 : ldb, col = tb == NN_TRANSPOSED ? ldb : 1;
    size_t most = 2 * (ta == NN_TRANSPOSED ? DEEP : PAIRS);
    ALIGNED nn_real packed[DEEP * COLS];
    for (size_t j = 0; j < n; j += COLS)
        for (size_t at = 0; at < k; at += most) {
            size_t width = nn_smaller(COLS, n - j), depth = nn_smaller(most, k - at);
            bool adds = add || at > 0;
            nn_bf16_pack(depth, width, b + at * row + j * col, row, col, packed);
            if (ta == NN_TRANSPOSED)
                multiply_columns(m, width, depth, a + at * lda, lda, packed, adds, c + j, ldc);
            else
                nn_bf16_packed_product(m, width, depth, a + at, lda, packed, adds ? NULL : zeros,
                                       c + j, ldc);
        }
}
