/* Graph convolution in ONNX, which has no products with sparse matrices. */
#include "nn/layers/graph_conv.h"

#include "exchange/onnx/graph.h"

#define MOST_NODES 4096 /* whose matrix has 64 MiB */

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
