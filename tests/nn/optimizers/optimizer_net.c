/* Ten full-batch steps of each optimiser on a small net, in float, against PyTorch's parameters. */
#include "golden/optimizers.h"
#include "nn/optimizers/optimizer.h"
#include "rows.h"
#include "small_model.h"

#define LAYERS "[dense: {units: 6, activation: tanh}, dense: {units: 3}]"

struct training {
    struct small_model net;
    const nn_optimizer_ops *ops;
    union row_options options;
    nn_real *state[NN_MAX_SLOTS];
    nn_real x[GOLDEN_SAMPLES * GOLDEN_INPUTS];
    int32_t label[GOLDEN_SAMPLES];
};

static bool set_up(struct training *t, const char *yaml) {
    static const nn_loss_spec spec = {.outputs = GOLDEN_CLASSES,
                                      .batch = GOLDEN_SAMPLES,
                                      .labels = true,
                                      .classes = GOLDEN_CLASSES};
    const nn_entry *row = NULL;
    nn_shape input = {1, {GOLDEN_INPUTS}};

    if (!small_model_new(&t->net, LAYERS, input, "cross_entropy", &spec) ||
        !row_take(&t->net.pool, &nn_optimizers, yaml, &row, &t->options))
        return false;
    t->ops = (const nn_optimizer_ops *)row;
    for (int i = 0; i < NN_MAX_SLOTS; i++)
        CHECK(NN_NEW(&t->state[i], nn_model_size(t->net.model), "state") == 0);
    for (int i = 0; i < GOLDEN_SAMPLES * GOLDEN_INPUTS; i++)
        t->x[i] = (nn_real)golden_x[i];
    for (int i = 0; i < GOLDEN_SAMPLES; i++)
        t->label[i] = i % GOLDEN_CLASSES;
    return true;
}

static void release(struct training *t) {
    for (int i = 0; i < NN_MAX_SLOTS; i++)
        nn_free(t->state[i]);
    small_model_release(&t->net);
}

static void update(struct training *t, const nn_param *param, double lr, int64_t step) {
    double sums[NN_UPDATE_SUMS] = {0};
    bool weight = param->role == NN_PARAM_WEIGHT;
    nn_real *slot[NN_MAX_SLOTS], *w = t->net.params + param->offset;
    const nn_real *g = t->net.grads + param->offset;
    nn_update u = {.lr = lr,
                   .scale = 1 / (double)GOLDEN_SAMPLES,
                   .decay = weight,
                   .adapt = weight,
                   .step = step,
                   .sums = sums};

    for (int i = 0; i < NN_MAX_SLOTS; i++)
        slot[i] = t->state[i] + param->offset;
    if (t->ops->norms)
        t->ops->norms(&t->options, &u, param->count, g, w, slot, sums);
    t->ops->step(&t->options, &u, param->count, g, w, slot);
}

static void check_golden(const struct golden_optimizer *g) {
    const nn_param *const *param;
    struct training t = {0};
    size_t at = 0, params;
    int before = check_failures;

    if (!set_up(&t, g->yaml))
        return;
    nn_target target = {.label = t.label};
    params = nn_model_params(t.net.model, &param);
    for (size_t p = 0; p < params; p++)
        for (size_t i = 0; i < param[p]->count; i++)
            t.net.params[param[p]->offset + i] = (nn_real)golden_net[at++];
    for (int64_t step = 1; step <= GOLDEN_STEPS; step++) {
        small_model_gradient(&t.net, GOLDEN_SAMPLES, t.x, &target);
        for (size_t p = 0; p < params; p++)
            update(&t, param[p], g->lr, step);
    }
    at = 0;
    for (size_t p = 0; p < params; p++)
        for (size_t i = 0; i < param[p]->count; i++, at++)
            CHECK_NEAR(t.net.params[param[p]->offset + i], g->net[at],
                       1e-5 * fmax(fabs(g->net[at]), 0.1));
    if (check_failures > before)
        fprintf(stderr, "... for %s\n", g->yaml);
    release(&t);
}

int main(void) {
    for (size_t i = 0; i < sizeof golden_optimizer / sizeof *golden_optimizer; i++)
        check_golden(&golden_optimizer[i]);
    return check_done();
}
