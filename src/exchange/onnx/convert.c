#include "exchange/onnx/convert.h"

#include "base/numbers/rng.h"
#include "base/text.h"
#include "io/yaml.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOST_USES 16 /* of the file's constants, on average */
#define OLDEST 9     /* operator set: before, sums and products of tensors had other rules */

/* ---- values ---------------------------------------------------------------------------------- */

/* The slot of that name, or the free one where it belongs. */
static size_t *slot_of(const nn_onnx_conversion *c, const char *name) {
    size_t i = (size_t)nn_hash_text(name) & (c->slots - 1);
    while (c->slot[i] != 0 && strcmp(c->value[c->slot[i] - 1].name, name) != 0)
        i = (i + 1) & (c->slots - 1);
    return &c->slot[i];
}

static nn_onnx_value *find_value(const nn_onnx_conversion *c, const char *name) {
    size_t at = c->slots ? *slot_of(c, name) : 0;
    return at ? &c->value[at - 1] : NULL;
}

/* At most half of the slots are taken. */
static int grow_slots(nn_onnx_conversion *c) {
    size_t slots = c->slots ? 2 * c->slots : 64;
    size_t *slot = nn_pool_alloc(c->pool, slots * sizeof *slot);
    if (!slot)
        return NN_EMEMORY;
    c->slot = slot;
    c->slots = slots;
    for (size_t i = 0; i < c->values; i++) /* of one name, the last one */
        *slot_of(c, c->value[i].name) = i + 1;
    return 0;
}

static int add_value(nn_onnx_conversion *c, nn_onnx_value value) {
    NN_TRY(NN_GROW(c->pool, &c->value, c->values, &c->value_capacity));
    if (2 * c->values >= c->slots)
        NN_TRY(grow_slots(c));
    c->value[c->values++] = value;
    *slot_of(c, value.name) = c->values;
    return 0;
}

int nn_onnx_give(nn_onnx_conversion *c, size_t i, nn_onnx_value value) {
    if (i >= c->op->outputs || !*c->op->output[i])
        return 0;
    value.name = c->op->output[i];
    return add_value(c, value);
}

const nn_onnx_value *nn_onnx_in(const nn_onnx_conversion *c, size_t i) {
    return i < c->op->inputs && *c->op->input[i] ? find_value(c, c->op->input[i]) : NULL;
}

bool nn_onnx_has_images(const nn_onnx_conversion *c) {
    for (size_t i = 0; i < c->op->inputs; i++) {
        const nn_onnx_value *x = nn_onnx_in(c, i);
        if (x && x->layer && x->layer->images && !x->squeezed)
            return true;
    }
    return false;
}

bool nn_onnx_given(const nn_onnx_conversion *c, size_t i) {
    return i < c->op->inputs && *c->op->input[i];
}

const nn_file_tensor *nn_onnx_in_constant(const nn_onnx_conversion *c, size_t i, int rank) {
    const nn_onnx_value *value = nn_onnx_in(c, i);
    const nn_file_tensor *constant = value ? value->constant : NULL;
    return constant && (rank < 0 || constant->rank == rank) ? constant : NULL;
}

bool nn_onnx_is_zero(nn_onnx_conversion *c, size_t i) {
    const nn_onnx_value *value = nn_onnx_in(c, i);
    const nn_file_tensor *t = value ? value->constant : NULL;
    if (!value || !t)
        return !nn_onnx_given(c, i) || (value && value->form == NN_ONNX_ZEROS);
    for (size_t e = 0; t->type->get && e < t->count; e++)
        if (t->type->get(t->bytes + e * t->type->size) != 0)
            return false;
    return t->type->get != NULL;
}

/* One of its inputs comes from a node that was noted already. */
static bool follows_refused(const nn_onnx_conversion *c) {
    for (size_t i = 0; c->refused.count && i < c->op->inputs; i++)
        if (*c->op->input[i] && !nn_onnx_in(c, i))
            return true;
    return false;
}

static const char *node_name(const nn_onnx_conversion *c) {
    return *c->op->name ? c->op->name : c->op->outputs ? c->op->output[0] : "?";
}

int nn_onnx_no(nn_onnx_conversion *c, const char *why) {
    if (follows_refused(c))
        return 0;
    char text[512];
    snprintf(text, sizeof text, "%s%s '%.200s' (%s)", c->refused.count ? "; " : "", c->op->op,
             node_name(c), why);
    nn_bytes_put_text(&c->refused, text);
    return c->refused.failed ? NN_EMEMORY : 0;
}

/* ---- attributes ------------------------------------------------------------------------------ */

int64_t nn_onnx_get_int(const nn_onnx_conversion *c, const char *name, int64_t otherwise) {
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, name);
    return a ? a->number : otherwise;
}

double nn_onnx_get_real(const nn_onnx_conversion *c, const char *name, double otherwise) {
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, name);
    return a ? (double)a->real : otherwise;
}

const char *nn_onnx_get_text(const nn_onnx_conversion *c, const char *name, const char *otherwise) {
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, name);
    return a && a->text ? a->text : otherwise;
}

bool nn_onnx_get_ints(const nn_onnx_conversion *c, const char *name, size_t count,
                      int64_t otherwise, int64_t *out) {
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, name);
    for (size_t i = 0; i < count; i++)
        out[i] = a && i < a->count ? a->numbers[i] : otherwise;
    return !a || a->count == count;
}

int nn_onnx_whole(const nn_file_tensor *constant, size_t most, int64_t *out) {
    if (!constant || !constant->type->get || constant->count > most)
        return -1;
    for (size_t i = 0; i < constant->count; i++) {
        double number = constant->type->get(constant->bytes + i * constant->type->size);
        if (!(number > -9e15 && number < 9e15))
            return -1;
        out[i] = (int64_t)number;
    }
    return (int)constant->count;
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* <kind><number>, as names that nobody has given are. */
static int name_item(nn_onnx_conversion *c, nn_onnx_item *item) {
    item->name = nn_pool_printf(c->pool, "%s%zu", item->kind, item->number);
    return item->name ? nn_onnx_set(item, "name", "%s", item->name) : NN_EMEMORY;
}

/* The names of what it reads, inputs [begin, end) of the node, unless that is just the layer above.
 */
static int add_inputs(nn_onnx_conversion *c, const nn_onnx_item *item, size_t begin, size_t end) {
    nn_node *list = nn_node_list(c->pool);
    if (!list)
        return NN_EMEMORY;
    if (end - begin == 1 && nn_onnx_in(c, begin)->layer == c->last)
        return 0;
    for (size_t i = begin; i < end; i++) {
        const nn_onnx_value *value = nn_onnx_in(c, i);
        nn_node *name = nn_node_scalar(c->pool, value->layer ? value->layer->name : "input");
        NN_TRY(name ? nn_node_add(list, NULL, name) : NN_EMEMORY);
    }
    return nn_node_add(item->options, "inputs", list);
}

/* Says of a recurrent layer what is read of it; false: other readers read something else. */
static bool settle_states(const nn_onnx_value *value) {
    const char *returns = value->last ? "last" : "all";
    nn_onnx_item *item = value->layer;
    if (!item || item->directions == 0)
        return true;
    if (item->returns)
        return strcmp(item->returns, returns) == 0;
    item->returns = returns;
    return nn_onnx_set(item, "return", "%s", returns) == 0;
}

/* NULL, or why a layer cannot read it. The input has to be scaled as it is for all. */
static const char *check_input(const nn_onnx_conversion *c, const nn_onnx_value *value,
                               nn_onnx_form form) {
    if (!value)
        return "an input comes from a node that is no layer";
    if (value->form != form)
        return "an input is not what a layer gives";
    if (!value->layer && value->scalings != c->scalings)
        return "the input is read before it is scaled";
    if (value->layer && value->biased != value->layer->biased)
        return "a product is read before its bias is added";
    return settle_states(value) ? NULL : "all states and the last one of a layer are read";
}

int nn_onnx_add_layer_on(nn_onnx_conversion *c, const char *kind, nn_onnx_form form, int only,
                         nn_onnx_item **item) {
    size_t begin = only < 0 ? 0 : (size_t)only, end = only < 0 ? c->op->inputs : begin + 1;
    nn_onnx_item *made = nn_pool_alloc(c->pool, sizeof *made);
    nn_node *map = nn_node_map(c->pool);
    *item = NULL;
    if (!made || !map)
        return NN_EMEMORY;
    for (size_t i = begin; i < end; i++) {
        const char *why = check_input(c, nn_onnx_in(c, i), form);
        if (why)
            return nn_onnx_no(c, why);
    }
    *made = (nn_onnx_item){
        .kind = kind, .number = 1 + c->model->count, .above = c->last, .node = node_name(c)};
    made->images =
        strcmp(kind, "global_avg_pool") == 0 ||
        (strcmp(kind, "flatten") != 0 && strcmp(kind, "reshape") != 0 && nn_onnx_has_images(c));
    made->options = nn_node_map(c->pool);
    NN_TRY(made->options ? name_item(c, made) : NN_EMEMORY);
    NN_TRY(add_inputs(c, made, begin, end));
    NN_TRY(nn_node_add(map, kind, made->options));
    NN_TRY(nn_node_add(c->model, NULL, map));
    *item = c->last = made;
    return nn_onnx_give(c, 0, (nn_onnx_value){.layer = made});
}

int nn_onnx_set(nn_onnx_item *item, const char *key, const char *format, ...) {
    char text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    nn_node *value = nn_node_scalar(item->options->pool, text);
    nn_node *old = nn_node_get(item->options, key);
    if (!value)
        return NN_EMEMORY;
    if (old) {
        old->text = value->text;
        return 0;
    }
    return nn_node_add(item->options, key, value);
}

int nn_onnx_add_numbers(nn_onnx_conversion *c, const nn_onnx_item *item, const char *param,
                        const float *numbers, size_t count) {
    NN_TRY(NN_GROW(c->pool, &c->weight, c->weights, &c->weight_capacity));
    c->weight[c->weights++] = (nn_onnx_weight){item, param, numbers, count};
    return 0;
}

int nn_onnx_take(nn_onnx_conversion *c, size_t count) {
    c->taken += count;
    if (c->taken / MOST_USES <= c->numbers)
        return 0;
    return nn_fail(NN_EUSAGE, "%s: its constants are used more than %d times each by layers",
                   c->file->constants.file, MOST_USES);
}

int nn_onnx_add_weight(nn_onnx_conversion *c, const nn_onnx_item *item, const char *param,
                       const nn_file_tensor *constant, bool turned) {
    NN_TRY(nn_onnx_take(c, constant->count));
    float *numbers = nn_pool_alloc(c->pool, constant->count * sizeof *numbers + 1);
    nn_file_tensor as = *constant;
    if (!numbers)
        return NN_EMEMORY;
    if (turned) { /* what stands row by row is read as columns of the transpose */
        as.dim[0] = constant->dim[1];
        as.dim[1] = constant->dim[0];
        as.fortran = !constant->fortran;
    }
    NN_TRY(nn_file_tensor_floats(&c->file->constants, &as, numbers));
    return nn_onnx_add_numbers(c, item, param, numbers, as.count);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static bool is_op(const nn_onnx_conversion *c, const char *const *name) {
    for (; *name; name++)
        if (strcmp(c->op->op, *name) == 0)
            return true;
    return false;
}

static bool fills_with_zeros(const nn_onnx_conversion *c) {
    const nn_onnx_attribute *fill = nn_onnx_attribute_of(c->op, "value");
    if (!fill)
        return true;
    if (!fill->tensor)
        return false;
    const nn_file_tensor *t = &c->file->constants.tensor[fill->tensor - 1];
    return t->count == 1 && t->type->get && t->type->get(t->bytes) == 0;
}

/* Every input is a constant or made of shapes, and one at least the latter; or the node asks for a
 * shape. What it gives can be the shape of a state of zeros, or these zeros, and nothing else. */
static bool is_about_sizes(nn_onnx_conversion *c, nn_onnx_form *form) {
    static const char *const shapers[] = {"Reshape", "Squeeze", "Unsqueeze", "Transpose", "Slice",
                                          "Expand",  "Tile",    "Identity",  "Cast",      NULL};
    bool sizes = strcmp(c->op->op, "Shape") == 0, made = sizes;
    *form = NN_ONNX_SIZES;
    for (size_t i = 0; i < c->op->inputs && !sizes; i++) {
        const nn_onnx_value *value = nn_onnx_in(c, i);
        bool sized = value && (value->form == NN_ONNX_SIZES || value->form == NN_ONNX_ZEROS);
        if (nn_onnx_given(c, i) && !sized && !(value && value->form == NN_ONNX_CONSTANT))
            return false;
        made = made || sized;
    }
    if (!made)
        return false;
    const nn_onnx_value *first = nn_onnx_in(c, 0);
    if (strcmp(c->op->op, "ConstantOfShape") == 0
            ? fills_with_zeros(c)
            : first && is_op(c, shapers) &&
                  (first->form == NN_ONNX_ZEROS || (first->constant && nn_onnx_is_zero(c, 0))))
        *form = NN_ONNX_ZEROS;
    return true;
}

static int convert_constant(nn_onnx_conversion *c) {
    const nn_onnx_attribute *value = nn_onnx_attribute_of(c->op, "value");
    if (!value || !value->tensor)
        return nn_onnx_no(c, "a constant that is no tensor");
    return nn_onnx_give(c, 0,
                        (nn_onnx_value){.form = NN_ONNX_CONSTANT,
                                        .constant = &c->file->constants.tensor[value->tensor - 1]});
}

static int convert_op(nn_onnx_conversion *c) {
    if (*c->op->domain && strcmp(c->op->domain, "ai.onnx") != 0)
        return nn_onnx_no(c, "an operator that is not ONNX's own");
    if (strcmp(c->op->op, "Constant") == 0)
        return convert_constant(c);
    nn_onnx_form form;
    if (is_about_sizes(c, &form))
        return nn_onnx_give(c, 0, (nn_onnx_value){.form = form});
    for (const nn_onnx_operator *o = nn_onnx_operators; o->op; o++)
        if (strcmp(o->op, c->op->op) == 0)
            return o->run(c, o->kind);
    return nn_onnx_no(c, "nnmpi has no layer for it");
}

/* ---- the model ------------------------------------------------------------------------------- */

static int start_values(nn_onnx_conversion *c) {
    const nn_onnx_file *file = c->file;
    const nn_onnx_port *input = NULL;
    nn_shape *x = &c->p->data.x;
    for (size_t i = 0; i < file->constants.count; i++)
        c->numbers += file->constants.tensor[i].count;
    for (size_t i = 0; i < file->constants.count; i++)
        NN_TRY(add_value(c, (nn_onnx_value){.name = file->constants.tensor[i].name,
                                            .form = NN_ONNX_CONSTANT,
                                            .constant = &file->constants.tensor[i]}));
    for (size_t i = 0; i < file->inputs; i++) {
        if (find_value(c, file->input[i].name))
            continue;
        if (input)
            return nn_fail(NN_EUSAGE, "%s has two inputs, '%s' and '%s'; a model of nnmpi has one",
                           file->constants.file, input->name, file->input[i].name);
        input = &file->input[i];
    }
    if (!input || input->rank < 2 || input->rank > NN_MAX_RANK + 1 || file->outputs != 1)
        return nn_fail(NN_EUSAGE,
                       "%s: a model of nnmpi has one input of known shape, [N, ...] with 1 to %d "
                       "dimensions behind N, and one output",
                       file->constants.file, NN_MAX_RANK);
    x->rank = input->rank - 1;
    for (int i = 0; i < x->rank; i++) {
        x->dim[i] = input->dim[i + 1];
        if (x->dim[i] < 1 || !nn_shape_fits(x, 1))
            return nn_fail(NN_EUSAGE,
                           "%s: dimension %d of input '%s' is not known; only the first "
                           "one, N, may be open",
                           file->constants.file, i + 1, input->name);
    }
    return add_value(c, (nn_onnx_value){.name = input->name});
}

/* The last layer, where it is an activation that a loss has: it is left to the loss. */
static const char *loss_of(nn_onnx_conversion *c) {
    static const struct {
        const char *kind, *loss;
    } fused[] = {{"softmax", "cross_entropy"}, {"sigmoid", "binary_cross_entropy"}};
    for (size_t i = 0; i < sizeof fused / sizeof *fused && c->model->count > 1; i++)
        if (strcmp(c->last->kind, fused[i].kind) == 0 && !nn_node_get(c->last->options, "inputs")) {
            c->model->count--;
            return fused[i].loss;
        }
    return "squared";
}

/* {data: {source: memory}, model: [...], loss: ..., train: {batch_size: 32}} */
static int write_config(nn_onnx_conversion *c, const char *loss, char **config) {
    nn_node *root;
    char *head = nn_pool_printf(
        c->pool, "{data: {source: memory}, loss: %s, train: {batch_size: 32}}", loss);
    if (!head)
        return NN_EMEMORY;
    NN_TRY(nn_yaml_parse(c->pool, "configuration", head, strlen(head), &root));
    NN_TRY(nn_node_add(root, "model", c->model));
    return nn_yaml_emit(c->pool, root, config);
}

static int fill(nn_onnx_conversion *c, const nn_onnx_weight *weight) {
    const nn_param *const *param;
    size_t params = nn_model_params(c->p->model, &param);
    for (size_t i = 0; i < params; i++) {
        if (strcmp(param[i]->layer->name, weight->layer->name) != 0 ||
            strcmp(param[i]->name, weight->param) != 0)
            continue;
        if (param[i]->count != weight->count)
            break;
        nn_param_import(param[i], weight->numbers, c->p->params + param[i]->offset);
        return 0;
    }
    return nn_fail(NN_EFORMAT, "%s: the %s of layer '%s' has another shape than the model wants",
                   c->file->constants.file, weight->param, weight->layer->name);
}

/* Layers whose axes depend on the rank of samples have one for which the node means the same. */
static int check_ranks(const nn_onnx_conversion *c) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(c->p->model, &layer);
    for (const nn_onnx_item *item = c->last; item; item = item->above) {
        int rank = nn_model_output_shape(c->p->model).rank; /* of one that the loss has */
        for (size_t i = 1; i < layers; i++)
            if (strcmp(layer[i]->name, item->name) == 0)
                rank = layer[i]->in[0].rank;
        if (item->ranks && !(item->ranks >> rank & 1))
            return nn_fail(NN_EUSAGE,
                           "%s: node '%s' works along another axis than the layer %s does",
                           c->file->constants.file, item->node, item->kind);
    }
    return 0;
}

/* What is known of targets: classes where the loss is one for them. */
static void set_targets(nn_portable *p, const char *loss) {
    nn_shape out = nn_model_output_shape(p->model);
    nn_data_traits *data = &p->data;
    size_t outputs = nn_shape_count(&out), last = (size_t)out.dim[out.rank - 1];
    data->target_width = outputs;
    data->labels = strcmp(loss, "cross_entropy") == 0 ||
                   (strcmp(loss, "binary_cross_entropy") == 0 && outputs == 1);
    if (!data->labels)
        return;
    data->target_width = outputs / last;
    data->classes = last == 1 ? 2 : (int64_t)last;
}

/* x scale + offset is (x + offset / scale) / (1 / scale), which holds for data of any type. */
static int set_normal(nn_onnx_conversion *c) {
    for (size_t i = 0; i < c->affine; i++) {
        double std = 1 / c->scale[i], mean = -c->offset[i] / c->scale[i];
        if (!(std > 0) || !isfinite(std) || !isfinite(mean))
            return nn_fail(NN_EUSAGE,
                           "%s: samples are scaled by %g + %g before the first layer; the factor "
                           "should be above 0",
                           c->file->constants.file, c->scale[i], c->offset[i]);
        c->scale[i] = std;
        c->offset[i] = mean;
    }
    c->p->data.normal = (nn_normal){c->affine, c->offset, c->scale};
    return 0;
}

static int build(nn_onnx_conversion *c) {
    nn_portable *p = c->p;
    const nn_onnx_value *y = find_value(c, c->file->output[0].name);
    const char *file = c->file->constants.file;
    size_t numbers = 0;
    char *config;
    if (c->refused.count)
        return nn_fail(NN_EUSAGE, "%s: these nodes stand for no layer of nnmpi: %.*s", file,
                       (int)c->refused.count, (const char *)c->refused.at);
    if (!y || y->form != NN_ONNX_SAMPLES || !c->last || y->layer != c->last ||
        y->biased != c->last->biased || !settle_states(y))
        return nn_fail(NN_EUSAGE, "%s: the output is not what the last layer gives, [N, ...]",
                       file);
    const char *loss = loss_of(c);
    NN_TRY(write_config(c, loss, &config));
    NN_TRY(set_normal(c));
    NN_TRY(nn_portable_build(p, file, config));
    NN_TRY(check_ranks(c));
    if (nn_model_output_shape(p->model).rank == 3)
        return nn_fail(NN_EUSAGE,
                       "%s: the model ends with an image, whose numbers nnmpi gives in another "
                       "order, [H, W, C]: end it with Flatten",
                       file);
    set_targets(p, loss);
    for (size_t i = 0; i < c->weights; i++)
        numbers += c->weight[i].count;
    NN_TRY(nn_portable_allocate(p, file, numbers));
    for (size_t i = 0; i < c->weights; i++)
        NN_TRY(fill(c, &c->weight[i]));
    return 0;
}

static int convert(nn_onnx_conversion *c) {
    if (c->file->opset < OLDEST)
        return nn_fail(NN_EUSAGE, "%s has operator set %" PRId64 "; those from %d on can be read",
                       c->file->constants.file, c->file->opset, OLDEST);
    NN_TRY(start_values(c));
    for (size_t i = 0; i < c->file->ops; i++) {
        c->op = &c->file->op[i];
        NN_TRY(convert_op(c));
    }
    return build(c);
}

int nn_onnx_convert(nn_portable *p, nn_onnx_file *file) {
    nn_pool *pool = &p->pool;
    nn_onnx_conversion c = {.p = p, .pool = pool, .file = file, .model = nn_node_list(pool)};
    int rc = c.model ? convert(&c) : NN_EMEMORY;
    nn_bytes_release(&c.refused);
    return rc;
}
