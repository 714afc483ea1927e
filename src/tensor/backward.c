/* Reverse mode: from the last tensor that was made to the first. */
#include "tensor/tensor.h"

#include <stdlib.h>

static atomic_uint_fast64_t passes;

/* Tensors that a pass goes through. */
struct pass {
    uint64_t number;
    nn_buffer *memory;
    nn_tensor **list;
    size_t count;
    int flags;
    bool to_leaves; /* derivatives are added to those that leaves keep */
};

static int append(struct pass *p, nn_tensor *t) {
    if (!t->requires_grad || t->pass == p->number)
        return 0;
    size_t room = p->memory ? p->memory->size / sizeof *p->list : 0;
    if (p->count == room) {
        nn_buffer *more = nn_buffer_alloc((room ? 2 * room : 64) * sizeof *p->list);
        if (!more)
            return NN_EMEMORY;
        nn_tensor **list = (nn_tensor **)(void *)more->data;
        for (size_t i = 0; i < p->count; i++)
            list[i] = p->list[i];
        nn_buffer_release(p->memory);
        p->memory = more;
        p->list = list;
    }
    t->pass = p->number;
    t->needed = t->target = false;
    p->list[p->count++] = t;
    return 0;
}

static int by_age(const void *a, const void *b) {
    const nn_tensor *x = *(nn_tensor *const *)a, *y = *(nn_tensor *const *)b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Everything that the outputs depend on and that requires gradients, operands first. */
static int collect(struct pass *p, size_t outputs, nn_tensor *const *y) {
    for (size_t i = 0; i < outputs; i++)
        NN_TRY(append(p, y[i]));
    for (size_t i = 0; i < p->count; i++) {
        const nn_tensor *t = p->list[i];
        if (t->op && !t->in)
            return nn_fail(NN_EUSAGE,
                           "backward: what '%s' recorded has been used and forgotten; keep it in "
                           "the first pass (NN_GRAD_KEEP)",
                           t->op->name);
        for (size_t k = 0; t->op && k < t->inputs; k++)
            NN_TRY(append(p, t->in[k].tensor));
    }
    if (p->list)
        qsort(p->list, p->count, sizeof(nn_tensor *), by_age);
    return 0;
}

static void mark_needed(const struct pass *p) {
    for (size_t i = 0; i < p->count; i++) {
        nn_tensor *t = p->list[i];
        t->needed = t->target || (p->to_leaves && !t->op);
        for (size_t k = 0; t->op && !t->needed && k < t->inputs; k++)
            t->needed = t->in[k].tensor->pass == p->number && t->in[k].tensor->needed;
    }
}

/* *sum += x */
static int add_to(nn_tensor **sum, nn_tensor *x) {
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    nn_tensor *total = nn_tensor_retain(*sum ? nn_tensor_add(*sum, x) : x);
    nn_tensor_scope_close(&scope);
    if (!total)
        return nn_error_code();
    nn_tensor_release(*sum);
    *sum = total;
    return 0;
}

/* Backward passes read operands and, as that of tanh does, results. */
static int check_versions(const nn_tensor *t) {
    if (t->buffer->version != t->version)
        return nn_fail(NN_EUSAGE,
                       "backward: the result of '%s', %s, has been changed since (by new values of "
                       "a detached tensor, which shares them); compute again before this",
                       t->op->name, NN_TEXT_OF(t));
    for (size_t i = 0; i < t->inputs; i++)
        if (t->in[i].tensor->buffer->version != t->in[i].version)
            return nn_fail(NN_EUSAGE,
                           "backward: operand %zu of '%s', %s, has been changed since (by a step "
                           "of the optimiser or new values); compute again before this",
                           i, t->op->name, NN_TEXT_OF(t->in[i].tensor));
    return 0;
}

static int propagate(const struct pass *p, nn_tensor *t, nn_tensor **dx) {
    for (size_t i = 0; i < t->inputs; i++)
        dx[i] = NULL;
    t->op->backward(t, t->pending, dx);
    for (size_t i = 0; i < t->inputs; i++) {
        nn_tensor *x = t->in[i].tensor;
        if (x->pass != p->number || !x->needed)
            continue;
        if (!dx[i])
            return nn_error_code();
        NN_TRY(add_to(&x->pending, dx[i]));
    }
    return 0;
}

/* Through the operation that made t. */
static int go_through(const struct pass *p, nn_tensor *t) {
    nn_tensor *few[NN_FEW_OPERANDS], **dx = few;
    nn_buffer *many = NULL;
    nn_tensor_scope scope;
    NN_TRY(check_versions(t));
    if (t->inputs > NN_FEW_OPERANDS) {
        many = nn_buffer_alloc(t->inputs * sizeof *dx);
        if (!many)
            return NN_EMEMORY;
        dx = (nn_tensor **)(void *)many->data;
    }
    nn_tensor_scope_open(&scope);
    int rc = propagate(p, t, dx);
    nn_tensor_scope_close(&scope);
    nn_buffer_release(many);
    return rc;
}

/* Nobody else's, and in nobody else's memory, as a reshaped one is: a gradient may be changed in
 * place. */
static nn_tensor *own_pending(nn_tensor *t) {
    nn_tensor *g = t->pending;
    bool shared = atomic_load(&g->refs) > 1 || atomic_load(&g->buffer->refs) > 1;
    return shared ? nn_tensor_affine(g, 1, 0) : g;
}

static int visit(const struct pass *p, nn_tensor *t) {
    if (!t->needed || !t->pending)
        return 0;
    if (t->op)
        NN_TRY(go_through(p, t));
    else if (p->to_leaves)
        NN_TRY(add_to(&t->grad, own_pending(t)));
    return 0;
}

static int run(const struct pass *p) {
    int rc = 0;
    for (size_t i = p->count; rc == 0 && i > 0; i--) {
        nn_tensor *t = p->list[i - 1];
        rc = visit(p, t);
        if (!t->target) {
            nn_tensor_release(t->pending);
            t->pending = NULL;
        }
    }
    return rc;
}

/* The record goes last: tensors of the list may live by it alone. */
static void finish(const struct pass *p) {
    for (size_t i = 0; i < p->count; i++)
        nn_tensor_retain(p->list[i]);
    for (size_t i = 0; i < p->count; i++) {
        nn_tensor *t = p->list[i];
        t->needed = false;
        nn_tensor_release(t->pending);
        t->pending = NULL;
        if (t->op && !p->flags)
            nn_tensor_forget(t);
        nn_tensor_release(t);
    }
    nn_buffer_release(p->memory);
}

static int check_output(const nn_tensor *y, const nn_tensor *seed) {
    if (!y || !y->requires_grad)
        return nn_fail(NN_EUSAGE, "backward: %s",
                       y ? "nothing that this was computed from requires gradients"
                         : "there is no tensor");
    if (!seed && y->count != 1)
        return nn_fail(NN_EUSAGE,
                       "backward: derivatives are those of a single number, and this is %s; sum it "
                       "up, or give a seed of this shape",
                       NN_TEXT_OF(y));
    if (seed && (seed->integer || !nn_tensor_same_shape(y, seed)))
        return nn_fail(NN_EUSAGE, "backward: the seed of %s is floats of this shape, not %s",
                       NN_TEXT_OF(y), NN_TEXT_OF(seed));
    return 0;
}

/* The gradient of sum(seed * y) by y. */
static int plant(size_t outputs, nn_tensor *const *y, nn_tensor *const *seed) {
    for (size_t i = 0; i < outputs; i++) {
        nn_tensor *own = seed && seed[i] ? seed[i] : nn_tensor_filled(y[i]->rank, y[i]->dim, 1);
        NN_TRY(own ? add_to(&y[i]->pending, own) : NN_EMEMORY);
    }
    return 0;
}

/* Gradients that are asked for, each one the caller's own. */
static int distribute(const struct pass *p, size_t inputs, nn_tensor *const *x,
                      nn_tensor **gradient) {
    for (size_t i = 0; i < inputs; i++) {
        if (x[i]->pass != p->number || !x[i]->pending)
            continue;
        gradient[i] = nn_tensor_retain(own_pending(x[i]));
        if (!gradient[i])
            return nn_error_code();
    }
    return 0;
}

static int differentiate(struct pass *p, size_t outputs, nn_tensor *const *y,
                         nn_tensor *const *seed, size_t inputs, nn_tensor *const *x,
                         nn_tensor **gradient) {
    NN_TRY(collect(p, outputs, y));
    for (size_t i = 0; i < inputs; i++)
        x[i]->target = x[i]->pass == p->number;
    mark_needed(p);
    NN_TRY(plant(outputs, y, seed));
    bool was = nn_tensor_record(p->flags & NN_GRAD_CREATE);
    int rc = run(p);
    if (rc == 0)
        rc = distribute(p, inputs, x, gradient);
    nn_tensor_record(was);
    return rc;
}

int nn_tensor_grad(size_t outputs, nn_tensor *const *y, nn_tensor *const *seed, size_t inputs,
                   nn_tensor *const *x, int flags, nn_tensor **gradient) {
    struct pass p = {.number = atomic_fetch_add(&passes, 1) + 1, .flags = flags};
    nn_tensor_scope scope;
    for (size_t i = 0; i < inputs; i++)
        gradient[i] = NULL;
    for (size_t i = 0; i < inputs; i++)
        if (!x[i] || !x[i]->requires_grad)
            return nn_fail(NN_EUSAGE, "grad: input %zu %s", i,
                           x[i] ? "requires no gradient" : "is none");
    for (size_t i = 0; i < outputs; i++)
        NN_TRY(check_output(y[i], seed ? seed[i] : NULL));
    nn_tensor_scope_open(&scope);
    int rc = differentiate(&p, outputs, y, seed, inputs, x, gradient);
    nn_tensor_scope_close(&scope);
    for (size_t i = 0; rc < 0 && i < inputs; i++) {
        nn_tensor_release(gradient[i]);
        gradient[i] = NULL;
    }
    finish(&p);
    return rc;
}

int nn_tensor_backward(nn_tensor *y, nn_tensor *seed, int flags) {
    struct pass p = {.number = atomic_fetch_add(&passes, 1) + 1, .flags = flags, .to_leaves = true};
    nn_tensor_scope scope;
    NN_TRY(check_output(y, seed));
    nn_tensor_scope_open(&scope);
    int rc = differentiate(&p, 1, &y, &seed, 0, NULL, NULL);
    nn_tensor_scope_close(&scope);
    finish(&p);
    return rc;
}
