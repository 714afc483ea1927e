/* Running operations and recording them. */
#include "math/gemm/blas.h"
#include "math/parallel.h"
#include "tensor/tensor.h"

#include <pthread.h>
#include <stdlib.h>

#define ROW(name) &nn_op_##name,
const nn_op *const nn_ops[] = {NN_TENSOR_OPS(ROW) NULL};

static _Thread_local bool paused;

bool nn_tensor_record(bool on) {
    bool was = !paused;
    paused = !on;
    return was;
}

bool nn_tensor_recording(void) {
    return !paused;
}

/* ---- threads --------------------------------------------------------------------------------- */

static nn_compute compute;
static bool chosen; /* the number of threads, by the user or a placement of ranks */
static pthread_once_t started = PTHREAD_ONCE_INIT;

/* The products of a library that is not mended are slow, not wrong. */
static void start(void) {
    nn_blas_report blas;
    const char *wanted = getenv("OMP_NUM_THREADS");
    int threads = wanted ? atoi(wanted) : 0;
    (void)nn_blas_init(&blas);
    chosen = threads > 0;
    compute.threads = chosen ? threads : nn_cores_available();
}

const nn_compute *nn_tensor_compute(void) {
    pthread_once(&started, start);
    return &compute;
}

void nn_tensor_set_threads(int threads) {
    pthread_once(&started, start);
    compute.threads = threads;
    chosen = true;
}

bool nn_tensor_threads_open(void) {
    pthread_once(&started, start);
    return !chosen;
}

void nn_tensor_offer_threads(int threads) {
    if (nn_tensor_threads_open())
        nn_tensor_set_threads(threads);
}

/* ---- operations ------------------------------------------------------------------------------ */

int nn_op_want_reals(const nn_op_call *call) {
    for (size_t i = 0; i < call->inputs; i++)
        if (call->in[i]->integer)
            return nn_fail(NN_EUSAGE, "%s: operand %zu, %s, holds integers; make floats of it",
                           call->op->name, i, NN_TEXT_OF(call->in[i]));
    return 0;
}

int nn_want_integers(const char *what, const nn_tensor *t) {
    return t->integer ? 0
                      : nn_fail(NN_EUSAGE, "%s: %s are floats where indices are wanted: integers",
                                what, NN_TEXT_OF(t));
}

static int record(nn_tensor *y, const nn_op_call *call) {
    y->in = y->few;
    if (call->inputs > NN_FEW_OPERANDS) {
        y->many = nn_buffer_alloc(call->inputs * sizeof *y->in);
        if (!y->many)
            return NN_EMEMORY;
        y->in = (nn_operand *)(void *)y->many->data;
    }
    for (size_t i = 0; i < call->inputs; i++)
        y->in[i] = (nn_operand){nn_tensor_retain(call->in[i]), call->in[i]->buffer->version};
    y->inputs = call->inputs;
    y->op = call->op;
    y->version = y->buffer->version;
    y->requires_grad = true;
    if (call->args)
        y->args = *call->args;
    return 0;
}

static bool is_recorded(const nn_op_call *call) {
    if (paused || !call->op->backward)
        return false;
    for (size_t i = 0; i < call->inputs; i++)
        if (call->in[i]->requires_grad)
            return true;
    return false;
}

nn_tensor *nn_op_apply(const nn_op *op, size_t inputs, nn_tensor *const *in,
                       const nn_op_args *args) {
    nn_op_call call = {op, inputs, in, args};
    for (size_t i = 0; i < inputs; i++)
        if (!in[i])
            return NULL;
    nn_tensor *y = op->forward(&call);
    if (y && is_recorded(&call) && record(y, &call) < 0) {
        nn_tensor_release(y);
        return NULL;
    }
    return nn_tensor_adopt(y);
}
