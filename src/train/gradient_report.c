/* train.report: gradients. The size of delta of each layer, and of what a step changes. */
#include "math/kernels.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

static size_t layer_count(const nn_trainer *t, const nn_layer *const **layer) {
    return nn_model_layers(t->session.model, layer);
}

/* Whether the step under way is the last one of its line. */
static bool reports_gradients(const nn_trainer *t) {
    const nn_state *s = &t->state;
    const nn_settings *set = t->session.settings;
    return t->delta && ((s->step + 1) % set->train.log_every == 0 ||
                        s->step + 1 == set->train.max_steps || s->batch + 1 == t->steps_per_epoch);
}

/* Adds the squares of dC/dy. */
static void add_delta(void *ctx, const nn_layer *layer, nn_moment moment, const nn_pass *pass,
                      const nn_real *values) {
    const nn_trainer *t = ctx;
    if (moment == NN_BEFORE_BACKWARD)
        t->delta[layer->index] +=
            nn_kernels_get()->sum_squares(pass->batch * nn_shape_count(&layer->out), values);
}

nn_watch_fn *nn_trainer_watch(const nn_trainer *t) {
    return t->watch ? t->watch : reports_gradients(t) ? add_delta : NULL;
}

int nn_trainer_begin_gradient_report(nn_trainer *t) {
    const nn_session *s = &t->session;
    const nn_layer *const *layer;
    if (!reports_gradients(t))
        return 0;
    NN_TRY(nn_trainer_complete_step(t));
    memset(t->delta, 0, layer_count(t, &layer) * sizeof *t->delta);
    if (t->before)
        memcpy(t->before, s->params, nn_model_size(s->model) * sizeof *t->before);
    return 0;
}

int nn_trainer_sum_deltas(nn_trainer *t, double weight) {
    const nn_layer *const *layer;
    size_t layers = layer_count(t, &layer);
    if (!reports_gradients(t))
        return 0;
    NN_TRY(nn_comm_sum(t->comm, t->delta, layers));
    for (size_t i = 0; i < layers; i++)
        t->delta[i] = sqrt(t->delta[i] / weight);
    return 0;
}

/* Norm of what the last step has changed of a layer, over that of its parameters. */
static double update_of(const nn_trainer *t, const nn_layer *layer) {
    double changed = 0, all = 0;
    for (size_t p = 0; p < layer->params; p++) {
        const nn_param *param = &layer->param[p];
        const nn_real *now = t->session.params + param->offset, *then = t->before + param->offset;
        for (size_t i = 0; param->role != NN_PARAM_STATE && i < param->count; i++) {
            double value = (double)now[i], change = value - (double)then[i];
            changed += change * change;
            all += value * value;
        }
    }
    return all > 0 ? sqrt(changed / all) : NAN;
}

void nn_trainer_put_gradients(const nn_trainer *t, nn_json *json) {
    const nn_layer *const *layer;
    size_t layers = layer_count(t, &layer);
    nn_json_open(json, "update", '{');
    for (size_t i = 0; i < layers; i++)
        if (layer[i]->params)
            nn_json_real(json, layer[i]->name, update_of(t, layer[i]));
    nn_json_close(json, '}');
    nn_json_open(json, "delta", '{');
    for (size_t i = 0; i < layers; i++)
        if (layer[i]->params)
            nn_json_real(json, layer[i]->name, t->delta[i]);
    nn_json_close(json, '}');
}
