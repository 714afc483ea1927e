/* Layers against PyTorch: outputs, gradients, parameters and running statistics after ten
 * full-batch steps, and what comes out in evaluation then; to 1e-5 in float. And nothing but finite
 * numbers from inputs of 1e4. */
#include "golden/layers.h"
#include "math/kernels.h"
#include "small_model.h"

#define TOLERANCE 1e-5
#define MOST 160

/* Relative to the largest of the numbers, or to 0.05: some gradients are 0 but for rounding. */
static bool alike(size_t n, const nn_real *a, const double *b) {
    double size = 0.05, off = 0;
    for (size_t i = 0; i < n; i++) {
        size = fmax(size, fabs(b[i]));
        off = fmax(off, fabs((double)a[i] - b[i]));
    }
    return CHECK_NEAR(off, 0, TOLERANCE * size);
}

/* The model's tensors in files' order against the one behind the other in `want`. */
static bool tensors_alike(const struct small_model *s, const nn_real *vector, const double *want,
                          bool states) {
    const nn_param *const *param;
    size_t params = nn_model_params(s->model, &param);
    bool ok = true;
    for (size_t p = 0; p < params; want += param[p++]->count) {
        nn_real file[MOST];
        if (param[p]->role == NN_PARAM_STATE && !states)
            continue;
        nn_param_export(param[p], vector + param[p]->offset, file);
        bool same = alike(param[p]->count, file, want);
        if (!same)
            fprintf(stderr, "  %s/%s\n", param[p]->layer->name, param[p]->name);
        ok = ok && same;
    }
    return ok;
}

static void set_params(struct small_model *s, const double *start) {
    const nn_param *const *param;
    size_t params = nn_model_params(s->model, &param);
    for (size_t p = 0; p < params; p++) {
        nn_real file[MOST];
        for (size_t i = 0; i < param[p]->count; i++)
            file[i] = (nn_real)*start++;
        nn_param_import(param[p], file, s->params + param[p]->offset);
    }
}

static void update(struct small_model *s) {
    const nn_param *const *param;
    size_t params = nn_model_params(s->model, &param);
    for (size_t p = 0; p < params; p++) {
        nn_real *w = s->params + param[p]->offset, *g = s->grads + param[p]->offset;
        if (param[p]->role == NN_PARAM_STATE)
            nn_kernels_get()->blend(param[p]->count, param[p]->rate, g, w);
        for (size_t i = 0; param[p]->role != NN_PARAM_STATE && i < param[p]->count; i++)
            w[i] -= (nn_real)GOLDEN_LR * g[i];
    }
}

/* Where element i of samples in PyTorch's order stands in memory: images are channels-last. */
static size_t place(const nn_shape *s, size_t i) {
    size_t count = nn_shape_count(s), pixels = s->rank == 3 ? (size_t)(s->dim[1] * s->dim[2]) : 1;
    size_t channels = count / pixels, at = i % count;
    return i - at + at % pixels * channels + at / pixels;
}

/* What comes out, in PyTorch's order. */
static size_t run(const struct small_model *s, const nn_pass *pass, const nn_real *x, nn_real *y) {
    nn_shape shape = nn_model_output_shape(s->model);
    size_t n = GOLDEN_BATCH * nn_shape_count(&shape);
    const nn_real *out = nn_model_forward(s->model, pass, x);
    for (size_t i = 0; i < n; i++)
        y[i] = out[place(&shape, i)];
    return n;
}

static size_t step(struct small_model *s, const struct golden_layer *g, const nn_real *x,
                   nn_real *y) {
    static const int64_t sample[GOLDEN_BATCH];
    nn_pass pass = {.batch = GOLDEN_BATCH, .training = true, .sample = sample};
    nn_shape shape = nn_model_output_shape(s->model);
    size_t n = run(s, &pass, x, y);
    nn_real *dy = nn_model_output_grad(s->model);
    for (size_t i = 0; i < n; i++)
        dy[place(&shape, i)] = (y[i] - (nn_real)g->target[i]) / (nn_real)GOLDEN_BATCH;
    nn_model_backward(s->model, &pass, NULL, NULL);
    return n;
}

static void check(struct small_model *s, const struct golden_layer *g) {
    nn_real x[MOST], y[MOST];
    size_t n = GOLDEN_BATCH * nn_shape_count(&g->input);
    for (size_t i = 0; i < n; i++)
        x[place(&g->input, i)] = (nn_real)g->x[i];
    set_params(s, g->start);
    size_t outputs = step(s, g, x, y);
    bool ok = alike(outputs, y, g->y);
    ok = tensors_alike(s, s->grads, g->gradient, false) && ok;
    update(s);
    for (int i = 1; i < GOLDEN_STEPS; i++) {
        step(s, g, x, y);
        update(s);
    }
    ok = tensors_alike(s, s->params, g->end, true) && ok;
    run(s, &(nn_pass){.batch = GOLDEN_BATCH}, x, y);
    ok = alike(outputs, y, g->evaluated) && ok;
    if (!ok)
        fprintf(stderr, "  %s\n", g->yaml);
}

static void check_extremes(struct small_model *s, const struct golden_layer *g) {
    nn_real x[MOST], y[MOST];
    bool finite = true;
    for (size_t i = 0; i < MOST; i++)
        x[i] = g->vocabulary ? 0 : (nn_real)(i % 3 ? 1e4 : -1e4);
    set_params(s, g->start);
    size_t outputs = step(s, g, x, y);
    for (size_t i = 0; i < outputs; i++)
        finite = finite && isfinite(y[i]);
    for (size_t i = 0; i < nn_model_size(s->model); i++)
        finite = finite && isfinite(s->grads[i]);
    if (!CHECK(finite))
        fprintf(stderr, "  %s\n", g->yaml);
}

int main(void) {
    nn_loss_spec spec = {.batch = GOLDEN_BATCH};
    for (size_t i = 0; i < sizeof golden_layers / sizeof *golden_layers; i++) {
        struct small_model s;
        if (small_model_new(&s, golden_layers[i].yaml, golden_layers[i].input, NULL, &spec)) {
            check(&s, &golden_layers[i]);
            check_extremes(&s, &golden_layers[i]);
        }
        small_model_release(&s);
    }
    return check_done();
}
