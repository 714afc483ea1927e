#include "train/checkpoint/import_weights.h"

#include "io/hdf5/h5.h"
#include "io/tensors/tensors.h"
#include "io/yaml/yaml.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/gpt2_names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tables that are being read into the parameters. */
struct reading {
    const nn_pretrained *wanted;
    const nn_model *model;
    nn_real *params;
    nn_pool pool;
    const char *between; /* the names of a layer and of its parameter, in messages */
    bool gpt2;           /* tensors have the names and the layout of Hugging Face's GPT-2 */
    bool swapped;        /* matrices stand input x output */
    size_t taken;
};

static bool is_wanted(const struct reading *r, const char *layer) {
    const nn_node *list = r->wanted->layers;
    if (!list)
        return true;
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->item[i]->text, layer) == 0)
            return true;
    return false;
}

static bool is_swapped(const struct reading *r, const nn_param *param) {
    return r->swapped && param->rank == 2;
}

/* The parameter in the shape of its table. */
static nn_param table_of(const struct reading *r, const nn_param *param) {
    nn_param table = *param;
    for (int i = 0; is_swapped(r, param) && i < 2; i++)
        table.dim[i] = param->dim[1 - i];
    return table;
}

/* A table, as it stands, becomes the parameter. */
static int put(struct reading *r, const nn_param *param, const float *table) {
    size_t rows = (size_t)param->dim[0], cols = param->count / rows;
    nn_real *file;
    NN_TRY(NN_NEW(&file, param->count, "a table of parameters"));
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            file[i * cols + j] = (nn_real)table[is_swapped(r, param) ? j * rows + i : i * cols + j];
    nn_param_import(param, file, r->params + param->offset);
    nn_free(file);
    r->taken++;
    return 0;
}

static const nn_layer *find_layer(const nn_model *model, const char *name) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(model, &layer);
    for (size_t i = 0; i < layers; i++)
        if (strcmp(layer[i]->name, name) == 0)
            return layer[i];
    return NULL;
}

/* A parameter that the file does not have keeps its initial values, unless it was named or all are
 * wanted. */
static int absent(const struct reading *r, const nn_param *param) {
    if (r->wanted->layers || r->wanted->whole)
        return nn_fail(NN_EFORMAT, "%s has no %s%s%s%s", r->wanted->from, param->layer->name,
                       r->between, param->name,
                       r->gpt2 ? "; it is a GPT-2, for layers called " NN_GPT2_LAYERS : "");
    return 0;
}

/* Copies the file's table of this name, if it has one, and counts it. */
typedef int take_fn(struct reading *r, void *from, const nn_param *param);

/* Layers that share a tensor each have a name for it: that of a wanted layer goes before others. */
static int take_parameter(struct reading *r, take_fn *take, void *from, const nn_param *param) {
    size_t before = r->taken;
    const nn_param *name;
    bool wanted = false;
    for (size_t i = 0; (name = nn_model_param_named(r->model, param, i)); i++) {
        if (r->taken == before && is_wanted(r, name->layer->name))
            NN_TRY(take(r, from, name));
        wanted = wanted || is_wanted(r, name->layer->name);
    }
    for (size_t i = 0; wanted && r->taken == before; i++) {
        name = nn_model_param_named(r->model, param, i);
        if (!name)
            return absent(r, param);
        NN_TRY(take(r, from, name));
    }
    return 0;
}

/* Calls `take` for the parameters of the layers that are wanted. */
static int take_parameters(struct reading *r, take_fn *take, void *from) {
    const nn_param *const *param;
    const nn_node *list = r->wanted->layers;
    size_t params = nn_model_params(r->model, &param);
    for (size_t i = 0; list && i < list->count; i++)
        if (!find_layer(r->model, list->item[i]->text))
            return nn_node_fail(list->item[i], "the model has no layer '%s' with parameters",
                                list->item[i]->text);
    for (size_t i = 0; i < params; i++)
        NN_TRY(take_parameter(r, take, from, param[i]));
    return 0;
}

/* ---- YAML -------------------------------------------------------------------------------------
 */

/* Numbers of nested lists, in the order in which they stand. */
static int flatten(const nn_node *node, const nn_param *shape, int depth, float **out) {
    char *end = "";
    if (depth == shape->rank) {
        **out = node->kind == NN_NODE_SCALAR ? strtof(node->text, &end) : 0;
        if (node->kind != NN_NODE_SCALAR || *end || end == node->text || !isfinite(**out))
            return nn_node_fail(node, "a number should stand here");
        ++*out;
        return 0;
    }
    if (node->kind != NN_NODE_LIST || (int64_t)node->count != shape->dim[depth]) {
        char text[NN_SHAPE_TEXT];
        return nn_node_fail(node, "the model wants a list of %lld here: the table is %s",
                            (long long)shape->dim[depth], nn_param_shape_text(shape, text));
    }
    for (size_t i = 0; i < node->count; i++)
        NN_TRY(flatten(node->item[i], shape, depth + 1, out));
    return 0;
}

static int take_yaml_table(struct reading *r, const nn_layer *layer, const nn_node *table) {
    const nn_param *param = nn_layer_find_param(layer, table->key);
    nn_param shape;
    float *floats, *end;
    if (!param)
        return nn_node_fail(table, "layer '%s' has no parameter '%s'", layer->name, table->key);
    shape = table_of(r, param);
    NN_TRY(NN_NEW(&floats, param->count, "a table of parameters"));
    end = floats;
    int rc = flatten(table, &shape, 0, &end);
    if (rc == 0)
        rc = put(r, param, floats);
    nn_free(floats);
    return rc;
}

static int take_yaml_layer(struct reading *r, const nn_node *item) {
    const nn_layer *layer = find_layer(r->model, item->key);
    if (!is_wanted(r, item->key))
        return 0;
    if (!layer)
        return nn_node_fail(item, "the model has no layer '%s'", item->key);
    if (item->kind != NN_NODE_MAP)
        return nn_node_fail(item, "a layer is a map: {weight: [[...]], bias: [...]}");
    for (size_t i = 0; i < item->count; i++)
        NN_TRY(take_yaml_table(r, layer, item->item[i]));
    return 0;
}

static int read_yaml(struct reading *r) {
    const nn_node *list = r->wanted->layers;
    nn_node *root;
    NN_TRY(nn_yaml_load(&r->pool, r->wanted->from, &root));
    if (root->kind != NN_NODE_MAP)
        return nn_node_fail(root, "parameters are a map: {layer: {weight: [[...]], bias: [...]}}");
    for (size_t i = 0; list && i < list->count; i++)
        if (!nn_node_get(root, list->item[i]->text))
            return nn_node_fail(list->item[i], "%s has no layer '%s'", r->wanted->from,
                                list->item[i]->text);
    for (size_t i = 0; i < root->count; i++)
        NN_TRY(take_yaml_layer(r, root->item[i]));
    return 0;
}

/* ---- HDF5 -------------------------------------------------------------------------------------
 */

static bool same_shape(const nn_h5_info *info, const nn_param *shape) {
    return info->rank == shape->rank &&
           memcmp(info->dim, shape->dim, (size_t)shape->rank * sizeof *shape->dim) == 0;
}

static int take_h5_table(struct reading *r, void *from, const nn_param *param) {
    nn_h5 *file = from;
    const char *path = nn_pool_printf(&r->pool, "/%s/%s", param->layer->name, param->name);
    char text[NN_SHAPE_TEXT];
    nn_h5_info info;
    nn_param shape;
    float *floats;
    if (!path)
        return NN_EMEMORY;
    if (!nn_h5_exists(file, path))
        return 0;
    NN_TRY(nn_h5_info_of(file, path, &info));
    shape = table_of(r, param);
    if (!same_shape(&info, &shape))
        return nn_fail(NN_EFORMAT, "%s: the model wants %s to be %s", nn_h5_path(file), path,
                       nn_param_shape_text(&shape, text));
    NN_TRY(NN_NEW(&floats, param->count, "a table of parameters"));
    int rc = nn_h5_read(file, path, 0, shape.dim[0], NN_F32, floats);
    if (rc == 0)
        rc = put(r, param, floats);
    nn_free(floats);
    return rc;
}

/* A file that cannot even be opened is for the reader of checkpoints to explain. */
static int open_weights(const char *path, nn_h5 **file) {
    *file = NULL;
    if (nn_h5_open(path, file) < 0)
        return 0;
    if (!nn_h5_has_attr(*file, "/", "format"))
        return 0;
    int rc = nn_h5_close(*file);
    *file = NULL;
    return rc;
}

/* ---- safetensors, .npz ------------------------------------------------------------------------
 */

/* Is `tensor` what PyTorch would call `name`? Names of its modules have points, those of layers
 * cannot: features.0.weight is the weight of a layer features_0. */
static bool is_called(const char *tensor, const char *name) {
    while (*tensor && (*tensor == *name || (*tensor == '.' && *name == '_'))) {
        tensor++;
        name++;
    }
    return *tensor == *name;
}

/* *out is NULL where there is none; the name itself goes before others that stand for it. */
static int find_tensor(const nn_file_tensors *list, const char *name, const nn_file_tensor **out) {
    const nn_file_tensor *found = nn_file_tensors_find(list, name);
    bool exact = found != NULL;
    for (size_t i = 0; i < list->count && !exact; i++) {
        if (!is_called(list->tensor[i].name, name))
            continue;
        if (found)
            return nn_fail(NN_EFORMAT,
                           "%s: '%s' and '%s' may both be '%s': rename one of them, or the layer",
                           list->file, found->name, list->tensor[i].name, name);
        found = &list->tensor[i];
    }
    *out = found;
    return 0;
}

/* The tensor of a GPT-2, and whether its matrices stand input x output, or NULL. */
static const nn_file_tensor *find_gpt2(struct reading *r, const nn_file_tensors *list,
                                       const nn_param *param) {
    char prefixed[sizeof(nn_gpt2_name) + sizeof NN_GPT2_PREFIX];
    nn_gpt2_name name;
    if (!nn_gpt2_name_of(param, &name))
        return NULL;
    snprintf(prefixed, sizeof prefixed, NN_GPT2_PREFIX "%s", name.text);
    const nn_file_tensor *found = nn_file_tensors_find(list, name.text);
    found = found ? found : nn_file_tensors_find(list, prefixed);
    if (found)
        r->swapped = name.transposed;
    return found;
}

static int take_tensor(struct reading *r, void *from, const nn_param *param) {
    const nn_file_tensors *list = from;
    const char *name = nn_pool_printf(&r->pool, "%s.%s", param->layer->name, param->name);
    r->swapped = r->wanted->transposed;
    const nn_file_tensor *found = r->gpt2 ? find_gpt2(r, list, param) : NULL;
    char is[NN_FILE_TENSOR_TEXT], wanted[NN_SHAPE_TEXT];
    nn_param shape;
    float *floats;
    if (!found)
        NN_TRY(name ? find_tensor(list, name, &found) : NN_EMEMORY);
    if (!found)
        return 0;
    shape = table_of(r, param);
    if (found->rank != shape.rank ||
        memcmp(found->dim, shape.dim, (size_t)shape.rank * sizeof *shape.dim) != 0)
        return nn_fail(NN_EFORMAT, "%s: '%s' is %s, but the model wants %s", list->file,
                       r->gpt2 ? found->name : name, nn_file_tensor_shape_text(found, is),
                       nn_param_shape_text(&shape, wanted));
    NN_TRY(NN_NEW(&floats, param->count, "a table of parameters"));
    int rc = nn_file_tensor_floats(list, found, floats);
    if (rc == 0)
        rc = put(r, param, floats);
    nn_free(floats);
    return rc;
}

/* Of all models it alone calls a tensor so. */
static bool is_gpt2(const nn_file_tensors *list) {
    return nn_file_tensors_find(list, "h.0.attn.c_attn.weight") ||
           nn_file_tensors_find(list, NN_GPT2_PREFIX "h.0.attn.c_attn.weight");
}

static int read_tensors(struct reading *r, const nn_file_tensor_format *format) {
    nn_file_tensors list = {.pool = &r->pool, .file = r->wanted->from};
    NN_TRY(format->read(&list));
    r->gpt2 = is_gpt2(&list);
    return take_parameters(r, take_tensor, &list);
}

/* ---- any --------------------------------------------------------------------------------------
 */

static bool is_yaml(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int read_weights(struct reading *r, const nn_file_tensor_format *format, nn_h5 *file) {
    r->between = format ? "." : "/";
    NN_TRY(format ? read_tensors(r, format)
           : file ? take_parameters(r, take_h5_table, file)
                  : read_yaml(r));
    if (r->taken == 0)
        return nn_fail(NN_EUSAGE, "%s has no parameter of the model", r->wanted->from);
    return 0;
}

int nn_pretrained_read(const nn_pretrained *wanted, const nn_model *model, nn_real *params) {
    struct reading r = {
        .wanted = wanted, .model = model, .params = params, .swapped = wanted->transposed};
    const nn_file_tensor_format *format = nn_file_tensor_format_of(wanted->from);
    bool known = format || is_yaml(wanted->from);
    nn_h5 *file = NULL;
    if (!known)
        NN_TRY(open_weights(wanted->from, &file));
    if (!known && !file) {
        if (wanted->transposed)
            return nn_node_fail(wanted->node,
                                "layout: input_output is for tables; '%s' is a "
                                "checkpoint or cannot be read",
                                wanted->from);
        return nn_checkpoint_read_layers(wanted->from, model, wanted->layers, params);
    }
    int rc = read_weights(&r, format, file);
    nn_h5_close(file);
    nn_pool_release(&r.pool);
    return rc;
}
