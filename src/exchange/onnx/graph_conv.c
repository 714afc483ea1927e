/* Graph convolution in ONNX, which has no products with sparse matrices, and back. */
#include "nn/layers/dense/graph_conv.h"

#include "exchange/onnx/convert.h"
#include "exchange/onnx/graph.h"

#include <math.h>

#define MOST_NODES 4096      /* whose matrix has 64 MiB */
#define MOST_ELEMENTS 204096 /* that are not 0, of one that is read */

/* The matrix with its zeros; one constant for all layers over the same edges. */
static const char *matrix_of(nn_onnx_graph *g) {
    const nn_sparse *sparse = nn_graph_conv_matrix(g->layer);
    int64_t nodes = g->layer->in[0].dim[0];
    if (g->edges == sparse->start)
        return g->matrix;
    float *dense = nn_pool_alloc(g->pool, (size_t)(nodes * nodes) * sizeof *dense);
    g->message.failed = g->message.failed || !dense;
    for (int64_t r = 0; dense && r < nodes; r++)
        for (size_t k = sparse->start[r]; k < sparse->start[r + 1]; k++)
            dense[r * nodes + sparse->column[k]] = (float)sparse->value[k];
    g->edges = sparse->start;
    g->matrix = dense ? nn_onnx_constant(g, "matrix", 2, (int64_t[]){nodes, nodes}, dense) : "";
    return g->matrix;
}

const char *nn_onnx_graph_conv(nn_onnx_graph *g, const char *op, const char *const *x) {
    const char *y;
    (void)op;
    if (g->layer->in[0].dim[0] > MOST_NODES)
        return nn_onnx_refuse(g, "graph_conv of more than 4096 nodes, which wants sparse products");
    y = NN_ONNX_NODE(g, "MatMul", matrix_of(g), nn_onnx_product(g, x[0]));
    return nn_onnx_add_bias(g, y);
}

/* ---- and back -------------------------------------------------------------------------------- */

static double element(const nn_file_tensor *matrix, int64_t row, int64_t column) {
    size_t i = (size_t)(row * matrix->dim[1] + column);
    return matrix->type->get(matrix->bytes + i * matrix->type->size);
}

/* Whether it is 1 / sqrt(d_row d_column) where it is not 0, d the elements of a row, as it is
 * nowhere on the diagonal, and symmetric. */
static bool is_normalized(const nn_file_tensor *matrix, const int64_t *d) {
    for (int64_t r = 0; r < matrix->dim[0]; r++)
        for (int64_t c = 0; c < matrix->dim[1]; c++) {
            double a = element(matrix, r, c), scale = sqrt((double)d[r] * (double)d[c]);
            if ((a == 0) != (element(matrix, c, r) == 0) || (a == 0 && r == c) ||
                (a != 0 && !(fabs(a * scale - 1) < 1e-5)))
                return false;
        }
    return true;
}

static int add_end(nn_node *pair, int64_t node) {
    return nn_node_add_text(pair, NULL, nn_pool_printf(pair->pool, "%lld", (long long)node));
}

/* edges: [[row, column], ...] of what is above the diagonal. */
static int list_edges(const nn_file_tensor *matrix, nn_node *edges) {
    for (int64_t r = 0; r < matrix->dim[0]; r++)
        for (int64_t c = r + 1; c < matrix->dim[1]; c++) {
            if (element(matrix, r, c) == 0)
                continue;
            nn_node *pair = nn_node_list(edges->pool);
            NN_TRY(pair ? add_end(pair, r) : NN_EMEMORY);
            NN_TRY(add_end(pair, c));
            NN_TRY(nn_node_add(edges, NULL, pair));
        }
    return 0;
}

int nn_onnx_from_graph_matrix(nn_onnx_conversion *c, const nn_file_tensor *matrix) {
    const nn_onnx_value *x = nn_onnx_in(c, 1);
    nn_onnx_item *item = x ? x->layer : NULL;
    int64_t nodes = matrix->dim[0], elements = 0;
    if (!item || item != c->last || !item->units || x->more != item->more ||
        nodes != matrix->dim[1] || nodes < 1 || nodes > MOST_NODES || !matrix->type->get)
        return nn_onnx_no(c, "a matrix is only multiplied by a product with weights, of up to 4096 "
                             "nodes of a graph");
    NN_TRY(nn_onnx_take(c, matrix->count));
    int64_t *degree = nn_pool_alloc(c->pool, (size_t)nodes * sizeof *degree);
    nn_node *edges = nn_node_list(c->pool);
    if (!degree || !edges)
        return NN_EMEMORY;
    for (int64_t r = 0; r < nodes; elements += degree[r++])
        for (int64_t k = 0; k < nodes; k++)
            degree[r] += element(matrix, r, k) != 0;
    if (elements > MOST_ELEMENTS || !is_normalized(matrix, degree))
        return nn_onnx_no(c, "its matrix is not that of a graph convolution, D^-1/2 (E + I) "
                             "D^-1/2, with up to 100000 edges");
    NN_TRY(list_edges(matrix, edges));
    NN_TRY(nn_node_add(item->options, "edges", edges));
    item->takes = (nn_shape){2, {nodes, -1}};
    return nn_onnx_become(c, item, "graph_conv");
}
