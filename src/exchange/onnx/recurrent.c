/* Recurrent layers in ONNX, whose sequences are [T, N, F] and whose gates have another order. */
#include "nn/layers/recurrent/recurrent.h"

#include "exchange/onnx/import.h"
#include "exchange/onnx/schema.h"
#include "nn/layers/shape/mean.h"

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

/* Where a parameter stands among ONNX's constants: W and R [directions][gates * units][columns],
 * and B [directions][2][gates * units], one of each for a level. */
typedef struct place {
    char name[32];    /* of the constant: "W_l0" */
    size_t at, whole; /* element in it where the parameter begins, and how many it has */
} place;

/* Parameters follow each other by level and direction, then weight_ih, weight_hh, bias_ih, bias_hh.
 */
static place place_of(const nn_layer *layer, size_t p) {
    const nn_recurrent *o = layer->options;
    size_t kinds = o->bias ? 4 : 2, kind = p % kinds, directions = nn_recurrent_directions(o);
    size_t direction = p / kinds % directions, count = layer->param[p].count;
    size_t biases = kind < 2 ? 1 : 2;
    place to = {.at = (direction * biases + kind / 3) * count,
                .whole = directions * biases * count};
    snprintf(to.name, sizeof to.name, "%c_l%zu", "WRBB"[kind], p / kinds / directions);
    return to;
}

/* Copies a parameter between PyTorch's order of gates and, with `back`, from ONNX's. */
static void move_gates(const cell *c, size_t count, const float *from, float *to, bool back) {
    size_t each = count / c->gates;
    for (size_t i = 0; i < c->gates; i++) {
        size_t torch = c->gate[i] * each, onnx = i * each;
        memcpy(to + (back ? torch : onnx), from + (back ? onnx : torch), each * sizeof *to);
    }
}

/* The constant with that letter of a level; NULL: the layer has none. */
static const char *constant(nn_onnx_graph *g, const cell *c, char letter, size_t level) {
    const nn_recurrent *o = g->layer->options;
    const nn_param *param = NULL;
    float *numbers = NULL;
    char name[32];
    snprintf(name, sizeof name, "%c_l%zu", letter, level);
    for (size_t p = 0; p < g->layer->params; p++) {
        place to = place_of(g->layer, p);
        if (strcmp(to.name, name) != 0)
            continue;
        const float *from = nn_onnx_numbers(g, g->layer->param[p].name, &param);
        if (!numbers)
            numbers = nn_pool_alloc(g->pool, to.whole * sizeof *numbers);
        g->message.failed = g->message.failed || !numbers;
        if (from && numbers)
            move_gates(c, param->count, from, numbers + to.at, false);
    }
    if (!numbers)
        return NULL;
    int64_t rows = (letter == 'B' ? 2 : 1) * param->dim[0];
    int64_t dim[] = {(int64_t)nn_recurrent_directions(o), rows, param->dim[1]};
    return nn_onnx_constant(g, name, param->rank + 1, dim, numbers);
}

/* The layer stops at the end of each sequence. */
static bool takes_lengths(const nn_layer *layer, const nn_onnx_layer *row) {
    return row->run == nn_onnx_recurrent || row->run == nn_onnx_attention ||
           (row->run == nn_onnx_mean && nn_mean_is_of_steps(layer));
}

/* Lengths of samples are those of what such layers read where all of these read as many steps. */
static bool has_lengths(const nn_portable *p) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(p->model, &layer);
    for (size_t i = 1; i < layers; i++)
        for (const nn_onnx_layer *row = nn_onnx_layers; row->layer; row++)
            if (row->layer == &layer[i]->ops->entry && takes_lengths(layer[i], row) &&
                (p->data.x.rank > 2 || layer[i]->in[0].dim[0] != p->data.x.dim[0] ||
                 layer[i]->in[layer[i]->inputs - 1].dim[0] != p->data.x.dim[0]))
                return false;
    return true;
}

const char *nn_onnx_lengths(nn_onnx_graph *g) {
    if (g->lengths || !has_lengths(g->model))
        return g->lengths;
    const char *samples = NN_ONNX_NODE(g, "Shape", NN_ONNX_INPUT_NAME);
    nn_onnx_int(g, "start", 0);
    nn_onnx_int(g, "end", 1);
    const char *given = nn_onnx_default(g, NN_ONNX_LENGTHS_NAME, g->model->data.x.dim[0]);
    g->lengths = NN_ONNX_NODE(g, "Cast", NN_ONNX_NODE(g, "Expand", given, samples));
    nn_onnx_int(g, "to", NN_TENSOR_IS_INT32);
    return g->lengths;
}

/* The node of a level on x [T, N, F]: [T, directions, N, units], and *last [directions, N, units].
 */
static const char *add_level(nn_onnx_graph *g, const cell *c, size_t level, const char *x,
                             const char **last) {
    const nn_recurrent *o = g->layer->options;
    const char *w = constant(g, c, 'W', level), *r = constant(g, c, 'R', level),
               *b = constant(g, c, 'B', level), *lengths = nn_onnx_lengths(g);
    const char *y = NN_ONNX_NODE(g, c->op, x, w, r, b || !lengths ? b : "", lengths);
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

void nn_onnx_gates_back(const char *op, size_t count, const float *onnx, float *torch) {
    move_gates(cell_of(op), count, onnx, torch, true);
}

int nn_onnx_take_gates(const nn_layer *layer, const char *op, size_t p,
                       const nn_file_tensors *constants, float *out) {
    place from = place_of(layer, p);
    float *numbers = NULL;
    const nn_file_tensor *found;
    int rc = nn_onnx_find_constant(constants, layer->name, from.name, from.whole, &found);
    if (rc == 0)
        rc = NN_NEW(&numbers, from.whole, "parameters of a recurrent layer");
    if (rc == 0)
        rc = nn_file_tensor_floats(constants, found, numbers);
    if (rc == 0)
        nn_onnx_gates_back(op, layer->param[p].count, numbers + from.at, out);
    nn_free(numbers);
    return rc;
}
