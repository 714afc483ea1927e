/* Graph convolution (Kipf, Welling 2017) on samples [nodes, features] over one graph:
 *
 *   y = A (x W^T) + b,  A = D^-1/2 (E + I) D^-1/2
 *
 * with E the adjacency matrix, D the degrees of E + I and W [units][features]. A is symmetric, so
 * back-propagation multiplies by it once more. */
#include "nn/layers/dense/graph_conv.h"

#include "base/text.h"
#include "math/gemm/gemm.h"
#include "math/parallel.h"

#include <math.h>
#include <stdlib.h>

#define FEW_NODES 1048576 /* which may all have no edge */
#define GRAIN 16384       /* multiply-adds that are worth a fork and join */

struct graph_conv {
    int64_t units;
    bool bias;
    const nn_node *edges;
    nn_sparse matrix; /* made by plan */
};

static const nn_option graph_conv_options[] = {
    {"units", NN_OPT_INT, offsetof(struct graph_conv, units), NULL, "[1, 1e9]",
     "features of each node that come out"},
    {"edges", NN_OPT_NODE, offsetof(struct graph_conv, edges), "", NULL,
     "pairs of nodes, counted from 0: a list [[0, 1], ...], or a file with a pair a line; default: "
     "those of the graph_conv above"},
    {"bias", NN_OPT_BOOL, offsetof(struct graph_conv, bias), "true", NULL,
     "add a bias to every output"},
    NN_OPTION_END};

enum { WEIGHT, BIAS };

/* --- the matrix --- */

/* An element of E + I. */
struct entry {
    int32_t row, column;
};

static int by_row(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

static int read_end(const nn_layer *layer, const nn_node *node, int32_t *out) {
    int64_t value, nodes = layer->in[0].dim[0];
    if (node->kind != NN_NODE_SCALAR || !nn_text_to_int(node->text, &value) || value < 0 ||
        value >= nodes)
        return nn_node_fail(node, "edges of layer '%s': '%s' is no node; there are 0 to %lld",
                            layer->name, node->kind == NN_NODE_SCALAR ? node->text : "a list",
                            (long long)nodes - 1);
    *out = (int32_t)value;
    return 0;
}

/* Both directions of each edge, and of every node one to itself; sorted. */
static int list_entries(const nn_layer *layer, const nn_node *edges, struct entry *entry) {
    size_t count = 0;
    for (size_t i = 0; i < edges->count; i++, count += 2) {
        const nn_node *pair = edges->item[i];
        struct entry *e = &entry[count];
        if (pair->kind != NN_NODE_LIST || pair->count != 2)
            return nn_node_fail(pair, "an edge is a pair of nodes, e.g. [0, 1]");
        NN_TRY(read_end(layer, pair->item[0], &e->row));
        NN_TRY(read_end(layer, pair->item[1], &e->column));
        e[1] = (struct entry){e->column, e->row};
    }
    for (int32_t n = 0; n < layer->in[0].dim[0]; n++)
        entry[count++] = (struct entry){n, n};
    qsort(entry, count, sizeof *entry, by_row);
    return 0;
}

/* Fills the compressed rows; an edge that is given twice counts once. */
static void compress(size_t count, const struct entry *entry, size_t *start, int32_t *column) {
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && by_row(&entry[i - 1], &entry[i]) == 0)
            continue;
        column[used++] = entry[i].column;
        start[entry[i].row + 1] = used;
    }
}

/* 1 / sqrt(d_row d_column), d the elements of a row. */
static void normalize(size_t nodes, nn_sparse *a, nn_real *value) {
    for (size_t r = 0; r < nodes; r++)
        for (size_t k = a->start[r]; k < a->start[r + 1]; k++) {
            size_t c = (size_t)a->column[k];
            double d = (double)(a->start[r + 1] - a->start[r]);
            value[k] = (nn_real)(1 / sqrt(d * (double)(a->start[c + 1] - a->start[c])));
        }
}

static int make_matrix(nn_layer *layer, const nn_node *edges) {
    struct graph_conv *o = layer->options;
    nn_pool *pool = layer->pool;
    size_t nodes = (size_t)layer->in[0].dim[0], most = 2 * edges->count + nodes;
    if (nodes > FEW_NODES && edges->count < nodes / 16) /* a few words would want much memory */
        return nn_node_fail(edges,
                            "layer '%s' has %zu nodes, and %zu edges: most have no neighbour",
                            layer->name, nodes, edges->count);
    size_t *start = nn_pool_alloc(pool, (nodes + 1) * sizeof *start);
    int32_t *column = nn_pool_alloc(pool, most * sizeof *column);
    nn_real *value = nn_pool_alloc(pool, most * sizeof *value);
    struct entry *entry;
    if (!start || !column || !value)
        return NN_EMEMORY;
    NN_TRY(NN_NEW(&entry, most, "edges"));
    int rc = list_entries(layer, edges, entry);
    if (rc == 0) {
        compress(most, entry, start, column);
        o->matrix = (nn_sparse){start, column, value};
        normalize(nodes, &o->matrix, value);
    }
    nn_free(entry);
    return rc;
}

/* --- the layer --- */

const nn_sparse *nn_graph_conv_matrix(const nn_layer *layer) {
    return &((const struct graph_conv *)layer->options)->matrix;
}

/* The nearest graph_conv before this one, along first inputs. */
static const nn_layer *above(const nn_layer *layer) {
    const nn_layer *at = layer->input[0];
    while (at->inputs > 0 && at->ops != layer->ops)
        at = at->input[0];
    return at->inputs > 0 ? at : NULL;
}

static int find_matrix(nn_layer *layer) {
    struct graph_conv *o = layer->options;
    const nn_layer *other = above(layer);
    if (o->edges && o->edges->kind == NN_NODE_LIST)
        return make_matrix(layer, o->edges);
    if (o->edges)
        return nn_node_fail(o->edges, "edges is a list of pairs of nodes: [[0, 1], [1, 2]]");
    if (!other)
        return nn_layer_fail(layer, "edges is missing, and no graph_conv stands above");
    if (other->in[0].dim[0] != layer->in[0].dim[0])
        return nn_layer_fail(layer, "edges is missing, and '%s' is for %lld nodes", other->name,
                             (long long)other->in[0].dim[0]);
    o->matrix = ((const struct graph_conv *)other->options)->matrix;
    return 0;
}

static int graph_conv_plan(nn_layer *layer) {
    const struct graph_conv *o = layer->options;
    const nn_shape *in = &layer->in[0];
    if (in->rank != 2 || in->dim[0] > INT32_MAX)
        return nn_layer_fail(layer, "takes [nodes, features]");
    NN_TRY(find_matrix(layer));
    layer->out = (nn_shape){2, {in->dim[0], o->units}};
    layer->flags = NN_LAYER_READS_X;
    NN_TRY(nn_layer_add_param(layer, "weight", NN_PARAM_WEIGHT, 2,
                              (int64_t[]){o->units, in->dim[1]}, in->dim[1], o->units));
    if (o->bias)
        NN_TRY(
            nn_layer_add_param(layer, "bias", NN_PARAM_BIAS, 1, &o->units, in->dim[1], o->units));
    return 0;
}

static int graph_conv_prepare(nn_layer *layer, size_t batch, bool training) {
    (void)training;
    layer->scratch_bytes = batch * nn_shape_count(&layer->out) * sizeof(nn_real);
    return 0;
}

/* A product of the matrix with each sample [nodes][cols] of x. */
struct product {
    const nn_sparse *matrix;
    size_t nodes, cols;
    const nn_real *x;
    nn_real *y;
};

/* Rows of all samples, one behind the other. */
static void multiply_rows(void *ctx, size_t begin, size_t end) {
    const struct product *p = ctx;
    for (size_t at = begin; at < end;) {
        size_t sample = at / p->nodes, offset = sample * p->nodes;
        size_t stop = end - offset < p->nodes ? end - offset : p->nodes;
        nn_kernels_get()->sparse_rows(at - offset, stop, p->matrix, p->cols,
                                      p->x + offset * p->cols, p->y + offset * p->cols);
        at = offset + stop;
    }
}

static void multiply(const nn_layer *layer, size_t batch, const nn_real *x, nn_real *y) {
    const struct graph_conv *o = layer->options;
    size_t nodes = (size_t)layer->out.dim[0], cols = (size_t)o->units;
    struct product p = {&o->matrix, nodes, cols, x, y};
    size_t work = 1 + o->matrix.start[nodes] / nodes * cols; /* of a row */
    nn_parallel(layer->compute, batch * nodes, 1 + GRAIN / work, multiply_rows, &p);
}

static double graph_conv_work(const nn_layer *layer) {
    return (double)layer->in[0].dim[0] * nn_layer_weights(layer);
}

static void graph_conv_forward(const nn_layer *layer, const nn_io *io) {
    size_t rows = io->batch * (size_t)layer->in[0].dim[0];
    size_t in = (size_t)layer->in[0].dim[1], out = (size_t)layer->out.dim[1];
    nn_gemm(layer->compute, NN_PLAIN, NN_TRANSPOSED, rows, out, in, 1, io->x[0], in, io->w[WEIGHT],
            in, 0, io->scratch, out);
    multiply(layer, io->batch, io->scratch, io->y);
    if (layer->params > BIAS)
        nn_kernels_get()->add_bias(rows, out, io->w[BIAS], io->y);
}

static void graph_conv_backward(const nn_layer *layer, const nn_io *io) {
    size_t rows = io->batch * (size_t)layer->in[0].dim[0];
    size_t in = (size_t)layer->in[0].dim[1], out = (size_t)layer->out.dim[1];
    multiply(layer, io->batch, io->dy, io->scratch);
    if (io->dx[0])
        nn_gemm(layer->compute, NN_PLAIN, NN_PLAIN, rows, in, out, 1, io->scratch, out,
                io->w[WEIGHT], in, 0, io->dx[0], in);
    if (!io->g[WEIGHT])
        return;
    nn_gemm(layer->compute, NN_TRANSPOSED, NN_PLAIN, out, in, rows, 1, io->scratch, out, io->x[0],
            in, io->g_beta, io->g[WEIGHT], in);
    if (layer->params > BIAS)
        nn_kernels_get()->sum_rows(rows, out, io->dy, io->g_beta, io->g[BIAS]);
}

const nn_layer_ops nn_layer_graph_conv = {
    .entry = {"graph_conv",
              "graph convolution: y = D^-1/2 (E + I) D^-1/2 x W^T + b on [nodes, features], E the "
              "graph's adjacency matrix, D the degrees of E + I",
              graph_conv_options, sizeof(struct graph_conv)},
    .plan = graph_conv_plan,
    .prepare = graph_conv_prepare,
    .work = graph_conv_work,
    .forward = graph_conv_forward,
    .backward = graph_conv_backward,
};
