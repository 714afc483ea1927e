#include "math/gemm/outer_slice.h"

#include "math/gemm/gemm.h"
#include "math/kernels.h"
#include "math/parallel.h"

#include <string.h>

/* Elements that are worth a fork and join. */
#define GRAIN 65536

/* Rows [top, bottom) and columns [left, right) of G. */
struct block {
    size_t top, bottom, left, right;
};

static void multiply(const nn_compute *compute, const nn_outer_source *x, struct block c,
                     nn_real *g) {
    const nn_real *a = x->a + c.top, *b = x->b + c.left;
    size_t m = c.bottom - c.top, n = c.right - c.left;
    if (m == 0 || n == 0)
        return;
    g += c.top * x->n + c.left;
    if (x->parts)
        nn_outer_product(compute, x->parts, m, n, a, x->m, b, x->n, g, x->n);
    else
        nn_gemm(compute, NN_TRANSPOSED, NN_PLAIN, m, n, x->rows, 1, a, x->m, b, x->n, 0, g, x->n);
}

/* A slice is the end of a row of G, whole rows, and the beginning of one. */
static void multiply_slice(const nn_compute *compute, const nn_outer_source *x, nn_span s,
                           nn_real *g) {
    size_t n = x->n, top = (s.begin + n - 1) / n, bottom = s.end / n;
    if (bottom < top) { /* all within a row */
        multiply(compute, x, (struct block){bottom, top, s.begin - bottom * n, s.end - bottom * n},
                 g);
        return;
    }
    if (top * n > s.begin)
        multiply(compute, x, (struct block){top - 1, top, s.begin - (top - 1) * n, n}, g);
    multiply(compute, x, (struct block){top, bottom, 0, n}, g);
    multiply(compute, x, (struct block){bottom, bottom + 1, 0, s.end - bottom * n}, g);
}

/* With indices every element is the sum of what rows of B have for its place. */
struct scatter {
    const nn_outer_source *x;
    size_t first; /* of the slice */
    nn_real *g;
};

static void add_range(void *ctx, size_t begin, size_t end) {
    const struct scatter *c = ctx;
    const nn_real *index = c->x->a, *b = c->x->b;
    size_t n = c->x->n, first = c->first + begin, last = c->first + end;
    memset(c->g + first, 0, (end - begin) * sizeof *c->g);
    for (size_t r = 0; r < c->x->rows; r++, b += n) {
        if (index[r] < 0)
            continue;
        size_t at = (size_t)index[r] * n, from = at > first ? at : first;
        size_t to = at + n < last ? at + n : last;
        if (from < to)
            nn_kernels_get()->add(to - from, b + (from - at), c->g + from);
    }
}

void nn_outer_slice(const nn_compute *compute, const nn_outer_source *source, nn_span slice,
                    nn_real *g) {
    struct scatter scatter = {source, slice.begin, g};
    if (source->indexed)
        nn_parallel(compute, slice.end - slice.begin, GRAIN, add_range, &scatter);
    else
        multiply_slice(compute, source, slice, g);
}
