/* Operations on elements of several tensors, whose shapes are broadcast. */
#include "tensor/loop.h"
#include "tensor/tensor.h"

#include <string.h>

/* The shape that operands are broadcast to. */
static int broadcast(const nn_op_call *call, int *rank, int64_t *dim) {
    *rank = 0;
    for (size_t k = 0; k < call->inputs; k++)
        *rank = call->in[k]->rank > *rank ? call->in[k]->rank : *rank;
    for (int i = 0; i < *rank; i++)
        dim[i] = 1;
    for (size_t k = 0; k < call->inputs; k++) {
        const nn_tensor *t = call->in[k];
        for (int i = 0, at = *rank - t->rank; i < t->rank; i++, at++) {
            if (dim[at] == 1)
                dim[at] = t->dim[i];
            else if (t->dim[i] != 1 && t->dim[i] != dim[at])
                return nn_fail(NN_EUSAGE,
                               "%s: shapes %s and %s do not fit: aligned at the last dimension, "
                               "each is to be equal or 1, and %lld is not %lld",
                               call->op->name, NN_TEXT_OF(call->in[k - 1]), NN_TEXT_OF(t),
                               (long long)dim[at], (long long)t->dim[i]);
        }
    }
    return 0;
}

/* y and the numbers of up to three operands. */
struct arrays {
    nn_real *y;
    const nn_real *a, *b, *c;
};

static nn_tensor *elementwise(const nn_op_call *call, nn_run_fn *run) {
    int rank;
    int64_t dim[NN_TENSOR_RANK];
    if (nn_op_want_reals(call) < 0 || broadcast(call, &rank, dim) < 0)
        return NULL;
    nn_tensor *y = nn_tensor_make(call->op->name, false, rank, dim);
    if (!y)
        return NULL;
    nn_loop loop = nn_loop_of(rank, dim);
    nn_loop_add(&loop, rank, dim);
    for (size_t k = 0; k < call->inputs; k++)
        nn_loop_add(&loop, call->in[k]->rank, call->in[k]->dim);
    struct arrays arrays = {nn_reals(y), nn_reals(call->in[0]), nn_reals(call->in[1]),
                            call->inputs > 2 ? nn_reals(call->in[2]) : NULL};
    nn_loop_run(&loop, run, &arrays);
    return y;
}

/* The loops that vectorise, and the one for all else. */
#define LOOP(A, B, value)                                                                          \
    for (size_t i = 0; i < n; i++) {                                                               \
        nn_real u = (A), v = (B);                                                                  \
        y[i] = (value);                                                                            \
    }
#define BINARY(name, value)                                                                        \
    static void name##_run(void *ctx, size_t n, const int64_t *at, const int64_t *step) {          \
        const struct arrays *t = ctx;                                                              \
        nn_real *restrict y = t->y + at[0];                                                        \
        const nn_real *a = t->a + at[1], *b = t->b + at[2];                                        \
        if (step[1] == 1 && step[2] == 1)                                                          \
            LOOP(a[i], b[i], value)                                                                \
        else if (step[1] == 1 && step[2] == 0)                                                     \
            LOOP(a[i], *b, value)                                                                  \
        else if (step[1] == 0 && step[2] == 1)                                                     \
            LOOP(*a, b[i], value)                                                                  \
        else                                                                                       \
            LOOP(a[(int64_t)i * step[1]], b[(int64_t)i * step[2]], value)                          \
    }                                                                                              \
    static nn_tensor *name##_forward(const nn_op_call *call) {                                     \
        return elementwise(call, name##_run);                                                      \
    }                                                                                              \
    nn_tensor *nn_tensor_##name(nn_tensor *a, nn_tensor *b) {                                      \
        return nn_op_on_two(&nn_op_##name, a, b, NULL);                                            \
    }

BINARY(add, u + v)
BINARY(subtract, u - v)
BINARY(multiply, u *v)
BINARY(divide, u / v)
BINARY(maximum, u > v || u != u ? u : v) /* NaN comes through */
BINARY(greater, u > v ? 1 : 0)
BINARY(equal, u >= v && u <= v ? 1 : 0)

static void add_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    for (size_t i = 0; i < 2; i++)
        if (nn_op_wants(y, i))
            dx[i] = nn_tensor_sum_to(dy, y->in[i].tensor);
}

static void subtract_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    if (nn_op_wants(y, 0))
        dx[0] = nn_tensor_sum_to(dy, y->in[0].tensor);
    if (nn_op_wants(y, 1))
        dx[1] = nn_tensor_negate(nn_tensor_sum_to(dy, y->in[1].tensor));
}

/* da = dy b, db = dy a */
static void multiply_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    for (size_t i = 0; i < 2; i++)
        if (nn_op_wants(y, i))
            dx[i] = nn_tensor_sum_to(nn_tensor_multiply(dy, y->in[1 - i].tensor), y->in[i].tensor);
}

/* da = dy / b, db = -dy y / b */
static void divide_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_tensor *a = y->in[0].tensor, *b = y->in[1].tensor, *da = nn_tensor_divide(dy, b);
    if (nn_op_wants(y, 0))
        dx[0] = nn_tensor_sum_to(da, a);
    if (nn_op_wants(y, 1))
        dx[1] = nn_tensor_negate(nn_tensor_sum_to(nn_tensor_multiply(da, y), b));
}

/* da = dy (1 for a > b, 1/2 for a = b, else 0), db = dy - da */
static void maximum_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_tensor *a = y->in[0].tensor, *b = y->in[1].tensor;
    nn_tensor *share =
        nn_tensor_add(nn_tensor_greater(a, b), nn_tensor_affine(nn_tensor_equal(a, b), 0.5, 0));
    nn_tensor *da = nn_tensor_multiply(dy, share);
    if (nn_op_wants(y, 0))
        dx[0] = nn_tensor_sum_to(da, a);
    if (nn_op_wants(y, 1))
        dx[1] = nn_tensor_sum_to(nn_tensor_subtract(dy, da), b);
}

static void where_run(void *ctx, size_t n, const int64_t *at, const int64_t *step) {
    const struct arrays *t = ctx;
    nn_real *y = t->y + at[0];
    const nn_real *c = t->a + at[1], *a = t->b + at[2], *b = t->c + at[3];
    for (int64_t i = 0; i < (int64_t)n; i++)
        y[i] = c[i * step[1]] < 0 || c[i * step[1]] > 0 ? a[i * step[2]] : b[i * step[3]];
}

static nn_tensor *where_forward(const nn_op_call *call) {
    return elementwise(call, where_run);
}

static void where_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_tensor *c = y->in[0].tensor, *zero = nn_tensor_filled(0, NULL, 0);
    if (nn_op_wants(y, 0))
        dx[0] = nn_tensor_affine(c, 0, 0);
    if (nn_op_wants(y, 1))
        dx[1] = nn_tensor_sum_to(nn_tensor_where(c, dy, zero), y->in[1].tensor);
    if (nn_op_wants(y, 2))
        dx[2] = nn_tensor_sum_to(nn_tensor_where(c, zero, dy), y->in[2].tensor);
}

nn_tensor *nn_tensor_where(nn_tensor *c, nn_tensor *a, nn_tensor *b) {
    return nn_op_apply(&nn_op_where, 3, (nn_tensor *[]){c, a, b}, NULL);
}

const nn_op nn_op_add = {"add", add_forward, add_backward};
const nn_op nn_op_subtract = {"subtract", subtract_forward, subtract_backward};
const nn_op nn_op_multiply = {"multiply", multiply_forward, multiply_backward};
const nn_op nn_op_divide = {"divide", divide_forward, divide_backward};
const nn_op nn_op_maximum = {"maximum", maximum_forward, maximum_backward};
const nn_op nn_op_greater = {"greater", greater_forward, NULL};
const nn_op nn_op_equal = {"equal", equal_forward, NULL};
const nn_op nn_op_where = {"where", where_forward, where_backward};
