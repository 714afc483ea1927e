/* Recurrent layers in ONNX, whose sequences are [T, N, F] and whose gates have another order. */
#include "nn/layers/recurrent/recurrent.h"

#include "exchange/onnx/graph.h"

#include <stdio.h>
#include <string.h>

#define MOST_GATES 4

/* gate[i]: which of PyTorch's gates is number i of ONNX. */
typedef struct cell {
    const char *op;
    size_t gates, gate[MOST_GATES];
} cell;

static const cell cells[] = {
    {"RNN", 1, {0}},
    {"LSTM", 4, {0, 3, 1, 2}}, /* i f g o -> i o f c */
    {"GRU", 3, {1, 0, 2}},     /* r z n -> z r h */
};

static const cell *cell_of(const char *op) {
    const cell *c = cells;
    while (strcmp(c->op, op) != 0)
        c++;
    return c;
}

/* One kind of parameter of a level, of all directions: [directions][gates * units][columns]. Where
 * biases follow each other, [directions][2][gates * units], `of` says which and out of how many. */
typedef struct block {
    const char *kind;
    size_t level, of[2];
} block;

/* Copies the gates of a level's parameters to ONNX's order; the elements that one direction has.
 * 0: the layer has none. */
static size_t copy_gates(nn_onnx_graph *g, const cell *c, const block *b, float *to) {
    size_t directions = nn_recurrent_directions(g->layer->options), count = 0;
    for (size_t d = 0; d < directions; d++) {
        char name[64];
        const nn_param *param;
        snprintf(name, sizeof name, "%s_l%zu%s", b->kind, b->level, d ? "_reverse" : "");
        const float *from = nn_onnx_numbers(g, name, &param);
        if (!from)
            return 0;
        count = param->count;
        size_t each = count / c->gates;
        for (size_t i = 0; i < c->gates; i++)
            memcpy(to + (d * b->of[1] + b->of[0]) * count + i * each, from + c->gate[i] * each,
                   each * sizeof *to);
    }
    return count;
}

/* The constant of a level, "<layer>.<letter>_l<level>". */
static const char *constant(nn_onnx_graph *g, const cell *c, const char *letter, size_t level) {
    const nn_recurrent *o = g->layer->options;
    int64_t directions = (int64_t)nn_recurrent_directions(o);
    int64_t rows = (int64_t)c->gates * o->units, columns = 2;
    bool biases = *letter == 'B';
    if (!biases)
        columns = *letter == 'W' ? (int64_t)nn_recurrent_inputs(g->layer, level) : o->units;
    float *numbers =
        nn_pool_alloc(g->pool, (size_t)(directions * rows * columns) * sizeof *numbers);
    if (!numbers || (biases && !o->bias)) {
        g->message.failed = g->message.failed || !numbers;
        return NULL;
    }
    if (biases) {
        copy_gates(g, c, &(block){"bias_ih", level, {0, 2}}, numbers);
        copy_gates(g, c, &(block){"bias_hh", level, {1, 2}}, numbers);
    } else {
        copy_gates(g, c, &(block){*letter == 'W' ? "weight_ih" : "weight_hh", level, {0, 1}},
                   numbers);
    }
    char name[32];
    snprintf(name, sizeof name, "%s_l%zu", letter, level);
    return nn_onnx_constant(g, name, biases ? 2 : 3,
                            (int64_t[]){directions, biases ? 2 * rows : rows, columns}, numbers);
}

/* The node of a level on x [T, N, F]: [T, directions, N, units], and *last [directions, N, units].
 */
static const char *add_level(nn_onnx_graph *g, const cell *c, size_t level, const char *x,
                             const char **last) {
    const nn_recurrent *o = g->layer->options;
    const char *y = NN_ONNX_NODE(g, c->op, x, constant(g, c, "W", level),
                                 constant(g, c, "R", level), constant(g, c, "B", level));
    *last = nn_onnx_more(g);
    nn_onnx_int(g, "hidden_size", o->units);
    nn_onnx_text(g, "direction", o->bidirectional ? "bidirectional" : "forward");
    if (strcmp(c->op, "GRU") == 0)
        nn_onnx_int(g, "linear_before_reset", 1);
    if (strcmp(c->op, "RNN") == 0)
        nn_onnx_texts(g, "activations", nn_recurrent_directions(o),
                      o->nonlinearity ? "Relu" : "Tanh");
    return y;
}

const char *nn_onnx_recurrent(nn_onnx_graph *g, const char *op, const char *const *x) {
    const nn_recurrent *o = g->layer->options;
    int64_t steps = g->layer->in[0].dim[0];
    int64_t width = (int64_t)nn_recurrent_directions(o) * o->units;
    const char *y = nn_onnx_transpose(g, x[0], 3, (int64_t[]){1, 0, 2}), *last = "";
    for (size_t level = 0; level < (size_t)o->layers; level++) {
        if (level > 0) {
            y = nn_onnx_transpose(g, y, 4, (int64_t[]){0, 2, 1, 3});
            y = NN_ONNX_NODE(g, "Reshape", y,
                             nn_onnx_counts(g, "shape", 3, (int64_t[]){steps, -1, width}));
        }
        y = add_level(g, cell_of(op), level, y, &last);
    }
    if (o->returns == NN_RETURN_ALL)
        y = nn_onnx_transpose(g, y, 4, (int64_t[]){2, 0, 1, 3});
    else
        y = nn_onnx_transpose(g, last, 3, (int64_t[]){1, 0, 2});
    return nn_onnx_reshape(g, y, g->layer->out.rank, g->layer->out.dim);
}
