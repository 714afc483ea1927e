/* Tensors, their record, and what operations are made of. */
#ifndef NN_TENSOR_TENSOR_H
#define NN_TENSOR_TENSOR_H

#include "base/error.h"
#include "base/options/option.h"
#include "base/real.h"
#include "math/conv/shape.h"
#include "tensor/buffer.h"

#include <nnmpi/tensor.h>

#include <stdatomic.h>

/* What an operation has beside its operands. */
typedef struct nn_op_args {
    int rank;
    int64_t dim[NN_TENSOR_RANK]; /* a shape, or the axes of a permutation */
    int64_t begin[NN_TENSOR_RANK], step[NN_TENSOR_RANK];
    unsigned axes; /* bit i: axis i */
    bool keep, transpose[2];
    double factor, summand, exponent;
    nn_conv conv;
} nn_op_args;

typedef struct nn_op_call {
    const struct nn_op *op;
    size_t inputs;
    nn_tensor *const *in;
    const nn_op_args *args;
} nn_op_call;

/* A row of the table of operations. */
typedef struct nn_op {
    const char *name;
    /* Computes a new tensor; NULL with the error set. */
    nn_tensor *(*forward)(const nn_op_call *call);
    /* dx[i] = the derivatives of sum(dy * y) by input i of y, where nn_op_wants; made of
     * operations, so that they can be differentiated again, in a scope of the caller. NULL: there
     * are no derivatives. */
    void (*backward)(nn_tensor *y, nn_tensor *dy, nn_tensor **dx);
} nn_op;

/* An operand as it was when the operation ran. */
typedef struct nn_operand {
    nn_tensor *tensor;
    unsigned version;
} nn_operand;

#define NN_FEW_OPERANDS 3

struct nn_tensor {
    atomic_int refs;
    nn_buffer *storage; /* the memory of this struct */
    nn_buffer *buffer;  /* of the numbers, which reshaped tensors share */
    bool integer;       /* int64_t, else nn_real */
    bool requires_grad;
    int rank;
    int64_t dim[NN_TENSOR_RANK];
    size_t count;
    uint64_t id; /* rises with every tensor, so that operands have smaller ones */
    nn_tensor *grad;

    /* the record */
    const nn_op *op;  /* NULL: a leaf */
    unsigned version; /* of the numbers when they were computed, which backward passes read */
    size_t inputs;
    nn_operand *in; /* [inputs]; NULL: forgotten */
    nn_operand few[NN_FEW_OPERANDS];
    nn_buffer *many; /* of more than that */
    nn_op_args args;

    /* a backward pass */
    uint64_t pass;
    bool needed;        /* some derivative that is asked for goes through it */
    bool target;        /* or is its own */
    nn_tensor *pending; /* the derivative, as far as it is known */

    nn_tensor *next_made; /* in the scope */
    nn_tensor *next_dead;
};

static inline nn_real *nn_reals(const nn_tensor *t) {
    return (nn_real *)(void *)t->buffer->data;
}

static inline int64_t *nn_integers(const nn_tensor *t) {
    return (int64_t *)(void *)t->buffer->data;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* A tensor with numbers that have no values yet, of 1 reference, in no scope. NN_EUSAGE,
 * NN_EMEMORY. */
nn_tensor *nn_tensor_make(const char *what, bool integer, int rank, const int64_t *dim);
/* One that shares the numbers of x, of as many elements. */
nn_tensor *nn_tensor_view(nn_tensor *x, int rank, const int64_t *dim);
/* A float tensor as above that is no function of anything: in the scope of the thread. */
nn_tensor *nn_tensor_filled(int rank, const int64_t *dim, double value);
/* Puts it into the scope of the thread; NULL is fine. Returns t. */
nn_tensor *nn_tensor_adopt(nn_tensor *t);
/* Closes a scope in which a composed operation has made `result`, which goes to the outer one. */
nn_tensor *nn_tensor_yield(nn_tensor_scope *scope, nn_tensor *result);
/* Takes apart what t was made of. */
void nn_tensor_forget(nn_tensor *t);

bool nn_tensor_recording(void);
const nn_compute *nn_tensor_compute(void);
/* Whether nobody has said yet how many threads there are, and what to take then. */
bool nn_tensor_threads_open(void);
void nn_tensor_offer_threads(int threads);

/* "[32, 784]" */
#define NN_DIMS_TEXT 176
const char *nn_dims_text(int rank, const int64_t *dim, char text[NN_DIMS_TEXT]);
#define NN_TEXT_OF(t) nn_dims_text((t)->rank, (t)->dim, (char[NN_DIMS_TEXT]){0})
/* Elements of a shape. NN_EUSAGE where it is none: also for no elements, when the dimensions that
 * are not 0 are too long, so that products of dimensions never overflow. */
int nn_tensor_elements(const char *what, int rank, const int64_t *dim, size_t *out);
bool nn_tensor_same_shape(const nn_tensor *a, const nn_tensor *b);

/* ---- operations ------------------------------------------------------------------------------ */

/* Runs a row and records it; NULL where an operand is. */
nn_tensor *nn_op_apply(const nn_op *op, size_t inputs, nn_tensor *const *in,
                       const nn_op_args *args);

static inline nn_tensor *nn_op_on(const nn_op *op, nn_tensor *x, const nn_op_args *args) {
    return nn_op_apply(op, 1, &x, args);
}

static inline nn_tensor *nn_op_on_two(const nn_op *op, nn_tensor *a, nn_tensor *b,
                                      const nn_op_args *args) {
    return nn_op_apply(op, 2, (nn_tensor *[]){a, b}, args);
}

/* Whether a derivative by input i is asked for. */
static inline bool nn_op_wants(const nn_tensor *y, size_t i) {
    return y->in[i].tensor->needed;
}

/* An axis that may count from the end. NN_EUSAGE. */
int nn_tensor_axis(const char *what, const nn_tensor *x, int axis, int *out);
/* NN_EUSAGE where they are not of that kind. */
int nn_op_want_reals(const nn_op_call *call);
int nn_want_integers(const char *what, const nn_tensor *t);

/* Rows and columns of windows over x [samples, channels, height, width]. NN_EUSAGE. */
/* A copy of the caller's window; NN_EUSAGE for NULL, and for a size that is none. Local. */
int nn_window_read(const char *what, const nn_window *given, nn_window *out);
int nn_window_out(const char *what, const nn_tensor *x, const nn_window *w, int64_t out[2]);
/* Takes a shape down, for rows that have one. NN_EUSAGE. */
int nn_shape_args(const char *what, int rank, const int64_t *dim, nn_op_args *args);

/* x summed to the shape of `like`, from which it was broadcast; x where that is its own. */
nn_tensor *nn_tensor_sum_to(nn_tensor *x, const nn_tensor *like);
/* x_i = x[index[i]] of the elements of x, 0 where the index is negative; of the shape of index. */
nn_tensor *nn_tensor_take(nn_tensor *x, nn_tensor *index);
/* Places of class[i] in row i of so many columns, -1 for -1; NN_EUSAGE for others. */
nn_tensor *nn_tensor_class_indices(const char *what, const nn_tensor *x, const nn_tensor *classes);
/* 1 at these indices, else 0, in the shape of x. */
nn_tensor *nn_tensor_ones_at(const nn_tensor *x, nn_tensor *indices);

/* The row that "adam: {lr: 0.1}" names, its options, and the map of these; owned by the pool. */
int nn_pick_row(nn_pool *pool, const nn_family *family, const char *text, const nn_entry **row,
                void **options, nn_node **map);

#define NN_TENSOR_OPS(X)                                                                           \
    X(add)                                                                                         \
    X(subtract)                                                                                    \
    X(multiply)                                                                                    \
    X(divide)                                                                                      \
    X(maximum)                                                                                     \
    X(greater)                                                                                     \
    X(equal)                                                                                       \
    X(where)                                                                                       \
    X(affine)                                                                                      \
    X(power)                                                                                       \
    X(exp)                                                                                         \
    X(log)                                                                                         \
    X(sqrt)                                                                                        \
    X(sign)                                                                                        \
    X(step)                                                                                        \
    X(relu)                                                                                        \
    X(sigmoid)                                                                                     \
    X(tanh)                                                                                        \
    X(softplus)                                                                                    \
    X(gelu)                                                                                        \
    X(gelu_slope)                                                                                  \
    X(sum)                                                                                         \
    X(max)                                                                                         \
    X(softmax)                                                                                     \
    X(log_softmax)                                                                                 \
    X(cross_entropy)                                                                               \
    X(matmul)                                                                                      \
    X(linear)                                                                                      \
    X(conv)                                                                                        \
    X(conv_data)                                                                                   \
    X(conv_weights)                                                                                \
    X(reshape)                                                                                     \
    X(expand)                                                                                      \
    X(permute)                                                                                     \
    X(slice)                                                                                       \
    X(unslice)                                                                                     \
    X(concat)                                                                                      \
    X(gather)                                                                                      \
    X(scatter)                                                                                     \
    X(take)                                                                                        \
    X(put)

#define NN_OP_DECLARE(name) extern const nn_op nn_op_##name;
NN_TENSOR_OPS(NN_OP_DECLARE)

/* All of them; NULL at the end. */
extern const nn_op *const nn_ops[];

#endif
