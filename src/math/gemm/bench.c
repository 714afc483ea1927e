#include "math/gemm/bench.h"

#include "base/mem.h"
#include "math/kernels.h"
#include "math/machine.h"

struct trial {
    const nn_compute *compute;
    nn_product_shape shape;
    nn_real *a, *b, *c;
};

static void run_product(void *ctx) {
    const struct trial *t = ctx;
    const nn_product_shape *s = &t->shape;

    nn_gemm(t->compute, s->ta, s->tb, s->m, s->n, s->k, 1, t->a, s->ta == NN_PLAIN ? s->k : s->m,
            t->b, s->tb == NN_PLAIN ? s->n : s->k, 0, t->c, s->n);
}

int nn_product_rate(const nn_compute *compute, const nn_product_shape *shape, double budget,
                    double *rate) {
    struct trial t = {.compute = compute, .shape = *shape};
    int rc;

    *rate = 0;
    if (!nn_gemm_has(compute->library) || (compute->bf16 && !nn_kernels_bf16()))
        return 0;
    NN_TRY_GOTO(NN_NEW(&t.a, shape->m * shape->k, "factor"));
    NN_TRY_GOTO(NN_NEW(&t.b, shape->k * shape->n, "factor"));
    NN_TRY_GOTO(NN_NEW(&t.c, shape->m * shape->n, "product"));
    *rate = 2 * (double)shape->m * (double)shape->n * (double)shape->k /
            nn_least_seconds(run_product, &t, budget);
done:
    nn_free(t.a);
    nn_free(t.b);
    nn_free(t.c);
    return rc;
}
