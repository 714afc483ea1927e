/* Layer normalisation: each row of a matrix by its own mean and variance. Sums are taken in double
 * and in lanes, so that their order depends on the length alone. */
#include "math/isa/fused.h"
#include "math/isa/isa.h"

#include <math.h>
#include <string.h>

#define LANES 16

static inline double fold(double lane[LANES]) {
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t i = 0; i < half; i++)
            lane[i] += lane[i + half];
    return lane[0];
}

static double row_sum(size_t cols, const nn_real *x) {
    double lane[LANES] = {0};
    size_t whole = cols - cols % LANES;
    for (size_t c = 0; c < whole; c += LANES) {
        SIMD for (size_t j = 0; j < LANES; j++) lane[j] += (double)x[c + j];
    }
    for (size_t c = whole; c < cols; c++)
        lane[c - whole] += (double)x[c];
    return fold(lane);
}

static double row_squares(size_t cols, const nn_real *x, nn_real center) {
    double lane[LANES] = {0};
    size_t whole = cols - cols % LANES;
    for (size_t c = 0; c < whole; c += LANES) {
        SIMD for (size_t j = 0; j < LANES; j++) {
            double d = (double)(x[c + j] - center);
            lane[j] = mul_add_double(d, d, lane[j]);
        }
    }
    for (size_t c = whole; c < cols; c++) {
        double d = (double)(x[c] - center);
        lane[c - whole] = mul_add_double(d, d, lane[c - whole]);
    }
    return fold(lane);
}

/* The mean as nn_real is subtracted from x, which is exact where that matters; what it is off by
 * goes into `offset`. */
static nn_layer_norm_point point_of(size_t cols, const nn_real *x, double eps) {
    double mean = row_sum(cols, x) / (double)cols;
    nn_real center = (nn_real)mean;
    double off = (double)center - mean;
    double var = mul_add_double(-off, off, row_squares(cols, x, center) / (double)cols);
    double inv_std = 1 / sqrt((var < 0 ? 0 : var) + eps);
    return (nn_layer_norm_point){center, (nn_real)inv_std, (nn_real)(off * inv_std)};
}

static inline nn_real normal_of(nn_real x, const nn_layer_norm_point *p) {
    return mul_add(x - p->center, p->inv_std, p->offset);
}

void ISA(layer_norm)(size_t rows, size_t cols, double eps, const nn_real *x, const nn_real *w,
                     const nn_real *b, nn_real *y, nn_layer_norm_point *point) {
    for (size_t r = 0; r < rows; r++, x += cols, y += cols) {
        const nn_layer_norm_point p = point_of(cols, x, eps);
        point[r] = p;
        if (w) {
            SIMD for (size_t c = 0; c < cols; c++) y[c] = mul_add(normal_of(x[c], &p), w[c], b[c]);
        } else {
            SIMD for (size_t c = 0; c < cols; c++) y[c] = normal_of(x[c], &p);
        }
    }
}

/* dx = g = dy w, and the sums of g and of g times the normalised x. */
static void weigh(size_t cols, const nn_real *x, const nn_real *w, const nn_layer_norm_point *p,
                  const nn_real *dy, nn_real *dx, double sum[2]) {
    double first[LANES] = {0}, second[LANES] = {0};
    size_t whole = cols - cols % LANES;
    for (size_t c = 0; c < whole; c += LANES) {
        SIMD for (size_t j = 0; j < LANES; j++) {
            nn_real g = w ? dy[c + j] * w[c + j] : dy[c + j];
            first[j] += (double)g;
            second[j] = mul_add_double((double)g, (double)normal_of(x[c + j], p), second[j]);
            dx[c + j] = g;
        }
    }
    for (size_t c = whole; c < cols; c++) {
        nn_real g = w ? dy[c] * w[c] : dy[c];
        first[c - whole] += (double)g;
        second[c - whole] =
            mul_add_double((double)g, (double)normal_of(x[c], p), second[c - whole]);
        dx[c] = g;
    }
    sum[0] = fold(first);
    sum[1] = fold(second);
}

void ISA(layer_norm_grad)(size_t rows, size_t cols, const nn_real *x, const nn_real *w,
                          const nn_layer_norm_point *point, const nn_real *dy, nn_real *dx) {
    for (size_t r = 0; r < rows; r++, x += cols, dy += cols, dx += cols) {
        const nn_layer_norm_point p = point[r];
        double sum[2];
        weigh(cols, x, w, &p, dy, dx, sum);
        nn_real mean = (nn_real)(sum[0] / (double)cols), slope = (nn_real)(sum[1] / (double)cols);
        SIMD for (size_t c = 0; c < cols; c++) dx[c] =
            p.inv_std * mul_add(-slope, normal_of(x[c], &p), dx[c] - mean);
    }
}

void ISA(layer_norm_sums)(size_t rows, size_t cols, const nn_real *x,
                          const nn_layer_norm_point *point, const nn_real *dy, double *sums) {
    memset(sums, 0, 2 * cols * sizeof *sums);
    for (size_t r = 0; r < rows; r++, x += cols, dy += cols) {
        const nn_layer_norm_point p = point[r];
        SIMD for (size_t c = 0; c < cols; c++) {
            sums[c] += (double)dy[c];
            sums[cols + c] =
                mul_add_double((double)dy[c], (double)normal_of(x[c], &p), sums[cols + c]);
        }
    }
}
