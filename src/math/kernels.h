/* Elementwise kernels. The sources in isa/ are compiled once for each instruction set (x86-64-v2,
 * -v3, -v4; the baseline elsewhere) and give each time this table; nn_kernels_get() picks the best
 * the processor has, or what NNMPI_ISA=v2|v3|v4 asks for. All kernels are single-threaded and work
 * on whole arrays; unless said otherwise the output may be the input. Everything is finite for
 * finite input, but exp overflows where e^x does and log is -inf at 0 and NaN below. NaN comes
 * through. What a kernel makes of an element does not depend on where in the array it stands.
 *
 * Sums are taken in a fixed order that depends only on the length. */
#ifndef NN_MATH_KERNELS_H
#define NN_MATH_KERNELS_H

#include "base/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* a = f(z); p is the activation's parameter (gamma, beta) where it has one. */
typedef void nn_act_fn(size_t n, const nn_real *z, nn_real *a, nn_real p);
/* dz = da * f'. sigmoid, tanh, relu, leaky_relu, elu and softplus read a only (gamma >= 0), swish
 * and the gelus z only; what is not read may be NULL. */
typedef void nn_act_grad_fn(size_t n, const nn_real *z, const nn_real *a, const nn_real *da,
                            nn_real *dz, nn_real p);

/* Scalars of one fused optimiser pass; see nn/optimizers.c for the formulas. */
typedef struct nn_sgd_args {
    nn_real lr;       /* learning rate */
    nn_real scale;    /* multiplies the raw gradient: 1 / (global minibatch weight) */
    nn_real l2;       /* weight decay, added to the gradient as l2 * w */
    nn_real momentum; /* mu; 0 uses no slot */
    nn_real dampening;
    bool nesterov;
    bool first; /* first step: the momentum buffer starts as the gradient (as PyTorch does) */
} nn_sgd_args;

typedef struct nn_kernels {
    const char *isa; /* "v4" ... */

    struct {
        nn_act_fn *forward;
        nn_act_grad_fn *backward;
    } identity, sign, step, sigmoid, tanh, relu, leaky_relu, elu, softplus, swish, gelu, gelu_tanh,
        gelu_sigmoid;

    /* Vector functions. */
    void (*exp)(size_t n, const nn_real *x, nn_real *y);
    void (*log)(size_t n, const nn_real *x, nn_real *y);

    /* y[rows][cols] = softmax of each row */
    void (*softmax)(size_t rows, size_t cols, const nn_real *z, nn_real *y);

    /* y[r][c] += b[c] */
    void (*add_bias)(size_t rows, size_t cols, const nn_real *b, nn_real *y);
    /* s[c] = beta * s[c] + sum over rows of x[r][c]; beta 0 ignores what s held */
    void (*sum_rows)(size_t rows, size_t cols, const nn_real *x, nn_real beta, nn_real *s);

    void (*add)(size_t n, const nn_real *x, nn_real *y);                        /* y += x */
    void (*axpy)(size_t n, nn_real alpha, const nn_real *x, nn_real *y);        /* y += alpha x */
    void (*scale)(size_t n, nn_real alpha, nn_real *x);                         /* x *= alpha */
    void (*multiply)(size_t n, const nn_real *x, const nn_real *y, nn_real *z); /* z = x y */
    double (*sum)(size_t n, const nn_real *x);                                  /* in double */
    double (*sum_squares)(size_t n, const nn_real *x);                          /* in double */
    bool (*all_finite)(size_t n, const nn_real *x);

    /* Conversion of stored data: y = x * scale + offset. */
    void (*from_u8)(size_t n, const uint8_t *x, nn_real scale, nn_real offset, nn_real *y);
    void (*from_f32)(size_t n, const float *x, nn_real scale, nn_real offset, nn_real *y);

    /* One pass over weights, gradients and the momentum buffer v (NULL when momentum is 0). */
    void (*sgd)(size_t n, const nn_sgd_args *args, const nn_real *g, nn_real *w, nn_real *v);
} nn_kernels;

/* The table in use; chosen at the first call. Local, any thread. */
const nn_kernels *nn_kernels_get(void);

/* The tables that this processor can run, best first; NULL past the last. Local. */
const nn_kernels *nn_kernels_at(size_t i);

#endif
