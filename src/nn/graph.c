/* From the list under `model:` to a planned graph. */
#include "base/log.h"
#include "base/options/names.h"
#include "nn/init.h"
#include "nn/inner.h"
#include "nn/layers/layers.h"

#include <ctype.h>
#include <string.h>

/* The keys that every layer takes. */
struct common {
    const char *name;
    const nn_node *inputs, *activation, *init, *bias_init, *tie;
    bool symmetric, frozen;
    double lr_scale, decay_scale;
};

const nn_option nn_layer_options[] = {
    {"name", NN_OPT_STRING, offsetof(struct common, name), "", NULL,
     "name of the layer, unique in the model, of up to 128 bytes; default: its kind and a number"},
    {"inputs", NN_OPT_NODE, offsetof(struct common, inputs), "", NULL,
     "names of the layers it reads, `input` being the data; default: the layer above"},
    {"activation", NN_OPT_NODE, offsetof(struct common, activation), "", NULL,
     "activation that follows, e.g. relu or {leaky_relu: {gamma: 0.1}}"},
    {"init", NN_OPT_NODE, offsetof(struct common, init), "", NULL,
     "initialiser of the weights; default: he_uniform before rectifiers, else xavier_uniform"},
    {"bias_init", NN_OPT_NODE, offsetof(struct common, bias_init), "", NULL,
     "initialiser of the biases; default: zeros"},
    {"tie", NN_OPT_NODE, offsetof(struct common, tie), "", NULL,
     "parameters that are those of a layer above, LAYER.PARAMETER or a list of such: with tie: "
     "tokens.weight its own weight is the weight of the layer tokens, with the gradients of both"},
    {"symmetric", NN_OPT_BOOL, offsetof(struct common, symmetric), "false", NULL,
     "allow an initialiser that makes all units of a hidden layer identical"},
    {"lr_scale", NN_OPT_REAL, offsetof(struct common, lr_scale), "1", "(0, inf)",
     "factor on the learning rate of the layer's parameters"},
    {"decay_scale", NN_OPT_REAL, offsetof(struct common, decay_scale), "1", "[0, inf)",
     "factor on l1, l2 and weight decay of the layer's parameters"},
    {"frozen", NN_OPT_BOOL, offsetof(struct common, frozen), "false", NULL,
     "the layer's parameters stay as they are; batch_norm then normalises by its running "
     "statistics, which stay too, as PyTorch's does after eval()"},
    NN_OPTION_END};

static int plan_input(nn_layer *layer) {
    (void)layer;
    return 0;
}

static const nn_layer_ops input_ops = {.entry = {"input", "the data", NULL, 0}, .plan = plan_input};

static nn_layer *layer_new(nn_model *model, const nn_layer_ops *ops, const char *name,
                           nn_node *node) {
    nn_layer *layer = nn_pool_alloc(&model->pool, sizeof *layer);
    if (!layer)
        return NULL;
    layer->plan = nn_pool_alloc(&model->pool, sizeof *layer->plan);
    layer->name = nn_pool_strdup(&model->pool, name);
    if (!layer->plan || !layer->name)
        return NULL;
    layer->ops = ops;
    layer->node = node;
    layer->pool = &model->pool;
    layer->context = model->context;
    return layer;
}

static nn_layer *layer_find(const nn_model *model, const char *name) {
    for (size_t i = 0; i < model->layers; i++)
        if (strcmp(model->layer[i]->name, name) == 0)
            return model->layer[i];
    return NULL;
}

static int model_append(nn_model *model, nn_layer *layer) {
    if (model->layers == NN_MAX_LAYERS)
        return nn_layer_fail(layer, "the model has more than %d layers", NN_MAX_LAYERS);
    NN_TRY(NN_GROW(&model->pool, &model->layer, model->layers, &model->capacity));
    layer->index = (int)model->layers;
    model->layer[model->layers++] = layer;
    return 0;
}

static int connect(nn_layer *layer, nn_layer *input) {
    if (layer->inputs == NN_MAX_INPUTS)
        return nn_layer_fail(layer, "more than %d inputs", NN_MAX_INPUTS);
    layer->input[layer->inputs] = input;
    layer->in[layer->inputs++] = input->out;
    input->plan->consumers++;
    input->plan->consumer = layer;
    return 0;
}

/* The names that may stand in a scope, the nearest ones first. */
static void add_names(const nn_scope *scope, nn_names *names) {
    for (const nn_scope *s = scope; s; s = s->outer) {
        size_t length = strlen(s->prefix);
        for (size_t i = s->model->layers; i-- > 0;)
            if (strncmp(s->model->layer[i]->name, s->prefix, length) == 0)
                nn_names_add(names, s->model->layer[i]->name + length);
    }
}

int nn_scope_find(const nn_scope *scope, const char *reader, const char *does, const nn_node *name,
                  nn_layer **out) {
    *out = NULL;
    for (const nn_scope *s = scope; s && !*out && name->kind == NN_NODE_SCALAR; s = s->outer) {
        const char *whole = nn_pool_printf(&s->model->pool, "%s%s", s->prefix, name->text);
        *out = whole ? layer_find(s->model, whole) : NULL;
    }
    if (*out)
        return 0;
    nn_names names = {0};
    const char *word = name->kind == NN_NODE_SCALAR ? name->text : "?";
    add_names(scope, &names);
    return nn_node_fail(name, "layer '%s' %s '%s', but no layer above has that name%s", reader,
                        does, word, nn_names_advice(&names, word, "there are"));
}

static int connect_named(const nn_scope *scope, nn_layer *layer, const nn_node *inputs) {
    nn_node *const one[] = {(nn_node *)inputs};
    nn_node *const *item = inputs->kind == NN_NODE_LIST ? inputs->item : one;
    size_t count = inputs->kind == NN_NODE_LIST ? inputs->count : 1;
    for (size_t i = 0; i < count; i++) {
        nn_layer *input;
        NN_TRY(nn_scope_find(scope, layer->name, "reads", item[i], &input));
        NN_TRY(connect(layer, input));
    }
    return count ? 0 : nn_node_fail(inputs, "layer '%s' needs an input", layer->name);
}

/* The tensors of a freshly planned layer take their places at the end of the vector. */
static int place_params(nn_model *model, nn_layer *layer) {
    for (size_t i = 0; i < layer->params; i++) {
        if (layer->param[i].tied)
            continue;
        layer->param[i].offset = model->size;
        if (__builtin_add_overflow(
                model->size, nn_align_count(layer->param[i].count, sizeof(nn_real)), &model->size))
            return nn_layer_fail(layer, "the model has too many parameters");
        model->params++;
    }
    return 0;
}

static bool has_role(const nn_layer *layer, nn_param_role role) {
    for (size_t i = 0; i < layer->params; i++)
        if (layer->param[i].role == role)
            return true;
    return false;
}

/* Refuses the common keys that are about parameters which the layer does not have. */
static int check_keys(const nn_layer *layer) {
    const struct nn_layer_plan *plan = layer->plan;
    bool weights = has_role(layer, NN_PARAM_WEIGHT), biases = has_role(layer, NN_PARAM_BIAS);
    if (!weights && (plan->init || plan->symmetric))
        return nn_layer_fail(layer,
                             "%s is about weights, and it has none: leave it out, or set it for "
                             "the layer whose weights are meant",
                             plan->init ? "init" : "symmetric");
    if (!biases && plan->bias_init)
        return nn_layer_fail(layer, "bias_init is about biases, and it has none: leave it out, or "
                                    "set it for the layer whose biases are meant");
    if (layer->params == 0 && (layer->frozen || layer->lr_scale != 1 || layer->decay_scale != 1))
        return nn_layer_fail(layer, "it has no parameters, so lr_scale, decay_scale and frozen "
                                    "have no meaning");
    return 0;
}

static int plan_layer(const nn_scope *scope, nn_layer *layer, const nn_node *tie) {
    nn_model *model = scope->model;
    if (layer->in[0].rank == 0 || nn_shape_count(&layer->in[0]) == 0)
        return nn_layer_fail(layer, "nothing comes in");
    NN_TRY(layer->ops->plan(layer));
    char text[NN_SHAPE_TEXT];
    if (!nn_shape_fits(&layer->out, 1))
        return nn_layer_fail(layer, "gives %s, more numbers a sample than a machine can hold",
                             nn_shape_text(&layer->out, text));
    if (tie)
        NN_TRY(nn_tie_params(scope, layer, tie));
    NN_TRY(place_params(model, layer));
    NN_TRY(check_keys(layer));
    layer->plan->learns = layer->params > 0 && !layer->frozen;
    for (size_t i = 0; i < layer->inputs; i++)
        layer->plan->learns |= layer->input[i]->plan->learns;
    return model_append(model, layer);
}

/* The name a layer gets when none is given: kind and the number of its kind so far in the scope. */
static const char *automatic_name(const nn_scope *scope, const nn_layer_ops *ops) {
    nn_model *model = scope->model;
    size_t number = 1;
    for (size_t i = 0; i < model->layers; i++)
        number += model->layer[i]->ops == ops && model->layer[i]->plan->prefix == scope->prefix;
    for (;; number++) {
        const char *name =
            nn_pool_printf(&model->pool, "%s%s%zu", scope->prefix, ops->entry.name, number);
        if (!name || !layer_find(model, name))
            return name;
    }
}

static bool has_controls(const char *name) {
    for (; *name; name++)
        if (iscntrl((unsigned char)*name))
            return true;
    return false;
}

static int check_name(nn_model *model, nn_node *node, const char *name) {
    if (strpbrk(name, "/.") || !*name || has_controls(name))
        return nn_node_fail(node,
                            "layer name '%s' may not be empty or hold '/', '.' or control "
                            "characters",
                            name);
    if (strlen(name) > NN_MAX_LAYER_NAME)
        return nn_node_fail(node, "layer name '%s' has %zu bytes; it may have up to %d", name,
                            strlen(name), NN_MAX_LAYER_NAME);
    if (layer_find(model, name))
        return nn_node_fail(node, "two layers are named '%s'", name);
    return 0;
}

/* Binds the common keys and the layer's own from one map. */
static int bind_options(nn_pool *pool, const nn_layer_ops *ops, nn_node *map, struct common *common,
                        void **options) {
    const char *what = nn_pool_printf(pool, "layer '%s'", ops->entry.name);
    *options = nn_pool_alloc(pool, ops->entry.size + 1);
    if (!what || !*options)
        return NN_EMEMORY;
    nn_binding bindings[] = {{nn_layer_options, common}, {ops->entry.options, *options}};
    return nn_options_bind(bindings, ops->entry.options ? 2 : 1, map, what, NULL);
}

/* The unplanned layer; `name` (NULL: an automatic one) is that of one without a name. */
static int make_layer(const nn_scope *scope, const nn_layer_ops *ops, nn_node *map,
                      const struct common *common, const char *name, nn_layer **out) {
    nn_model *model = scope->model;
    if (common->name)
        name = nn_pool_printf(&model->pool, "%s%s", scope->prefix, common->name);
    else if (!name)
        name = automatic_name(scope, ops);
    NN_TRY(name ? check_name(model, map, name) : NN_EMEMORY);
    nn_layer *layer = layer_new(model, ops->build ? &nn_layer_add : ops, name, map);
    if (!layer)
        return NN_EMEMORY;
    layer->lr_scale = common->lr_scale;
    layer->decay_scale = common->decay_scale;
    layer->frozen = common->frozen;
    layer->plan->prefix = scope->prefix;
    layer->plan->symmetric = common->symmetric;
    NN_TRY(nn_initializer_bind(&model->pool, common->init, &layer->plan->init,
                               &layer->plan->init_options));
    NN_TRY(nn_initializer_bind(&model->pool, common->bias_init, &layer->plan->bias_init,
                               &layer->plan->bias_init_options));
    *out = layer;
    return 0;
}

/* `activation: x` of a layer: the layer x behind it, named <layer>_<x>. */
static int append_activation(nn_scope *scope, nn_node *node) {
    const nn_entry *row;
    nn_node *map;
    nn_layer *activation;
    struct common common = {0};
    nn_pool *pool = &scope->model->pool;
    NN_TRY(nn_family_pick(&nn_layers, node, &row, &map));
    const nn_layer_ops *ops = (const nn_layer_ops *)row;
    if (!ops->activation)
        return nn_node_fail(node, "layer '%s' is no activation; put it on a line of its own",
                            row->name);
    void *options;
    NN_TRY(bind_options(pool, ops, map, &common, &options));
    const char *name = nn_pool_printf(pool, "%s_%s", scope->above->name, row->name);
    NN_TRY(name ? make_layer(scope, ops, map, &common, name, &activation) : NN_EMEMORY);
    activation->options = options;
    if (common.inputs || common.activation)
        return nn_node_fail(map, "an activation takes neither `inputs` nor `activation`");
    NN_TRY(connect(activation, scope->above));
    NN_TRY(plan_layer(scope, activation, common.tie));
    scope->above = activation;
    return 0;
}

/* `node` asks for the row `name` and for nothing else of it. */
static bool is_plain(const nn_node *node, const char *name) {
    if (!name || !node)
        return false;
    if (node->kind == NN_NODE_SCALAR)
        return strcmp(node->text, name) == 0;
    return node->kind == NN_NODE_MAP && node->count == 1 && strcmp(node->item[0]->key, name) == 0 &&
           node->item[0]->count == 0;
}

/* {residual: [layers]} is short for {residual: {layers: [layers]}}. */
static int pick_layer(nn_node *item, const nn_layer_ops **ops, nn_node **map) {
    const nn_entry *row;
    nn_node *list = item->kind == NN_NODE_MAP && item->count == 1 ? item->item[0] : NULL;
    if (list && list->kind == NN_NODE_LIST) {
        row = nn_family_find(&nn_layers, list->key);
        if (row && ((const nn_layer_ops *)row)->build)
            NN_TRY(nn_node_wrap(list, "layers"));
    }
    NN_TRY(nn_family_pick(&nn_layers, item, &row, map));
    *ops = (const nn_layer_ops *)row;
    return 0;
}

/* Appends the layers of a container. reads[] is what its own layer has to read; it may have none.
 */
static int build_container(nn_scope *scope, const nn_layer_ops *ops, const nn_node *map,
                           const struct common *common, const nn_container *container,
                           nn_layer *reads[2]) {
    const nn_node *inputs = common->inputs;
    if (inputs && inputs->kind == NN_NODE_LIST && inputs->count == 1)
        inputs = inputs->item[0];
    if (inputs && inputs->kind == NN_NODE_LIST)
        return nn_node_fail(inputs, "layer '%s' reads one layer, not %zu", ops->entry.name,
                            inputs->count);
    if (inputs)
        NN_TRY(nn_scope_find(scope, ops->entry.name, "reads", inputs, &scope->above));
    NN_TRY(ops->build(scope, container, reads));
    bool plain = !common->init && !common->bias_init && !common->tie && !common->symmetric &&
                 !common->frozen && common->lr_scale == 1 && common->decay_scale == 1;
    if (plain && (reads[0] || !common->activation))
        return 0;
    return nn_node_fail(map,
                        "of the keys of every layer '%s' takes name%s only; the others belong to "
                        "the layers within",
                        ops->entry.name, reads[0] ? ", inputs and activation" : " and inputs");
}

/* `fused` is an activation that is left out here because the loss has it. */
static int append_layer(nn_scope *scope, nn_node *item, const char *fused) {
    const nn_layer_ops *ops;
    nn_node *map;
    nn_layer *layer, *reads[2] = {NULL, NULL};
    void *options;
    struct common common = {0};
    if (is_plain(item, fused) && scope->model->layers > 1)
        return 0;
    NN_TRY(pick_layer(item, &ops, &map));
    NN_TRY(bind_options(&scope->model->pool, ops, map, &common, &options));
    if (ops->build) {
        nn_container *container = options;
        container->name = common.name;
        container->fused = fused;
        NN_TRY(build_container(scope, ops, map, &common, container, reads));
    }
    if (ops->build && !reads[0])
        return 0;
    NN_TRY(make_layer(scope, ops, map, &common, NULL, &layer));
    layer->options = options;
    for (size_t i = 0; i < 2 && reads[i]; i++)
        NN_TRY(connect(layer, reads[i]));
    if (!ops->build)
        NN_TRY(common.inputs ? connect_named(scope, layer, common.inputs)
                             : connect(layer, scope->above));
    NN_TRY(plan_layer(scope, layer, common.tie));
    scope->above = layer;
    if (!common.activation || is_plain(common.activation, fused))
        return 0;
    return append_activation(scope, (nn_node *)common.activation);
}

int nn_scope_append(nn_scope *scope, const nn_node *layers, const char *fused) {
    if (layers->kind != NN_NODE_LIST || layers->count == 0)
        return nn_node_fail(layers,
                            "a list of layers is wanted here, one `- kind: {options}` a line");
    for (size_t i = 0; i < layers->count; i++)
        NN_TRY(append_layer(scope, layers->item[i], i + 1 == layers->count ? fused : NULL));
    return 0;
}

static int check_all_used(const nn_model *model) {
    if (model->layers == 1)
        return nn_fail(NN_EUSAGE, "the model has no layers");
    for (size_t i = 0; i + 1 < model->layers; i++)
        if (model->layer[i]->plan->consumers == 0)
            return nn_layer_fail(model->layer[i], "no layer reads its output");
    return 0;
}

static int list_params(nn_model *model) {
    if (model->params == 0)
        return 0;
    const nn_param **at = nn_pool_alloc(&model->pool, model->params * sizeof *at);
    if (!at)
        return NN_EMEMORY;
    model->param = at;
    for (size_t i = 0; i < model->layers; i++)
        for (size_t p = 0; p < model->layer[i]->params; p++)
            if (!model->layer[i]->param[p].tied)
                *at++ = &model->layer[i]->param[p];
    return 0;
}

static int build(nn_model *model, nn_node *layers, nn_shape input, const char *fused) {
    nn_layer *source = layer_new(model, &input_ops, "input", layers);
    if (!source)
        return NN_EMEMORY;
    source->out = input;
    char text[NN_SHAPE_TEXT];
    if (!nn_shape_fits(&input, 1))
        return nn_fail(NN_EUSAGE, "a sample of %s has more numbers than a machine can hold",
                       nn_shape_text(&input, text));
    NN_TRY(model_append(model, source));
    if (layers->kind != NN_NODE_LIST)
        return nn_node_fail(layers, "`model` is a list of layers, one `- kind: {options}` a line");
    nn_scope scope = {.model = model, .above = source, .prefix = ""};
    if (layers->count > 0)
        NN_TRY(nn_scope_append(&scope, layers, fused));
    NN_TRY(check_all_used(model));
    NN_TRY(list_params(model));
    return nn_model_choose_initializers(model);
}

static int plan(nn_node *layers, nn_shape input, size_t context, const char *fused,
                nn_model **out) {
    nn_model *model;
    NN_TRY(NN_NEW(&model, 1, "model"));
    model->context = context;
    int rc = build(model, layers, input, fused);
    if (rc < 0) {
        nn_model_free(model);
        return nn_error_frame(rc, __func__);
    }
    *out = model;
    return 0;
}

int nn_model_plan(nn_node *layers, nn_shape input, const char *fused, nn_model **out) {
    return plan(layers, input, 0, fused, out);
}

int nn_model_plan_steps(nn_node *layers, const nn_model *whole, size_t steps, const char *fused,
                        nn_model **out) {
    nn_shape input = nn_model_input_shape(whole);
    size_t context = (size_t)input.dim[0];
    input.dim[0] = (int64_t)steps;
    return plan(layers, input, context, fused, out);
}

static int check_list(nn_pool *pool, const nn_node *layers);

static int check_layer(nn_pool *pool, nn_node *item) {
    const nn_layer_ops *ops;
    nn_node *map;
    void *options;
    struct common common = {0};
    int rc = 0;
    NN_TRY(pick_layer(item, &ops, &map));
    NN_TRY_EACH(bind_options(pool, ops, map, &common, &options));
    if (common.activation)
        NN_TRY_EACH(check_layer(pool, (nn_node *)common.activation));
    const nn_container *container = ops->build ? options : NULL;
    if (container && container->layers)
        NN_TRY_EACH(check_list(pool, container->layers));
    if (container && container->shortcut)
        NN_TRY_EACH(check_list(pool, container->shortcut));
    return rc;
}

static int check_list(nn_pool *pool, const nn_node *layers) {
    int rc = 0;
    for (size_t i = 0; i < layers->count; i++)
        NN_TRY_EACH(check_layer(pool, layers->item[i]));
    return rc;
}

int nn_model_check(nn_node *layers) {
    nn_pool pool = {0};
    int rc = check_list(&pool, layers);
    nn_pool_release(&pool);
    return rc;
}
