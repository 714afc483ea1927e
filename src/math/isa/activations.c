/* Activations. Whether a slope is a function of the output `a` or of the input `z` says the column
 * `reads` of math/activations.h. leaky_relu and elu want gamma >= 0: the sign of the output then
 * tells that of the input. */
#include "math/isa/elementary.h"
#include "math/isa/isa.h"

#define SQRT_2_OVER_PI 0.79788456080286536
#define GELU_CUBIC 0.044715
#define GELU_SLOPE 1.702

/* Where every function here has reached its asymptote, so that products with x neither overflow nor
 * become 0 * inf in the gradients. */
#define FAR 800

static inline nn_real identity_value(nn_real z, nn_real p) {
    (void)p;
    return z;
}

static inline nn_real identity_slope(nn_real a, nn_real p) {
    (void)a;
    (void)p;
    return 1;
}

static inline nn_real sign_value(nn_real z, nn_real p) {
    (void)p;
    return z > 0 ? 1 : (z < 0 ? -1 : z); /* zero and NaN come through */
}

static inline nn_real sign_slope(nn_real a, nn_real p) {
    (void)a;
    (void)p;
    return 0;
}

static inline nn_real step_value(nn_real z, nn_real p) {
    (void)p;
    return z > 0 ? 1 : (z <= 0 ? 0 : z); /* NaN comes through */
}

static inline nn_real step_slope(nn_real a, nn_real p) {
    (void)a;
    (void)p;
    return 0;
}

static inline nn_real sigmoid_value(nn_real z, nn_real p) {
    (void)p;
    nn_real e = real_exp(z < 0 ? z : -z);
    return (z < 0 ? e : 1) / (1 + e);
}

static inline nn_real sigmoid_slope(nn_real a, nn_real p) {
    (void)p;
    return a * (1 - a);
}

static inline nn_real tanh_value(nn_real z, nn_real p) {
    (void)p;
    return real_tanh(z);
}

static inline nn_real tanh_slope(nn_real a, nn_real p) {
    (void)p;
    return mul_add(-a, a, 1);
}

static inline nn_real relu_value(nn_real z, nn_real p) {
    (void)p;
    return z < 0 ? 0 : z;
}

static inline nn_real relu_slope(nn_real a, nn_real p) {
    (void)p;
    return a > 0 ? 1 : 0;
}

static inline nn_real leaky_relu_value(nn_real z, nn_real gamma) {
    return z > 0 ? z : gamma * z;
}

static inline nn_real leaky_relu_slope(nn_real a, nn_real gamma) {
    return a > 0 ? 1 : gamma;
}

static inline nn_real elu_value(nn_real z, nn_real gamma) {
    return z > 0 ? z : gamma * real_expm1(at_most(z, 0));
}

/* gamma e^z = a + gamma */
static inline nn_real elu_slope(nn_real a, nn_real gamma) {
    return a > 0 ? 1 : a + gamma;
}

/* max(z, 0) + log(1 + e^-|z|) */
static inline nn_real softplus_value(nn_real z, nn_real p) {
    (void)p;
    return (z < 0 ? 0 : z) + real_log1p_unit(real_exp(z < 0 ? z : -z));
}

/* sigmoid(z) = 1 - e^-a */
static inline nn_real softplus_slope(nn_real a, nn_real p) {
    (void)p;
    return -real_expm1(-a);
}

static inline nn_real swish_value(nn_real z, nn_real beta) {
    return z * real_logistic(beta * z).value;
}

static inline nn_real swish_slope(nn_real z, nn_real beta) {
    nn_real v = at_most(at_least(beta * z, -FAR), FAR);
    logistic_point s = real_logistic(v);
    return mul_add(v, s.slope, s.value);
}

/* z Phi(z) */
static inline nn_real gelu_value(nn_real z, nn_real p) {
    (void)p;
    return (z < 0 ? 0 : z) - real_tail_moment(z);
}

static inline nn_real gelu_slope(nn_real z, nn_real p) {
    (void)p;
    nn_real x = at_most(at_least(z, -FAR), FAR);
    normal_point s = real_normal(x);
    return mul_add(x, (nn_real)INV_SQRT_2PI * s.density, s.below);
}

/* 0.5 z (1 + tanh u) = z sigmoid(2u) with u = sqrt(2 / pi) (z + 0.044715 z^3) */
static inline nn_real gelu_tanh_value(nn_real z, nn_real p) {
    (void)p;
    nn_real x = at_most(at_least(z, -FAR), FAR);
    nn_real u = (nn_real)SQRT_2_OVER_PI * x * mul_add((nn_real)GELU_CUBIC * x, x, 1);
    return z * real_logistic(2 * u).value;
}

static inline nn_real gelu_tanh_slope(nn_real z, nn_real p) {
    (void)p;
    nn_real x = at_most(at_least(z, -FAR), FAR);
    nn_real square = (nn_real)GELU_CUBIC * x * x;
    nn_real c = 2 * (nn_real)SQRT_2_OVER_PI * x;
    logistic_point s = real_logistic(c * (1 + square));
    return mul_add(s.slope, c * mul_add(3, square, 1), s.value);
}

static inline nn_real gelu_sigmoid_value(nn_real z, nn_real p) {
    (void)p;
    return swish_value(z, (nn_real)GELU_SLOPE);
}

static inline nn_real gelu_sigmoid_slope(nn_real z, nn_real p) {
    (void)p;
    return swish_slope(z, (nn_real)GELU_SLOPE);
}

/* The loops. */
#define NOTHING a
#define OUTPUT a
#define INPUT z
#define ACTIVATION(name, reads, ...)                                                               \
    void ISA(name##_forward)(size_t n, const nn_real *z, nn_real *a, nn_real p) {                  \
        SIMD for (size_t i = 0; i < n; i++) a[i] = name##_value(z[i], p);                          \
    }                                                                                              \
    void ISA(name##_backward)(size_t n, const nn_real *z, const nn_real *a, const nn_real *da,     \
                              nn_real *dz, nn_real p) {                                            \
        (void)z;                                                                                   \
        (void)a;                                                                                   \
        SIMD for (size_t i = 0; i < n; i++) dz[i] = da[i] * name##_slope(reads[i], p);             \
    }

NN_EACH_ACTIVATION(ACTIVATION)
