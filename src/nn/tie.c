/* Tied parameters: several layers use one tensor (Press and Wolf 2017). It stands in the vector
 * once, with the layer that comes first; the gradients of the others stand in buffers of their own,
 * one for each microbatch, until back-propagation comes to that layer, which adds them to its own:
 * so its range of the gradient vector is complete when those of all layers are, and its bits do not
 * depend on how the microbatches are divided among ranks. */
#include "math/kernels.h"
#include "nn/inner.h"

#include <string.h>

static nn_param *find_param(const nn_layer *layer, const char *name) {
    return (nn_param *)nn_layer_find_param(layer, name);
}

/* The layer and the parameter that "tokens.weight" names. */
static int find_shared(const nn_scope *scope, const nn_layer *layer, const nn_node *item,
                       nn_param **out) {
    const char *dot = item->kind == NN_NODE_SCALAR ? strchr(item->text, '.') : NULL;
    nn_layer *other;
    if (!dot)
        return nn_node_fail(item, "tie names a parameter as LAYER.PARAMETER, e.g. tokens.weight");
    nn_node name = *item;
    name.text = nn_pool_printf(&scope->model->pool, "%.*s", (int)(dot - item->text), item->text);
    NN_TRY(name.text ? nn_scope_find(scope, layer->name, "is tied to", &name, &other) : NN_EMEMORY);
    *out = find_param(other, dot + 1);
    if (*out)
        return 0;
    return nn_node_fail(item, "layer '%s' has no parameter '%s'", other->name, dot + 1);
}

/* Their matrices stand in memory alike, where one of the layers takes any order. */
static int agree_on_order(const nn_layer *layer, nn_param *param, const nn_layer *other,
                          nn_param *shared, const nn_node *item) {
    if (memcmp(param->order, shared->order, sizeof param->order) == 0)
        return 0;
    if (layer->flags & NN_LAYER_ANY_ORDER)
        memcpy(param->order, shared->order, sizeof param->order);
    else if ((other->flags & NN_LAYER_ANY_ORDER) && !shared->shared)
        memcpy(shared->order, param->order, sizeof param->order);
    else
        return nn_node_fail(item, "%s of '%s' and of '%s' stand in memory in different orders",
                            param->name, layer->name, other->name);
    return 0;
}

static bool same_shape(const nn_param *a, const nn_param *b) {
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

static int check_tie(const nn_layer *layer, const nn_param *param, const nn_param *shared,
                     const nn_node *item) {
    const nn_layer *other = shared->layer;
    char a[NN_SHAPE_TEXT], b[NN_SHAPE_TEXT];
    if (!same_shape(param, shared))
        return nn_node_fail(item, "%s of '%s' is %s and that of '%s' %s: tied, they have one shape",
                            param->name, layer->name, nn_param_shape_text(param, a), other->name,
                            nn_param_shape_text(shared, b));
    if (nn_layer_is_programs(layer) || nn_layer_is_programs(other))
        return nn_node_fail(item, "layers that programs define cannot be tied");
    if ((layer->flags | other->flags) & NN_LAYER_WHOLE)
        return nn_node_fail(item, "%s cannot be tied: its gradient is that of all ranks already",
                            (layer->flags & NN_LAYER_WHOLE) ? layer->name : other->name);
    if (layer->frozen != other->frozen)
        return nn_node_fail(item,
                            "layer '%s' is frozen and '%s' is not: what is tied is one, so set "
                            "frozen for both or for none",
                            layer->frozen ? layer->name : other->name,
                            layer->frozen ? other->name : layer->name);
    return 0;
}

/* `key` is for the layer's parameters of this role, of which one at least must be its own. */
static int check_key(const nn_layer *layer, const char *key, nn_param_role role,
                     const nn_node *items) {
    const nn_param *tied = NULL;
    for (size_t i = 0; i < layer->params; i++) {
        const nn_param *param = &layer->param[i];
        if (param->role == role && !param->tied)
            return 0;
        if (param->role == role)
            tied = param;
    }
    if (!tied)
        return 0;
    return nn_node_fail(items, "%s of layer '%s' has no meaning: its %s is that of '%s'", key,
                        layer->name, tied->name, tied->tied->layer->name);
}

/* What belongs to a tensor is said by its own layer. */
static int check_options(const nn_layer *layer, const nn_node *items) {
    const struct nn_layer_plan *plan = layer->plan;
    if (plan->init || plan->symmetric)
        NN_TRY(check_key(layer, plan->init ? "init" : "symmetric", NN_PARAM_WEIGHT, items));
    if (plan->bias_init)
        NN_TRY(check_key(layer, "bias_init", NN_PARAM_BIAS, items));
    for (size_t i = 0; i < layer->params; i++)
        if (!layer->param[i].tied)
            return 0;
    if (layer->lr_scale == 1 && layer->decay_scale == 1)
        return 0;
    return nn_node_fail(
        items,
        "lr_scale and decay_scale of layer '%s' have no meaning: all its parameters "
        "are those of other layers",
        layer->name);
}

static int tie(const nn_scope *scope, nn_layer *layer, const nn_node *item) {
    nn_param *shared;
    NN_TRY(find_shared(scope, layer, item, &shared));
    nn_param *param = find_param(layer, shared->name);
    if (!param)
        return nn_node_fail(item, "layer '%s' has no parameter '%s' to be tied", layer->name,
                            shared->name);
    if (param->tied)
        return nn_node_fail(item, "%s of '%s' is tied already", param->name, layer->name);
    if (shared->tied) /* which is of a layer before that one */
        shared = (nn_param *)shared->tied;
    nn_layer *other = scope->model->layer[shared->layer->index];
    NN_TRY(check_tie(layer, param, shared, item));
    NN_TRY(agree_on_order(layer, param, other, shared, item));
    shared->shared = other->plan->ties = layer->plan->ties = true;
    param->tied = shared;
    param->offset = shared->offset;
    return 0;
}

int nn_tie_params(const nn_scope *scope, nn_layer *layer, const nn_node *items) {
    if (items->kind != NN_NODE_LIST)
        NN_TRY(tie(scope, layer, items));
    for (size_t i = 0; items->kind == NN_NODE_LIST && i < items->count; i++)
        NN_TRY(tie(scope, layer, items->item[i]));
    return check_options(layer, items);
}

const nn_param *nn_model_param_named(const nn_model *model, const nn_param *param, size_t i) {
    if (i == 0)
        return param;
    for (size_t k = 0; param->shared && k < model->layers; k++)
        for (size_t p = 0; p < model->layer[k]->params; p++)
            if (model->layer[k]->param[p].tied == param && --i == 0)
                return &model->layer[k]->param[p];
    return NULL;
}

/* Of a tied parameter in the memory of a call. */
static size_t elements(const nn_param *param) {
    return param->tied ? nn_align_count(param->count, sizeof(nn_real)) : 0;
}

size_t nn_tie_elements(const nn_layer *layer) {
    size_t sum = 0;
    for (size_t p = 0; p < layer->params && nn_layer_wants_grads(layer); p++)
        sum += elements(&layer->param[p]);
    return sum;
}

size_t nn_tie_end(const nn_model *model, const nn_layer *layer) {
    int first = layer->index;
    for (size_t p = 0; p < layer->params; p++)
        if (layer->param[p].tied && layer->param[p].tied->layer->index < first)
            first = layer->param[p].tied->layer->index;
    return model->layer[first]->plan->backward_at;
}

nn_real *nn_tie_grad(const nn_model *model, const nn_layer *layer, size_t p, size_t i) {
    nn_real *at = model->block + layer->plan->tied + i * nn_tie_elements(layer);
    for (size_t k = 0; k < p; k++)
        at += elements(&layer->param[k]);
    return at;
}

void nn_tie_collect(const nn_model *model, const nn_layer *layer, size_t i, nn_real *g) {
    size_t begin = nn_layer_range(layer).begin;
    for (size_t k = (size_t)layer->index + 1; k < model->layers; k++) {
        const nn_layer *user = model->layer[k];
        for (size_t p = 0; user->plan->ties && p < user->params; p++) {
            const nn_param *param = &user->param[p];
            if (param->tied && param->tied->layer == layer)
                nn_kernels_get()->add(param->count, nn_tie_grad(model, user, p, i),
                                      g + (param->offset - begin));
        }
    }
}
