/* Kernels over the rows of a matrix. Rows are often short (ten classes), so passes run over blocks
 * of whole rows where they can. */
#include "base/numbers/compare.h"
#include "math/isa/elementary.h"
#include "math/isa/isa.h"

#include <string.h>

#define BLOCK 1024 /* elements worked on at a time: a quarter of a level-1 cache */
#define LANES 16   /* sums and maxima that a long row is worked on in */
#define FEW 4      /* the same for a short one, which a vector's start and end would cost more */
#define LONG_ROW 64

static inline nn_real larger(nn_real a, nn_real b) {
    return a > b ? a : b;
}

/* The largest of at least `lanes` elements. */
static inline nn_real max_by_lanes(size_t cols, const nn_real *x, const size_t lanes) {
    nn_real lane[LANES];

    for (size_t j = 0; j < lanes; j++)
        lane[j] = x[cols - lanes + j]; /* the last ones; some are seen twice */
    for (size_t c = 0; c + lanes <= cols; c += lanes) {
        SIMD for (size_t j = 0; j < lanes; j++) lane[j] = larger(x[c + j], lane[j]);
    }
    for (size_t half = lanes / 2; half; half /= 2)
        for (size_t j = 0; j < half; j++)
            lane[j] = larger(lane[j], lane[j + half]);
    return lane[0];
}

static inline nn_real row_max(size_t cols, const nn_real *x) {
    if (cols >= LONG_ROW)
        return max_by_lanes(cols, x, LANES);
    return cols >= FEW ? max_by_lanes(cols, x, FEW) : max_by_lanes(cols, x, 1);
}

static inline double sum_by_lanes(size_t cols, const nn_real *x, const size_t lanes) {
    double lane[LANES] = {0}, rest = 0;
    size_t c = 0;

    for (; c + lanes <= cols; c += lanes) {
        SIMD for (size_t j = 0; j < lanes; j++) lane[j] += (double)x[c + j];
    }
    for (; c < cols; c++)
        rest += (double)x[c];
    for (size_t half = lanes / 2; half; half /= 2)
        for (size_t j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return rest + lane[0];
}

/* The order depends on `cols` alone. */
static inline double row_sum(size_t cols, const nn_real *x) {
    return cols >= LONG_ROW ? sum_by_lanes(cols, x, LANES) : sum_by_lanes(cols, x, FEW);
}

static void fill(size_t n, nn_real value, nn_real *x) {
    SIMD for (size_t i = 0; i < n; i++) x[i] = value;
}

/* y = e^(z - top). The rounding error of z - top would make many units of the last place of that,
 * so it is found out and told. */
static inline void exp_below(size_t n, const nn_real *z, const nn_real *top, nn_real *y) {
    SIMD for (size_t i = 0; i < n; i++) {
        nn_real d = z[i] - top[i], shifted = d - z[i];
        y[i] = real_exp_of_sum(d, (z[i] - (d - shifted)) - (top[i] + shifted));
    }
}

static void divide_row(size_t cols, nn_real *y) {
    nn_real factor = (nn_real)(1 / row_sum(cols, y));
    SIMD for (size_t c = 0; c < cols; c++) y[c] *= factor;
}

static void softmax_long_row(size_t cols, const nn_real *z, nn_real *y) {
    nn_real top[BLOCK];

    fill(BLOCK, row_max(cols, z), top);
    for (size_t c = 0; c < cols; c += BLOCK)
        exp_below(nn_smaller(BLOCK, cols - c), z + c, top, y + c);
    divide_row(cols, y);
}

/* Rows that take no more than a block together. */
static void softmax_rows(size_t rows, size_t cols, const nn_real *z, nn_real *y) {
    nn_real top[BLOCK] = {0};

    for (size_t i = 0; i < rows * cols; i += cols)
        fill(cols, row_max(cols, z + i), top + i);
    exp_below(rows * cols, z, top, y);
    for (size_t i = 0; i < rows * cols; i += cols)
        divide_row(cols, y + i);
}

void ISA(softmax)(size_t rows, size_t cols, const nn_real *z, nn_real *y) {
    size_t step = cols <= BLOCK ? BLOCK / cols : 1;

    for (size_t r = 0; r < rows; r += step) {
        if (cols > BLOCK)
            softmax_long_row(cols, z + r * cols, y + r * cols);
        else
            softmax_rows(nn_smaller(step, rows - r), cols, z + r * cols, y + r * cols);
    }
}

void ISA(add_bias)(size_t rows, size_t cols, const nn_real *b, nn_real *y) {
    for (size_t r = 0; r < rows; r++) {
        nn_real *row = y + r * cols;
        SIMD for (size_t c = 0; c < cols; c++) row[c] += b[c];
    }
}

/* lane[0 .. width) = sum of the `count` runs of `width` elements that stand `stride` apart. */
static void sum_runs(size_t count, size_t width, size_t stride, const nn_real *x, nn_real *lane) {
    size_t r = 0;

    memset(lane, 0, width * sizeof *lane);
    for (; r + 4 <= count; r += 4, x += 4 * stride) {
        const nn_real *x1 = x + stride, *x2 = x1 + stride, *x3 = x2 + stride;
        SIMD for (size_t i = 0; i < width; i++) lane[i] += (x[i] + x1[i]) + (x2[i] + x3[i]);
    }
    for (; r < count; r++, x += stride) {
        SIMD for (size_t i = 0; i < width; i++) lane[i] += x[i];
    }
}

static void store_sums(size_t n, const nn_real *sum, nn_real beta, nn_real *s) {
    SIMD for (size_t i = 0; i < n; i++) s[i] = beta == 0 ? sum[i] : mul_add(beta, s[i], sum[i]);
}

/* Short rows: a run is a power of two of whole rows, and its lanes are folded in halves. */
static void sum_short_rows(size_t rows, size_t cols, const nn_real *x, nn_real beta, nn_real *s) {
    nn_real lane[BLOCK];
    size_t group = 1;

    while (2 * group * cols <= BLOCK && 8 * group <= rows)
        group *= 2;
    size_t runs = rows / group;
    sum_runs(runs, group * cols, group * cols, x, lane);
    for (size_t half = group / 2; half; half /= 2) {
        SIMD for (size_t i = 0; i < half * cols; i++) lane[i] += lane[half * cols + i];
    }
    for (size_t r = runs * group; r < rows; r++) {
        SIMD for (size_t c = 0; c < cols; c++) lane[c] += x[r * cols + c];
    }
    store_sums(cols, lane, beta, s);
}

/* Long rows are divided into blocks of columns; short ones are added several at a time. The order
 * depends on (rows, cols) alone. */
void ISA(sum_rows)(size_t rows, size_t cols, const nn_real *x, nn_real beta, nn_real *s) {
    nn_real lane[BLOCK];

    if (cols <= BLOCK / 2) {
        sum_short_rows(rows, cols, x, beta, s);
        return;
    }
    for (size_t c = 0; c < cols; c += BLOCK) {
        size_t width = nn_smaller(BLOCK, cols - c);
        sum_runs(rows, width, cols, x + c, lane);
        store_sums(width, lane, beta, s + c);
    }
}
