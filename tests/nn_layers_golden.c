/* Layers against PyTorch: outputs, gradients, parameters and running statistics after ten
 * full-batch steps, and what comes out in evaluation then; to 1e-5 in float. And nothing but finite
 * numbers from inputs of 1e4. */
#include "golden/layers.h"
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
    for (size_t p = 0; p < params; p++)
        for (size_t i = param[p]->offset; i < param[p]->offset + param[p]->count; i++)
            if (param[p]->role == NN_PARAM_STATE)
                s->params[i] += param[p]->rate * (s->grads[i] - s->params[i]);
            else
                s->params[i] -= (nn_real)GOLDEN_LR * s->grads[i];
}

static const nn_real *step(struct small_model *s, const struct golden_layer *g, const nn_real *x,
                           nn_real *y) {
    static const int64_t sample[GOLDEN_BATCH];
    nn_pass pass = {.batch = GOLDEN_BATCH, .training = true, .sample = sample};
    size_t n = GOLDEN_BATCH * g->outputs;
    memcpy(y, nn_model_forward(s->model, &pass, x), n * sizeof *y);
    nn_real *dy = nn_model_output_grad(s->model);
    for (size_t i = 0; i < n; i++)
        dy[i] = (y[i] - (nn_real)g->target[i]) / GOLDEN_BATCH;
    nn_model_backward(s->model, &pass, NULL, NULL);
    return y;
}

static void check(struct small_model *s, const struct golden_layer *g) {
    nn_real x[MOST], y[MOST];
    size_t n = GOLDEN_BATCH * nn_shape_count(&g->input), outputs = GOLDEN_BATCH * g->outputs;
    for (size_t i = 0; i < n; i++)
        x[i] = (nn_real)g->x[i];
    set_params(s, g->start);
    bool ok = alike(outputs, step(s, g, x, y), g->y);
    ok = tensors_alike(s, s->grads, g->gradient, false) && ok;
    update(s);
    for (int i = 1; i < GOLDEN_STEPS; i++) {
        step(s, g, x, y);
        update(s);
    }
    ok = tensors_alike(s, s->params, g->end, true) && ok;
    ok = alike(outputs, nn_model_forward(s->model, &(nn_pass){.batch = GOLDEN_BATCH}, x),
               g->evaluated) &&
         ok;
    if (!ok)
        fprintf(stderr, "  %s\n", g->yaml);
}

static void check_extremes(struct small_model *s, const struct golden_layer *g) {
    nn_real x[MOST], y[MOST];
    bool finite = true;
    for (size_t i = 0; i < MOST; i++)
        x[i] = (nn_real)(i % 3 ? 1e4 : -1e4);
    set_params(s, g->start);
    step(s, g, x, y);
    for (size_t i = 0; i < GOLDEN_BATCH * g->outputs; i++)
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
