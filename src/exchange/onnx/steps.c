/* What is done with the steps of sequences, but for recurrent layers, in ONNX. */
#include "exchange/onnx/graph.h"
#include "exchange/onnx/schema.h"
#include "nn/layers/positions.h"
#include "nn/layers/shape/axis.h"
#include "nn/layers/shape/mean.h"

static const char *sinusoidal(nn_onnx_graph *g) {
    const nn_shape *in = &g->layer->in[0];
    float *table = nn_pool_alloc(g->pool, nn_shape_count(in) * sizeof *table);
    g->message.failed = g->message.failed || !table;
    if (!table)
        return "";
    nn_positions_sinusoidal(NULL, (size_t)in->dim[0], (size_t)in->dim[1], table);
    return nn_onnx_constant(g, "table", 2, in->dim, table);
}

/* A learned table may have more rows than samples have steps. */
const char *nn_onnx_positions(nn_onnx_graph *g, const char *op, const char *const *x) {
    int64_t steps = g->layer->in[0].dim[0];
    const char *table = nn_onnx_param(g, "weight");
    (void)op;
    if (!table)
        table = sinusoidal(g);
    else if (g->layer->param[0].dim[0] > steps)
        table = NN_ONNX_NODE(g, "Slice", table, nn_onnx_counts(g, "starts", 1, (int64_t[]){0}),
                             nn_onnx_counts(g, "ends", 1, &steps));
    return NN_ONNX_NODE(g, "Add", x[0], table);
}

static const char *mean_over(nn_onnx_graph *g, const char *x, int64_t axis, bool keep) {
    const char *y = NN_ONNX_NODE(g, "ReduceMean", x);
    nn_onnx_ints(g, "axes", 1, &axis);
    nn_onnx_int(g, "keepdims", keep);
    return y;
}

const char *nn_onnx_as_floats(nn_onnx_graph *g, const char *x) {
    const char *y = NN_ONNX_NODE(g, "Cast", x);
    nn_onnx_int(g, "to", NN_TENSOR_IS_FLOAT);
    return y;
}

const char *nn_onnx_step_mask(nn_onnx_graph *g, const char *lengths) {
    int64_t steps = g->layer->in[0].dim[0];
    float *step = nn_pool_alloc(g->pool, (size_t)steps * sizeof *step);
    g->message.failed = g->message.failed || !step;
    if (!step)
        return "";
    for (int64_t i = 0; i < steps; i++)
        step[i] = (float)i;
    const char *y =
        NN_ONNX_NODE(g, "Less", nn_onnx_constant(g, "steps", 1, &steps, step),
                     nn_onnx_reshape(g, nn_onnx_as_floats(g, lengths), 1, (int64_t[]){1}));
    return nn_onnx_reshape(g, nn_onnx_as_floats(g, y), 2, (int64_t[]){steps, 1});
}

/* With lengths, the mean of steps that do not count as 0, and of that share of them that does: at
 * least half a step, so that no steps give 0. */
const char *nn_onnx_mean(nn_onnx_graph *g, const char *op, const char *const *x) {
    const nn_shape *in = &g->layer->in[0];
    int d = nn_axis_dimension(g->layer, nn_onnx_option_int(g, "axis", 1));
    const char *lengths = nn_mean_is_of_steps(g->layer) ? nn_onnx_lengths(g) : NULL;
    (void)op;
    if (!lengths)
        return mean_over(g, x[0], 1 + d, in->rank == 1);
    const char *mask = nn_onnx_step_mask(g, lengths);
    const char *share = NN_ONNX_NODE(g, "Max", mean_over(g, mask, 1, false),
                                     nn_onnx_number(g, "least", 0.5 / (double)in->dim[0]));
    return NN_ONNX_NODE(g, "Div", mean_over(g, NN_ONNX_NODE(g, "Mul", x[0], mask), 1, false),
                        share);
}
