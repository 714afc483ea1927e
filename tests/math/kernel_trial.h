/* What the tests of the kernels share: data, comparison, and the table under test. */
#ifndef NN_TESTS_MATH_KERNEL_TRIAL_H
#define NN_TESTS_MATH_KERNEL_TRIAL_H

#include "check.h"
#include "math/kernels.h"

#include <float.h>

#define MOST 1100
#define GUARD ((nn_real)12345)

static const size_t lengths[] = {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 129, 1025};
#define LENGTHS (sizeof lengths / sizeof lengths[0])

static const nn_kernels *k; /* the table under test */

/* Spread over [-8, 8], with the points where something changes. */
static inline void fill(size_t n, unsigned seed, nn_real *x) {
    static const nn_real special[] = {0, (nn_real)-0.0, 1, -1, (nn_real)1e-30, (nn_real)-1e-30};
    uint32_t state = seed;

    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = state % 13 == 0 ? special[state / 13 % 6] : (nn_real)((double)state * 0x1p-28 - 8);
    }
}

static inline bool same_bits(size_t n, const nn_real *x, const nn_real *y) {
    return memcmp(x, y, n * sizeof *x) == 0;
}

/* Within `ulps` rounding errors of `want` or of `size`, the largest term it is made of. */
static inline bool near(double got, double want, double size, double ulps) {
    double scale = fmax(fabs(want), size);
    bool ok = fabs(got - want) <= ulps * (double)NN_EPSILON * scale + FLT_MIN;

    if (!ok)
        fprintf(stderr, "%s: %.9g is not %.9g\n", k->isa, got, want);
    return ok;
}

#endif
