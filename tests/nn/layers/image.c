/* Layers for sequences, images and volumes, with the kernels of every instruction set: PyTorch's
 * numbers, the same bits however the rows are shared out, no rows, and what is said about
 * impossible shapes. */
#include "base/numbers/rng.h"
#include "golden/conv.h"
#include "math/gemm/gemm.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "one_layer.h"

#include <sys/wait.h>
#include <unistd.h>

/* --- PyTorch's numbers --- */

/* Where element i of samples in PyTorch's order stands in memory: images are channels-last. */
static size_t place(const nn_shape *s, size_t i) {
    size_t count = nn_shape_count(s), channels = (size_t)nn_shape_channels(s), at = i % count;
    size_t pixels = nn_shape_is_image(s) ? count / channels : 1;
    channels = count / pixels;
    return i - at + at % pixels * channels + at / pixels;
}

/* One of so many numbers is among those that are kept. */
static size_t step_of(size_t count) {
    return count > GOLDEN_KEPT ? (count + GOLDEN_KEPT - 1) / GOLDEN_KEPT : 1;
}

/* Every k-th number, to 1e-5 of the largest. */
static bool check_sample(size_t count, const nn_real *found, const nn_shape *shape,
                         const double *want) {
    size_t step = step_of(count);
    double top = 0;
    bool ok = true;
    for (size_t i = 0; i * step < count; i++)
        top = fmax(top, fabs(want[i]));
    for (size_t i = 0; i * step < count && ok; i++)
        ok = CHECK_NEAR(found[shape ? place(shape, i * step) : i * step], want[i], 1e-5 * top);
    return ok;
}

static bool check_params(const struct net *n, const nn_real *vector, const double *want) {
    bool ok = true;
    for (size_t p = 0; p < n->layer->params; p++) {
        const nn_param *param = &n->layer->param[p];
        nn_real *file = numbers(param->count);
        nn_param_export(param, vector + param->offset, file);
        ok &= check_sample(param->count, file, NULL, want);
        free(file);
        size_t step = step_of(param->count);
        want += (param->count + step - 1) / step;
    }
    return ok;
}

static void start(const struct net *n) {
    size_t at = 0;
    for (size_t p = 0; p < n->layer->params; p++) {
        const nn_param *param = &n->layer->param[p];
        nn_real *file = numbers(param->count);
        for (size_t i = 0; i < param->count; i++)
            file[i] = wave(0.7, 1.0 + 0.73 * (double)at, 0.73, i);
        at += param->count;
        nn_param_import(param, file, n->model.params + param->offset);
        free(file);
    }
    for (size_t i = 0; i < n->batch * n->in; i++)
        n->x[place(&n->layer->in[0], i)] = wave(1.5, 0.5, 0.91, i);
}

static bool check_descent(const struct net *n, const struct golden_conv *g) {
    nn_pass pass = {.batch = g->batch, .training = true};
    bool ok = true;
    start(n);
    for (int step = 0; step < GOLDEN_DESCENT_STEPS; step++) {
        forward(n, &pass);
        for (size_t i = 0; i < n->batch * n->out; i++) {
            size_t at = place(&n->layer->out, i);
            n->dy[at] = n->y[at] - wave(0.5, 2.0, 1.3, i);
        }
        backward(n, &pass);
        if (step == 0) {
            ok &= check_sample(n->batch * n->out, n->y, &n->layer->out, g->y);
            ok &= check_sample(n->batch * n->in, n->dx, &n->layer->in[0], g->dx);
            ok &= check_params(n, n->model.grads, g->grads);
        }
        for (size_t i = 0; i < nn_model_size(n->model.model); i++)
            n->model.params[i] -= (nn_real)g->lr * n->model.grads[i];
    }
    return ok & check_params(n, n->model.params, g->params);
}

static void check_golden(const struct golden_conv *g) {
    struct net n;
    if (!net_new(&n, g->yaml, g->batch, g->input))
        return;
    if (!check_descent(&n, g))
        fprintf(stderr, "  %s\n", g->yaml);
    net_release(&n);
}

/* --- shared rows --- */

#define BATCH 14

static const struct shared_case {
    const char *yaml;
    nn_shape input;
} shared_cases[] = {
    {"conv2d: {filters: 70, kernel: 3, padding: 1}", {3, {30, 12, 13}}},
    {"conv2d: {filters: 20, kernel: 5}", {2, {28, 28}}},
    {"conv2d: {filters: 32, kernel: 3, stride: 2, groups: 2}", {3, {32, 25, 25}}},
    {"conv2d: {filters: 32, kernel: 3, groups: 32, padding: same}", {3, {32, 20, 21}}},
    {"max_pool: {size: 3, stride: 2}", {3, {37, 21, 21}}},
    {"max_pool: {size: 2}", {3, {20, 20, 20}}},
    {"avg_pool: {size: 3, stride: 2, padding: 1}", {3, {37, 21, 21}}},
    {"global_avg_pool", {3, {37, 21, 21}}},
    {"flatten", {3, {37, 9, 9}}},
    {"conv_transpose2d: {filters: 20, kernel: 3, stride: 2, padding: 1}", {3, {32, 13, 12}}},
    {"conv_transpose2d: {filters: 12, kernel: 2, stride: 2, groups: 4}", {3, {40, 11, 9}}},
    {"pad: {padding: 3, mode: reflect}", {3, {20, 17, 13}}},
    {"upsample: {scale: 2, mode: bilinear}", {3, {20, 13, 12}}},
    {"glu: {gate: swish}", {3, {20, 31, 30}}},
    {"mean: {axis: 2}", {3, {20, 31, 30}}},
    {"positions", {2, {70, 50}}},
    {"group_norm: {groups: 5}", {3, {20, 31, 31}}},
    {"rms_norm: {dims: 3}", {3, {20, 31, 31}}},
    {"conv1d: {filters: 70, kernel: 5, padding: causal}", {2, {90, 30}}},
    {"conv3d: {filters: 34, kernel: 3, padding: 1}", {4, {20, 6, 7, 8}}},
    {"conv3d: {filters: 16, kernel: 2, stride: 2}", {4, {16, 9, 8, 10}}},
    {"conv_transpose3d: {filters: 6, kernel: 3, stride: 2, groups: 2}", {4, {8, 5, 6, 7}}},
    {"max_pool3d: {size: 3, stride: 2}", {4, {17, 7, 9, 9}}},
    {"upsample3d: {scale: 2, mode: trilinear}", {4, {7, 5, 6, 7}}},
    {"flatten", {4, {17, 5, 4, 9}}},
};

static void randomize(size_t n, uint64_t stream, nn_real *x) {
    nn_rng rng = nn_rng_stream(5, NN_RNG_TEST, stream, 0);
    nn_rng_normal(&rng, 0, n, x);
}

/* The layer with so many threads, run forward and backward over random numbers. */
static bool run_with(struct net *n, const struct shared_case *c, int threads) {
    nn_pass pass = {.batch = BATCH, .training = true};
    small_model_compute.threads = threads;
    bool ok = net_new(n, c->yaml, BATCH, c->input);
    if (ok) {
        randomize(BATCH * n->in, 1, n->x);
        randomize(BATCH * n->out, 2, n->dy);
        randomize(BATCH * n->in, 3, n->dx); /* is overwritten */
        forward(n, &pass);
        backward(n, &pass);
    }
    small_model_compute.threads = 1;
    return ok;
}

static bool same(const char *what, size_t count, const nn_real *a, const nn_real *b) {
    bool equal = CHECK(memcmp(a, b, count * sizeof *a) == 0);
    if (!equal)
        fprintf(stderr, "  %s\n", what);
    return equal;
}

/* Three calls for pieces of the minibatch: rows do not change, gradients add up. */
static void check_pieces(const struct net *whole, struct net *n) {
    static const size_t cut[] = {0, 1, 9, BATCH};
    for (int i = 0; i < 3; i++) {
        nn_pass pass = {.batch = cut[i + 1] - cut[i], .training = true};
        nn_io io = rows_of(n, &pass, cut[i], cut[i + 1]);
        n->layer->ops->forward(n->layer, &io);
        n->layer->ops->backward(n->layer, &io);
    }
    same("y in pieces", BATCH * n->out, n->y, whole->y);
    same("dx in pieces", BATCH * n->in, n->dx, whole->dx);
    for (size_t i = 0; i < nn_model_size(n->model.model); i++) {
        double want = (double)whole->model.grads[i];
        CHECK_NEAR(n->model.grads[i], want, 2e-4 * (1 + fabs(want)));
    }
}

/* No rows, no gradient. */
static void check_nothing(struct net *n) {
    nn_pass pass = {.training = true};
    forward(n, &pass);
    backward(n, &pass);
    for (size_t i = 0; i < nn_model_size(n->model.model); i++)
        CHECK(n->model.grads[i] == 0);
}

static void check_shared(const struct shared_case *c) {
    struct net one, two;
    int before = check_failures;
    small_model_compute.fixed_parts = true;
    if (run_with(&one, c, 1) && run_with(&two, c, 2)) {
        same("y of two threads", BATCH * one.out, one.y, two.y);
        same("dx of two threads", BATCH * one.in, one.dx, two.dx);
        same("gradients of two threads", nn_model_size(one.model.model), one.model.grads,
             two.model.grads);
        check_pieces(&one, &two);
        check_nothing(&two);
        net_release(&one);
        net_release(&two);
    }
    small_model_compute.fixed_parts = false;
    if (check_failures > before)
        fprintf(stderr, "  %s\n", c->yaml);
}

/* --- special numbers --- */

/* As in PyTorch, NaN is larger than all else, and the first of equals wins. */
static void check_max(void) {
    struct net n;
    nn_pass pass = {.batch = 1, .training = true};
    if (!net_new(&n, "max_pool: {size: 2}", 1, (nn_shape){2, {2, 6}}))
        return;
    const nn_real x[12] = {1, 1, -1, (nn_real)NAN, (nn_real)-INFINITY, -2, 1, 1, 5, 9, -2, -3};
    memcpy(n.x, x, sizeof x);
    for (size_t i = 0; i < 3; i++)
        n.dy[i] = (nn_real)(i + 1);
    forward(&n, &pass);
    backward(&n, &pass);
    CHECK(n.y[0] == 1 && isnan(n.y[1]) && n.y[2] == -2);
    for (size_t i = 0; i < 12; i++)
        CHECK_EQ_INT(n.dx[i], i == 0 ? 1 : i == 3 ? 2 : i == 5 ? 3 : 0);
    net_release(&n);
}

/* --- messages --- */

static void check_refused(const char *layers, nn_shape input, const char *message) {
    struct small_model m;
    if (CHECK(small_model_set_up(&m, layers, input, NULL, NULL) == NN_EUSAGE))
        CHECK_CONTAINS(nn_error_message(), message);
    else
        fprintf(stderr, "  %s\n", layers);
    small_model_release(&m);
}

static void check_messages(void) {
    const nn_shape image = {3, {6, 4, 5}}, vector = {1, {7}};
    check_refused("[conv2d: {filters: 2, kernel: 3}]", vector, "works on images");
    check_refused("[conv2d: {filters: 2, kernel: [5, 3]}]", image, "covers 5 rows");
    check_refused("[conv2d: {filters: 2, kernel: 3, dilation: [1, 4]}]", image, "covers 9 columns");
    check_refused("[conv3d: {filters: 2, kernel: 3}]", image, "works on volumes");
    check_refused("[conv3d: {filters: 2, kernel: [3, 1, 1]}]", (nn_shape){4, {6, 2, 4, 5}},
                  "covers 3 planes");
    check_refused("[conv3d: {filters: 2, kernel: [3, 1]}]", (nn_shape){4, {6, 2, 4, 5}},
                  "a list [planes, rows, columns] of three");
    check_refused("[max_pool3d: {size: 7}]", (nn_shape){4, {1, 9, 9, 9}}, "256 pixels at most");
    check_refused("[conv1d: {filters: 2, kernel: 3}]", image, "works on sequences");
    check_refused("[conv1d: {filters: 2, kernel: 8}]", (nn_shape){2, {7, 3}}, "covers 8 steps");
    check_refused("[conv1d: {filters: 2, kernel: 2, padding: many}]", (nn_shape){2, {7, 3}},
                  "whole number from 0 to 10000");
    check_refused("[conv2d: {filters: 2, kernel: 2, padding: causal}]", image, "padding = causal");
    check_refused("[conv2d: {filters: 2, kernel: 0}]", image, "kernel = 0 of layer 'conv2d1'");
    check_refused("[conv2d: {filters: 2, kernel: [1, 2, 3]}]", image, "a list [rows, columns]");
    check_refused("[conv2d: {filters: 2, kernel: 3, padding: some}]", image, "padding = some");
    check_refused("[conv2d: {filters: 2, kernel: 3, stride: 2, padding: same}]", image, "stride 1");
    check_refused("[conv2d: {filters: 2, kernel: 3, groups: 4}]", image, "6 input channels");
    check_refused("[conv2d: {filters: 2, kernel: 3, groups: 3}]", image, "2 filters");
    check_refused("[max_pool: {size: 6}]", image, "covers 6 rows");
    check_refused("[max_pool: {size: [2, 8], stride: [2, 2], ceil_mode: true}]", image,
                  "covers 8 columns");
    check_refused("[max_pool: {size: 2, padding: 2}]", image, "at most half");
    check_refused("[max_pool: {size: [2, 200], padding: [0, 100]}]", image, "256 pixels at most");
    check_refused("[global_avg_pool]", vector, "works on images");
    check_refused("[reshape: {shape: [2, 3]}]", vector, "[2, 3] has 6 elements, but 7 come in");
    check_refused("[reshape: {shape: [2, -1]}]", vector, "no multiple of 2");
    check_refused("[reshape: {shape: [-1, -1]}]", vector, "at most one of them -1");
    check_refused("[reshape: {shape: [2147483647, 2147483647, 2147483647]}]", vector,
                  "has more elements");
    check_refused("[embedding: {vocabulary: 2, units: 1000000}]", (nn_shape){2, {1 << 20, 1 << 20}},
                  "more numbers a sample than a machine can hold");
    check_refused("[flatten]", (nn_shape){3, {(int64_t)1 << 32, (int64_t)1 << 32, 2}},
                  "more numbers than a machine can hold");
    check_refused("[reshape: {shape: 7}]", vector, "must be a list");
    check_refused("[conv_transpose2d: {filters: 2, kernel: 2, padding: 9}]", image,
                  "padding leaves no rows");
    check_refused("[conv_transpose2d: {filters: 2, kernel: 2, output_padding: 1}]", image,
                  "1 rows are not less than stride or dilation");
    check_refused("[conv_transpose2d: {filters: 2, kernel: 2, groups: 4}]", image,
                  "6 input channels and 2 filters");
    check_refused("[pad: {padding: [3, 5], mode: reflect}]", image,
                  "5 is not less than the 5 columns");
    check_refused("[upsample: {scale: 0}]", image, "scale = 0 of layer 'upsample1'");
    check_refused("[slice: {axis: 4}]", image, "has the axes 1 to 3");
    check_refused("[slice: {begin: 6}]", image, "no range of the 6 indices of axis 1");
    check_refused("[slice: {axis: 2, end: 5}]", image, "no range of the 4 indices of axis 2");
    check_refused("[slice: {begin: -8}]", vector, "begin: -8, end: 0 are no range");
    check_refused("[mean: {axis: 0}]", image, "0 is the minibatch");
    check_refused("[mean: {axis: 2}]", vector, "has the axes 1 to 1");
    check_refused("[glu]", vector, "7, has no halves");
    check_refused("[positions]", vector, "reads sequences");
    check_refused("[positions: {context: 5}]", (nn_shape){2, {6, 4}}, "less than its 6 steps");
    check_refused("[positions: {kind: sinusoidal, context: 9}]", (nn_shape){2, {6, 4}},
                  "kind: sinusoidal has none");
    check_refused("[group_norm: {groups: 4}]", image, "does not divide its 6 channels");
    check_refused("[group_norm: {groups: 2}]", (nn_shape){2, {6, 4}}, "works on images");
    check_refused("[group_norm: {groups: 6}]", (nn_shape){1, {6}},
                  "each of its 6 groups is one number");
    check_refused("[group_norm: {groups: 6}]", (nn_shape){3, {6, 1, 1}}, "take fewer groups");
}

static int check_all(const char *isa) {
    setenv("NNMPI_ISA", isa, 1);
    CHECK_STR(nn_kernels_get()->isa, isa);
    for (size_t i = 0; i < sizeof golden_conv / sizeof *golden_conv; i++)
        check_golden(&golden_conv[i]);
    for (size_t i = 0; i < sizeof shared_cases / sizeof *shared_cases; i++)
        check_shared(&shared_cases[i]);
    check_max();
    if (check_failures)
        fprintf(stderr, "  with the kernels for %s\n", isa);
    return check_done();
}

int main(void) {
    check_messages();
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
