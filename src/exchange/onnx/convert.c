#include "exchange/onnx/convert.h"

#include "exchange/onnx/patterns/patterns.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOST_USES 16 /* of the file's constants, on average */
#define MOST_LAYERS 10000
#define OLDEST 9 /* operator set: before, sums and products of tensors had other rules */

/* ---- nodes that stand for no layer ----------------------------------------------------------- */

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
        NN_TRY(nn_node_add_text(list, NULL, value->layer ? value->layer->name : "input"));
    }
    return nn_node_add(item->options, "inputs", list);
}

bool nn_onnx_fix_states(const nn_onnx_value *value) {
    const char *returns = value->last ? "last" : "all";
    nn_onnx_item *item = value->layer;
    if (!item || item->directions == 0)
        return true;
    if (item->returns)
        return strcmp(item->returns, returns) == 0;
    item->returns = returns;
    return nn_onnx_set(item, "return", "%s", returns) == 0;
}

const char nn_onnx_is_whole[] =
    "an input is cut off to whole numbers, which only the indices of an embedding are";

int nn_onnx_rank(const nn_onnx_conversion *c, const nn_onnx_value *value) {
    if (!value || !value->layer)
        return value ? c->p->data.x.rank : 0;
    return value->last ? 1 : value->layer->rank;
}

/* Of what a layer of that kind gives whose input has this rank. */
static int rank_behind(const char *kind, int rank) {
    if (strcmp(kind, "flatten") == 0 || strcmp(kind, "global_avg_pool") == 0)
        return 1;
    if (strcmp(kind, "mean") == 0)
        return rank > 1 ? rank - 1 : 1;
    return strcmp(kind, "embedding") == 0 ? rank + 1 : rank;
}

/* NULL, or why a layer cannot read it. The input has to be scaled as it is for all. */
static const char *check_input(const nn_onnx_conversion *c, const nn_onnx_value *value,
                               nn_onnx_form form, const char *kind) {
    if (!value)
        return "an input comes from a node that is no layer";
    if (value->form != form)
        return "an input is not what a layer gives";
    if (value->whole && strcmp(kind, "embedding") != 0)
        return nn_onnx_is_whole;
    if (!value->layer && value->scalings != c->scalings)
        return "the input is read before it is scaled";
    if (value->layer && value->more != value->layer->more)
        return "a part of a layer is read by itself, as a product before its bias is added";
    return nn_onnx_fix_states(value) ? NULL : "all states and the last one of a layer are read";
}

/* Makes input i of the node [N, C, L] of what is [N, L, C], or the other way round, where a layer
 * wants it so. */
static int turn(nn_onnx_conversion *c, size_t i, nn_onnx_form form) {
    const nn_onnx_value *x = nn_onnx_in(c, i);
    bool turns = form == NN_ONNX_SAMPLES    ? x && x->form == NN_ONNX_CHANNELS
                 : form == NN_ONNX_CHANNELS ? x && x->form == NN_ONNX_SAMPLES
                                            : false;
    nn_onnx_item *item;
    if (!turns)
        return 0;
    NN_TRY(nn_onnx_add_layer_on(c, "transpose", x->form, (int)i, &item));
    nn_onnx_value y = {.name = c->op->input[i], .form = form, .layer = item};
    return item ? nn_onnx_add_value(c, y) : 0;
}

int nn_onnx_add_layer_on(nn_onnx_conversion *c, const char *kind, nn_onnx_form form, int only,
                         nn_onnx_item **item) {
    size_t begin = only < 0 ? 0 : (size_t)only, end = only < 0 ? c->op->inputs : begin + 1;
    nn_onnx_item *made = nn_pool_alloc(c->pool, sizeof *made);
    nn_node *map = nn_node_map(c->pool);
    *item = NULL;
    if (!made || !map)
        return NN_EMEMORY;
    if (c->model->count == MOST_LAYERS)
        return nn_fail(NN_EUSAGE, "%s has nodes for more than %d layers", c->file->constants.file,
                       MOST_LAYERS);
    for (size_t i = begin; i < end && i < c->op->inputs; i++)
        NN_TRY(nn_onnx_layer_of_expression(c, c->op->input[i]));
    for (size_t i = begin; i < end && i < c->op->inputs && strcmp(kind, "transpose") != 0; i++)
        NN_TRY(turn(c, i, form));
    for (size_t i = begin; i < end; i++) {
        const char *why = check_input(c, nn_onnx_in(c, i), form, kind);
        if (why)
            return nn_onnx_no(c, why);
    }
    *made = (nn_onnx_item){
        .kind = kind, .number = 1 + c->model->count, .above = c->last, .node = node_name(c)};
    made->rank = rank_behind(kind, nn_onnx_rank(c, nn_onnx_in(c, begin)));
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

int nn_onnx_become(nn_onnx_conversion *c, nn_onnx_item *item, const char *kind) {
    item->kind = item->options->key = kind;
    NN_TRY(name_item(c, item));
    return nn_onnx_give(c, 0, (nn_onnx_value){.layer = item, .more = ++item->more});
}

int nn_onnx_add_numbers(nn_onnx_conversion *c, const nn_onnx_item *item, const char *param,
                        const float *numbers, size_t count) {
    NN_TRY(NN_GROW(c->pool, &c->weight, c->weights, &c->weight_capacity));
    c->weight[c->weights++] =
        (nn_onnx_weight){.layer = item, .param = param, .numbers = numbers, .count = count};
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
    float *numbers = nn_pool_alloc(c->pool, constant->count * sizeof *numbers + 1);
    if (!numbers)
        return NN_EMEMORY;
    NN_TRY(nn_onnx_copy(c, constant, turned, numbers));
    NN_TRY(nn_onnx_add_numbers(c, item, param, numbers, constant->count));
    c->weight[c->weights - 1].matrix = constant->rank > 1 ? constant : NULL;
    c->weight[c->weights - 1].turned = turned != constant->fortran;
    return 0;
}

int nn_onnx_copy(nn_onnx_conversion *c, const nn_file_tensor *constant, bool turned, float *out) {
    nn_file_tensor as = *constant;
    NN_TRY(nn_onnx_take(c, constant->count));
    if (turned) { /* what stands row by row is read as columns of the transpose */
        as.dim[0] = constant->dim[1];
        as.dim[1] = constant->dim[0];
        as.fortran = !constant->fortran;
    }
    return nn_file_tensor_floats(&c->file->constants, &as, out);
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

int nn_onnx_convert_node(nn_onnx_conversion *c) {
    for (const nn_onnx_operator *o = nn_onnx_operators; o->op; o++)
        if (strcmp(o->op, c->op->op) == 0)
            return o->run(c, o->kind);
    return nn_onnx_no(c, "nnmpi has no layer for it");
}

static int convert_op(nn_onnx_conversion *c) {
    bool done;
    if (*c->op->domain && strcmp(c->op->domain, "ai.onnx") != 0)
        return nn_onnx_no(c, "an operator that is not ONNX's own");
    if (strcmp(c->op->op, "Constant") == 0)
        return convert_constant(c);
    nn_onnx_form form;
    if (is_about_sizes(c, &form))
        return nn_onnx_give(c, 0, (nn_onnx_value){.form = form});
    NN_TRY(nn_onnx_convert_expression(c, &done));
    return done ? 0 : nn_onnx_convert_node(c);
}

/* ---- the model ------------------------------------------------------------------------------- */

static int add_constants(nn_onnx_conversion *c) {
    const nn_file_tensors *constants = &c->file->constants;
    for (size_t i = 0; i < constants->count; i++) {
        c->numbers += constants->tensor[i].count;
        NN_TRY(nn_onnx_add_value(c, (nn_onnx_value){.name = constants->tensor[i].name,
                                                    .form = NN_ONNX_CONSTANT,
                                                    .constant = &constants->tensor[i]}));
    }
    return 0;
}

/* The one that samples come by. Others are lengths of sequences, which may have a constant for who
 * gives none, or, in old files, constants. */
static int find_input(nn_onnx_conversion *c, const nn_onnx_port **input) {
    *input = NULL;
    for (size_t i = 0; i < c->file->inputs; i++) {
        const nn_onnx_port *port = &c->file->input[i];
        if (port->rank == 1 && port->dim[0] == 0) {
            NN_TRY(
                nn_onnx_add_value(c, (nn_onnx_value){.name = port->name, .form = NN_ONNX_LENGTHS}));
            continue;
        }
        if (nn_onnx_find_value(c, port->name))
            continue;
        if (*input)
            return nn_fail(NN_EUSAGE, "%s has two inputs, '%s' and '%s'; a model of nnmpi has one",
                           c->file->constants.file, (*input)->name, port->name);
        *input = port;
    }
    return 0;
}

static int start_values(nn_onnx_conversion *c) {
    const char *file = c->file->constants.file;
    const nn_onnx_port *input;
    nn_shape *x = &c->p->data.x;
    NN_TRY(add_constants(c));
    NN_TRY(find_input(c, &input));
    if (!input || input->rank < 2 || input->rank > NN_MAX_RANK + 1 || c->file->outputs != 1)
        return nn_fail(NN_EUSAGE,
                       "%s: a model of nnmpi has one input of known shape, [N, ...] with 1 to %d "
                       "dimensions behind N, and one output",
                       file, NN_MAX_RANK);
    x->rank = input->rank - 1;
    for (int i = 0; i < x->rank; i++) {
        x->dim[i] = input->dim[i + 1];
        if (x->dim[i] < 1 || !nn_shape_fits(x, 1))
            return nn_fail(NN_EUSAGE,
                           "%s: dimension %d of input '%s' is not known; only the first "
                           "one, N, may be open",
                           file, i + 1, input->name);
    }
    return nn_onnx_add_value(c, (nn_onnx_value){.name = input->name});
}

static int convert(nn_onnx_conversion *c) {
    if (c->file->opset < OLDEST)
        return nn_fail(NN_EUSAGE, "%s has operator set %" PRId64 "; those from %d on can be read",
                       c->file->constants.file, c->file->opset, OLDEST);
    NN_TRY(start_values(c));
    NN_TRY(nn_onnx_find_groups(c));
    for (size_t i = 0; i < c->file->ops; i++) {
        bool done;
        c->op = &c->file->op[i];
        NN_TRY(nn_onnx_convert_group(c, i, &done));
        NN_TRY(done ? 0 : convert_op(c));
        NN_TRY(nn_onnx_take(c, 0));
    }
    return nn_onnx_build(c);
}

int nn_onnx_convert(nn_portable *p, nn_onnx_file *file) {
    nn_pool *pool = &p->pool;
    nn_onnx_conversion c = {.p = p, .pool = pool, .file = file, .model = nn_node_list(pool)};
    int rc = c.model ? convert(&c) : NN_EMEMORY;
    nn_bytes_release(&c.refused);
    return rc;
}
