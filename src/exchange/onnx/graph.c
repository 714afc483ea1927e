#include "exchange/onnx/graph.h"

#include "base/text.h"
#include "exchange/onnx/schema.h"
#include "io/protobuf.h"

#include <stdlib.h>
#include <string.h>

/* A name in the pool; "" where memory ran out, which the graph remembers. */
static const char *name_of(nn_onnx_graph *g, const char *name) {
    g->message.failed = g->message.failed || !name;
    return name ? name : "";
}

/* ---- nodes ----------------------------------------------------------------------------------- */

void nn_onnx_end(nn_onnx_graph *g) {
    if (g->node.count)
        nn_pb_put_message(&g->message, NN_GRAPH_NODE, &g->node);
}

/* An output of the node under way: <layer>/<number>_<op>. */
static const char *add_output(nn_onnx_graph *g, const char *op) {
    const char *name = g->output;
    if (!name)
        name = name_of(g, nn_pool_printf(g->pool, "%s/%zu_%s", g->layer->name, g->nodes++, op));
    g->output = NULL;
    nn_pb_put_text(&g->node, NN_NODE_OUTPUT, name);
    return name;
}

const char *nn_onnx_node(nn_onnx_graph *g, const char *op, const char *const *input) {
    nn_onnx_end(g);
    nn_pb_put_text(&g->node, NN_NODE_OP, op);
    for (; *input; input++)
        nn_pb_put_text(&g->node, NN_NODE_INPUT, *input);
    const char *output = add_output(g, op);
    nn_pb_put_text(&g->node, NN_NODE_NAME, output);
    return output;
}

const char *nn_onnx_more(nn_onnx_graph *g) {
    return add_output(g, "more");
}

/* `fill` has put the value into the message already. */
static void add_attribute(nn_onnx_graph *g, const char *name, int type, nn_bytes *attribute) {
    nn_pb_put_text(attribute, NN_ATTRIBUTE_NAME, name);
    nn_pb_put_int(attribute, NN_ATTRIBUTE_TYPE, type);
    nn_pb_put_message(&g->node, NN_NODE_ATTRIBUTE, attribute);
}

void nn_onnx_int(nn_onnx_graph *g, const char *name, int64_t value) {
    nn_bytes attribute = {0};
    nn_pb_put_int(&attribute, NN_ATTRIBUTE_INT, value);
    add_attribute(g, name, NN_ATTRIBUTE_IS_INT, &attribute);
}

void nn_onnx_ints(nn_onnx_graph *g, const char *name, size_t count, const int64_t *value) {
    nn_bytes attribute = {0};
    for (size_t i = 0; i < count; i++)
        nn_pb_put_int(&attribute, NN_ATTRIBUTE_INTS, value[i]);
    add_attribute(g, name, NN_ATTRIBUTE_IS_INTS, &attribute);
}

void nn_onnx_float(nn_onnx_graph *g, const char *name, double value) {
    nn_bytes attribute = {0};
    nn_pb_put_float(&attribute, NN_ATTRIBUTE_FLOAT, (float)value);
    add_attribute(g, name, NN_ATTRIBUTE_IS_FLOAT, &attribute);
}

void nn_onnx_text(nn_onnx_graph *g, const char *name, const char *value) {
    nn_bytes attribute = {0};
    nn_pb_put_text(&attribute, NN_ATTRIBUTE_TEXT, value);
    add_attribute(g, name, NN_ATTRIBUTE_IS_TEXT, &attribute);
}

void nn_onnx_texts(nn_onnx_graph *g, const char *name, size_t count, const char *value) {
    nn_bytes attribute = {0};
    for (size_t i = 0; i < count; i++)
        nn_pb_put_text(&attribute, NN_ATTRIBUTE_TEXTS, value);
    add_attribute(g, name, NN_ATTRIBUTE_IS_TEXTS, &attribute);
}

/* ---- constants ------------------------------------------------------------------------------- */

static const char *add_constant(nn_onnx_graph *g, const char *name, int type, int rank,
                                const int64_t *dim, const void *bytes, size_t size) {
    nn_bytes tensor = {0};
    for (int i = 0; i < rank; i++)
        nn_pb_put_int(&tensor, NN_TENSOR_DIMS, dim[i]);
    nn_pb_put_int(&tensor, NN_TENSOR_TYPE, type);
    nn_pb_put_text(&tensor, NN_TENSOR_NAME, name);
    nn_pb_put_bytes(&tensor, NN_TENSOR_RAW, bytes, size);
    nn_pb_put_message(&g->message, NN_GRAPH_INITIALIZER, &tensor);
    return name;
}

const char *nn_onnx_constant(nn_onnx_graph *g, const char *name, int rank, const int64_t *dim,
                             const float *value) {
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dim[i];
    name = name_of(g, nn_pool_printf(g->pool, "%s.%s", g->layer->name, name));
    return add_constant(g, name, NN_TENSOR_IS_FLOAT, rank, dim, value, count * sizeof *value);
}

const char *nn_onnx_number(nn_onnx_graph *g, const char *name, double value) {
    return nn_onnx_constant(g, name, 0, NULL, &(float){(float)value});
}

const char *nn_onnx_counts(nn_onnx_graph *g, const char *name, size_t count, const int64_t *value) {
    name = name_of(g, nn_pool_printf(g->pool, "%s/%zu_%s", g->layer->name, g->nodes, name));
    return add_constant(g, name, NN_TENSOR_IS_INT64, 1, &(int64_t){(int64_t)count}, value,
                        count * sizeof *value);
}

float *nn_onnx_numbers(nn_onnx_graph *g, const char *name, const nn_param **param) {
    for (size_t i = 0; i < g->layer->params; i++) {
        const nn_param *p = &g->layer->param[i];
        if (strcmp(p->name, name) != 0)
            continue;
        float *numbers = nn_pool_alloc(g->pool, p->count * sizeof *numbers);
        g->message.failed = g->message.failed || !numbers;
        if (numbers)
            nn_param_export(p, g->model->params + p->offset, numbers);
        *param = p;
        return numbers;
    }
    return NULL;
}

const char *nn_onnx_param_as(nn_onnx_graph *g, const char *name, int rank, const int64_t *dim) {
    const nn_param *param;
    const float *numbers = nn_onnx_numbers(g, name, &param);
    return numbers ? nn_onnx_constant(g, name, rank, dim, numbers) : NULL;
}

/* The constant that the numbers of a tied parameter already are; NULL: there is none. */
static const char *shared_constant(nn_onnx_graph *g, const nn_param *shared) {
    for (size_t i = 0; i < g->wholes; i++)
        if (g->whole[i] == shared)
            return name_of(g, nn_pool_printf(g->pool, "%s.%s", shared->layer->name, shared->name));
    return NULL;
}

const char *nn_onnx_param(nn_onnx_graph *g, const char *name) {
    const nn_param *param = nn_layer_find_param(g->layer, name);
    const char *shared = param && param->tied ? shared_constant(g, param->tied) : NULL;
    if (!param || shared)
        return shared;
    const float *numbers = nn_onnx_numbers(g, name, &param);
    if (param->shared && NN_GROW(g->pool, &g->whole, g->wholes, &g->whole_capacity) == 0)
        g->whole[g->wholes++] = param;
    return numbers ? nn_onnx_constant(g, name, param->rank, param->dim, numbers) : "";
}

/* ---- what many layers need ------------------------------------------------------------------- */

const char *nn_onnx_reshape(nn_onnx_graph *g, const char *x, int rank, const int64_t *dim) {
    int64_t shape[2 + NN_MAX_RANK] = {-1};
    memcpy(shape + 1, dim, (size_t)rank * sizeof *dim);
    return NN_ONNX_NODE(g, "Reshape", x, nn_onnx_counts(g, "shape", (size_t)rank + 1, shape));
}

const char *nn_onnx_transpose(nn_onnx_graph *g, const char *x, size_t rank, const int64_t *axes) {
    const char *y = NN_ONNX_NODE(g, "Transpose", x);
    nn_onnx_ints(g, "perm", rank, axes);
    return y;
}

static const char *option_of(const nn_onnx_graph *g, const char *key) {
    return nn_node_text(g->layer->node, key);
}

int64_t nn_onnx_option_int(const nn_onnx_graph *g, const char *key, int64_t otherwise) {
    int64_t value;
    return nn_text_to_int(option_of(g, key), &value) ? value : otherwise;
}

double nn_onnx_option_real(const nn_onnx_graph *g, const char *key) {
    double value;
    return nn_text_to_real(option_of(g, key), &value) ? value : 0;
}

bool nn_onnx_option_bool(const nn_onnx_graph *g, const char *key) {
    return strcmp(option_of(g, key), "true") == 0;
}

const char *nn_onnx_refuse(nn_onnx_graph *g, const char *why) {
    nn_bytes_put_text(&g->refused, g->refused.count ? "; " : "");
    nn_bytes_put_text(&g->refused, g->layer->name);
    nn_bytes_put_text(&g->refused, ": ");
    nn_bytes_put_text(&g->refused, why);
    return "";
}

/* One whose size is said, or just called something. */
static void put_dim(nn_bytes *shape, int64_t value, const char *name) {
    nn_bytes dim = {0};
    if (name)
        nn_pb_put_text(&dim, NN_DIM_NAME, name);
    else
        nn_pb_put_int(&dim, NN_DIM_VALUE, value);
    nn_pb_put_message(shape, NN_TENSOR_SHAPE_DIM, &dim);
}

static void declare(nn_onnx_graph *g, int field, const char *name, int type, nn_bytes *shape) {
    nn_bytes tensor = {0}, outer = {0}, value = {0};
    nn_pb_put_int(&tensor, NN_TENSOR_TYPE_ELEMENT, type);
    nn_pb_put_message(&tensor, NN_TENSOR_TYPE_SHAPE, shape);
    nn_pb_put_message(&outer, NN_TYPE_TENSOR, &tensor);
    nn_pb_put_text(&value, NN_VALUE_NAME, name);
    nn_pb_put_message(&value, NN_VALUE_TYPE, &outer);
    nn_pb_put_message(&g->message, field, &value);
}

void nn_onnx_declare(nn_onnx_graph *g, int field, const char *name, const nn_shape *sample) {
    nn_bytes shape = {0};
    put_dim(&shape, 0, "N");
    for (int i = 0; i < sample->rank; i++)
        put_dim(&shape, sample->dim[i], NULL);
    declare(g, field, name, NN_TENSOR_IS_FLOAT, &shape);
}

const char *nn_onnx_default(nn_onnx_graph *g, const char *name, int64_t value) {
    nn_bytes shape = {0};
    put_dim(&shape, 0, "L");
    declare(g, NN_GRAPH_INPUT, name, NN_TENSOR_IS_INT64, &shape);
    return add_constant(g, name, NN_TENSOR_IS_INT64, 1, &(int64_t){1}, &value, sizeof value);
}
