/* A model as ONNX: raw samples go in, what predict writes comes out. */
#include "exchange/about.h"
#include "exchange/onnx/file.h"
#include "exchange/onnx/graph.h"
#include "exchange/onnx/schema.h"
#include "io/files/file.h"
#include "io/protobuf.h"
#include "train/session/session.h"

#include <nnmpi/version.h>

#include <string.h>

/* Protocol Buffers count in int32. */
#define MOST_BYTES ((size_t)1 << 31)

/* x scale + offset, then less the mean, by the deviation: a factor and a summand for each element.
 */
static const char *add_scaling(nn_onnx_graph *g, const char *x) {
    const nn_affine *a = &g->model->data.affine;
    const nn_normal *n = &g->model->data.normal;
    const nn_shape *shape = &g->model->data.x;
    size_t elements = nn_shape_count(shape);
    if (a->count == 0 && n->count == 0)
        return x;
    float *scale = nn_pool_alloc(g->pool, elements * sizeof *scale);
    float *offset = nn_pool_alloc(g->pool, elements * sizeof *offset);
    if (!scale || !offset) {
        g->message.failed = true;
        return x;
    }
    for (size_t e = 0; e < elements; e++) {
        size_t i = a->count ? nn_affine_index(a->count, shape, e) : 0;
        size_t j = n->count ? nn_affine_index(n->count, shape, e) : 0;
        double factor = a->count ? a->scale[i] : 1, summand = a->count ? a->offset[i] : 0;
        double mean = n->count ? n->mean[j] : 0, std = n->count ? n->std[j] : 1;
        scale[e] = (float)(factor / std);
        offset[e] = (float)((summand - mean) / std);
    }
    x = NN_ONNX_NODE(g, "Mul", x, nn_onnx_constant(g, "scale", shape->rank, shape->dim, scale));
    return NN_ONNX_NODE(g, "Add", x,
                        nn_onnx_constant(g, "offset", shape->rank, shape->dim, offset));
}

static const char *add_layer(nn_onnx_graph *g, const char *const *x) {
    const nn_onnx_layer *row = nn_onnx_layers;
    while (row->layer && row->layer != &g->layer->ops->entry)
        row++;
    if (!row->layer)
        return nn_onnx_refuse(g, g->layer->ops->entry.name);
    return row->run ? row->run(g, row->op, x) : nn_onnx_node(g, row->op, x);
}

/* The activation that the loss has instead of the model; of a sample as a whole, or of each of its
 * positions. */
static const char *add_fused(nn_onnx_graph *g, const char *x, nn_shape *out) {
    const nn_loss_ops *loss = g->model->loss;
    size_t width = nn_shape_count(out) / nn_data_positions(&g->model->data);
    if (!loss->fuses)
        return x;
    bool softmax = strcmp(loss->fuses, "softmax") == 0;
    if (softmax && (size_t)out->dim[out->rank - 1] != width) {
        *out = (nn_shape){1, {(int64_t)width}};
        x = nn_onnx_reshape(g, x, out->rank, out->dim);
    }
    return NN_ONNX_NODE(g, softmax ? "Softmax" : "Sigmoid", x);
}

static void add_layers(nn_onnx_graph *g, const char **value) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(g->model->model, &layer);
    g->layer = layer[0];
    nn_onnx_declare(g, NN_GRAPH_INPUT, NN_ONNX_INPUT_NAME, &g->model->data.x);
    value[0] = add_scaling(g, NN_ONNX_INPUT_NAME);
    for (size_t i = 1; i < layers; i++) {
        const char *x[NN_MAX_INPUTS + 1] = {NULL};
        g->layer = layer[i];
        g->nodes = 0;
        for (size_t k = 0; k < g->layer->inputs; k++)
            x[k] = value[g->layer->input[k]->index];
        value[i] = add_layer(g, x);
    }
    nn_shape out = g->layer->out;
    const char *last = add_fused(g, value[layers - 1], &out);
    g->output = NN_ONNX_OUTPUT_NAME;
    (void)NN_ONNX_NODE(g, "Identity", last);
    nn_onnx_end(g);
    nn_onnx_declare(g, NN_GRAPH_OUTPUT, NN_ONNX_OUTPUT_NAME, &out);
}

static void put_entry(nn_bytes *message, const char *key, const char *text) {
    nn_bytes entry = {0};
    nn_pb_put_text(&entry, NN_ENTRY_KEY, key);
    nn_pb_put_text(&entry, NN_ENTRY_VALUE, text);
    nn_pb_put_message(message, NN_MODEL_METADATA, &entry);
}

/* What the model is in nnmpi's words, and of which graph that is true. */
static int put_about(nn_onnx_graph *g, const char *file, nn_bytes *message) {
    nn_onnx_file graph;
    char hex[NN_DIGEST_HEX], *about;
    NN_TRY(nn_about_write((nn_portable *)g->model, &about));
    NN_TRY(nn_onnx_parse(g->pool, file, message->at, message->count, &graph));
    NN_TRY(nn_onnx_digest(&graph, about, hex));
    put_entry(message, NN_ONNX_ABOUT, about);
    put_entry(message, NN_ONNX_ABOUT_DIGEST, hex);
    return message->failed ? NN_EMEMORY : 0;
}

static int write_model(nn_onnx_graph *g, const char *file, nn_bytes *message) {
    nn_bytes opset = {0};
    nn_pb_put_text(&g->message, NN_GRAPH_NAME, nn_config_name(g->model->config));
    nn_pb_put_int(message, NN_MODEL_IR, NN_ONNX_IR);
    nn_pb_put_text(message, NN_MODEL_PRODUCER, "nnmpi");
    nn_pb_put_text(message, NN_MODEL_PRODUCER_VERSION, NNMPI_VERSION);
    nn_pb_put_int(&opset, NN_OPSET_VERSION, NN_ONNX_OPSET);
    nn_pb_put_message(message, NN_MODEL_OPSET, &opset);
    nn_pb_put_message(message, NN_MODEL_GRAPH, &g->message);
    if (message->failed)
        return NN_EMEMORY;
    NN_TRY(put_about(g, file, message));
    if (message->count >= MOST_BYTES)
        return nn_fail(NN_EIO, "%s: a model of 2 GiB or more cannot be one file of ONNX", file);
    return nn_file_write(file, (const char *)message->at, message->count);
}

static int export_graph(nn_onnx_graph *g, const char *file, nn_bytes *message) {
    const nn_layer *const *layer;
    const char **value =
        nn_pool_alloc(g->pool, nn_model_layers(g->model->model, &layer) * sizeof *value);
    if (!value)
        return NN_EMEMORY;
    add_layers(g, value);
    if (g->refused.count)
        return nn_fail(NN_EUSAGE, "ONNX has nothing for these layers: %.*s", (int)g->refused.count,
                       (const char *)g->refused.at);
    return write_model(g, file, message);
}

int nn_export_onnx(nn_portable *p, const char *file) {
    nn_onnx_graph g = {.model = p, .pool = &p->pool};
    nn_bytes message = {0};
    int rc = export_graph(&g, file, &message);
    nn_bytes_release(&message);
    nn_bytes_release(&g.message);
    nn_bytes_release(&g.node);
    nn_bytes_release(&g.refused);
    return rc;
}
