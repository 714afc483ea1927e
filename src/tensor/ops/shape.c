/* Other shapes, other orders, parts, and what is put together from parts. */
#include "base/shape.h"

#include "tensor/loop.h"
#include "tensor/tensor.h"

#include <string.h>

/* ---- reshape --------------------------------------------------------------------------------- */

static nn_tensor *reshape_forward(const nn_op_call *call) {
    return nn_tensor_view(call->in[0], call->args->rank, call->args->dim);
}

static void reshape_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    const nn_tensor *x = y->in[0].tensor;
    dx[0] = nn_tensor_reshape(dy, x->rank, x->dim);
}

/* A dimension of -1 becomes what is left; false where the elements do not fill the shape. */
static bool complete(size_t count, nn_op_args *args) {
    size_t known = 1;
    int open = -1;
    for (int i = 0; i < args->rank; i++) {
        if (args->dim[i] == -1 && open < 0)
            open = i;
        else if (args->dim[i] < 0 || __builtin_mul_overflow(known, (size_t)args->dim[i], &known))
            return false;
    }
    if (open >= 0 && known > 0 && count % known == 0) {
        args->dim[open] = (int64_t)(count / known);
        return true;
    }
    return open < 0 && known == count;
}

nn_tensor *nn_tensor_reshape(nn_tensor *x, int rank, const int64_t *dim) {
    nn_op_args args = {.rank = 0};
    if (!x || nn_shape_args("reshape", rank, dim, &args) < 0)
        return NULL;
    if (complete(x->count, &args)) {
        size_t count;
        if (nn_tensor_elements("reshape", args.rank, args.dim, &count) < 0)
            return NULL;
        return nn_op_on(&nn_op_reshape, x, &args);
    }
    (void)nn_fail(NN_EUSAGE, "reshape: the %zu elements of %s do not fill %s", x->count,
                  NN_TEXT_OF(x), nn_dims_text(rank, dim, (char[NN_DIMS_TEXT]){0}));
    return NULL;
}

/* ---- copies from one order to another -------------------------------------------------------- */

struct arrays {
    void *to;
    const void *from;
    bool integer;
};

#define COPY(type)                                                                                 \
    do {                                                                                           \
        type *y = (type *)t->to + at[0];                                                           \
        const type *x = (const type *)t->from + at[1];                                             \
        for (int64_t i = 0; i < (int64_t)n; i++)                                                   \
            y[i * step[0]] = x[i * step[1]];                                                       \
    } while (0)

static void copy_run(void *ctx, size_t n, const int64_t *at, const int64_t *step) {
    const struct arrays *t = ctx;
    if (t->integer)
        COPY(int64_t);
    else if (step[0] == 1 && step[1] == 1)
        memcpy((nn_real *)t->to + at[0], (const nn_real *)t->from + at[1], n * sizeof(nn_real));
    else
        COPY(nn_real);
}

/* Elements `first` of `whole` on, in steps of its rows, from or to those of `part` in order. */
struct part {
    nn_tensor *whole, *part;
    int64_t first, step[NN_TENSOR_RANK]; /* elements of `whole` for a step of each axis of `part` */
};

static void copy_part(const struct part *p, bool to_whole) {
    nn_loop loop = nn_loop_of(p->part->rank, p->part->dim);
    loop.arrays = to_whole ? 1 : 0;
    nn_loop_add(&loop, p->part->rank, p->part->dim);
    memcpy(loop.step[to_whole ? 0 : 1], p->step, sizeof p->step);
    loop.arrays = 2;
    size_t size = p->whole->integer ? sizeof(int64_t) : sizeof(nn_real);
    unsigned char *whole = p->whole->buffer->data + (size_t)p->first * size;
    struct arrays arrays = {to_whole ? (void *)whole : p->part->buffer->data,
                            to_whole ? (const void *)p->part->buffer->data : whole,
                            p->whole->integer};
    nn_loop_run(&loop, copy_run, &arrays);
}

/* Elements from one index of each axis to the next. */
static void strides_of(const nn_tensor *t, int64_t *stride) {
    int64_t size = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        stride[i] = size;
        size *= t->dim[i];
    }
}

/* ---- permute --------------------------------------------------------------------------------- */

static nn_tensor *permute_forward(const nn_op_call *call) {
    nn_tensor *x = call->in[0];
    int64_t dim[NN_TENSOR_RANK], stride[NN_TENSOR_RANK];
    strides_of(x, stride);
    for (int i = 0; i < x->rank; i++)
        dim[i] = x->dim[call->args->dim[i]];
    nn_tensor *y = nn_tensor_make("permute", x->integer, x->rank, dim);
    struct part p = {.whole = x, .part = y};
    for (int i = 0; y && i < x->rank; i++)
        p.step[i] = stride[call->args->dim[i]];
    if (y)
        copy_part(&p, false);
    return y;
}

static void permute_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    int back[NN_TENSOR_RANK] = {0};
    for (int i = 0; i < y->rank; i++)
        back[y->args.dim[i]] = i;
    dx[0] = nn_tensor_permute(dy, back);
}

/* No element moves: only dimensions of 1 change places. */
static bool stays(const nn_tensor *x, const nn_op_args *args) {
    int64_t last = -1;
    for (int i = 0; i < x->rank; i++) {
        int64_t axis = args->dim[i];
        if (x->dim[axis] == 1)
            continue;
        if (axis < last)
            return false;
        last = axis;
    }
    return true;
}

nn_tensor *nn_tensor_permute(nn_tensor *x, const int *axes) {
    nn_op_args args = {.rank = x ? x->rank : 0};
    int64_t dim[NN_TENSOR_RANK] = {0};
    unsigned seen = 0;
    for (int i = 0; x && i < x->rank; i++) {
        int axis = 0;
        if (nn_tensor_axis("permute", x, axes[i], &axis) < 0)
            return NULL;
        args.dim[i] = axis;
        dim[i] = x->dim[axis];
        seen |= 1u << axis;
    }
    if (x && seen != (1u << x->rank) - 1) {
        (void)nn_fail(NN_EUSAGE, "permute: each axis of %s is to be named once", NN_TEXT_OF(x));
        return NULL;
    }
    return x && stays(x, &args) ? nn_tensor_reshape(x, x->rank, dim)
                                : nn_op_on(&nn_op_permute, x, &args);
}

/* ---- slice and unslice ----------------------------------------------------------------------- */

/* The part of `whole` that begins at `begin` and goes on by `step`. */
static struct part part_of(nn_tensor *whole, nn_tensor *part, const nn_op_args *args) {
    struct part p = {.whole = whole, .part = part};
    int64_t stride[NN_TENSOR_RANK];
    strides_of(whole, stride);
    for (int i = 0; i < whole->rank; i++) {
        p.first += args->begin[i] * stride[i];
        p.step[i] = args->step[i] * stride[i];
    }
    return p;
}

static nn_tensor *slice_forward(const nn_op_call *call) {
    nn_tensor *x = call->in[0];
    nn_tensor *y = nn_tensor_make("slice", x->integer, x->rank, call->args->dim);
    if (y && y->count) {
        struct part p = part_of(x, y, call->args);
        copy_part(&p, false);
    }
    return y;
}

/* Zeros around dy where the elements were. */
static void slice_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    const nn_tensor *x = y->in[0].tensor;
    nn_op_args args = y->args;
    memcpy(args.dim, x->dim, sizeof args.dim);
    dx[0] = nn_op_on(&nn_op_unslice, dy, &args);
}

static nn_tensor *unslice_forward(const nn_op_call *call) {
    nn_tensor *x = call->in[0];
    nn_tensor *y = nn_tensor_make("unslice", false, x->rank, call->args->dim);
    if (!y)
        return NULL;
    memset(y->buffer->data, 0, y->buffer->size);
    if (x->count) {
        struct part p = part_of(y, x, call->args);
        copy_part(&p, true);
    }
    return y;
}

static void unslice_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_op_args args = y->args;
    memcpy(args.dim, y->in[0].tensor->dim, sizeof args.dim);
    dx[0] = nn_op_on(&nn_op_slice, dy, &args);
}

/* Whether first and last element are there. */
static bool within(int64_t dim, int64_t begin, int64_t step, int64_t count) {
    int64_t last;
    if (count == 0)
        return true;
    return count > 0 && !__builtin_mul_overflow(count - 1, step, &last) &&
           !__builtin_add_overflow(begin, last, &last) && begin >= 0 && begin < dim && last >= 0 &&
           last < dim && (step != 0 || count == 1);
}

nn_tensor *nn_tensor_slice(nn_tensor *x, const int64_t *begin, const int64_t *step,
                           const int64_t *count) {
    nn_op_args args = {.rank = x ? x->rank : 0};
    for (int i = 0; i < args.rank; i++) {
        if (!within(x->dim[i], begin[i], step[i], count[i])) {
            (void)nn_fail(NN_EUSAGE,
                          "slice: %lld elements from %lld on by %lld are not all within axis %d of "
                          "%s",
                          (long long)count[i], (long long)begin[i], (long long)step[i], i,
                          NN_TEXT_OF(x));
            return NULL;
        }
        args.begin[i] = count[i] ? begin[i] : 0; /* what is not used may be any number */
        args.step[i] = count[i] > 1 ? step[i] : 1;
        args.dim[i] = count[i];
    }
    return nn_op_on(&nn_op_slice, x, &args);
}

/* ---- concat ---------------------------------------------------------------------------------- */

static int check_concat(const nn_op_call *call, int axis, int64_t *dim) {
    const nn_tensor *first = call->in[0];
    memcpy(dim, first->dim, sizeof first->dim);
    for (size_t k = 1; k < call->inputs; k++) {
        const nn_tensor *t = call->in[k];
        bool fit = t->rank == first->rank && t->integer == first->integer;
        for (int i = 0; fit && i < t->rank; i++)
            fit = i == axis || t->dim[i] == dim[i];
        if (!fit)
            return nn_fail(NN_EUSAGE,
                           "concat: %s does not fit to %s along axis %d: other dimensions and the "
                           "kind of numbers are to be equal",
                           NN_TEXT_OF(t), NN_TEXT_OF(first), axis);
        dim[axis] += t->dim[axis]; /* which does not overflow: see nn_tensor_elements */
        if ((size_t)dim[axis] > NN_SHAPE_MOST)
            return nn_fail(NN_EUSAGE, "concat: there is no tensor of shape %s",
                           nn_dims_text(first->rank, dim, (char[NN_DIMS_TEXT]){0}));
    }
    return 0;
}

/* Steps through the whole are its strides; `begin` along the axis is moved by the caller. */
static nn_op_args whole_part(int rank) {
    nn_op_args args = {.rank = rank};
    for (int i = 0; i < rank; i++)
        args.step[i] = 1;
    return args;
}

static nn_tensor *concat_forward(const nn_op_call *call) {
    int axis = (int)call->args->dim[0];
    int64_t dim[NN_TENSOR_RANK];
    if (check_concat(call, axis, dim) < 0)
        return NULL;
    nn_tensor *y = nn_tensor_make("concat", call->in[0]->integer, call->in[0]->rank, dim);
    if (!y)
        return NULL;
    nn_op_args args = whole_part(y->rank);
    for (size_t k = 0; k < call->inputs; k++) {
        nn_tensor *t = call->in[k];
        struct part p = part_of(y, t, &args);
        copy_part(&p, true);
        args.begin[axis] += t->dim[axis];
    }
    return y;
}

static void concat_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    int axis = (int)y->args.dim[0];
    nn_op_args args = whole_part(y->rank);
    for (size_t k = 0; k < y->inputs; k++) {
        const nn_tensor *t = y->in[k].tensor;
        if (nn_op_wants(y, k))
            dx[k] = nn_tensor_slice(dy, args.begin, args.step, t->dim);
        args.begin[axis] += t->dim[axis];
    }
}

nn_tensor *nn_tensor_concat(size_t count, nn_tensor *const *x, int axis) {
    int place;
    if (count == 0) {
        (void)nn_fail(NN_EUSAGE, "concat: there are no tensors to put together");
        return NULL;
    }
    if (!x[0] || nn_tensor_axis("concat", x[0], axis, &place) < 0)
        return NULL;
    return nn_op_apply(&nn_op_concat, count, x, &(nn_op_args){.dim = {place}});
}

const nn_op nn_op_reshape = {"reshape", reshape_forward, reshape_backward};
const nn_op nn_op_permute = {"permute", permute_forward, permute_backward};
const nn_op nn_op_slice = {"slice", slice_forward, slice_backward};
const nn_op nn_op_unslice = {"unslice", unslice_forward, unslice_backward};
const nn_op nn_op_concat = {"concat", concat_forward, concat_backward};
