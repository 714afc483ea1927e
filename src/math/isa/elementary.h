/* Elementary functions of one element, written without branches so that the loops that call them
 * vectorise. Errors in float, in units of the last place, over a dense sample of all arguments
 * (tests/math/elementary.c): exp 1.1, log 1, expm1 1.1, tanh 2.8, sigmoid 2.5, softplus 2.9,
 * softmax 3, swish 3.7 and gelu 3.9, the last two above 2^-118 (below they are as exact as their
 * subnormal factor); the normal distribution, which only the slope of gelu is made of, 3.95.
 * Without fused multiply-add (x86-64-v2) gelu is 4.2 and the normal distribution 4.7, below z = -8.
 * NaN comes through. The double build, which is there to check gradients, calls libm. */
#ifndef NN_MATH_ISA_ELEMENTARY_H
#define NN_MATH_ISA_ELEMENTARY_H

#include "base/real.h"
#include "math/isa/fused.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define SQRT_HALF 0.70710678118654752
#define INV_SQRT_2PI 0.39894228040143268

/* Phi(x) and exp(-x^2 / 2): the normal distribution and its density without the constant. */
typedef struct normal_point {
    nn_real below, density;
} normal_point;

/* real_tail_moment(x) is |x| Phi(-|x|), which is what lies between gelu and relu. */

/* NaN passes, because every comparison with it is false. */
static inline nn_real at_most(nn_real x, nn_real high) {
    return x > high ? high : x;
}

static inline nn_real at_least(nn_real x, nn_real low) {
    return x < low ? low : x;
}

#ifdef NN_DOUBLE

static inline double real_exp(double x) {
    return exp(x);
}

static inline double real_exp_of_sum(double x, double lo) {
    return exp(x + lo);
}

static inline double real_expm1(double x) {
    return expm1(x);
}

static inline double real_log(double x) {
    return log(x);
}

static inline double real_sqrt(double x) {
    return sqrt(x);
}

static inline double real_log1p_unit(double x) {
    return log1p(x);
}

static inline double real_tanh(double x) {
    return tanh(x);
}

static inline double real_tail_moment(double x) {
    double t = at_most(fabs(x), 40);
    return 0.5 * t * erfc(t * SQRT_HALF);
}

static inline normal_point real_normal(double x) {
    return (normal_point){0.5 * erfc(-x * SQRT_HALF), exp(-0.5 * x * x)};
}

#else

static inline uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* The sign is bit 31, the exponent bits 30-23 with bias 127. */
#define SIGN_BIT 0x80000000u
#define POWER_OF_TWO(n) float_of(((uint32_t)(n) + 127u) << 23)

/* x + lo = n ln 2 + r with n a whole number and |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to a
 * whole number, which then stands in the low bits. ln 2 is split so that n * LN2_HIGH is exact for
 * |n| < 2^15, with or without fused multiply-add. */
#define ROUNDER 12582912.0f
#define LOG2_E 1.44269504f
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f

typedef struct reduced {
    int32_t n;
    float r;
} reduced;

static inline reduced reduce_exp(float x, float lo) {
    float shifted = mul_add(x, LOG2_E, ROUNDER);
    float n = shifted - ROUNDER;
    float r = mul_add(-n, LN2_HIGH, x);
    r = mul_add(-n, LN2_LOW, r);
    return (reduced){(int32_t)(bits_of(shifted) - bits_of(ROUNDER)), r + lo};
}

/* (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2: minimax for the relative error of e^r, 2^-28. */
static inline float exp_tail(float r) {
    float q = 0.00138143207f;
    q = mul_add(q, r, 0.00836885107f);
    q = mul_add(q, r, 0.0416684011f);
    q = mul_add(q, r, 0.166665195f);
    return mul_add(q, r, 0.499999934f);
}

/* c e^(x + lo) for x in [-105, 89]; 2^n is multiplied in two halves, so that results round once
 * into the subnormal range and overflow only where they should. */
static inline float scaled_exp(float c, float x, float lo) {
    reduced d = reduce_exp(x, lo);
    float p = mul_add(exp_tail(d.r), d.r * d.r, d.r);
    int32_t half = d.n >> 1;
    p = mul_add(c, p, c) * POWER_OF_TWO(half);
    return p * POWER_OF_TWO(d.n - half);
}

static inline float real_exp(float x) {
    return scaled_exp(1.0f, at_most(at_least(x, -105.0f), 89.0f), 0.0f);
}

/* e^(x + lo) for x <= 89 and an lo that x rounds away. */
static inline float real_exp_of_sum(float x, float lo) {
    return scaled_exp(1.0f, at_least(x, -105.0f), x > -105.0f ? lo : 0.0f);
}

/* e^x - 1 for x <= 80; -1 + 2^-37 is -1 in float, so nothing is lost at the lower bound. */
static inline float real_expm1(float x) {
    reduced d = reduce_exp(at_most(at_least(x, -25.0f), 80.0f), 0.0f);
    float p = mul_add(exp_tail(d.r), d.r * d.r, d.r);
    float s = POWER_OF_TWO(d.n);
    return mul_add(s, p, s - 1.0f);
}

static inline float real_sqrt(float x) {
    return sqrtf(x);
}

/* log x = e ln 2 + log m with m in [sqrt(1/2), sqrt(2)); log 0 = -inf, log of less = NaN. The
 * polynomial is (log(1 + f) - f + f^2 / 2) / f^3, minimax for the relative error, 2^-27. */
static inline float real_log(float x) {
    int tiny = x < 0x1p-126f;
    uint32_t u = bits_of(tiny ? x * 0x1p23f : x) - bits_of((float)SQRT_HALF);
    float e = (float)((int32_t)u >> 23) - (tiny ? 23.0f : 0.0f);
    float f = float_of((u & 0x7fffffu) + bits_of((float)SQRT_HALF)) - 1.0f;
    float q = -0.0763439374f;
    q = mul_add(q, f, 0.127654279f);
    q = mul_add(q, f, -0.131620023f);
    q = mul_add(q, f, 0.142013687f);
    q = mul_add(q, f, -0.166231447f);
    q = mul_add(q, f, 0.200012359f);
    q = mul_add(q, f, -0.250008268f);
    q = mul_add(q, f, 0.333333317f);
    q = mul_add(q, f, -0.5f);
    float y = mul_add(q, f * f, e * LN2_LOW);
    y = mul_add(e, LN2_HIGH, y + f);
    y = x > 0.0f ? y : (x < 0.0f ? NAN : -INFINITY);
    return x < INFINITY ? y : x;
}

/* log(1 + x) for x in [0, 1], as 2 artanh(x / (2 + x)); minimax for the relative error, 2^-33. */
static inline float real_log1p_unit(float x) {
    float s = x / (2.0f + x);
    float t = s * s;
    float q = 0.24292233f;
    q = mul_add(q, t, 0.2143017163f);
    q = mul_add(q, t, 0.286166288f);
    q = mul_add(q, t, 0.399988884f);
    q = mul_add(q, t, 0.666666755f);
    return mul_add(q, t * s, 2.0f * s);
}

/* tanh |x| = m / (m + 2) with m = e^(2|x|) - 1; 1 to the last bit from 9.02 on. */
static inline float real_tanh(float x) {
    float m = real_expm1(at_most(2.0f * fabsf(x), 20.0f));
    return float_of(bits_of(m / (m + 2.0f)) | (bits_of(x) & SIGN_BIT));
}

/* c e^(-t^2 / 2); t^2 is split in two, because the exponential magnifies its rounding error. */
static inline float scaled_density(float c, float t) {
    float head = float_of(bits_of(t) & 0xfffff000u);
    return scaled_exp(c, -0.5f * head * head, -0.5f * (t - head) * (t + head));
}

/* The lower tail Phi(-t) is e^(-t^2 / 2) u P(w) with u = 1 / (1 + 0.3 t), and w goes from -1 to 1
 * as t goes from 0 to TAIL_END; this is P as a function of t u, minimax for the relative error,
 * 2^-28. Everything cancels least in w. */
#define TAIL_END 14.5f

static inline float tail_factor(float tu) {
    float w = mul_add(0.737931013f, tu, -1.0f);
    float q = 6.25621398e-6f;
    q = mul_add(q, w, 1.70364028e-6f);
    q = mul_add(q, w, -8.09599870e-5f);
    q = mul_add(q, w, -4.32333016e-5f);
    q = mul_add(q, w, 1.00735087e-3f);
    q = mul_add(q, w, -2.96301726e-4f);
    q = mul_add(q, w, -1.51637571e-2f);
    q = mul_add(q, w, 6.76507380e-2f);
    q = mul_add(q, w, -0.162516089f);
    return mul_add(q, w, 0.255939893f);
}

static inline normal_point real_normal(float x) {
    float t = at_most(fabsf(x), TAIL_END);
    float u = 1.0f / mul_add(0.3f, t, 1.0f);
    float tail = scaled_density(u * tail_factor(t * u), t);
    return (normal_point){x < 0.0f ? tail : 1.0f - tail, scaled_density(1.0f, t)};
}

/* Fewer roundings than with real_normal: what errors t u has mostly cancel. */
static inline float real_tail_moment(float x) {
    float t = at_most(fabsf(x), TAIL_END);
    float tu = t / mul_add(0.3f, t, 1.0f);
    return scaled_density(tu * tail_factor(tu), t);
}

#endif

/* sigmoid(x) and sigmoid(x) (1 - sigmoid(x)), neither of which cancels. */
typedef struct logistic_point {
    nn_real value, slope;
} logistic_point;

static inline logistic_point real_logistic(nn_real x) {
    nn_real e = real_exp(x < 0 ? x : -x);
    nn_real d = 1 / (1 + e);
    return (logistic_point){(x < 0 ? e : 1) * d, e * d * d};
}

#endif
