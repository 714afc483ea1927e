/* Batch invariance: does a row of a product have the same bits whatever other rows are computed
 * with it? */
#include "base/mem.h"
#include "base/numbers/rng.h"
#include "math/gemm/gemm.h"

#include <string.h>

/* The sizes of a question, and memory to answer it. */
struct trial {
    const nn_compute *compute;
    nn_transpose tb;
    size_t rows, calls, n, k;
    nn_real *a, *b, *one, *many;
};

static int allocate(struct trial *t) {
    size_t m = t->rows * t->calls;
    NN_TRY(NN_NEW(&t->a, m * t->k + 1, "trial of a product"));
    NN_TRY(NN_NEW(&t->b, t->n * t->k + 1, "trial of a product"));
    NN_TRY(NN_NEW(&t->one, m * t->n + 1, "trial of a product"));
    return NN_NEW(&t->many, m * t->n + 1, "trial of a product");
}

static void fill(const struct trial *t) {
    nn_rng rng = nn_rng_stream(1, NN_RNG_TEST, 0, 0);
    nn_rng_uniform(&rng, 0, t->rows * t->calls * t->k, t->a);
    rng = nn_rng_stream(1, NN_RNG_TEST, 1, 0);
    nn_rng_uniform(&rng, 0, t->n * t->k, t->b);
}

/* Rows [first, first + rows). */
static void multiply(const struct trial *t, size_t first, size_t rows, nn_real *c) {
    nn_gemm(t->compute, NN_PLAIN, t->tb, rows, t->n, t->k, 1, t->a + first * t->k, t->k, t->b,
            t->tb == NN_TRANSPOSED ? t->k : t->n, 0, c + first * t->n, t->n);
}

static bool same(const struct trial *t) {
    fill(t);
    multiply(t, 0, t->rows * t->calls, t->one);
    for (size_t i = 0; i < t->calls; i++)
        multiply(t, i * t->rows, t->rows, t->many);
    return memcmp(t->one, t->many, t->rows * t->calls * t->n * sizeof *t->one) == 0;
}

static bool invariant(const nn_compute *compute, nn_transpose tb, size_t rows, size_t calls,
                      size_t n, size_t k) {
    struct trial t = {.compute = compute, .tb = tb, .rows = rows, .calls = calls, .n = n, .k = k};
    bool invariant = allocate(&t) == 0 && same(&t);
    nn_free(t.a);
    nn_free(t.b);
    nn_free(t.one);
    nn_free(t.many);
    return invariant;
}

size_t nn_gemm_batch_invariant(const nn_compute *compute, nn_transpose tb, size_t rows,
                               size_t calls, size_t n, size_t k) {
    if (nn_compute_bf16(compute) || nn_gemm_used(compute) == NN_GEMM_OWN)
        return calls;
    while (calls > 1 && !invariant(compute, tb, rows, calls, n, k))
        calls = (calls + 1) / 2;
    return calls;
}
