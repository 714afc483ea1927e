/* Recurrent layers, with the kernels of every instruction set: PyTorch's numbers, sequences of
 * different lengths, the same bits however the rows are shared out, and inputs of 1e4. */
#include "base/numbers/rng.h"
#include "golden/rnn.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "one_layer.h"

#include <sys/wait.h>
#include <unistd.h>

/* --- PyTorch's numbers --- */

/* To 1e-5 of the largest. */
static bool check_numbers(size_t count, const nn_real *found, const double *want) {
    double top = 0;
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        top = fmax(top, fabs(want[i]));
    for (size_t i = 0; i < count && ok; i++)
        ok = CHECK_NEAR(found[i], want[i], 1e-5 * top);
    return ok;
}

static void start(const struct net *n) {
    nn_real file[64];
    size_t at = 0;
    for (size_t p = 0; p < n->layer->params; p++) {
        const nn_param *param = &n->layer->param[p];
        for (size_t i = 0; i < param->count; i++)
            file[i] = wave(0.7, 1.0, 0.73, at++);
        nn_param_import(param, file, n->model.params + param->offset);
    }
    for (size_t i = 0; i < n->batch * n->in; i++)
        n->x[i] = wave(1.5, 0.5, 0.91, i);
}

/* The parameters or gradients in `vector`, each tensor against its own largest number. */
static bool check_params(const struct net *n, const nn_real *vector, const double *want) {
    nn_real file[64];
    bool ok = true;
    for (size_t p = 0; p < n->layer->params; p++) {
        const nn_param *param = &n->layer->param[p];
        nn_param_export(param, vector + param->offset, file);
        ok &= check_numbers(param->count, file, want);
        want += param->count;
    }
    return ok;
}

static bool check_descent(const struct net *n, const struct golden_rnn *g) {
    nn_pass pass = {
        .batch = GOLDEN_BATCH, .training = true, .length = g->lengths ? golden_lengths : NULL};
    bool ok = true;
    start(n);
    for (int step = 0; step < GOLDEN_DESCENT_STEPS; step++) {
        forward(n, &pass);
        for (size_t i = 0; i < n->batch * n->out; i++)
            n->dy[i] = n->y[i] - wave(0.5, 2.0, 1.3, i);
        backward(n, &pass);
        if (step == 0) {
            ok &= check_numbers(n->batch * n->out, n->y, g->y);
            ok &= check_numbers(n->batch * n->in, n->dx, g->dx);
            ok &= check_params(n, n->model.grads, g->grads);
        }
        for (size_t i = 0; i < nn_model_size(n->model.model); i++)
            n->model.params[i] -= (nn_real)golden_learning_rate * n->model.grads[i];
    }
    return ok & check_params(n, n->model.params, g->params);
}

static void check_golden(const struct golden_rnn *g) {
    struct net n;
    if (!net_new(&n, g->yaml, GOLDEN_BATCH, (nn_shape){2, {GOLDEN_STEPS, GOLDEN_INPUTS}}))
        return;
    if (!check_descent(&n, g))
        fprintf(stderr, "  %s%s\n", g->yaml, g->lengths ? " with lengths" : "");
    net_release(&n);
}

/* --- properties --- */

#define BATCH 70 /* in two pieces of 36 and 34 */
#define STEPS 7
#define INPUTS 5

static const char *const kinds[] = {
    "lstm: {units: 37, layers: 2, bidirectional: true, return: all}",
    "lstm: {units: 64, bidirectional: true}",
    "gru: {units: 37, layers: 2, bidirectional: true, return: all}",
    "rnn: {units: 130, layers: 2}",
    "rnn: {units: 130, nonlinearity: relu, bidirectional: true, return: all}",
};

static void randomize(size_t n, uint64_t stream, nn_real scale, nn_real *x) {
    nn_rng rng = nn_rng_stream(5, NN_RNG_TEST, stream, 0);
    nn_rng_normal(&rng, 0, n, x);
    for (size_t i = 0; i < n; i++)
        x[i] *= scale;
}

static void lengths_of(int32_t length[BATCH]) {
    for (int32_t r = 0; r < BATCH; r++)
        length[r] = r % (STEPS + 1);
}

static nn_real *copy_of(size_t count, const nn_real *x) {
    nn_real *copy = numbers(count);
    memcpy(copy, x, count * sizeof *x);
    return copy;
}

static void check_same(const char *what, size_t count, const nn_real *found, nn_real *want) {
    if (!CHECK(memcmp(found, want, count * sizeof *found) == 0))
        fprintf(stderr, "  %s\n", what);
    free(want);
}

/* What two threads, or calls on pieces of the minibatch, compute. */
static void check_shared_rows(struct net *n, const nn_pass *pass) {
    size_t size = nn_model_size(n->model.model);
    forward(n, pass);
    backward(n, pass);
    nn_real *y = copy_of(BATCH * n->out, n->y), *dx = copy_of(BATCH * n->in, n->dx);
    nn_real *g = copy_of(size, n->model.grads);
    small_model_compute.threads = 2;
    forward(n, pass);
    backward(n, pass);
    small_model_compute.threads = 1;
    check_same("y of two threads", BATCH * n->out, n->y, copy_of(BATCH * n->out, y));
    check_same("dx of two threads", BATCH * n->in, n->dx, copy_of(BATCH * n->in, dx));
    for (size_t i = 0; i < size; i++)
        CHECK_NEAR(n->model.grads[i], g[i], 1e-4 * (1 + fabs((double)g[i])));
    for (size_t begin = 0, end; begin < BATCH; begin = end) {
        nn_pass part = *pass;
        end = begin ? BATCH : 13;
        part.batch = end - begin;
        part.length = pass->length ? pass->length + begin : NULL;
        nn_io io = rows_of(n, &part, begin, end);
        n->layer->ops->forward(n->layer, &io);
        n->layer->ops->backward(n->layer, &io);
    }
    check_same("y in pieces", BATCH * n->out, n->y, y);
    check_same("dx in pieces", BATCH * n->in, n->dx, dx);
    for (size_t i = 0; i < size; i++)
        CHECK_NEAR(n->model.grads[i], g[i], 1e-4 * (1 + fabs((double)g[i])));
    free(g);
}

/* What stands behind the end of a sequence is not looked at, and nothing comes back for it. */
static void check_padding(struct net *n, const nn_pass *pass) {
    nn_real *y = copy_of(BATCH * n->out, n->y), *g = copy_of(8, n->model.grads);
    for (size_t r = 0; r < BATCH; r++)
        for (size_t t = (size_t)pass->length[r]; t < STEPS; t++)
            for (size_t i = 0; i < INPUTS; i++)
                n->x[r * n->in + t * INPUTS + i] = (nn_real)NAN;
    forward(n, pass);
    backward(n, pass);
    check_same("y of padded sequences", BATCH * n->out, n->y, y);
    for (size_t i = 0; i < 8; i++)
        CHECK_NEAR(n->model.grads[i], g[i], 1e-4 * (1 + fabs((double)g[i])));
    for (size_t r = 0; r < BATCH; r++)
        for (size_t i = (size_t)pass->length[r] * INPUTS; i < n->in; i++)
            CHECK(n->dx[r * n->in + i] == 0);
    free(g);
}

/* Evaluation gives what the forward pass of training gives. */
static void check_evaluation(struct net *n, const nn_pass *pass) {
    nn_pass other = *pass;
    forward(n, pass);
    nn_real *y = copy_of(BATCH * n->out, n->y);
    other.training = false;
    forward(n, &other);
    check_same("y in evaluation", BATCH * n->out, n->y, y);
}

static void check_no_gradient(const struct net *n) {
    for (size_t p = 0; p < n->layer->params; p++)
        for (size_t i = 0; i < n->layer->param[p].count; i++)
            CHECK(n->model.grads[n->layer->param[p].offset + i] == 0);
}

/* No rows, or rows of no steps. */
static void check_nothing(struct net *n) {
    static const int32_t none[BATCH];
    nn_pass pass = {.training = true};
    randomize(nn_model_size(n->model.model), 3, 1, n->model.grads);
    forward(n, &pass);
    backward(n, &pass);
    check_no_gradient(n);
    pass = (nn_pass){.batch = BATCH, .training = true, .length = none};
    memset(n->y, 1, BATCH * n->out * sizeof *n->y);
    memset(n->dx, 1, BATCH * n->in * sizeof *n->dx);
    forward(n, &pass);
    backward(n, &pass);
    for (size_t i = 0; i < BATCH * n->out; i++)
        CHECK(n->y[i] == 0);
    for (size_t i = 0; i < BATCH * n->in; i++)
        CHECK(n->dx[i] == 0);
    check_no_gradient(n);
}

static bool all_finite(size_t n, const nn_real *x) {
    bool finite = true;
    for (size_t i = 0; i < n; i++)
        finite = finite && isfinite(x[i]);
    return finite;
}

static void check_extremes(struct net *n, const nn_pass *pass) {
    randomize(BATCH * n->in, 0, (nn_real)1e4, n->x);
    forward(n, pass);
    backward(n, pass);
    CHECK(all_finite(BATCH * n->out, n->y));
    CHECK(all_finite(BATCH * n->in, n->dx));
    CHECK(all_finite(nn_model_size(n->model.model), n->model.grads));
}

static void check_kind(const char *yaml) {
    int32_t length[BATCH];
    struct net n;
    nn_pass pass = {.batch = BATCH, .training = true};
    if (!net_new(&n, yaml, BATCH, (nn_shape){2, {STEPS, INPUTS}}))
        return;
    int before = check_failures;
    lengths_of(length);
    randomize(BATCH * n.in, 1, 1, n.x);
    randomize(BATCH * n.out, 2, 1, n.dy);
    check_shared_rows(&n, &pass);
    check_evaluation(&n, &pass);
    pass.length = length;
    check_shared_rows(&n, &pass);
    check_padding(&n, &pass);
    check_evaluation(&n, &pass);
    check_nothing(&n);
    check_extremes(&n, &(nn_pass){.batch = BATCH, .training = true});
    if (check_failures > before)
        fprintf(stderr, "  %s\n", yaml);
    net_release(&n);
}

static int check_all(const char *isa) {
    setenv("NNMPI_ISA", isa, 1);
    CHECK_STR(nn_kernels_get()->isa, isa);
    for (size_t i = 0; i < sizeof golden_rnn / sizeof *golden_rnn; i++)
        check_golden(&golden_rnn[i]);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_kind(kinds[i]);
    if (check_failures)
        fprintf(stderr, "  with the kernels for %s\n", isa);
    return check_done();
}

/* The choice of kernels is made once a process. */
int main(void) {
    for (size_t i = 0; nn_kernels_at(i); i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0)
            _exit(check_all(nn_kernels_at(i)->isa));
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    return check_done();
}
