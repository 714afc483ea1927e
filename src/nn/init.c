/* Initial parameters. Each tensor draws from a stream of its own, named after it, in the order of
 * PyTorch's layout, so that no other layer, rank or thread changes its numbers. */
#include "nn/init.h"

#include "nn/inner.h"
#include "nn/layers/layers.h"

#include <stdio.h>

int nn_initializer_bind(nn_pool *pool, const nn_node *node, const nn_initializer_ops **ops,
                        void **options) {
    const nn_entry *row;
    nn_node *map;
    if (!node)
        return 0;
    NN_TRY(nn_family_pick(&nn_initializers, (nn_node *)node, &row, &map));
    *ops = (const nn_initializer_ops *)row;
    *options = nn_pool_alloc(pool, row->size ? row->size : 1);
    if (!*options)
        return NN_EMEMORY;
    return nn_options_bind(&(nn_binding){row->options, *options}, 1, map, row->name, NULL);
}

static int bind_default(nn_model *model, const char *name, const nn_initializer_ops **ops,
                        void **options) {
    nn_node *node = nn_node_scalar(&model->pool, name);
    return node ? nn_initializer_bind(&model->pool, node, ops, options) : NN_EMEMORY;
}

static bool feeds_rectifier(const nn_layer *layer) {
    const nn_layer *next = layer->plan->consumer;
    return next && layer->plan->consumers == 1 && next->ops->rectifier;
}

/* A layer with parameters follows, so its units must differ to learn different things. */
static bool is_hidden(const nn_model *model, const nn_layer *layer) {
    size_t last = model->layers - 1;
    while (model->layer[last]->params == 0)
        last--;
    return model->layer[last] != layer;
}

static int check_symmetry(const nn_model *model, const nn_layer *layer, const nn_param *param) {
    const struct nn_layer_plan *plan = layer->plan;
    if (param->role != NN_PARAM_WEIGHT || !plan->init->symmetric || plan->symmetric ||
        (param->table && !param->shared) || param->dim[0] < 2 || !is_hidden(model, layer))
        return 0;
    return nn_layer_fail(
        layer,
        "initialiser '%s' makes its %lld units identical, and they stay so where the "
        "layer behind has equal weights for them; use e.g. `init: xavier_uniform`, "
        "or add `symmetric: true` if that is wanted",
        plan->init->entry.name, (long long)param->dim[0]);
}

int nn_model_choose_initializers(nn_model *model) {
    for (size_t i = 0; i < model->params; i++) {
        const nn_param *param = model->param[i];
        const nn_layer *layer = param->layer;
        struct nn_layer_plan *plan = layer->plan;
        if (!plan->init)
            NN_TRY(bind_default(model, feeds_rectifier(layer) ? "he_uniform" : "xavier_uniform",
                                &plan->init, &plan->init_options));
        if (!plan->bias_init)
            NN_TRY(bind_default(model, "zeros", &plan->bias_init, &plan->bias_init_options));
        NN_TRY(check_symmetry(model, layer, param));
    }
    return 0;
}

/* The initial tensor in PyTorch's order. */
static int fill(const nn_param *param, uint64_t seed, nn_real *w) {
    const struct nn_layer_plan *plan = param->layer->plan;
    if (param->role != NN_PARAM_WEIGHT && param->role != NN_PARAM_BIAS) {
        for (size_t i = 0; i < param->count; i++)
            w[i] = param->value;
        return 0;
    }
    char name[NN_PARAM_PATH];
    snprintf(name, sizeof name, "%s/%s", param->layer->name, param->name);
    nn_rng rng = nn_rng_stream(seed, NN_RNG_INIT, nn_hash_text(name), 0);
    size_t rows = (size_t)param->dim[0];
    nn_fan fan = {param->fan_in, param->fan_out, rows, param->count / rows};
    if (param->role == NN_PARAM_WEIGHT)
        return plan->init->fill(plan->init_options, param->layer->compute, &rng, &fan, w);
    return plan->bias_init->fill(plan->bias_init_options, param->layer->compute, &rng, &fan, w);
}

static int init_param(const nn_param *param, uint64_t seed, nn_real *memory) {
    nn_real *w;
    NN_TRY(NN_NEW(&w, param->count, "an initial tensor"));
    int rc = fill(param, seed, w);
    if (rc == 0)
        nn_param_import(param, w, memory);
    nn_free(w);
    return rc;
}

int nn_model_init(const nn_model *model, uint64_t seed, nn_real *params) {
    for (size_t i = 0; i < model->params; i++)
        NN_TRY(init_param(model->param[i], seed, params + model->param[i]->offset));
    return 0;
}
