/* Sums and maxima over axes, and broadcasting, which is the transpose of a sum. */
#include "math/kernels.h"
#include "tensor/loop.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

struct arrays {
    nn_real *y;
    const nn_real *x;
};

/* ---- over axes ------------------------------------------------------------------------------- */

/* A bit for each axis; no axes: all. */
static int axes_of(const char *what, const nn_tensor *x, int count, const int *axes,
                   unsigned *bits) {
    *bits = count == 0 ? (1u << x->rank) - 1 : 0;
    for (int i = 0; i < count; i++) {
        int axis;
        NN_TRY(nn_tensor_axis(what, x, axes[i], &axis));
        if (*bits & 1u << axis)
            return nn_fail(NN_EUSAGE, "%s: axis %d is named twice", what, axes[i]);
        *bits |= 1u << axis;
    }
    return 0;
}

/* The shape of x with length 1 for these axes. */
static void kept_shape(const nn_tensor *x, unsigned axes, int64_t *dim) {
    for (int i = 0; i < x->rank; i++)
        dim[i] = axes & 1u << i ? 1 : x->dim[i];
}

static void drop_axes(nn_tensor *y, unsigned axes) {
    int rank = 0;
    for (int i = 0; i < y->rank; i++)
        if (!(axes & 1u << i))
            y->dim[rank++] = y->dim[i];
    y->rank = rank;
}

static nn_tensor *reduce(const nn_op_call *call, nn_real start, nn_run_fn *run) {
    const nn_tensor *x = call->in[0];
    int64_t dim[NN_TENSOR_RANK];
    if (nn_op_want_reals(call) < 0)
        return NULL;
    kept_shape(x, call->args->axes, dim);
    nn_tensor *y = nn_tensor_make(call->op->name, false, x->rank, dim);
    if (!y)
        return NULL;
    for (size_t i = 0; i < y->count; i++)
        nn_reals(y)[i] = start;
    nn_loop loop = nn_loop_of(x->rank, x->dim);
    nn_loop_add(&loop, x->rank, dim);
    nn_loop_add(&loop, x->rank, x->dim);
    nn_loop_run(&loop, run, &(struct arrays){nn_reals(y), nn_reals(x)});
    if (!call->args->keep)
        drop_axes(y, call->args->axes);
    return y;
}

static nn_tensor *over_axes(const nn_op *op, nn_tensor *x, int count, const int *axes, bool keep) {
    nn_op_args args = {.keep = keep};
    if (!x || axes_of(op->name, x, count, axes, &args.axes) < 0)
        return NULL;
    return nn_op_on(op, x, &args);
}

/* t, of y's shape, as if the axes had been kept, and broadcast to those of the operand. */
static nn_tensor *spread(const nn_tensor *y, nn_tensor *t) {
    const nn_tensor *x = y->in[0].tensor;
    int64_t dim[NN_TENSOR_RANK];
    kept_shape(x, y->args.axes, dim);
    return nn_tensor_expand(y->args.keep ? t : nn_tensor_reshape(t, x->rank, dim), x->rank, x->dim);
}

static void sum_run(void *ctx, size_t n, const int64_t *at, const int64_t *step) {
    const struct arrays *t = ctx;
    nn_real *y = t->y + at[0];
    if (step[0] == 0)
        *y = (nn_real)((double)*y + nn_kernels_get()->sum(n, t->x + at[1]));
    else
        nn_kernels_get()->add(n, t->x + at[1], y);
}

static nn_tensor *sum_forward(const nn_op_call *call) {
    return reduce(call, 0, sum_run);
}

static void sum_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    dx[0] = spread(y, dy);
}

nn_tensor *nn_tensor_sum(nn_tensor *x, int count, const int *axes, bool keep) {
    return over_axes(&nn_op_sum, x, count, axes, keep);
}

nn_tensor *nn_tensor_mean(nn_tensor *x, int count, const int *axes, bool keep) {
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    nn_tensor *sum = nn_tensor_sum(x, count, axes, keep);
    double n = sum && x->count ? (double)x->count / (double)sum->count : 0;
    return nn_tensor_yield(&scope, nn_tensor_affine(sum, 1 / n, 0));
}

static void max_run(void *ctx, size_t n, const int64_t *at, const int64_t *step) {
    const struct arrays *t = ctx;
    nn_real *y = t->y + at[0];
    const nn_real *x = t->x + at[1];
    for (int64_t i = 0; i < (int64_t)n; i++)
        if (x[i] > y[i * step[0]] || x[i] != x[i]) /* NaN comes through */
            y[i * step[0]] = x[i];
}

static nn_tensor *max_forward(const nn_op_call *call) {
    return reduce(call, -(nn_real)INFINITY, max_run);
}

/* Elements that are as large as the largest one share dy. */
static void max_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_tensor *x = y->in[0].tensor, *largest = nn_tensor_equal(x, spread(y, y));
    nn_op_args kept = {.axes = y->args.axes, .keep = true};
    nn_tensor *number = nn_op_on(&nn_op_sum, largest, &kept);
    dx[0] = nn_tensor_multiply(spread(y, dy), nn_tensor_divide(largest, number));
}

nn_tensor *nn_tensor_max(nn_tensor *x, int count, const int *axes, bool keep) {
    if (x && x->count == 0) {
        (void)nn_fail(NN_EUSAGE, "max: %s has no elements", NN_TEXT_OF(x));
        return NULL;
    }
    return over_axes(&nn_op_max, x, count, axes, keep);
}

/* ---- broadcasting ---------------------------------------------------------------------------- */

static void expand_run(void *ctx, size_t n, const int64_t *at, const int64_t *step) {
    const struct arrays *t = ctx;
    nn_real *y = t->y + at[0];
    const nn_real *x = t->x + at[1];
    if (step[1] == 1)
        memcpy(y, x, n * sizeof *y);
    else
        for (size_t i = 0; i < n; i++)
            y[i] = *x;
}

static bool fits(const nn_tensor *x, int rank, const int64_t *dim) {
    for (int i = 1; i <= x->rank; i++)
        if (i > rank || (x->dim[x->rank - i] != 1 && x->dim[x->rank - i] != dim[rank - i]))
            return false;
    return true;
}

static nn_tensor *expand_forward(const nn_op_call *call) {
    const nn_tensor *x = call->in[0];
    const nn_op_args *args = call->args;
    if (nn_op_want_reals(call) < 0)
        return NULL;
    if (!fits(x, args->rank, args->dim)) {
        (void)nn_fail(NN_EUSAGE,
                      "expand: %s cannot become %s: aligned at the last dimension, each of its "
                      "dimensions is to be equal or 1",
                      NN_TEXT_OF(x), nn_dims_text(args->rank, args->dim, (char[NN_DIMS_TEXT]){0}));
        return NULL;
    }
    nn_tensor *y = nn_tensor_make("expand", false, args->rank, args->dim);
    if (!y)
        return NULL;
    nn_loop loop = nn_loop_of(y->rank, y->dim);
    nn_loop_add(&loop, y->rank, y->dim);
    nn_loop_add(&loop, x->rank, x->dim);
    nn_loop_run(&loop, expand_run, &(struct arrays){nn_reals(y), nn_reals(x)});
    return y;
}

static void expand_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    dx[0] = nn_tensor_sum_to(dy, y->in[0].tensor);
}

int nn_shape_args(const char *what, int rank, const int64_t *dim, nn_op_args *args) {
    if (rank < 0 || rank > NN_TENSOR_RANK || (rank && !dim))
        return nn_fail(NN_EUSAGE, "%s: a tensor has 0 to %d dimensions, not %d", what,
                       NN_TENSOR_RANK, rank);
    args->rank = rank;
    for (int i = 0; i < rank; i++)
        args->dim[i] = dim[i];
    return 0;
}

nn_tensor *nn_tensor_expand(nn_tensor *x, int rank, const int64_t *dim) {
    nn_op_args args = {.rank = 0};
    return nn_shape_args("expand", rank, dim, &args) < 0 ? NULL : nn_op_on(&nn_op_expand, x, &args);
}

nn_tensor *nn_tensor_sum_to(nn_tensor *x, const nn_tensor *like) {
    nn_op_args args = {.keep = true};
    if (!x || nn_tensor_same_shape(x, like))
        return x;
    int more = x->rank - like->rank;
    for (int i = 0; i < x->rank; i++)
        if (i < more || (like->dim[i - more] == 1 && x->dim[i] != 1))
            args.axes |= 1u << i;
    nn_tensor *sum = nn_op_on(&nn_op_sum, x, &args);
    return more ? nn_tensor_reshape(sum, like->rank, like->dim) : sum;
}

const nn_op nn_op_sum = {"sum", sum_forward, sum_backward};
const nn_op nn_op_max = {"max", max_forward, max_backward};
const nn_op nn_op_expand = {"expand", expand_forward, expand_backward};
