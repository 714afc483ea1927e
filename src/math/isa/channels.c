/* Kernels over a matrix [rows][channels] with constants for each channel, as normalisation has
 * them. Few channels are worked on as if several rows were one, their constants repeated. */
#include "base/numbers/compare.h"
#include "math/isa/fused.h"
#include "math/isa/isa.h"

#include <string.h>

#define WIDE 256 /* elements worked on at a time */

/* Rows, a power of two, that are taken as one. */
static size_t group_of(size_t rows, size_t cols) {
    size_t group = 1;
    while (2 * group * cols <= WIDE && 8 * group <= rows)
        group *= 2;
    return group;
}

/* `wide` holds the constants of `group` rows. */
static const nn_real *repeat(size_t group, size_t cols, const nn_real *c, nn_real wide[WIDE]) {
    for (size_t g = 0; g < group; g++)
        memcpy(wide + g * cols, c, cols * sizeof *c);
    return wide;
}

/* Terms of a sum over rows: u and u (x - m), with u = dy or, for the moments of x, x - m. */
static inline void add_row(size_t width, const nn_real *x, const nn_real *m, const nn_real *dy,
                           double *first, double *second, const bool moments) {
    SIMD for (size_t i = 0; i < width; i++) {
        double d = (double)x[i] - (double)m[i];
        double u = moments ? d : (double)dy[i];
        first[i] += u;
        second[i] = mul_add_double(u, d, second[i]);
    }
}

/* Two rows at once halve the traffic of the sums. */
static inline void add_two_rows(size_t width, size_t stride, const nn_real *x, const nn_real *m,
                                const nn_real *dy, double *first, double *second,
                                const bool moments) {
    const nn_real *x1 = x + stride, *dy1 = dy + (moments ? 0 : stride);
    SIMD for (size_t i = 0; i < width; i++) {
        double d0 = (double)x[i] - (double)m[i], d1 = (double)x1[i] - (double)m[i];
        double u0 = moments ? d0 : (double)dy[i], u1 = moments ? d1 : (double)dy1[i];
        first[i] += u0 + u1;
        second[i] += mul_add_double(u0, d0, u1 * d1);
    }
}

/* first and second [width] from `rows` rows that stand `stride` apart. */
static inline void sum_block(size_t rows, size_t width, size_t stride, const nn_real *x,
                             const nn_real *m, const nn_real *dy, double *first, double *second,
                             const bool moments) {
    size_t r = 0;
    memset(first, 0, width * sizeof *first);
    memset(second, 0, width * sizeof *second);
    for (; r + 2 <= rows; r += 2)
        add_two_rows(width, stride, x + r * stride, m, dy + (moments ? 0 : r * stride), first,
                     second, moments);
    if (r < rows)
        add_row(width, x + r * stride, m, dy + (moments ? 0 : r * stride), first, second, moments);
}

static void fold(size_t group, size_t cols, double *lane) {
    for (size_t half = group / 2; half; half /= 2)
        SIMD for (size_t i = 0; i < half * cols; i++) lane[i] += lane[half * cols + i];
}

static inline void sum_few(size_t rows, size_t cols, const nn_real *x, const nn_real *m,
                           const nn_real *dy, double *sums, const bool moments) {
    size_t group = group_of(rows, cols), runs = rows / group, width = group * cols;
    nn_real wide[WIDE];
    double first[WIDE], second[WIDE];
    sum_block(runs, width, width, x, repeat(group, cols, m, wide), dy, first, second, moments);
    fold(group, cols, first);
    fold(group, cols, second);
    for (size_t r = runs * group; r < rows; r++)
        add_row(cols, x + r * cols, m, dy + (moments ? 0 : r * cols), first, second, moments);
    memcpy(sums, first, cols * sizeof *sums);
    memcpy(sums + cols, second, cols * sizeof *sums);
}

static inline void sum_channels(size_t rows, size_t cols, const nn_real *x, const nn_real *m,
                                const nn_real *dy, double *sums, const bool moments) {
    if (cols <= WIDE) {
        sum_few(rows, cols, x, m, dy, sums, moments);
        return;
    }
    for (size_t c = 0; c < cols; c += WIDE)
        sum_block(rows, nn_smaller(WIDE, cols - c), cols, x + c, m + c, dy + (moments ? 0 : c),
                  sums + c, sums + cols + c, moments);
}

void ISA(moments)(size_t rows, size_t cols, const nn_real *x, const nn_real *m, double *sums) {
    sum_channels(rows, cols, x, m, x, sums, true);
}

void ISA(products)(size_t rows, size_t cols, const nn_real *x, const nn_real *m, const nn_real *dy,
                   double *sums) {
    sum_channels(rows, cols, x, m, dy, sums, false);
}

static void normalize_row(size_t n, const nn_real *x, const nn_real *m, const nn_real *a,
                          const nn_real *b, nn_real *y) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = mul_add(x[i] - m[i], a[i], b[i]);
}

void ISA(normalize)(size_t rows, size_t cols, const nn_real *x, const nn_real *m, const nn_real *a,
                    const nn_real *b, nn_real *y) {
    size_t group = group_of(rows, cols), width = group * cols, n = rows * cols, at = 0;
    nn_real m_wide[WIDE], a_wide[WIDE], b_wide[WIDE];
    if (group > 1) {
        m = repeat(group, cols, m, m_wide);
        a = repeat(group, cols, a, a_wide);
        b = repeat(group, cols, b, b_wide);
    }
    for (; at < n; at += width)
        normalize_row(nn_smaller(width, n - at), x + at, m, a, b, y + at);
}

static void normalize_grad_row(size_t n, const nn_real *x, const nn_real *m, const nn_real *a,
                               const nn_real *b, const nn_real *c, const nn_real *dy, nn_real *dx) {
    SIMD for (size_t i = 0; i < n; i++) dx[i] = mul_add(a[i], dy[i], b[i] * (x[i] - m[i])) + c[i];
}

void ISA(normalize_grad)(size_t rows, size_t cols, const nn_real *x, const nn_real *m,
                         const nn_real *a, const nn_real *b, const nn_real *c, const nn_real *dy,
                         nn_real *dx) {
    size_t group = group_of(rows, cols), width = group * cols, n = rows * cols, at = 0;
    nn_real m_wide[WIDE], a_wide[WIDE], b_wide[WIDE], c_wide[WIDE];
    if (group > 1) {
        m = repeat(group, cols, m, m_wide);
        a = repeat(group, cols, a, a_wide);
        b = repeat(group, cols, b, b_wide);
        c = repeat(group, cols, c, c_wide);
    }
    for (; at < n; at += width)
        normalize_grad_row(nn_smaller(width, n - at), x + at, m, a, b, c, dy + at, dx + at);
}
