/* Models that a program describes by calls (nnmpi/model.h): the tree that YAML would have become.
 */
#include "nn/model.h"

#include "io/yaml/yaml.h"
#include "nn/layers/layers.h"
#include "train/config/settings.h"

#include <nnmpi/model.h>

#include <string.h>

/* Parses a text that messages place at this layer. */
static int parse(nn_node *layers, const char *kind, const char *what, const char *format,
                 const char *text, nn_node **out) {
    nn_pool *pool = layers->pool;
    const char *place =
        nn_pool_printf(pool, "nn_model_add: %s of layer %zu, '%s'", what, layers->count + 1, kind);
    const char *yaml = place ? nn_pool_printf(pool, format, text) : NULL;
    if (!yaml)
        return NN_EMEMORY;
    NN_TRY(nn_yaml_parse(pool, place, yaml, strlen(yaml), out));
    nn_node_forget_lines(*out);
    return 0;
}

static int parse_options(nn_node *layers, const char *kind, const char *options, nn_node **out) {
    const char *text = options ? options : "";
    const char *format = text[strspn(text, " \n\t")] == '{' ? "%s" : "{%s}";
    return parse(layers, kind, "options", format, text, out);
}

static int add_inputs(nn_node *layers, const char *kind, const char *inputs, nn_node *options) {
    nn_node *names;
    NN_TRY(parse(layers, kind, "inputs", "[%s]", inputs, &names));
    if (nn_node_get(options, "inputs"))
        return nn_node_fail(names, "the options name inputs, too");
    return nn_node_add(options, "inputs", names);
}

int nn_model_add(nn_model *model, const char *kind, const char *inputs, const char *options) {
    if (!model || !kind)
        return nn_fail(NN_EUSAGE, "nn_model_add: there is no %s", model ? "kind" : "model");
    nn_node *layers = nn_model_description(model), *layer = nn_node_map(layers->pool), *own;
    if (!layer)
        return NN_EMEMORY;
    NN_TRY(parse_options(layers, kind, options, &own));
    if (!nn_family_find(&nn_layers, kind))
        return nn_family_unknown(&nn_layers, own, kind);
    if (inputs)
        NN_TRY(add_inputs(layers, kind, inputs, own));
    NN_TRY(nn_node_add(layer, kind, own));
    layer->file = own->file;
    return nn_node_add(layers, NULL, layer);
}

const char *nn_model_yaml(nn_model *model) {
    char *text;
    if (!model) {
        nn_fail(NN_EUSAGE, "nn_model_yaml: there is no model");
        return NULL;
    }
    nn_node *layers = nn_model_description(model), *section = nn_node_map(layers->pool);
    if (!section || nn_node_add(section, "model", layers) < 0)
        return NULL;
    return nn_yaml_emit(layers->pool, section, &text) == 0 ? text : NULL;
}
