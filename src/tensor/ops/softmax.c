/* Softmax, its logarithm, and cross-entropy. */
#include "base/numbers/elementary.h"
#include "math/kernels.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

/* y = op of x along an axis: the rows do that of the last one. */
static nn_tensor *along(const nn_op *op, nn_tensor *x, int axis) {
    int place, order[NN_TENSOR_RANK];
    if (!x || nn_tensor_axis(op->name, x, axis, &place) < 0)
        return NULL;
    if (place == x->rank - 1)
        return nn_op_on(op, x, NULL);
    for (int i = 0; i < x->rank; i++)
        order[i] = i;
    order[place] = x->rank - 1;
    order[x->rank - 1] = place;
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    return nn_tensor_yield(
        &scope, nn_tensor_permute(nn_op_on(op, nn_tensor_permute(x, order), NULL), order));
}

/* The result and the rows of the operand. */
static nn_tensor *of_rows(const nn_op_call *call, size_t *rows, size_t *cols) {
    const nn_tensor *x = call->in[0];
    if (nn_op_want_reals(call) < 0)
        return NULL;
    *cols = (size_t)x->dim[x->rank - 1];
    *rows = *cols ? x->count / *cols : 0;
    return nn_tensor_make(call->op->name, false, x->rank, x->dim);
}

static nn_tensor *softmax_forward(const nn_op_call *call) {
    size_t rows, cols;
    nn_tensor *y = of_rows(call, &rows, &cols);
    if (y && rows)
        nn_kernels_get()->softmax(rows, cols, nn_reals(call->in[0]), nn_reals(y));
    return y;
}

/* dx = y (dy - sum of dy y) */
static void softmax_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_tensor *product = nn_tensor_multiply(dy, y);
    nn_tensor *sum = nn_tensor_sum(product, 1, (int[]){-1}, true);
    dx[0] = nn_tensor_subtract(product, nn_tensor_multiply(y, sum));
}

/* log of the sum of e^z; y is overwritten. */
static double log_sum_exp(size_t n, const nn_real *z, nn_real *y) {
    nn_real top = z[0];
    for (size_t i = 1; i < n; i++)
        top = z[i] > top ? z[i] : top;
    for (size_t i = 0; i < n; i++)
        y[i] = z[i] - top;
    nn_kernels_get()->exp(n, y, y);
    return (double)top + nn_logarithm(nn_kernels_get()->sum(n, y));
}

static nn_tensor *log_softmax_forward(const nn_op_call *call) {
    size_t rows, cols;
    nn_tensor *t = of_rows(call, &rows, &cols);
    for (size_t r = 0; t && r < rows; r++) {
        const nn_real *z = nn_reals(call->in[0]) + r * cols;
        nn_real *y = nn_reals(t) + r * cols;
        double total = log_sum_exp(cols, z, y);
        for (size_t i = 0; i < cols; i++)
            y[i] = (nn_real)((double)z[i] - total);
    }
    return t;
}

/* dx = dy - softmax(x) sum of dy */
static void log_softmax_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_tensor *sum = nn_tensor_sum(dy, 1, (int[]){-1}, true);
    dx[0] = nn_tensor_subtract(dy, nn_tensor_multiply(nn_tensor_exp(y), sum));
}

nn_tensor *nn_tensor_softmax(nn_tensor *x, int axis) {
    return along(&nn_op_softmax, x, axis);
}

nn_tensor *nn_tensor_log_softmax(nn_tensor *x, int axis) {
    return along(&nn_op_log_softmax, x, axis);
}

/* ---- cross-entropy --------------------------------------------------------------------------- */

static size_t rows_that_count(const nn_tensor *classes) {
    size_t n = 0;
    for (size_t i = 0; i < classes->count; i++)
        n += nn_integers(classes)[i] >= 0;
    return n;
}

static nn_tensor *mean_of_losses(const nn_tensor *z, const nn_tensor *classes) {
    size_t cols = (size_t)z->dim[1], n = rows_that_count(classes);
    nn_buffer *row = nn_buffer_alloc(cols * sizeof(nn_real));
    double total = 0;
    for (size_t r = 0; row && r < classes->count; r++) {
        int64_t class = nn_integers(classes)[r];
        const nn_real *zr = nn_reals(z) + r * cols;
        if (class >= 0)
            total += log_sum_exp(cols, zr, (nn_real *)(void *)row->data) - (double)zr[class];
    }
    nn_buffer_release(row);
    nn_tensor *y = row ? nn_tensor_make("cross_entropy", false, 0, NULL) : NULL;
    if (y)
        nn_reals(y)[0] = (nn_real)(n ? total / (double)n : 0);
    return y;
}

static nn_tensor *cross_entropy_forward(const nn_op_call *call) {
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope); /* the indices are made to check the classes */
    const nn_tensor *indices = nn_tensor_class_indices("cross_entropy", call->in[0], call->in[1]);
    nn_tensor *y = indices ? mean_of_losses(call->in[0], call->in[1]) : NULL;
    nn_tensor_scope_close(&scope);
    return y;
}

/* 1 for rows that count, else 0, [rows, 1]. */
static nn_tensor *row_mask(const nn_tensor *classes) {
    nn_tensor *mask = nn_tensor_make("cross_entropy", false, 2, (int64_t[]){classes->dim[0], 1});
    for (size_t i = 0; mask && i < classes->count; i++)
        nn_reals(mask)[i] = nn_integers(classes)[i] < 0 ? 0 : 1;
    return nn_tensor_adopt(mask);
}

/* dz = dy (softmax(z) - 1 at the class) / n in the rows that count */
static void cross_entropy_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_tensor *z = y->in[0].tensor, *classes = y->in[1].tensor, *p = nn_tensor_softmax(z, -1);
    size_t n = rows_that_count(classes);
    if (n < classes->count)
        p = nn_tensor_multiply(p, row_mask(classes));
    nn_tensor *ones = nn_tensor_ones_at(z, nn_tensor_class_indices("cross_entropy", z, classes));
    dx[0] = nn_tensor_multiply(nn_tensor_subtract(p, ones),
                               nn_tensor_affine(dy, n ? 1 / (double)n : 0, 0));
}

nn_tensor *nn_tensor_cross_entropy(nn_tensor *z, nn_tensor *classes) {
    return nn_op_on_two(&nn_op_cross_entropy, z, classes, NULL);
}

const nn_op nn_op_softmax = {"softmax", softmax_forward, softmax_backward};
const nn_op nn_op_log_softmax = {"log_softmax", log_softmax_forward, log_softmax_backward};
const nn_op nn_op_cross_entropy = {"cross_entropy", cross_entropy_forward, cross_entropy_backward};
