/* Elements and rows by integers. gather and scatter, take and put are the transposes of each
 * other, so that each is the backward pass of the other. */
#include "math/kernels.h"
#include "tensor/tensor.h"

#include <string.h>

static nn_tensor *zeros(const char *what, int rank, const int64_t *dim) {
    nn_tensor *y = nn_tensor_make(what, false, rank, dim);
    if (y)
        memset(y->buffer->data, 0, y->buffer->size);
    return y;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int check_gather(const nn_tensor *x, const nn_tensor *index) {
    NN_TRY(nn_want_integers("gather", index));
    if (x->integer || x->rank == 0 || index->rank + x->rank - 1 > NN_TENSOR_RANK)
        return nn_fail(NN_EUSAGE,
                       "gather: %s of %s: floats with a first dimension are wanted, and a result "
                       "of at most %d dimensions",
                       NN_TEXT_OF(index), NN_TEXT_OF(x), NN_TENSOR_RANK);
    for (size_t i = 0; i < index->count; i++)
        if (nn_integers(index)[i] < 0 || nn_integers(index)[i] >= x->dim[0])
            return nn_fail(NN_EUSAGE, "gather: index %zu is %lld, and %s has rows 0 to %lld", i,
                           (long long)nn_integers(index)[i], NN_TEXT_OF(x),
                           (long long)x->dim[0] - 1);
    return 0;
}

/* Elements of a row. */
static size_t row_size(int rank, const int64_t *dim) {
    size_t size = 1;
    for (int i = 1; i < rank; i++)
        size *= (size_t)dim[i];
    return size;
}

static nn_tensor *gather_forward(const nn_op_call *call) {
    const nn_tensor *x = call->in[0], *index = call->in[1];
    if (check_gather(x, index) < 0)
        return NULL;
    int64_t dim[NN_TENSOR_RANK];
    memcpy(dim, index->dim, (size_t)index->rank * sizeof *dim);
    memcpy(dim + index->rank, x->dim + 1, (size_t)(x->rank - 1) * sizeof *dim);
    nn_tensor *y = nn_tensor_make("gather", false, index->rank + x->rank - 1, dim);
    size_t size = row_size(x->rank, x->dim);
    for (size_t i = 0; y && i < index->count; i++)
        memcpy(nn_reals(y) + i * size, nn_reals(x) + (size_t)nn_integers(index)[i] * size,
               size * sizeof(nn_real));
    return y;
}

static void gather_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    const nn_tensor *x = y->in[0].tensor;
    nn_op_args args = {.rank = x->rank};
    memcpy(args.dim, x->dim, sizeof args.dim);
    dx[0] = nn_op_on_two(&nn_op_scatter, dy, y->in[1].tensor, &args);
}

static nn_tensor *scatter_forward(const nn_op_call *call) {
    const nn_tensor *x = call->in[0], *index = call->in[1];
    const nn_op_args *args = call->args;
    nn_tensor *y = zeros("scatter", args->rank, args->dim);
    size_t size = row_size(args->rank, args->dim);
    for (size_t i = 0; y && i < index->count; i++)
        nn_kernels_get()->add(size, nn_reals(x) + i * size,
                              nn_reals(y) + (size_t)nn_integers(index)[i] * size);
    return y;
}

static void scatter_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    dx[0] = nn_tensor_gather(dy, y->in[1].tensor);
}

nn_tensor *nn_tensor_gather(nn_tensor *x, nn_tensor *index) {
    return nn_op_on_two(&nn_op_gather, x, index, NULL);
}

/* ---- elements -------------------------------------------------------------------------------- */

static nn_tensor *take_forward(const nn_op_call *call) {
    const nn_tensor *x = call->in[0], *index = call->in[1];
    nn_tensor *y = nn_tensor_make("take", false, index->rank, index->dim);
    for (size_t i = 0; y && i < index->count; i++) {
        int64_t at = nn_integers(index)[i];
        nn_reals(y)[i] = at < 0 ? 0 : nn_reals(x)[at];
    }
    return y;
}

static void take_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    const nn_tensor *x = y->in[0].tensor;
    nn_op_args args = {.rank = x->rank};
    memcpy(args.dim, x->dim, sizeof args.dim);
    dx[0] = nn_op_on_two(&nn_op_put, dy, y->in[1].tensor, &args);
}

static nn_tensor *put_forward(const nn_op_call *call) {
    const nn_tensor *x = call->in[0], *index = call->in[1];
    nn_tensor *y = zeros("put", call->args->rank, call->args->dim);
    for (size_t i = 0; y && i < index->count; i++) {
        int64_t at = nn_integers(index)[i];
        if (at >= 0)
            nn_reals(y)[at] += nn_reals(x)[i];
    }
    return y;
}

static void put_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    dx[0] = nn_tensor_take(dy, y->in[1].tensor);
}

nn_tensor *nn_tensor_take(nn_tensor *x, nn_tensor *index) {
    return nn_op_on_two(&nn_op_take, x, index, NULL);
}

/* ---- classes --------------------------------------------------------------------------------- */

static int check_classes(const char *what, const nn_tensor *x, const nn_tensor *classes) {
    NN_TRY(nn_want_integers(what, classes));
    if (x->rank != 2 || x->integer || classes->rank != 1 || classes->dim[0] != x->dim[0])
        return nn_fail(NN_EUSAGE,
                       "%s: classes %s of %s: a class for each row of a matrix of floats is wanted",
                       what, NN_TEXT_OF(classes), NN_TEXT_OF(x));
    for (size_t i = 0; i < classes->count; i++)
        if (nn_integers(classes)[i] < -1 || nn_integers(classes)[i] >= x->dim[1])
            return nn_fail(NN_EUSAGE,
                           "%s: row %zu has class %lld; there are 0 to %lld, and -1 for none", what,
                           i, (long long)nn_integers(classes)[i], (long long)x->dim[1] - 1);
    return 0;
}

nn_tensor *nn_tensor_class_indices(const char *what, const nn_tensor *x, const nn_tensor *classes) {
    if (check_classes(what, x, classes) < 0)
        return NULL;
    nn_tensor *indices = nn_tensor_make(what, true, 1, classes->dim);
    for (size_t i = 0; indices && i < classes->count; i++) {
        int64_t class = nn_integers(classes)[i];
        nn_integers(indices)[i] = class < 0 ? -1 : (int64_t)i * x->dim[1] + class;
    }
    return nn_tensor_adopt(indices);
}

nn_tensor *nn_tensor_ones_at(const nn_tensor *x, nn_tensor *indices) {
    nn_tensor *y = indices ? zeros("ones", x->rank, x->dim) : NULL;
    for (size_t i = 0; y && i < indices->count; i++)
        if (nn_integers(indices)[i] >= 0)
            nn_reals(y)[nn_integers(indices)[i]] = 1;
    return nn_tensor_adopt(y);
}

nn_tensor *nn_tensor_pick(nn_tensor *x, nn_tensor *classes) {
    nn_tensor_scope scope;
    if (!x || !classes)
        return NULL;
    nn_tensor_scope_open(&scope);
    return nn_tensor_yield(&scope, nn_tensor_take(x, nn_tensor_class_indices("pick", x, classes)));
}

const nn_op nn_op_gather = {"gather", gather_forward, gather_backward};
const nn_op nn_op_scatter = {"scatter", scatter_forward, scatter_backward};
const nn_op nn_op_take = {"take", take_forward, take_backward};
const nn_op nn_op_put = {"put", put_forward, put_backward};
