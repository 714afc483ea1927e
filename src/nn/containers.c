/* Rows of the layer table that stand for other layers: a residual connection (He et al. 2016), and
 * layers that repeat. */
#include "nn/inner.h"
#include "nn/layers/layers.h"

static int check_sum(const nn_node *layers, const nn_layer *branch, const nn_layer *other,
                     bool shortcut) {
    char made[NN_SHAPE_TEXT], text[NN_SHAPE_TEXT];
    if (nn_shape_equal(&branch->out, &other->out))
        return 0;
    nn_shape_text(&branch->out, made);
    nn_shape_text(&other->out, text);
    if (shortcut)
        return nn_node_fail(layers,
                            "the layers of this residual make %s and its shortcut makes %s of the "
                            "same input, which cannot be added: both must have one shape",
                            made, text);
    return nn_node_fail(
        layers,
        "the layers of this residual make %s of %s, which cannot be added: let them "
        "keep the shape, or give it a `shortcut`, a list of layers that changes the "
        "shape in the same way (conv2d with kernel 1 and the same filters and "
        "stride; dense)",
        made, text);
}

static int residual_build(nn_scope *scope, const nn_container *container, nn_layer *reads[2]) {
    nn_layer *input = scope->above;
    NN_TRY(nn_scope_append(scope, container->layers, NULL));
    reads[0] = scope->above;
    scope->above = input;
    if (container->shortcut)
        NN_TRY(nn_scope_append(scope, container->shortcut, NULL));
    reads[1] = scope->above;
    return check_sum(container->layers, reads[0], reads[1], container->shortcut != NULL);
}

static const nn_option residual_options[] = {
    {"layers", NN_OPT_NODE, offsetof(nn_container, layers), NULL, NULL,
     "a list of layers as in `model`; residual: [layers] is short for residual: {layers: "
     "[layers]}"},
    {"shortcut", NN_OPT_NODE, offsetof(nn_container, shortcut), "", NULL,
     "layers between the input and the sum, where `layers` change the shape"},
    NN_OPTION_END};

const nn_layer_ops nn_layer_residual = {
    .entry = {"residual",
              "y = layers(x) + x, or layers(x) + shortcut(x); the sum is a layer `add`, which has "
              "the residual's name and activation",
              residual_options, sizeof(nn_container)},
    .build = residual_build,
};

/* The layers of time `i`. Those of the last one complete what the user wrote; before, it is copied.
 */
static int repeat_once(nn_scope *scope, const nn_container *container, const char *name,
                       int64_t i) {
    nn_pool *pool = &scope->model->pool;
    bool last = i + 1 == container->times;
    const nn_node *layers = last ? container->layers : nn_node_copy(pool, container->layers);
    nn_scope inner = {.model = scope->model, .above = scope->above, .outer = scope};
    inner.prefix = nn_pool_printf(pool, "%s%s_%lld_", scope->prefix, name, (long long)i);
    if (!layers || !inner.prefix)
        return NN_EMEMORY;
    NN_TRY(nn_scope_append(&inner, layers, last ? container->fused : NULL));
    scope->above = inner.above;
    return 0;
}

static int repeat_build(nn_scope *scope, const nn_container *container, nn_layer *reads[2]) {
    const char *name = container->name;
    (void)reads;
    if (!name)
        name = nn_pool_printf(&scope->model->pool, "repeat%zu", ++scope->repeats);
    if (!name)
        return NN_EMEMORY;
    for (int64_t i = 0; i < container->times; i++)
        NN_TRY(repeat_once(scope, container, name, i));
    return 0;
}

static const nn_option repeat_options[] = {
    {"times", NN_OPT_INT, offsetof(nn_container, times), NULL, "[1, 10000]",
     "how often; each time has parameters of its own"},
    {"layers", NN_OPT_NODE, offsetof(nn_container, layers), NULL, NULL,
     "a list of layers as in `model`. In a repeat named block the layer fc1 is called block_0_fc1, "
     "block_1_fc1 ..., as block.0.fc1 of PyTorch; `inputs` within it first mean layers of the same "
     "time"},
    NN_OPTION_END};

const nn_layer_ops nn_layer_repeat = {
    .entry = {"repeat", "its layers several times, one behind the other", repeat_options,
              sizeof(nn_container)},
    .build = repeat_build,
};
