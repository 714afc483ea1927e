#include "math/gemm/chain.h"

#include "base/mem.h"
#include "math/kernels.h"

#include <stdalign.h>
#include <string.h>

/* What is arranged together, on the thread's stack (484 KiB, of the 8 MiB that it usually has):
 * DEPTH x COLS of B, 384 KiB, which a level-2 cache holds, and where A stands transposed
 * ROWS x DEPTH of it, 100 KiB, in rows that do not all begin in the same few sets of a cache. */
#define DEPTH 384
#define COLS 256
#define ROWS 64
#define ROW_STRIDE (DEPTH + 16)

_Static_assert(COLS % NN_PACK_COLS == 0, "the packed block has whole panels");

typedef struct chains {
    const nn_kernels *kernels;
    size_t m;
    nn_real alpha;
    const nn_real *a;
    size_t a_row, a_col; /* elements from one row, one column of op(A) to the next */
    nn_real *c;
    size_t ldc;
} chains;

/* rows[count][k] of stride ROW_STRIDE = alpha op(A), from its row `first` on. */
static void arrange_rows(const chains *p, size_t first, size_t count, size_t k, nn_real *rows) {
    const nn_real *a = p->a + first * p->a_row;

    if (p->a_col == 1)
        for (size_t r = 0; r < count; r++)
            memcpy(rows + r * ROW_STRIDE, a + r * p->a_row, k * sizeof *rows);
    else
        p->kernels->transpose(k, count, a, p->a_col, rows, ROW_STRIDE);
    for (size_t r = 0; p->alpha != 1 && r < count; r++)
        p->kernels->scale(k, p->alpha, rows + r * ROW_STRIDE);
}

/* C[m][n] += alpha op(A)[m][k] B, or all of it from `init` on. */
static void add_block(const chains *p, size_t n, size_t k, const nn_real *packed,
                      const nn_real *init) {
    nn_real rows[ROWS * ROW_STRIDE];

    if (p->a_col == 1 && p->alpha == 1) {
        p->kernels->packed_product(p->m, n, k, p->a, p->a_row, packed, init, p->c, p->ldc);
        return;
    }
    for (size_t i = 0; i < p->m; i += ROWS) {
        size_t count = p->m - i < ROWS ? p->m - i : ROWS;
        arrange_rows(p, i, count, k, rows);
        p->kernels->packed_product(count, n, k, rows, ROW_STRIDE, packed, init, p->c + i * p->ldc,
                                   p->ldc);
    }
}

void nn_chain_gemm(nn_transpose ta, nn_transpose tb, size_t m, size_t n, size_t k, nn_real alpha,
                   const nn_real *a, size_t lda, const nn_real *b, size_t ldb, bool add, nn_real *c,
                   size_t ldc) {
    static const nn_real zeros[COLS];
    alignas(NN_ALIGN) nn_real packed[DEPTH * COLS];
    size_t b_row = tb == NN_TRANSPOSED ? 1 : ldb, b_col = tb == NN_TRANSPOSED ? ldb : 1;
    chains p = {.kernels = nn_kernels_get(), .m = m, .alpha = alpha, .c = c, .ldc = ldc};

    p.a_row = ta == NN_TRANSPOSED ? 1 : lda;
    p.a_col = ta == NN_TRANSPOSED ? lda : 1;
    for (size_t j = 0; j < n; j += COLS) {
        size_t cols = n - j < COLS ? n - j : COLS;
        p.c = c + j;
        for (size_t l = 0; l < k; l += DEPTH) {
            size_t depth = k - l < DEPTH ? k - l : DEPTH;
            p.kernels->pack(depth, cols, b + l * b_row + j * b_col, b_row, b_col, packed);
            p.a = a + l * p.a_col;
            add_block(&p, cols, depth, packed, l == 0 && !add ? zeros : NULL);
        }
    }
}
