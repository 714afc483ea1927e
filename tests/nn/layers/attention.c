/* Attention, with the kernels of every instruction set: PyTorch's numbers, the same bits for any
 * number of threads and however the rows are shared out, dropout, sequences of different lengths,
 * and memory that grows as the sequences do. */
#include "golden/attention.h"

#include "base/numbers/rng.h"
#include "math/kernels.h"
#include "one_layer.h"

#include <sys/wait.h>
#include <unistd.h>

/* --- PyTorch's numbers --- */

/* Numbers that make_attention.py computes too. */
static nn_real chirp(double scale, double step, size_t i) {
    return (nn_real)(float)(scale * sin(step * (double)i * (double)i + 1));
}

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

/* The parameters or gradients in `vector`, each tensor against its own largest number. */
static bool check_params(const struct small_model *s, const nn_real *vector, const double *want) {
    const nn_param *const *param;
    size_t params = nn_model_params(s->model, &param);
    bool ok = true;
    for (size_t p = 0; p < params; want += param[p++]->count) {
        nn_real file[400];
        nn_param_export(param[p], vector + param[p]->offset, file);
        if (!check_numbers(param[p]->count, file, want)) {
            fprintf(stderr, "  %s/%s\n", param[p]->layer->name, param[p]->name);
            ok = false;
        }
    }
    return ok;
}

static void start(struct small_model *s) {
    const nn_param *const *param;
    size_t params = nn_model_params(s->model, &param), at = 0;
    for (size_t p = 0; p < params; p++) {
        nn_real file[400];
        for (size_t i = 0; i < param[p]->count; i++)
            file[i] = chirp(0.7, 0.73, at++);
        nn_param_import(param[p], file, s->params + param[p]->offset);
    }
}

static bool check_descent(struct small_model *s, const struct golden_attention *g) {
    enum { ROWS = GOLDEN_BATCH * GOLDEN_STEPS };
    nn_pass pass = {
        .batch = GOLDEN_BATCH, .training = true, .length = g->lengths ? golden_lengths : NULL};
    nn_real x[ROWS * GOLDEN_INPUTS];
    size_t width = (size_t)nn_model_output_shape(s->model).dim[1];
    bool ok = true;
    for (size_t i = 0; i < ROWS * GOLDEN_INPUTS; i++)
        x[i] = chirp(1.5, 0.91, i);
    start(s);
    for (int step = 0; step < GOLDEN_DESCENT_STEPS; step++) {
        const nn_real *y = nn_model_forward(s->model, &pass, x);
        nn_real *dy = nn_model_output_grad(s->model);
        ok = (step > 0 || check_numbers(ROWS * width, y, g->y)) && ok;
        /* also behind the end of a sequence, where it has to be left out */
        for (size_t i = 0; i < ROWS * width; i++)
            dy[i] = y[i] - chirp(0.5, 1.3, i);
        nn_model_backward(s->model, &pass, NULL, NULL);
        ok = (step > 0 || check_params(s, s->grads, g->grads)) && ok;
        for (size_t i = 0; i < nn_model_size(s->model); i++)
            s->params[i] -= (nn_real)golden_learning_rate * s->grads[i];
    }
    return check_params(s, s->params, g->params) && ok;
}

static void check_golden(const struct golden_attention *g) {
    struct small_model s;
    nn_shape input = {2, {GOLDEN_STEPS, GOLDEN_INPUTS}};
    nn_loss_spec spec = {.batch = GOLDEN_BATCH};
    if (small_model_new(&s, g->yaml, input, NULL, &spec) && !check_descent(&s, g))
        fprintf(stderr, "  %s%s\n", g->yaml, g->lengths ? " with lengths" : "");
    small_model_release(&s);
}

/* --- properties --- */

enum { BATCH = 3, STEPS = 150, WIDTH = 24 };

static const int64_t samples[BATCH] = {7, 1, 1000};

static void randomize(size_t n, uint64_t stream, nn_real *x) {
    nn_rng rng = nn_rng_stream(5, NN_RNG_TEST, stream, 0);
    nn_rng_normal(&rng, 0, n, x);
}

struct results {
    nn_real *y, *dx, *grads;
};

static struct results results_of(const struct net *n) {
    size_t size = nn_model_size(n->model.model);
    struct results r = {numbers(BATCH * n->out), numbers(BATCH * n->in), numbers(size)};
    memcpy(r.y, n->y, BATCH * n->out * sizeof *r.y);
    memcpy(r.dx, n->dx, BATCH * n->in * sizeof *r.dx);
    memcpy(r.grads, n->model.grads, size * sizeof *r.grads);
    return r;
}

static void release_results(struct results *r) {
    free(r->y);
    free(r->dx);
    free(r->grads);
}

static void check_same(const char *what, const struct net *n, const struct results *want) {
    bool ok = CHECK(memcmp(n->y, want->y, BATCH * n->out * sizeof *n->y) == 0);
    ok = CHECK(memcmp(n->dx, want->dx, BATCH * n->in * sizeof *n->dx) == 0) && ok;
    if (!ok)
        fprintf(stderr, "  %s\n", what);
}

/* So that what the next call leaves out is seen: 0xff.. is NaN. */
static void forget(struct net *n) {
    memset(n->y, 0xff, BATCH * n->out * sizeof *n->y);
    memset(n->dx, 0xff, BATCH * n->in * sizeof *n->dx);
    memset(n->model.grads, 0xff, nn_model_size(n->model.model) * sizeof(nn_real));
    memset(n->save, 0xff, BATCH * n->layer->save_bytes);
    memset(n->scratch, 0xff, n->layer->scratch_bytes);
}

/* Padding between tensors is nobody's. */
static void check_grads(const struct net *n, const nn_real *want, double tolerance) {
    const nn_param *const *param;
    size_t params = nn_model_params(n->model.model, &param);
    for (size_t p = 0; p < params; p++)
        for (size_t i = param[p]->offset; i < param[p]->offset + param[p]->count; i++)
            CHECK_NEAR(n->model.grads[i], want[i], tolerance * (1 + fabs((double)want[i])));
}

/* Two threads, and every row in a call of its own. */
static void check_shared_rows(struct net *n, const nn_pass *pass) {
    small_model_compute.threads = 1;
    forget(n);
    forward(n, pass);
    backward(n, pass);
    struct results want = results_of(n);
    small_model_compute.threads = 2;
    forget(n);
    forward(n, pass);
    backward(n, pass);
    check_same("two threads", n, &want);
    check_grads(n, want.grads, 0);
    forget(n);
    for (size_t r = 0; r < BATCH; r++) {
        nn_pass part = *pass;
        part.batch = 1;
        part.sample += r;
        part.length = pass->length ? pass->length + r : NULL;
        nn_io io = rows_of(n, &part, r, r + 1);
        n->layer->ops->forward(n->layer, &io);
        n->layer->ops->backward(n->layer, &io);
    }
    check_same("row by row", n, &want);
    check_grads(n, want.grads, 1e-4);
    release_results(&want);
}

/* What stands behind the end of a sequence, there and in dy, changes nothing. */
static void check_padding(struct net *n, const nn_pass *pass) {
    forget(n);
    forward(n, pass);
    backward(n, pass);
    struct results want = results_of(n);
    for (size_t r = 0; r < BATCH; r++)
        for (size_t i = (size_t)pass->length[r] * WIDTH; i < STEPS * WIDTH; i++) {
            n->x[r * n->in + i] = n->dy[r * n->out + i] = 1000;
            CHECK(n->y[r * n->out + i] == 0 && n->dx[r * n->in + i] == 0);
        }
    forget(n);
    forward(n, pass);
    backward(n, pass);
    check_same("padding", n, &want);
    check_grads(n, want.grads, 1e-4);
    release_results(&want);
}

/* y of a step is made of no later one. */
static void check_causal(struct net *n) {
    nn_pass pass = {.batch = BATCH};
    forward(n, &pass);
    struct results want = results_of(n);
    for (size_t i = 100 * WIDTH; i < STEPS * WIDTH; i++)
        n->x[i] += 1;
    forward(n, &pass);
    CHECK(memcmp(n->y, want.y, 100 * WIDTH * sizeof *n->y) == 0);
    CHECK(memcmp(n->y, want.y, 101 * WIDTH * sizeof *n->y) != 0);
    release_results(&want);
}

/* What stands behind the end of a sequence may be no number. */
static void check_nan_padding(struct net *n, const nn_pass *pass) {
    forward(n, pass);
    backward(n, pass);
    struct results want = results_of(n);
    for (size_t r = 0; r < BATCH; r++)
        for (size_t i = (size_t)pass->length[r] * WIDTH; i < STEPS * WIDTH; i++)
            n->x[r * n->in + i] = n->dy[r * n->out + i] = (nn_real)NAN;
    forget(n);
    forward(n, pass);
    backward(n, pass);
    check_same("NaN in padding", n, &want);
    check_grads(n, want.grads, 1e-4);
    release_results(&want);
}

static void check_kind(const char *yaml) {
    static const int32_t length[BATCH] = {STEPS + 3, 0, 71};
    struct net n;
    nn_pass pass = {.batch = BATCH, .training = true, .seed = 3, .step = 9, .sample = samples};
    int before = check_failures;
    /* products whose rows have the same bits wherever they are computed */
    small_model_compute = (nn_compute){.threads = 2, .library = NN_GEMM_OWN};
    if (!net_new(&n, yaml, BATCH, (nn_shape){2, {STEPS, WIDTH}}))
        return;
    randomize(BATCH * n.in, 1, n.x);
    randomize(BATCH * n.out, 2, n.dy);
    check_shared_rows(&n, &pass);
    pass.length = length;
    check_shared_rows(&n, &pass);
    if (strstr(yaml, "causal"))
        check_causal(&n);
    pass.length = (const int32_t[BATCH]){64, 1, 149};
    check_padding(&n, &pass);
    check_nan_padding(&n, &pass);
    if (check_failures > before)
        fprintf(stderr, "  %s\n", yaml);
    net_release(&n);
}

/* --- dropout --- */

/* With q = k = 0, v = x = 1 and nothing else a y is the mean of the kept weights. */
static double mean_of(struct net *n, uint64_t step, bool training) {
    double sum = 0;
    nn_pass pass = {
        .batch = BATCH, .training = training, .seed = 1, .step = step, .sample = samples};
    forward(n, &pass);
    for (size_t i = 0; i < BATCH * n->out; i++)
        sum += n->y[i];
    return sum / (double)(BATCH * n->out);
}

static void check_dropout(void) {
    struct net n;
    if (!net_new(&n, "attention: {heads: 1, bias: false, dropout: 0.25}", BATCH,
                 (nn_shape){2, {STEPS, 1}}))
        return;
    for (size_t i = 0; i < BATCH * n.in; i++)
        n.x[i] = 1;
    memset(n.model.params, 0, nn_model_size(n.model.model) * sizeof(nn_real));
    n.model.params[n.layer->param[0].offset + 2] = 1;
    n.model.params[n.layer->param[1].offset] = 1;
    double first = mean_of(&n, 1, true), second = mean_of(&n, 2, true);
    CHECK_NEAR(first, 1, 0.01); /* of 67,500 weights: 4.5 standard deviations */
    CHECK_NEAR(second, 1, 0.01);
    CHECK(first != second && first == mean_of(&n, 1, true));
    double steps = 0.75 * (double)n.y[0] * (double)STEPS;
    CHECK_NEAR(steps, round(steps), 1e-3);
    CHECK(n.y[0] != n.y[1] && n.y[0] != n.y[STEPS]);
    CHECK_NEAR(mean_of(&n, 1, false), 1, 1e-6);
    net_release(&n);
}

/* --- memory, and what is refused --- */

static size_t bytes_of(int64_t steps) {
    struct net n;
    size_t bytes = 0;
    if (net_new(&n, "attention: {heads: 2, rotary_base: 10000}", 1, (nn_shape){2, {steps, 8}})) {
        bytes = n.layer->save_bytes + n.layer->scratch_bytes;
        net_release(&n);
    }
    return bytes;
}

/* What a tile takes is there once. */
static void check_memory(void) {
    size_t a = bytes_of(1024), b = bytes_of(2048), c = bytes_of(4096);
    CHECK_EQ_INT(c - b, 2 * (b - a));
    CHECK(c - b <= 2048 * 8 * 12 * sizeof(nn_real));
}

static void check_refused(const char *layers, nn_shape input, const char *why) {
    struct small_model s;
    CHECK(small_model_set_up(&s, layers, input, NULL, NULL) == NN_EUSAGE);
    if (!CHECK(strstr(nn_error_message(), why) != NULL))
        fprintf(stderr, "  %s\n", nn_error_message());
    small_model_release(&s);
}

static void check_errors(void) {
    nn_shape sequence = {2, {5, 6}};
    check_refused("[attention: {heads: 4}]", sequence, "heads: 4 does not divide the 6 features");
    check_refused("[attention: {heads: 3, kv_heads: 2}]", sequence,
                  "kv_heads: 2 does not divide the 3 heads");
    check_refused("[attention: {heads: 2, rotary_base: 10}]", sequence,
                  "turns pairs of elements, and a head has 3");
    check_refused("[attention: {heads: 2}]", (nn_shape){1, {6}}, "reads sequences");
    check_refused("[dense: {units: 6, name: a}, attention: {heads: 2, inputs: [a, a, a]}]",
                  sequence, "a second one for keys and values, and there are 3");
}

/* There is one length for both sequences. */
static void check_lengths(void) {
    static const char *const layers[] = {
        "[dense: {units: 6, name: a}, slice: {axis: 1, end: 5, name: b},"
        " attention: {heads: 2, inputs: [b, a]}]",
        "[dense: {units: 6, name: a}, attention: {heads: 2, inputs: [a, input]}]"};
    for (size_t i = 0; i < 2; i++) {
        struct small_model s;
        nn_error_clear();
        if (small_model_new(&s, layers[i], (nn_shape){2, {7, 6}}, NULL, NULL))
            CHECK_EQ_INT(nn_model_check_lengths(s.model), i == 0 ? NN_EUSAGE : 0);
        CHECK_CONTAINS(nn_error_message(), i == 0 ? "'b' has 5 steps and 'a' 7" : "");
        small_model_release(&s);
    }
}

static int check_all(const char *isa) {
    setenv("NNMPI_ISA", isa, 1);
    CHECK_STR(nn_kernels_get()->isa, isa);
    for (size_t i = 0; i < sizeof golden_attention / sizeof *golden_attention; i++)
        check_golden(&golden_attention[i]);
    check_kind("attention: {heads: 2}");
    check_kind("attention: {heads: 6, kv_heads: 3, causal: true, dropout: 0.3, rotary_base: 500}");
    check_kind("attention: {heads: 3, kv_heads: 1, bias: false, dropout: 0.1}");
    check_dropout();
    if (check_failures)
        fprintf(stderr, "  with the kernels for %s\n", isa);
    return check_done();
}

/* The choice of kernels is made once a process. */
int main(void) {
    check_memory();
    check_errors();
    check_lengths();
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
