/* Functions of one element. */
#include "base/numbers/elementary.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

#define GRAIN 16384 /* elements worth a fork and join */
#define INV_SQRT_2PI 0.39894228040143268

/* A range of y = f(x), or of dx = dy f'. */
struct map {
    void (*fn)(const struct map *m, size_t n, size_t at);
    const nn_op_args *args;
    const nn_real *x, *dy;
    nn_real *y;
    nn_act_kernels activation;
};

static void map_range(void *ctx, size_t begin, size_t end) {
    const struct map *m = ctx;
    m->fn(m, end - begin, begin);
}

static nn_tensor *map(const nn_op_call *call, struct map m) {
    nn_tensor *x = call->in[0];
    if (nn_op_want_reals(call) < 0)
        return NULL;
    nn_tensor *y = nn_tensor_make(call->op->name, false, x->rank, x->dim);
    if (!y)
        return NULL;
    m.args = call->args;
    m.x = nn_reals(x);
    m.y = nn_reals(y);
    nn_parallel(nn_tensor_compute(), x->count, GRAIN, map_range, &m);
    return y;
}

/* y[i] = value of x[i] */
#define FUNCTION(name, value)                                                                      \
    static void name##_range(const struct map *m, size_t n, size_t at) {                           \
        const nn_real *x = m->x + at;                                                              \
        nn_real *restrict y = m->y + at;                                                           \
        for (size_t i = 0; i < n; i++) {                                                           \
            nn_real u = x[i];                                                                      \
            y[i] = (value);                                                                        \
        }                                                                                          \
    }

/* ---- affine, power, exp, log, sqrt ----------------------------------------------------------- */

static void affine_range(const struct map *m, size_t n, size_t at) {
    nn_real factor = (nn_real)m->args->factor, summand = (nn_real)m->args->summand;
    const nn_real *x = m->x + at;
    nn_real *restrict y = m->y + at;
    for (size_t i = 0; i < n; i++)
        y[i] = factor * x[i] + summand;
}

static nn_tensor *affine_forward(const nn_op_call *call) {
    return map(call, (struct map){.fn = affine_range});
}

static void affine_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    dx[0] = nn_tensor_affine(dy, y->args.factor, 0);
}

nn_tensor *nn_tensor_affine(nn_tensor *x, double factor, double summand) {
    return nn_op_on(&nn_op_affine, x, &(nn_op_args){.factor = factor, .summand = summand});
}

nn_tensor *nn_tensor_negate(nn_tensor *x) {
    return nn_tensor_affine(x, -1, 0);
}

/* x^p for any x: of a negative one where p is a whole number. */
static double power_of(double x, double p) {
    bool whole = fmod(p, 1) == 0, odd = whole && fmod(p, 2) != 0;
    if (p < 0)
        return 1 / power_of(x, -p);
    if (x < 0 && whole)
        return odd ? -nn_power(-x, p) : nn_power(-x, p);
    return nn_power(x, p);
}

FUNCTION(square, u *u)
FUNCTION(inverse, 1 / u)

static void power_range(const struct map *m, size_t n, size_t at) {
    for (size_t i = at; i < at + n; i++)
        m->y[i] = (nn_real)power_of((double)m->x[i], m->args->exponent);
}

static nn_tensor *power_forward(const nn_op_call *call) {
    double p = call->args->exponent;
    if (p >= 2 && p <= 2)
        return map(call, (struct map){.fn = square_range});
    if (p >= -1 && p <= -1)
        return map(call, (struct map){.fn = inverse_range});
    return map(call, (struct map){.fn = power_range});
}

/* dx = dy p x^(p - 1) */
static void power_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    double p = y->args.exponent;
    nn_tensor *x = y->in[0].tensor;
    if (p == 0)
        dx[0] = nn_tensor_affine(dy, 0, 0);
    else if (p >= 1 && p <= 1)
        dx[0] = dy;
    else
        dx[0] = nn_tensor_affine(
            nn_tensor_multiply(dy, p >= 2 && p <= 2 ? x : nn_tensor_power(x, p - 1)), p, 0);
}

nn_tensor *nn_tensor_power(nn_tensor *x, double exponent) {
    return nn_op_on(&nn_op_power, x, &(nn_op_args){.exponent = exponent});
}

#define ELEMENTARY(name)                                                                           \
    static nn_tensor *name##_forward(const nn_op_call *call) {                                     \
        return map(call, (struct map){.fn = name##_range});                                        \
    }                                                                                              \
    nn_tensor *nn_tensor_##name(nn_tensor *x) {                                                    \
        return nn_op_on(&nn_op_##name, x, NULL);                                                   \
    }

static void exp_range(const struct map *m, size_t n, size_t at) {
    nn_kernels_get()->exp(n, m->x + at, m->y + at);
}

static void log_range(const struct map *m, size_t n, size_t at) {
    nn_kernels_get()->log(n, m->x + at, m->y + at);
}

FUNCTION(sqrt, (nn_real)sqrt((double)u))

ELEMENTARY(exp)
ELEMENTARY(log)
ELEMENTARY(sqrt)

static void exp_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    dx[0] = nn_tensor_multiply(dy, y);
}

static void log_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    dx[0] = nn_tensor_divide(dy, y->in[0].tensor);
}

/* dx = dy / (2 y) */
static void sqrt_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    dx[0] = nn_tensor_affine(nn_tensor_divide(dy, y), 0.5, 0);
}

/* ---- activations ----------------------------------------------------------------------------- */

static void activation_range(const struct map *m, size_t n, size_t at) {
    m->activation.forward(n, m->x + at, m->y + at, 0);
}

static void slope_range(const struct map *m, size_t n, size_t at) {
    m->activation.backward(n, m->x + at, m->x + at, m->dy + at, m->y + at, 0);
}

/* dy f' of input or output x in one pass, for derivatives that nobody differentiates. */
static nn_tensor *fused(const char *what, nn_act_kernels activation, nn_tensor *x, nn_tensor *dy) {
    nn_tensor *dx = nn_tensor_make(what, false, x->rank, x->dim);
    struct map m = {
        .fn = slope_range, .x = nn_reals(x), .dy = nn_reals(dy), .activation = activation};
    if (!dx)
        return NULL;
    m.y = nn_reals(dx);
    nn_parallel(nn_tensor_compute(), x->count, GRAIN, map_range, &m);
    return nn_tensor_adopt(dx);
}

/* `reads`, what the kernel's slope is a function of, and the same slope in operations. */
#define ACTIVATION(name, reads, slope)                                                             \
    static nn_tensor *name##_forward(const nn_op_call *call) {                                     \
        return map(call,                                                                           \
                   (struct map){.fn = activation_range, .activation = nn_kernels_get()->name});    \
    }                                                                                              \
    static void name##_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {                     \
        nn_tensor *x = y->in[0].tensor;                                                            \
        (void)x;                                                                                   \
        dx[0] = nn_tensor_recording() ? nn_tensor_multiply(dy, slope)                              \
                                      : fused(#name, nn_kernels_get()->name, reads, dy);           \
    }                                                                                              \
    const nn_op nn_op_##name = {#name, name##_forward, name##_backward};                           \
    nn_tensor *nn_tensor_##name(nn_tensor *z) {                                                    \
        return nn_op_on(&nn_op_##name, z, NULL);                                                   \
    }

/* 1 for x > 0, else 0; 1, -1 or 0, the sign of x: neither has derivatives. */
#define CONSTANT(name)                                                                             \
    static nn_tensor *name##_forward(const nn_op_call *call) {                                     \
        return map(call,                                                                           \
                   (struct map){.fn = activation_range, .activation = nn_kernels_get()->name});    \
    }                                                                                              \
    const nn_op nn_op_##name = {#name, name##_forward, NULL};

CONSTANT(step)
CONSTANT(sign)

ACTIVATION(relu, y, nn_op_on(&nn_op_step, y, NULL))
ACTIVATION(sigmoid, y, nn_tensor_multiply(y, nn_tensor_affine(y, -1, 1)))
ACTIVATION(tanh, y, nn_tensor_affine(nn_tensor_multiply(y, y), -1, 1))
ACTIVATION(softplus, y, nn_tensor_sigmoid(x))
ACTIVATION(gelu, x, nn_op_on(&nn_op_gelu_slope, x, NULL))

/* Phi(x) + x phi(x), the derivative of gelu. */
static void gelu_slope_range(const struct map *m, size_t n, size_t at) {
    for (size_t i = at; i < at + n; i++)
        m->y[i] = 1;
    nn_kernels_get()->gelu.backward(n, m->x + at, NULL, m->y + at, m->y + at, 0);
}

static nn_tensor *gelu_slope_forward(const nn_op_call *call) {
    return map(call, (struct map){.fn = gelu_slope_range});
}

/* dx = dy phi(x) (2 - x^2) */
static void gelu_slope_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_tensor *x = y->in[0].tensor, *square = nn_tensor_multiply(x, x);
    nn_tensor *density =
        nn_tensor_affine(nn_tensor_exp(nn_tensor_affine(square, -0.5, 0)), INV_SQRT_2PI, 0);
    dx[0] = nn_tensor_multiply(dy, nn_tensor_multiply(density, nn_tensor_affine(square, -1, 2)));
}

nn_tensor *nn_tensor_abs(nn_tensor *x) {
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    return nn_tensor_yield(&scope, nn_tensor_multiply(x, nn_op_on(&nn_op_sign, x, NULL)));
}

const nn_op nn_op_affine = {"affine", affine_forward, affine_backward};
const nn_op nn_op_power = {"power", power_forward, power_backward};
const nn_op nn_op_exp = {"exp", exp_forward, exp_backward};
const nn_op nn_op_log = {"log", log_forward, log_backward};
const nn_op nn_op_sqrt = {"sqrt", sqrt_forward, sqrt_backward};
const nn_op nn_op_gelu_slope = {"gelu_slope", gelu_slope_forward, gelu_slope_backward};
