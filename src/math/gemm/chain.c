#include "math/gemm/chain.h"

#include "base/mem.h"
#include "math/kernels.h"

#include <stdalign.h>

/* What is arranged together, on the thread's stack (480 KiB, of the 8 MiB that it usually has):
 * DEPTH x COLS of B, 384 KiB, which a level-2 cache holds, and where A stands transposed
 * ROWS x DEPTH of it, 96 KiB. */
#define DEPTH 384
#define COLS 256
#define ROWS 64

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

/* C[m][n] += alpha op(A)[m][k] B, or all of it from `init` on. */
static void add_block(const chains *p, size_t n, size_t k, const nn_real *packed,
                      const nn_real *init) {
    nn_real rows[ROWS * DEPTH];

    if (p->a_col == 1 && p->alpha == 1) {
        p->kernels->packed_product(p->m, n, k, p->a, p->a_row, packed, init, p->c, p->ldc);
        return;
    }
    for (size_t i = 0; i < p->m; i += ROWS) {
        size_t count = p->m - i < ROWS ? p->m - i : ROWS;
        for (size_t l = 0; l < k; l++)
            for (size_t r = 0; r < count; r++)
                rows[r * DEPTH + l] = p->alpha * p->a[(i + r) * p->a_row + l * p->a_col];
        p->kernels->packed_product(count, n, k, rows, DEPTH, packed, init, p->c + i * p->ldc,
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
