/* The life of tensors. */
#include "tensor/tensor.h"

#include "base/shape.h"
#include "math/kernels.h"

#include <stdio.h>
#include <string.h>

static atomic_uint_fast64_t ids;
static atomic_int_fast64_t live;

static _Thread_local nn_tensor_scope *innermost;

/* ---- shapes ---------------------------------------------------------------------------------- */

const char *nn_dims_text(int rank, const int64_t *dim, char text[NN_DIMS_TEXT]) {
    int at = snprintf(text, NN_DIMS_TEXT, "[");
    for (int i = 0; i < rank; i++)
        at += snprintf(text + at, NN_DIMS_TEXT - (size_t)at, "%s%lld", i ? ", " : "",
                       (long long)dim[i]);
    snprintf(text + at, NN_DIMS_TEXT - (size_t)at, "]");
    return text;
}

bool nn_tensor_same_shape(const nn_tensor *a, const nn_tensor *b) {
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

int nn_tensor_axis(const char *what, const nn_tensor *x, int axis, int *out) {
    *out = axis < 0 ? axis + x->rank : axis;
    if (*out >= 0 && *out < x->rank)
        return 0;
    return nn_fail(NN_EUSAGE, "%s: %s has no axis %d; its axes are 0 to %d", what, NN_TEXT_OF(x),
                   axis, x->rank - 1);
}

int nn_tensor_elements(const char *what, int rank, const int64_t *dim, size_t *out) {
    size_t n = 1;
    bool none = false;
    if (rank < 0 || rank > NN_TENSOR_RANK)
        return nn_fail(NN_EUSAGE, "%s: a tensor has 0 to %d dimensions, not %d", what,
                       NN_TENSOR_RANK, rank);
    for (int i = 0; i < rank; i++) {
        none = none || dim[i] == 0;
        if (dim[i] < 0 || __builtin_mul_overflow(n, (size_t)(dim[i] ? dim[i] : 1), &n) ||
            n > NN_SHAPE_MOST)
            return nn_fail(NN_EUSAGE, "%s: there is no tensor of shape %s", what,
                           nn_dims_text(rank, dim, (char[NN_DIMS_TEXT]){0}));
    }
    *out = none ? 0 : n;
    return 0;
}

/* ---- making ---------------------------------------------------------------------------------- */

nn_tensor *nn_tensor_adopt(nn_tensor *t) {
    if (t && innermost) {
        t->next_made = innermost->made;
        innermost->made = t;
    }
    return t;
}

/* One without numbers yet. */
static nn_tensor *bare(bool integer, int rank, const int64_t *dim, size_t count) {
    nn_buffer *storage = nn_buffer_alloc(sizeof(nn_tensor));
    if (!storage)
        return NULL;
    nn_tensor *t = (nn_tensor *)(void *)storage->data;
    memset(t, 0, offsetof(nn_tensor, args));
    memset(&t->pass, 0, sizeof *t - offsetof(nn_tensor, pass));
    t->refs = 1;
    t->storage = storage;
    t->integer = integer;
    t->rank = rank;
    for (int i = 0; i < rank; i++) /* of none, `dim` may be NULL */
        t->dim[i] = dim[i];
    t->count = count;
    t->id = atomic_fetch_add_explicit(&ids, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return t;
}

nn_tensor *nn_tensor_make(const char *what, bool integer, int rank, const int64_t *dim) {
    size_t count;
    if (nn_tensor_elements(what, rank, dim, &count) < 0)
        return NULL;
    nn_tensor *t = bare(integer, rank, dim, count);
    if (!t)
        return NULL;
    t->buffer = nn_buffer_alloc(count * (integer ? sizeof(int64_t) : sizeof(nn_real)));
    if (!t->buffer) {
        nn_tensor_release(t);
        return NULL;
    }
    return t;
}

nn_tensor *nn_tensor_view(nn_tensor *x, int rank, const int64_t *dim) {
    nn_tensor *t = bare(x->integer, rank, dim, x->count);
    if (t)
        t->buffer = nn_buffer_retain(x->buffer);
    return t;
}

nn_tensor *nn_tensor_filled(int rank, const int64_t *dim, double value) {
    nn_tensor *t = nn_tensor_make("fill", false, rank, dim);
    for (size_t i = 0; t && i < t->count; i++)
        nn_reals(t)[i] = (nn_real)value;
    return nn_tensor_adopt(t);
}

/* to[n] = from[n], converted. */
#define CONVERT(name, to_type, from_type)                                                          \
    static void name(size_t n, const void *from, void *to) {                                       \
        const from_type *x = from;                                                                 \
        to_type *y = to;                                                                           \
        for (size_t i = 0; i < n; i++)                                                             \
            y[i] = (to_type)x[i];                                                                  \
    }
CONVERT(integers_of_u8, int64_t, uint8_t)
CONVERT(integers_of_i8, int64_t, int8_t)
CONVERT(integers_of_i16, int64_t, int16_t)
CONVERT(integers_of_i32, int64_t, int32_t)
CONVERT(integers_of_i64, int64_t, int64_t)
CONVERT(reals_of_f32, nn_real, float)
CONVERT(reals_of_f64, nn_real, double)

static const struct {
    void (*convert)(size_t n, const void *from, void *to);
    bool integer;
} source[] = {[NN_U8] = {integers_of_u8, true},   [NN_I8] = {integers_of_i8, true},
              [NN_I16] = {integers_of_i16, true}, [NN_I32] = {integers_of_i32, true},
              [NN_I64] = {integers_of_i64, true}, [NN_F32] = {reals_of_f32, false},
              [NN_F64] = {reals_of_f64, false}};

static int check_type(const char *what, nn_dtype type) {
    return (unsigned)type < sizeof source / sizeof *source
               ? 0
               : nn_fail(NN_EUSAGE, "%s: there is no type %d of numbers", what, (int)type);
}

nn_tensor *nn_tensor_new(nn_dtype type, int rank, const int64_t *dim, const void *values) {
    if (check_type("tensor", type) < 0)
        return NULL;
    nn_tensor *t = nn_tensor_make("tensor", source[type].integer, rank, dim);
    if (t && values)
        source[type].convert(t->count, values, t->buffer->data);
    else if (t)
        memset(t->buffer->data, 0, t->buffer->size);
    return nn_tensor_adopt(t);
}

int nn_tensor_set_values(nn_tensor *t, nn_dtype type, const void *values) {
    if (!t || !values)
        return nn_fail(NN_EUSAGE, "set_values: there is no %s", t ? "array" : "tensor");
    NN_TRY(check_type("set_values", type));
    if (source[type].integer != t->integer)
        return nn_fail(NN_EUSAGE, "set_values: the tensor holds %s, the array does not",
                       t->integer ? "integers" : "floats");
    if (t->op)
        return nn_fail(NN_EUSAGE,
                       "set_values: the tensor was made by '%s', whose record would be wrong; make "
                       "a new one of these values",
                       t->op->name);
    source[type].convert(t->count, values, t->buffer->data);
    t->buffer->version++;
    return 0;
}

/* ---- references ------------------------------------------------------------------------------ */

nn_tensor *nn_tensor_retain(nn_tensor *t) {
    if (t)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

/* Gives up a reference; a tensor without any goes to the list, not into a recursion as deep as what
 * it was computed from. */
static void drop(nn_tensor *t, nn_tensor **dead) {
    if (t && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1) {
        t->next_dead = *dead;
        *dead = t;
    }
}

static void drop_operands(nn_tensor *t, nn_tensor **dead) {
    for (size_t i = 0; t->in && i < t->inputs; i++)
        drop(t->in[i].tensor, dead);
    nn_buffer_release(t->many);
    t->many = NULL;
    t->in = NULL;
}

static void bury(nn_tensor *dead) {
    while (dead) {
        nn_tensor *t = dead;
        dead = t->next_dead;
        drop_operands(t, &dead);
        drop(t->grad, &dead);
        drop(t->pending, &dead);
        nn_buffer_release(t->buffer);
        nn_buffer_release(t->storage);
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    }
}

void nn_tensor_release(nn_tensor *t) {
    nn_tensor *dead = NULL;
    drop(t, &dead);
    bury(dead);
}

void nn_tensor_forget(nn_tensor *t) {
    nn_tensor *dead = NULL;
    drop_operands(t, &dead);
    bury(dead);
}

int64_t nn_tensor_live(void) {
    return atomic_load(&live);
}

void nn_tensor_trim(void) {
    nn_buffer_trim();
}

/* ---- scopes ---------------------------------------------------------------------------------- */

void nn_tensor_scope_open(nn_tensor_scope *scope) {
    if (!scope)
        return;
    *scope = (nn_tensor_scope){innermost, NULL};
    innermost = scope;
}

void nn_tensor_scope_close(nn_tensor_scope *scope) {
    nn_tensor *dead = NULL;
    if (!scope)
        return;
    innermost = scope->outer;
    for (nn_tensor *t = scope->made, *next; t; t = next) {
        next = t->next_made;
        t->next_made = NULL;
        drop(t, &dead);
    }
    bury(dead);
}

nn_tensor *nn_tensor_yield(nn_tensor_scope *scope, nn_tensor *result) {
    nn_tensor_retain(result);
    nn_tensor_scope_close(scope);
    return nn_tensor_adopt(result);
}

/* ---- looking --------------------------------------------------------------------------------- */

int nn_tensor_rank(const nn_tensor *t) {
    return t ? t->rank : 0;
}

const int64_t *nn_tensor_dims(const nn_tensor *t) {
    return t ? t->dim : NULL;
}

int64_t nn_tensor_count(const nn_tensor *t) {
    return t ? (int64_t)t->count : 0;
}

nn_dtype nn_tensor_type(const nn_tensor *t) {
    return t && t->integer ? NN_I64 : (sizeof(nn_real) == sizeof(double) ? NN_F64 : NN_F32);
}

const void *nn_tensor_values(const nn_tensor *t) {
    return t ? t->buffer->data : NULL;
}

bool nn_tensor_requires_grad(const nn_tensor *t) {
    return t && t->requires_grad;
}

nn_tensor *nn_tensor_gradient(const nn_tensor *t) {
    return t ? t->grad : NULL;
}

int nn_tensor_require_grad(nn_tensor *t, bool on) {
    if (!t || t->integer)
        return nn_fail(NN_EUSAGE, "require_grad: %s",
                       t ? "integers have no derivatives" : "there is no tensor");
    if (t->op && !on)
        return nn_fail(NN_EUSAGE,
                       "require_grad: the tensor was made by '%s' from what requires gradients; "
                       "detach it",
                       t->op->name);
    t->requires_grad = on;
    return 0;
}

int nn_tensor_set_gradient(nn_tensor *t, nn_tensor *gradient) {
    if (!t)
        return nn_fail(NN_EUSAGE, "set_gradient: there is no tensor");
    if (gradient && (gradient->integer || !nn_tensor_same_shape(t, gradient)))
        return nn_fail(NN_EUSAGE, "set_gradient: the gradient of %s is %s of this shape, not %s",
                       NN_TEXT_OF(t), "floats", NN_TEXT_OF(gradient));
    nn_tensor_retain(gradient);
    nn_tensor_release(t->grad);
    t->grad = gradient;
    return 0;
}

nn_tensor *nn_tensor_detach(nn_tensor *t) {
    return t ? nn_tensor_adopt(nn_tensor_view(t, t->rank, t->dim)) : NULL;
}
