/* A graph of ONNX being put together. Values are known by their names; images are [N, C, H, W]. A
 * failure to get memory is kept in the graph and found by its end. */
#ifndef NN_EXCHANGE_ONNX_GRAPH_H
#define NN_EXCHANGE_ONNX_GRAPH_H

#include "base/bytes.h"
#include "exchange/portable.h"

#define NN_ONNX_INPUT_NAME "input"
#define NN_ONNX_OUTPUT_NAME "output"
#define NN_ONNX_LENGTHS_NAME "lengths" /* of sequences */

typedef struct nn_onnx_graph {
    const nn_portable *model;
    nn_pool *pool;
    nn_bytes message;       /* GraphProto so far */
    nn_bytes node;          /* the node being built, not yet in the graph */
    nn_bytes refused;       /* text: what ONNX cannot express */
    const nn_layer *layer;  /* whose nodes are made */
    size_t nodes;           /* of it */
    const char *output;     /* what the next output is called; NULL: by its layer and operator */
    const char *lengths;    /* steps of each sequence, int32 [N]; NULL: nobody has asked yet */
    const nn_param **whole; /* parameters that are constants in their own shape ... */
    size_t wholes, whole_capacity;
    const size_t *edges; /* nn_sparse.start of the graph ... */
    const char *matrix;  /* ... whose matrix is this constant */
} nn_onnx_graph;

/* Begins a node of one output, whose name is returned; inputs end with NULL, "" leaves out one that
 * is optional. Attributes follow until the next one begins. */
const char *nn_onnx_node(nn_onnx_graph *g, const char *op, const char *const *input);
#define NN_ONNX_NODE(g, op, ...) nn_onnx_node((g), (op), (const char *const[]){__VA_ARGS__, NULL})
/* One more output of the node. */
const char *nn_onnx_more(nn_onnx_graph *g);
void nn_onnx_int(nn_onnx_graph *g, const char *name, int64_t value);
void nn_onnx_ints(nn_onnx_graph *g, const char *name, size_t count, const int64_t *value);
void nn_onnx_float(nn_onnx_graph *g, const char *name, double value);
void nn_onnx_text(nn_onnx_graph *g, const char *name, const char *value);
void nn_onnx_texts(nn_onnx_graph *g, const char *name, size_t count, const char *value);
/* Ends the node under way. */
void nn_onnx_end(nn_onnx_graph *g);

/* Constants; the name is returned. */
const char *nn_onnx_constant(nn_onnx_graph *g, const char *name, int rank, const int64_t *dim,
                             const float *value);
const char *nn_onnx_number(nn_onnx_graph *g, const char *name, double value);
const char *nn_onnx_counts(nn_onnx_graph *g, const char *name, size_t count, const int64_t *value);
/* The layer's parameter of that name, NULL: it has none; in its own shape, or in another one. */
const char *nn_onnx_param(nn_onnx_graph *g, const char *name);
const char *nn_onnx_param_as(nn_onnx_graph *g, const char *name, int rank, const int64_t *dim);
/* Its numbers in PyTorch's order, owned by the graph's pool; NULL: it has no such parameter. */
float *nn_onnx_numbers(nn_onnx_graph *g, const char *name, const nn_param **param);

/* x W^T, and x + b where the layer has a bias. */
const char *nn_onnx_product(nn_onnx_graph *g, const char *x);
const char *nn_onnx_add_bias(nn_onnx_graph *g, const char *x);
/* The steps of each sequence that count, [N]: an optional input, of which one number can stand for
 * all samples. NULL: all steps do. */
const char *nn_onnx_lengths(nn_onnx_graph *g);
/* [N, steps, 1]: 1 for the steps of a sequence that count, 0 for the others. */
const char *nn_onnx_step_mask(nn_onnx_graph *g, const char *lengths);
/* Common nodes: x as a sample of that shape, x with other axes. */
const char *nn_onnx_reshape(nn_onnx_graph *g, const char *x, int rank, const int64_t *dim);
const char *nn_onnx_transpose(nn_onnx_graph *g, const char *x, size_t rank, const int64_t *axes);
const char *nn_onnx_as_floats(nn_onnx_graph *g, const char *x);

/* Options of the layer under way, as its configuration has them, completed. */
int64_t nn_onnx_option_int(const nn_onnx_graph *g, const char *key, int64_t otherwise);
double nn_onnx_option_real(const nn_onnx_graph *g, const char *key);
bool nn_onnx_option_bool(const nn_onnx_graph *g, const char *key);

/* Notes that the layer under way cannot be expressed, and why; returns "". */
const char *nn_onnx_refuse(nn_onnx_graph *g, const char *why);

/* The graph's input or output of floats, [N, ...]. */
void nn_onnx_declare(nn_onnx_graph *g, int field, const char *name, const nn_shape *sample);
/* An input of whole numbers, [L], which need not be given: then it is this one; returns `name`. */
const char *nn_onnx_default(nn_onnx_graph *g, const char *name, int64_t value);

/* ---- layers ---------------------------------------------------------------------------------- */

/* How a layer becomes nodes: x are its inputs, NULL behind the last; the value that it gives is
 * returned. `op` is that of its row. */
typedef const char *nn_onnx_export(nn_onnx_graph *g, const char *op, const char *const *x);

typedef struct nn_onnx_layer {
    const nn_entry *layer;
    nn_onnx_export *run; /* NULL: it is one node, without attributes */
    const char *op;
} nn_onnx_layer;

extern const nn_onnx_layer nn_onnx_layers[]; /* layers.c: one row a layer; the last has none */

nn_onnx_export nn_onnx_dense, nn_onnx_dropout, nn_onnx_embedding, nn_onnx_slope, nn_onnx_step,
    nn_onnx_swish, nn_onnx_gelu, nn_onnx_gelu_tanh, nn_onnx_prelu, nn_onnx_maxout, nn_onnx_multiply,
    nn_onnx_concat, nn_onnx_to_shape, nn_onnx_glu, nn_onnx_slice, nn_onnx_swap;
nn_onnx_export nn_onnx_conv, nn_onnx_max_pool, nn_onnx_avg_pool, nn_onnx_global_avg_pool,
    nn_onnx_batch_norm, nn_onnx_layer_norm, nn_onnx_rms_norm, nn_onnx_group_norm, nn_onnx_pad,
    nn_onnx_upsample, nn_onnx_conv_transpose;
nn_onnx_export nn_onnx_recurrent, nn_onnx_graph_conv, nn_onnx_positions, nn_onnx_mean,
    nn_onnx_attention;

#endif
