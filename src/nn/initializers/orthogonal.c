/* Orthogonal matrices (Saxe et al. 2013): the rows of w, or its columns when there are fewer of
 * them, are orthonormal, times gain.
 *
 * Gram-Schmidt on normal vectors, which gives the uniform distribution over such matrices. It runs
 * in double whatever nn_real is; the vectors are random, so nearly dependent ones do not come up
 * and one sweep leaves them orthogonal to about 1e-12. Work: 2 k^2 n flops for k vectors of n. */
#include "base/mem.h"
#include "math/parallel.h"
#include "nn/initializers/initializers.h"

#include <math.h>
#include <stddef.h>

struct orthogonal {
    double gain;
};

/* k vectors of n numbers; vector `done` is finished and leaves the others. */
struct sweep {
    size_t n, done;
    double *v;
};

/* Multiplications that are worth a fork and join. */
#define GRAIN 16384

#define LANES 8

/* In LANES sums, so that the processor need not wait for one addition before the next. */
static double dot(size_t n, const double *a, const double *b) {
    double sum[LANES] = {0}, total = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        total += a[i] * b[i];
    for (size_t k = 0; k < LANES; k++)
        total += sum[k];
    return total;
}

static void remove_part(void *ctx, size_t begin, size_t end) {
    const struct sweep *s = ctx;
    const double *q = s->v + s->done * s->n;

    for (size_t j = begin; j < end; j++) {
        double *v = s->v + (s->done + 1 + j) * s->n;
        double part = dot(s->n, q, v);
        for (size_t i = 0; i < s->n; i++)
            v[i] -= part * q[i];
    }
}

static void orthonormalize(const nn_compute *compute, size_t k, size_t n, double *v) {
    struct sweep s = {.n = n, .v = v};

    for (s.done = 0; s.done < k; s.done++) {
        double *q = v + s.done * n, length = sqrt(dot(n, q, q));
        for (size_t i = 0; i < n; i++)
            q[i] /= length;
        nn_parallel(compute, k - 1 - s.done, GRAIN / (n + 1) + 1, remove_part, &s);
    }
}

static int orthogonal_fill(const void *options, const nn_compute *compute, const nn_rng *rng,
                           const nn_fan *fan, nn_real *w) {
    const struct orthogonal *o = options;
    bool by_row = fan->rows <= fan->cols;
    size_t k = by_row ? fan->rows : fan->cols, n = by_row ? fan->cols : fan->rows;
    double *v;

    NN_TRY(nn_alloc((void **)&v, k, n * sizeof *v, "orthogonal matrix"));
    nn_fill_normal(compute, rng, k * n, 0, 1, w);
    for (size_t i = 0; i < k * n; i++)
        v[i] = (double)w[i];
    orthonormalize(compute, k, n, v);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < n; j++)
            w[by_row ? i * n + j : j * k + i] = (nn_real)(o->gain * v[i * n + j]);
    nn_free(v);
    return 0;
}

static const nn_option orthogonal_options[] = {{"gain", NN_OPT_REAL,
                                                offsetof(struct orthogonal, gain), "1", "(0, 1e6]",
                                                "length of the vectors"},
                                               NN_OPTION_END};

const nn_initializer_ops nn_initializer_orthogonal = {
    .entry = {"orthogonal",
              "orthogonal rows (columns, when there are fewer of them) of length gain; a kernel "
              "counts as the matrix [out][everything else]",
              orthogonal_options, sizeof(struct orthogonal)},
    .fill = orthogonal_fill,
};
