#include "base/numbers/elementary.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The sum of both, `lo` being what `hi` rounds away. */
typedef struct pair {
    double hi, lo;
} pair;

/* Dekker 1971: a + b for |a| >= |b| or a = 0. */
static pair sum_of(double a, double b) {
    double hi = a + b;
    return (pair){hi, b - (hi - a)};
}

/* Veltkamp: the upper 26 bits, so that products of two halves are exact. */
static double upper_half(double a) {
    double shifted = a * 0x1.0000002p27;
    return shifted - (shifted - a);
}

/* Dekker 1971: a b without fused multiply-add. */
static pair product_of(double a, double b) {
    double hi = a * b, a1 = upper_half(a), b1 = upper_half(b), a2 = a - a1, b2 = b - b1;
    return (pair){hi, ((a1 * b1 - hi) + a1 * b2 + a2 * b1) + a2 * b2};
}

static uint64_t bits_of(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double double_of(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Adding it rounds to a whole number, which then stands in the low bits. */
#define ROUNDER 0x1.8p52

/* 2^n for |n| <= 1022: the exponent is bits 62-52 with bias 1023. */
static double power_of_two(int64_t n) {
    return double_of((uint64_t)(n + 1023) << 52);
}

/* ln 2 in two parts, the first of 32 bits, so that its products with whole numbers are exact. */
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define LOG2_E 1.4426950408889634

/* term[0] + term[1] x + term[2] x^2 and so on; the even and the odd ones side by side, as each step
 * waits for the one before. */
static inline double series_at(size_t n, const double *term, double x) {
    double square = x * x, sum[2] = {0, 0};

    for (size_t i = n; i-- > 0;)
        sum[i % 2] = sum[i % 2] * square + term[i];
    return sum[0] + x * sum[1];
}

#define SERIES_AT(term, x) series_at(sizeof(term) / sizeof *(term), term, x)

/* (e^r - 1 - r) / r^2 in r, Taylor's; |r| <= ln 2 / 2, the rest is 2^-57. */
static const double exp_terms[] = {
    1.0 / 2,     1.0 / 6,      1.0 / 24,      1.0 / 120,      1.0 / 720,       1.0 / 5040,
    1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};

/* e^(hi + lo) for an lo that hi nearly rounds away: 2^n e^(r + rest), |r| <= ln 2 / 2. 2^n is
 * multiplied in two halves, so that results round once into the subnormal range. */
static double exp_of(double hi, double lo) {
    double x = hi < -746 ? -746 : hi > 710 ? 710 : hi;
    double shifted = x * LOG2_E + ROUNDER, n = shifted - ROUNDER;
    pair r = sum_of(x - n * LN2_HIGH, lo - n * LN2_LOW);
    double tail = r.hi * r.hi * SERIES_AT(exp_terms, r.hi) + (r.lo + r.lo * r.hi);
    int64_t whole = (int64_t)(bits_of(shifted) - bits_of(ROUNDER)), half = whole / 2;

    if (isnan(hi))
        return hi;
    return (1 + (r.hi + tail)) * power_of_two(half) * power_of_two(whole - half);
}

/* (2 artanh(s) - 2 s) / s^3 in s^2; |s| <= 3 - 2 sqrt(2), the rest is 2^-60. */
static const double log_terms[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11,
                                   2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};

/* Of a number that is not between 0 and infinity. */
static double log_of_edge(double x) {
    double below = x < 0 ? (double)NAN : -(double)INFINITY;
    return x > 0 || isnan(x) ? x : below;
}

/* log x = e ln 2 + log m, with m in [sqrt(1/2), sqrt(2)) and
 * log m = 2 artanh(s), s = (m - 1) / (m + 1). To about 2^-60. */
static pair log_of(double x) {
    const uint64_t root = bits_of(0.70710678118654752);
    int tiny = x < 0x1p-1022;
    uint64_t u = bits_of(tiny ? x * 0x1p54 : x) - root;
    double e = (double)((int64_t)u >> 52) - (tiny ? 54 : 0);
    double m = double_of((u & 0xfffffffffffff) + root), f = m - 1;
    pair below = sum_of(m > 1 ? m : 1, m > 1 ? 1 : m);
    double s = f / below.hi;
    pair back = product_of(s, below.hi);
    double lo = (f - back.hi - back.lo - s * below.lo) / below.hi, square = s * s;
    pair sum = sum_of(e * LN2_HIGH, 2 * s);

    if (!(x > 0 && x < (double)INFINITY))
        return (pair){log_of_edge(x), 0};
    lo = 2 * lo + s * square * SERIES_AT(log_terms, square) + (e * LN2_LOW + sum.lo);
    return sum_of(sum.hi, lo);
}

double nn_exponential(double x) {
    return exp_of(x, 0);
}

double nn_logarithm(double x) {
    pair log = log_of(x);
    return log.hi + log.lo;
}

double nn_power(double x, double y) {
    pair log = log_of(x), product;

    if (y == 0 || y == 1)
        return y == 0 ? 1 : x;
    if (!(fabs(y * log.hi) < 800)) /* 0, infinite or NaN */
        return exp_of(y * log.hi, 0);
    product = product_of(y, log.hi);
    return exp_of(product.hi, product.lo + y * log.lo);
}

/* (sin t - t) / t^3 and (cos t - 1 + t^2 / 2) / t^4 in t^2, Taylor's; |t| <= pi / 4, the rest is
 * 2^-60. */
static const double sine_terms[] = {
    -1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
    -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000};
static const double cosine_terms[] = {
    1.0 / 24,        -1.0 / 720,         1.0 / 40320,         -1.0 / 3628800,
    1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000};

/* The angle is a whole number of quarter turns, and t radians more or less. */
nn_circle nn_circle_at(double turns) {
    double shifted = 4 * turns + ROUNDER;
    double t = (4 * turns - (shifted - ROUNDER)) * 1.5707963267948966, square = t * t;
    double sine = t + t * square * SERIES_AT(sine_terms, square);
    double cosine = 1 - (square / 2 - square * square * SERIES_AT(cosine_terms, square));

    switch (bits_of(shifted) % 4) {
    case 0:
        return (nn_circle){cosine, sine};
    case 1:
        return (nn_circle){-sine, cosine};
    case 2:
        return (nn_circle){-cosine, -sine};
    default:
        return (nn_circle){sine, -cosine};
    }
}
