/* Matrix products. */
#include "math/gemm/gemm.h"
#include "math/kernels.h"
#include "tensor/loop.h"
#include "tensor/tensor.h"

#include <string.h>

/* ---- matmul ---------------------------------------------------------------------------------- */

/* C[m][n] = op(A)[m][k] op(B)[k][n] for each of several matrices. */
struct product {
    bool transpose[2];
    int64_t m, n, k;
    nn_real *c;
    const nn_real *a, *b;
};

static void multiply(const struct product *p, const nn_real *a, const nn_real *b, nn_real *c) {
    size_t m = (size_t)p->m, n = (size_t)p->n, k = (size_t)p->k;
    if (m && n)
        nn_gemm(nn_tensor_compute(), p->transpose[0] ? NN_TRANSPOSED : NN_PLAIN,
                p->transpose[1] ? NN_TRANSPOSED : NN_PLAIN, m, n, k, 1, a, p->transpose[0] ? m : k,
                b, p->transpose[1] ? k : n, 0, c, n);
}

static void product_run(void *ctx, size_t count, const int64_t *at, const int64_t *step) {
    const struct product *p = ctx;
    for (int64_t i = 0; i < (int64_t)count; i++)
        multiply(p, p->a + (at[1] + i * step[1]) * p->m * p->k,
                 p->b + (at[2] + i * step[2]) * p->k * p->n,
                 p->c + (at[0] + i * step[0]) * p->m * p->n);
}

static int fail_shapes(const nn_op_call *call, const char *what, int64_t of_a, int64_t of_b) {
    const nn_tensor *a = call->in[0], *b = call->in[1];
    const bool *t = call->args->transpose;
    return nn_fail(NN_EUSAGE, "matmul: %s%s x %s%s: %s %lld and %lld differ", NN_TEXT_OF(a),
                   t[0] ? " transposed" : "", NN_TEXT_OF(b), t[1] ? " transposed" : "", what,
                   (long long)of_a, (long long)of_b);
}

/* The product's sizes and the shape of the result. */
static int plan(const nn_op_call *call, struct product *p, int *rank, int64_t *dim) {
    const nn_tensor *a = call->in[0], *b = call->in[1];
    const bool *t = call->args->transpose;
    NN_TRY(nn_op_want_reals(call));
    if (a->rank < 2 || b->rank < 2)
        return nn_fail(NN_EUSAGE, "matmul: %s x %s: operands have at least 2 dimensions",
                       NN_TEXT_OF(a), NN_TEXT_OF(b));
    const int64_t *da = a->dim + a->rank - 2, *db = b->dim + b->rank - 2;
    *p = (struct product){.transpose = {t[0], t[1]}, .m = da[t[0]], .k = da[!t[0]], .n = db[!t[1]]};
    if (p->k != db[t[1]])
        return fail_shapes(call, "inner dimensions", p->k, db[t[1]]);
    *rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < *rank - 2; i++) {
        int ia = i - (*rank - a->rank), ib = i - (*rank - b->rank);
        int64_t of_a = ia < 0 ? 1 : a->dim[ia], of_b = ib < 0 ? 1 : b->dim[ib];
        if (of_a != of_b && of_a != 1 && of_b != 1)
            return fail_shapes(call, "batch dimensions", of_a, of_b);
        dim[i] = of_a == 1 ? of_b : of_a;
    }
    dim[*rank - 2] = p->m;
    dim[*rank - 1] = p->n;
    return 0;
}

static nn_tensor *matmul_forward(const nn_op_call *call) {
    const nn_tensor *a = call->in[0], *b = call->in[1];
    struct product p;
    int rank = 0;
    int64_t dim[NN_TENSOR_RANK];
    if (plan(call, &p, &rank, dim) < 0)
        return NULL;
    nn_tensor *y = nn_tensor_make("matmul", false, rank, dim);
    if (!y)
        return NULL;
    p.a = nn_reals(a);
    p.b = nn_reals(b);
    p.c = nn_reals(y);
    if (b->rank == 2 && !p.transpose[0]) { /* the rows of all matrices at once */
        p.m = p.n ? (int64_t)y->count / p.n : 0;
        multiply(&p, p.a, p.b, p.c);
        return y;
    }
    nn_loop loop = nn_loop_of(rank - 2, dim);
    nn_loop_add(&loop, rank - 2, dim);
    nn_loop_add(&loop, a->rank - 2, a->dim);
    nn_loop_add(&loop, b->rank - 2, b->dim);
    nn_loop_run(&loop, product_run, &p);
    return y;
}

/* All rows of the last dimension as one matrix. */
static nn_tensor *rows_of(nn_tensor *x) {
    int64_t columns = x ? x->dim[x->rank - 1] : 0;
    return x && x->rank > 2 && columns
               ? nn_tensor_reshape(x, 2, (int64_t[]){(int64_t)x->count / columns, columns})
               : x;
}

/* Of y = op(a) op(b): by op(a) it is dy op(b)^T, by op(b) op(a)^T dy. */
static void matmul_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_tensor *a = y->in[0].tensor, *b = y->in[1].tensor;
    bool ta = y->args.transpose[0], tb = y->args.transpose[1];
    if (nn_op_wants(y, 0))
        dx[0] = nn_tensor_sum_to(
            ta ? nn_tensor_matmul(b, dy, tb, true) : nn_tensor_matmul(dy, b, false, !tb), a);
    if (!nn_op_wants(y, 1))
        return;
    if (b->rank == 2 && !ta) {
        a = rows_of(a);
        dy = rows_of(dy);
    }
    dx[1] = nn_tensor_sum_to(
        tb ? nn_tensor_matmul(dy, a, true, ta) : nn_tensor_matmul(a, dy, !ta, false), b);
}

nn_tensor *nn_tensor_matmul(nn_tensor *a, nn_tensor *b, bool transpose_a, bool transpose_b) {
    return nn_op_on_two(&nn_op_matmul, a, b,
                        &(nn_op_args){.transpose = {transpose_a, transpose_b}});
}

/* ---- linear ---------------------------------------------------------------------------------- */

static int check_linear(const nn_op_call *call) {
    const nn_tensor *x = call->in[0], *w = call->in[1];
    const nn_tensor *b = call->inputs > 2 ? call->in[2] : NULL;
    NN_TRY(nn_op_want_reals(call));
    if (x->rank < 1 || w->rank != 2 || x->dim[x->rank - 1] != w->dim[1])
        return nn_fail(NN_EUSAGE,
                       "linear: %s x %s transposed: the last dimension of the first is to be that "
                       "of the weights [outputs, inputs]",
                       NN_TEXT_OF(x), NN_TEXT_OF(w));
    if (b && (b->rank != 1 || b->dim[0] != w->dim[0]))
        return nn_fail(NN_EUSAGE, "linear: the bias of weights %s is [%lld], not %s", NN_TEXT_OF(w),
                       (long long)w->dim[0], NN_TEXT_OF(b));
    return 0;
}

static nn_tensor *linear_forward(const nn_op_call *call) {
    const nn_tensor *x = call->in[0], *w = call->in[1];
    int64_t dim[NN_TENSOR_RANK];
    if (check_linear(call) < 0)
        return NULL;
    memcpy(dim, x->dim, sizeof dim);
    dim[x->rank - 1] = w->dim[0];
    nn_tensor *y = nn_tensor_make("linear", false, x->rank, dim);
    if (!y || y->count == 0)
        return y;
    size_t n = (size_t)w->dim[0], k = (size_t)w->dim[1], m = y->count / n;
    nn_gemm(nn_tensor_compute(), NN_PLAIN, NN_TRANSPOSED, m, n, k, 1, nn_reals(x), k, nn_reals(w),
            k, 0, nn_reals(y), n);
    if (call->inputs > 2)
        nn_kernels_get()->add_bias(m, n, nn_reals(call->in[2]), nn_reals(y));
    return y;
}

/* dx = dy W, dW = dy^T x, db = the sum of the rows of dy */
static void linear_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    nn_tensor *x = y->in[0].tensor, *w = y->in[1].tensor;
    nn_tensor *rows = y->rank == 1 ? nn_tensor_reshape(dy, 2, (int64_t[]){1, -1}) : rows_of(dy);
    if (nn_op_wants(y, 0))
        dx[0] = nn_tensor_reshape(nn_tensor_matmul(rows, w, false, false), x->rank, x->dim);
    if (nn_op_wants(y, 1))
        dx[1] = nn_tensor_matmul(
            rows, x->rank == 1 ? nn_tensor_reshape(x, 2, (int64_t[]){1, -1}) : rows_of(x), true,
            false);
    if (y->inputs > 2 && nn_op_wants(y, 2))
        dx[2] = nn_tensor_sum(rows, 1, (int[]){0}, false);
}

nn_tensor *nn_tensor_linear(nn_tensor *x, nn_tensor *w, nn_tensor *b) {
    return nn_op_apply(&nn_op_linear, b ? 3 : 2, (nn_tensor *[]){x, w, b}, NULL);
}

const nn_op nn_op_matmul = {"matmul", matmul_forward, matmul_backward};
const nn_op nn_op_linear = {"linear", linear_forward, linear_backward};
