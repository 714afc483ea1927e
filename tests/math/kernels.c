/* Every other kernel of every instruction set against a plain reference in double: odd lengths,
 * extremes, in place and nothing written past the end. */
#include "kernel_trial.h"

#include <stdlib.h>

/* --- rows --- */

static double row_log_sum(size_t cols, const nn_real *z, double *top) {
    double sum = 0;

    *top = (double)z[0];
    for (size_t c = 0; c < cols; c++)
        *top = fmax(*top, (double)z[c]);
    for (size_t c = 0; c < cols; c++)
        sum += exp((double)z[c] - *top);
    return log(sum);
}

static void check_softmax(size_t rows, size_t cols) {
    size_t n = rows * cols;
    nn_real *z = calloc(n + 1, sizeof *z), *y = calloc(n + 1, sizeof *y);

    fill(n, 5, z);
    y[n] = GUARD;
    k->softmax(rows, cols, z, y);
    bool ok = CHECK(same_bits(1, &y[n], &(nn_real){GUARD}));
    for (size_t r = 0; r < rows && ok; r++) {
        double top, log_sum = row_log_sum(cols, z + r * cols, &top);
        for (size_t i = r * cols; i < (r + 1) * cols && ok; i++) {
            double want = (double)z[i] - top - log_sum;
            ok &= CHECK(near((double)y[i], exp(want), 0, 24 + (double)cols / 16));
        }
    }
    if (!ok)
        fprintf(stderr, "  %zu rows of %zu\n", rows, cols);
    /* a row alone gives the bits that it gives among others; in place */
    for (size_t r = 0; r < rows; r++) {
        nn_real *row = z + r * cols;
        k->softmax(1, cols, row, row);
        if (!CHECK(same_bits(cols, row, y + r * cols)))
            break;
    }
    free(z);
    free(y);
}

static void check_softmax_extremes(void) {
    nn_real z[3] = {(nn_real)1e4, (nn_real)-1e4, (nn_real)(1e4 - 1)}, y[3];

    k->softmax(1, 3, z, y);
    CHECK_NEAR(y[0], 1 / (1 + exp(-1)), 1e-6);
    CHECK_NEAR(y[1], 0, 0);
    z[2] = (nn_real)NAN;
    k->softmax(1, 3, z, y);
    CHECK(isnan(y[0]) && isnan(y[2]));
}

static void check_bias(size_t rows, size_t cols) {
    size_t n = rows * cols;
    nn_real *x = calloc(n + 1, sizeof *x), *y = calloc(n + 1, sizeof *y);
    nn_real *s = calloc(cols + 1, sizeof *s), *b = calloc(cols + 1, sizeof *b);
    bool ok = true;

    fill(n, 6, x);
    fill(cols, 7, b);
    memcpy(y, x, n * sizeof *x);
    y[n] = s[cols] = GUARD;
    k->add_bias(rows, cols, b, y);
    for (size_t i = 0; i < n && ok; i++)
        ok = CHECK(near((double)y[i], (double)x[i] + (double)b[i % cols], 16, 1));
    for (int pass = 0; pass < 2; pass++) { /* beta 0 ignores what s held */
        nn_real beta = pass ? (nn_real)0.5 : 0;
        for (size_t c = 0; c < cols; c++)
            s[c] = pass ? b[c] : (nn_real)NAN;
        k->sum_rows(rows, cols, x, beta, s);
        for (size_t c = 0; c < cols && ok; c++) {
            double want = pass ? 0.5 * (double)b[c] : 0;
            for (size_t r = 0; r < rows; r++)
                want += (double)x[r * cols + c];
            ok = CHECK(near((double)s[c], want, 8 * (double)rows, 1));
        }
    }
    CHECK(same_bits(1, &y[n], &(nn_real){GUARD}) && same_bits(1, &s[cols], &y[n]));
    if (!ok)
        fprintf(stderr, "  bias of %zu rows of %zu\n", rows, cols);
    free(x);
    free(y);
    free(s);
    free(b);
}

/* Kernels with a constant for each column against the formulas in double. */
static void check_columns(size_t rows, size_t cols) {
    size_t n = rows * cols;
    nn_real *x = calloc(n + 1, sizeof *x), *dy = calloc(n + 1, sizeof *x);
    nn_real *y = calloc(n + 1, sizeof *y), *z = calloc(n + 1, sizeof *z);
    nn_real *c = calloc(4 * cols, sizeof *c), *m = c, *a = c + cols, *b = a + cols, *d = b + cols;
    double *moment = calloc(2 * cols, sizeof *moment), *product = calloc(2 * cols, sizeof *product);
    bool ok = true;

    fill(n, 14, x);
    fill(n, 15, dy);
    fill(4 * cols, 16, c);
    y[n] = z[n] = GUARD;
    k->normalize(rows, cols, x, m, a, b, y);
    k->normalize_grad(rows, cols, x, m, a, b, d, dy, z);
    k->moments(rows, cols, x, m, moment);
    k->products(rows, cols, x, m, dy, product);
    for (size_t i = 0; i < n && ok; i++) {
        size_t j = i % cols;
        double e = (double)x[i] - (double)m[j];
        ok = CHECK(near((double)y[i], e * (double)a[j] + (double)b[j], 64, 2)) &&
             CHECK(near((double)z[i],
                        (double)a[j] * (double)dy[i] + (double)b[j] * e + (double)d[j], 128, 3));
    }
    for (size_t j = 0; j < cols && ok; j++) {
        double want[4] = {0};
        for (size_t i = j; i < n; i += cols) {
            double e = (double)x[i] - (double)m[j];
            want[0] += e;
            want[1] += e * e;
            want[2] += (double)dy[i];
            want[3] += (double)dy[i] * e;
        }
        double most = 1e-13 * (double)(rows + 1);
        ok = CHECK_NEAR(moment[j], want[0], most) &&
             CHECK_NEAR(moment[cols + j], want[1], 9 * most) &&
             CHECK_NEAR(product[j], want[2], most) &&
             CHECK_NEAR(product[cols + j], want[3], 9 * most);
    }
    CHECK(same_bits(1, &y[n], &(nn_real){GUARD}) && same_bits(1, &z[n], &y[n]));
    if (!ok)
        fprintf(stderr, "  columns of %zu rows of %zu\n", rows, cols);
    free(x);
    free(dy);
    free(y);
    free(z);
    free(c);
    free(moment);
    free(product);
}

/* Each row normalised by its own mean and variance, far from 0 too. */
static void check_layer_norm(size_t rows, size_t cols) {
    size_t n = rows * cols;
    nn_real *x = calloc(n + 1, sizeof *x), *dy = calloc(n + 1, sizeof *x);
    nn_real *y = calloc(n + 1, sizeof *y), *dx = calloc(n + 1, sizeof *dx);
    nn_real *w = calloc(2 * cols, sizeof *w), *b = w + cols;
    nn_layer_norm_point *point = calloc(rows + 1, sizeof *point);
    double *sums = calloc(2 * cols, sizeof *sums), *want = calloc(2 * cols, sizeof *want);
    bool ok = true;

    fill(n, 17, x);
    fill(n, 18, dy);
    fill(2 * cols, 19, w);
    for (size_t i = 0; i < n; i++)
        x[i] += i / cols % 2 && sizeof *x == 4 ? (nn_real)1e4 : 0; /* sums are in double */
    y[n] = dx[n] = GUARD;
    k->layer_norm(rows, cols, 1e-3, x, w, b, y, point);
    k->layer_norm_grad(rows, cols, x, w, point, dy, dx);
    k->layer_norm_sums(rows, cols, x, point, dy, sums);
    for (size_t r = 0; r < rows && ok; r++) {
        const nn_real *row = x + r * cols, *g = dy + r * cols;
        double mean = 0, var = 0, first = 0, second = 0, size = (double)cols;
        for (size_t c = 0; c < cols; c++)
            mean += (double)row[c] / size;
        for (size_t c = 0; c < cols; c++)
            var += ((double)row[c] - mean) * ((double)row[c] - mean) / size;
        double scale = 1 / sqrt(var + 1e-3);
        for (size_t c = 0; c < cols; c++) {
            double z = ((double)row[c] - mean) * scale, e = (double)g[c] * (double)w[c];
            first += e / size;
            second += e * z / size;
            want[c] += (double)g[c];
            want[cols + c] += (double)g[c] * z;
        }
        for (size_t c = 0; c < cols && ok; c++) {
            double z = ((double)row[c] - mean) * scale;
            double e = (double)g[c] * (double)w[c] - first - second * z;
            ok = CHECK(near((double)y[r * cols + c], z * (double)w[c] + (double)b[c], 512 + size,
                            2)) &&
                 CHECK(near((double)dx[r * cols + c], scale * e, 512 * (1 + scale) + size, 4));
        }
    }
    for (size_t c = 0; c < 2 * cols && ok; c++)
        ok = CHECK(near(sums[c], want[c], 64 * (double)rows + (double)cols, 1));
    CHECK(same_bits(1, &y[n], &(nn_real){GUARD}) && same_bits(1, &dx[n], &y[n]));
    if (!ok)
        fprintf(stderr, "  layer_norm of %zu rows of %zu\n", rows, cols);
    free(x);
    free(dy);
    free(y);
    free(dx);
    free(w);
    free(point);
    free(sums);
    free(want);
}

static void check_rows(void) {
    static const size_t rows[] = {0, 1, 2, 5, 16, 64, 67, 300};
    static const size_t cols[] = {1, 2, 3, 10, 15, 17, 63, 64, 100, 513, 1024, 1025, 2100};

    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        for (size_t c = 0; c < sizeof cols / sizeof cols[0]; c++) {
            check_softmax(rows[r], cols[c]);
            check_bias(rows[r], cols[c]);
            check_columns(rows[r], cols[c]);
            check_layer_norm(rows[r], cols[c]);
        }
    }
    check_bias(20000, 1);
    check_softmax_extremes();
}

/* --- vectors --- */

static void check_vectors(size_t n) {
    nn_real x[MOST] = {0}, y[MOST] = {0}, z[MOST + 1], half = (nn_real)0.5;
    bool ok = true;

    fill(n, 8, x);
    fill(n, 9, y);
#define EACH(fill_z, call, want, size, ulps)                                                       \
    memcpy(z, fill_z, n * sizeof *z);                                                              \
    z[n] = GUARD;                                                                                  \
    call;                                                                                          \
    for (size_t i = 0; i < n && ok; i++)                                                           \
        ok = CHECK(near((double)z[i], (want), (size), (ulps)));                                    \
    ok &= CHECK(same_bits(1, &z[n], &(nn_real){GUARD}))
    EACH(y, k->add(n, x, z), (double)y[i] + (double)x[i], 0, 1);
    EACH(y, k->axpy(n, half, x, z), (double)y[i] + 0.5 * (double)x[i], 8, 1);
    EACH(y, k->scale(n, half, z), 0.5 * (double)y[i], 0, 1);
    EACH(y, k->plus(n, x, y, z), (double)x[i] + (double)y[i], 0, 1);
    EACH(y, k->multiply(n, x, y, z), (double)x[i] * (double)y[i], 0, 1);
    EACH(y, k->multiply(n, z, z, z), (double)y[i] * (double)y[i], 0, 1);
    EACH(y, k->exp(n, x, z), exp((double)x[i]), 0, 1.1);
    for (size_t i = 0; i < n; i++)
        x[i] = (nn_real)(fabs((double)x[i]) + 1e-3); /* log 0 stands below */
    EACH(x, k->log(n, z, z), log((double)x[i]), 0, 1);
    if (!ok)
        fprintf(stderr, "  vectors of %zu\n", n);
}

/* The angle is as exact as its polynomials; the same words give the same numbers. */
static void check_normal(void) {
    enum { PAIRS = 37 };
    uint32_t bits[2 * PAIRS] = {0, UINT32_MAX};
    nn_real z[2 * PAIRS + 1];
    bool ok = true;

    for (uint32_t i = 2; i < 2 * PAIRS; i++)
        bits[i] = i * 2654435761u;
    z[2 * PAIRS] = GUARD;
    k->normal(PAIRS, bits, z);
    for (size_t i = 0; i < PAIRS && ok; i++) {
        uint32_t word = bits[PAIRS + i];
        double u = ((double)(bits[i] >> 9) + 0.5) * 0x1p-23, radius = sqrt(-2 * log(u));
        double angle = ((double)(word >> 8) * 0x1p-24 - 0.5) * 1.5707963267948966;
        double x = word & 1 ? sin(angle) : cos(angle), y = word & 1 ? cos(angle) : sin(angle);
        ok = CHECK(fabs((double)z[i] - (word & 2 ? -radius : radius) * x) < 2e-6) &&
             CHECK(fabs((double)z[PAIRS + i] - (word & 4 ? -radius : radius) * y) < 2e-6);
    }
    CHECK(same_bits(1, &z[2 * PAIRS], &(nn_real){GUARD}));
}

/* Along a plane, interpolation is exact; at the last pixels nothing beyond them is read. */
static void check_bilinear(void) {
    enum { HIGH = 7, WIDE = 9, PLACES = 29 };
    nn_real image[HIGH * WIDE], y[PLACES + 1];
    nn_bilinear line = {.image = image, .high = HIGH, .wide = WIDE};

    for (int i = 0; i < HIGH * WIDE; i++) {
        int row = i / WIDE, column = i % WIDE;
        image[i] = (nn_real)(3 * row - 2 * column);
    }
    line.row_step = (nn_real)(HIGH - 1) / (PLACES - 1);
    line.column = WIDE - 1;
    line.column_step = -(nn_real)(WIDE - 1) / (PLACES - 1);
    y[PLACES] = GUARD;
    k->bilinear(PLACES, &line, y);
    for (int i = 0; i < PLACES; i++) {
        double t = (double)i / (PLACES - 1);
        CHECK(fabs((double)y[i] - (3 * t * (HIGH - 1) - 2 * (1 - t) * (WIDE - 1))) < 1e-5);
    }
    CHECK(same_bits(1, &y[PLACES], &(nn_real){GUARD}));
}

static void check_exp_log_extremes(void) {
    nn_real x[] = {0, -1, (nn_real)INFINITY, (nn_real)NAN, (nn_real)1e-40, (nn_real)-INFINITY};
    nn_real y[6];

    k->log(6, x, y);
    CHECK(isinf(y[0]) && y[0] < 0);
    CHECK(isnan(y[1]) && isnan(y[3]) && isnan(y[5]));
    CHECK(isinf(y[2]) && y[2] > 0);
    CHECK_NEAR(y[4], log((double)x[4]), 1e-5);
    k->exp(6, x, y);
    CHECK_NEAR(y[0], 1, 0);
    CHECK_NEAR(y[5], 0, 0);
    CHECK(isinf(y[2]) && isnan(y[3]));
}

static void check_sums(size_t n) {
    nn_real x[MOST] = {0};
    double sum = 0, squares = 0;

    fill(n, 10, x);
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    CHECK_NEAR(k->sum(n, x), sum, 1e-12 * (double)(n + 1));
    CHECK_NEAR(k->sum_squares(n, x), squares, 1e-11 * (double)(n + 1));
    /* the same order of additions whatever the instruction set */
    CHECK_NEAR(k->sum(n, x), nn_kernels_at(0)->sum(n, x), 0);
    CHECK(k->all_finite(n, x));
    for (size_t i = 0; i < n; i += 1 + n / 9) {
        nn_real kept = x[i];
        x[i] = i % 2 ? (nn_real)NAN : (nn_real)-INFINITY;
        CHECK(!k->all_finite(n, x));
        x[i] = kept;
    }
}

static void check_conversions(size_t n) {
    uint8_t bytes[MOST] = {0};
    float floats[MOST] = {0};
    nn_real y[MOST + 1];

    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(i * 37 + 255);
        floats[i] = (float)i * 0.25f - 3;
    }
    y[n] = GUARD;
    k->from_u8(n, bytes, (nn_real)0.125, -2, y); /* exact */
    for (size_t i = 0; i < n; i++)
        CHECK_NEAR(y[i], (double)bytes[i] * 0.125 - 2, 0);
    k->from_f32(n, floats, 2, 1, y);
    for (size_t i = 0; i < n; i++)
        CHECK_NEAR(y[i], 2.0 * (double)floats[i] + 1, 0);
    CHECK(same_bits(1, &y[n], &(nn_real){GUARD}));
}

/* --- sgd --- */

static void check_sgd(size_t n, nn_sgd_args args) {
    nn_real g[MOST] = {0}, w0[MOST] = {0}, v0[MOST] = {0}, w[MOST + 1], v[MOST + 1];
    bool ok = true;

    fill(n, 11, g);
    fill(n, 12, w0);
    fill(n, 13, v0);
    memcpy(w, w0, n * sizeof *w);
    memcpy(v, v0, n * sizeof *v);
    w[n] = v[n] = GUARD;
    k->sgd(n, &args, g, w, args.momentum > 0 ? v : NULL);
    for (size_t i = 0; i < n && ok; i++) {
        double mu = (double)args.momentum;
        double d =
            (double)args.gradient.scale * (double)g[i] + (double)args.gradient.l2 * (double)w0[i];
        double m = args.first ? d : mu * (double)v0[i] + (1 - (double)args.dampening) * d;
        double step = mu > 0 ? (args.nesterov ? d + mu * m : m) : d;
        ok &= CHECK(near((double)w[i], (double)w0[i] - (double)args.lr * step, 8, 3));
        ok &= CHECK(near((double)v[i], mu > 0 ? m : (double)v0[i], 8, 3));
    }
    if (!ok)
        fprintf(stderr, "  sgd, n %zu, nesterov %d first %d\n", n, args.nesterov, args.first);
    CHECK(same_bits(1, &w[n], &(nn_real){GUARD}) && same_bits(1, &v[n], &w[n]));
}

static void check_updates(size_t n) {
    for (int form = 0; form < 8; form++) {
        nn_sgd_args args = {.lr = (nn_real)0.1,
                            .gradient = {.scale = (nn_real)0.25, .l2 = (nn_real)0.01},
                            .momentum = form & 1 ? (nn_real)0.9 : 0,
                            .dampening = form == 1 ? (nn_real)0.3 : 0,
                            .nesterov = form & 2,
                            .first = form & 4};
        check_sgd(n, args);
    }
}

static void check_table(void) {
    check_rows();
    for (size_t l = 0; l < LENGTHS; l++) {
        check_vectors(lengths[l]);
        check_sums(lengths[l]);
        check_conversions(lengths[l]);
        check_updates(lengths[l]);
    }
    check_exp_log_extremes();
    check_normal();
    check_bilinear();
}

int main(void) {
    for (size_t t = 0; (k = nn_kernels_at(t)); t++) {
        printf("%s\n", k->isa);
        check_table();
    }
    return check_done();
}
