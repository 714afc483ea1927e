/* Recurrent operators of ONNX, whose tensors are time-major, the axes that go back and forth around
 * them, and changes of shape. */
#include "base/text.h"
#include "exchange/onnx/convert.h"

#include <inttypes.h>
#include <string.h>

enum { X, W, R, B, LENGTHS, INITIAL_H, INITIAL_C, PEEPHOLES };

#define MOST_UNITS 1000000

/* ---- recurrent operators --------------------------------------------------------------------- */

/* Names of functions, of each direction; NULL: none are given, and those of the operator hold. */
static bool has_functions(const nn_onnx_conversion *c, size_t directions, const char *const *name,
                          size_t names) {
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, "activations");
    bool same = !a || a->text_count == directions * names;
    for (size_t i = 0; a && same && i < a->text_count; i++)
        same = strcmp(a->texts[i], name[i % names]) == 0;
    return same;
}

static bool has_usual_functions(const nn_onnx_conversion *c, const char *kind, size_t directions) {
    static const char *const functions[] = {"Sigmoid", "Tanh", "Tanh"};
    static const char *const relu[] = {"Relu"};
    if (strcmp(kind, "rnn") == 0)
        return has_functions(c, directions, functions + 1, 1) ||
               has_functions(c, directions, relu, 1);
    return has_functions(c, directions, functions, strcmp(kind, "gru") == 0 ? 2 : 3);
}

/* NULL, or why the node is no layer. */
static const char *check(nn_onnx_conversion *c, const char *kind, const nn_file_tensor *w,
                         const nn_file_tensor *r, const nn_file_tensor *b) {
    const nn_onnx_value *x = nn_onnx_in(c, X);
    const char *direction = nn_onnx_get_text(c, "direction", "forward");
    int64_t gates = strcmp(kind, "rnn") == 0 ? 1 : strcmp(kind, "gru") == 0 ? 3 : 4;
    if (!x || x->form != NN_ONNX_STEPS || nn_onnx_get_int(c, "layout", 0) != 0)
        return "sequences should come in as [N, T, F] and be transposed to [T, N, F]";
    if (!w || !r || (nn_onnx_given(c, B) && !b) || r->dim[2] < 1 || r->dim[2] > MOST_UNITS ||
        w->dim[0] != r->dim[0] || w->dim[1] != r->dim[1] || w->dim[0] < 1 || w->dim[0] > 2 ||
        w->dim[1] != gates * r->dim[2] ||
        (b && (b->dim[0] != w->dim[0] || b->dim[1] != 2 * w->dim[1])))
        return "W, R and B should be constants that fit";
    if (strcmp(direction, w->dim[0] == 2 ? "bidirectional" : "forward") != 0)
        return "its direction is neither forward nor bidirectional";
    const nn_onnx_value *lengths = nn_onnx_in(c, LENGTHS);
    if (nn_onnx_given(c, LENGTHS) && (!lengths || lengths->form != NN_ONNX_LENGTHS))
        return "sequence_lens should be an input of the graph, [N]";
    if (!nn_onnx_is_zero(c, INITIAL_H) || !nn_onnx_is_zero(c, INITIAL_C))
        return "its initial state is not zeros";
    if (!has_usual_functions(c, kind, (size_t)w->dim[0]) ||
        (c->op->inputs > PEEPHOLES && *c->op->input[PEEPHOLES]) ||
        nn_onnx_attribute_of(c->op, "clip") || nn_onnx_get_int(c, "input_forget", 0) != 0)
        return "peepholes, clip, input_forget or activations that PyTorch does not have";
    if (strcmp(kind, "gru") == 0 && nn_onnx_get_int(c, "linear_before_reset", 0) != 1)
        return "linear_before_reset should be 1";
    return NULL;
}

/* Part `part` of a constant [D][parts][...] for each direction, in PyTorch's order of gates. */
static int add_gates(nn_onnx_conversion *c, const nn_onnx_item *item, const char *name,
                     const nn_file_tensor *constant, size_t part, size_t parts) {
    size_t directions = (size_t)constant->dim[0], count = constant->count / directions / parts;
    NN_TRY(nn_onnx_take(c, 2 * constant->count));
    float *onnx = nn_pool_alloc(c->pool, constant->count * sizeof *onnx + 1);
    if (!onnx)
        return NN_EMEMORY;
    NN_TRY(nn_file_tensor_floats(&c->file->constants, constant, onnx));
    for (size_t d = 0; d < directions; d++) {
        float *torch = nn_pool_alloc(c->pool, count * sizeof *torch + 1);
        const char *param = nn_pool_printf(c->pool, "%s_l0%s", name, d ? "_reverse" : "");
        if (!torch || !param)
            return NN_EMEMORY;
        nn_onnx_gates_back(c->op->op, count, onnx + (d * parts + part) * count, torch);
        NN_TRY(nn_onnx_add_numbers(c, item, param, torch, count));
    }
    return 0;
}

int nn_onnx_from_recurrent(nn_onnx_conversion *c, const char *kind) {
    const nn_file_tensor *w = nn_onnx_in_constant(c, W, 3), *r = nn_onnx_in_constant(c, R, 3);
    const nn_file_tensor *b = nn_onnx_in_constant(c, B, 2);
    const nn_onnx_attribute *functions = nn_onnx_attribute_of(c->op, "activations");
    const char *why = check(c, kind, w, r, b);
    nn_onnx_item *item;
    if (why)
        return nn_onnx_no(c, why);
    NN_TRY(nn_onnx_add_layer_on(c, kind, NN_ONNX_STEPS, X, &item));
    if (!item)
        return 0;
    item->directions = (int)w->dim[0];
    item->heeds_lengths = true;
    item->lengths = nn_onnx_given(c, LENGTHS);
    NN_TRY(nn_onnx_set(item, "units", "%" PRId64, r->dim[2]));
    NN_TRY(nn_onnx_set(item, "bidirectional", item->directions == 2 ? "true" : "false"));
    NN_TRY(nn_onnx_set(item, "bias", b ? "true" : "false"));
    if (strcmp(kind, "rnn") == 0 && functions && strcmp(functions->texts[0], "Relu") == 0)
        NN_TRY(nn_onnx_set(item, "nonlinearity", "relu"));
    NN_TRY(add_gates(c, item, "weight_ih", w, 0, 1));
    NN_TRY(add_gates(c, item, "weight_hh", r, 0, 1));
    if (b) {
        NN_TRY(add_gates(c, item, "bias_ih", b, 0, 2));
        NN_TRY(add_gates(c, item, "bias_hh", b, 1, 2));
    }
    NN_TRY(nn_onnx_give(c, 0, (nn_onnx_value){.form = NN_ONNX_STATES, .layer = item}));
    return nn_onnx_give(c, 1, (nn_onnx_value){.form = NN_ONNX_LAST, .layer = item, .last = true});
}

/* ---- axes ------------------------------------------------------------------------------------ */

/* The same value in another form. */
static int give_as(nn_onnx_conversion *c, const nn_onnx_value *x, nn_onnx_form form, bool last) {
    nn_onnx_value y = *x;
    y.form = form;
    y.last = last;
    return nn_onnx_give(c, 0, y);
}

/* The transpose of a constant matrix: what stands row by row is read as its columns. */
static int give_transpose(nn_onnx_conversion *c, const nn_file_tensor *constant) {
    nn_file_tensor *turned = nn_pool_alloc(c->pool, sizeof *turned);
    if (!turned)
        return NN_EMEMORY;
    *turned = *constant;
    turned->dim[0] = constant->dim[1];
    turned->dim[1] = constant->dim[0];
    turned->fortran = !constant->fortran;
    return nn_onnx_give(c, 0, (nn_onnx_value){.form = NN_ONNX_CONSTANT, .constant = turned});
}

/* Two axes of images or volumes change places. */
static int swap_axes(nn_onnx_conversion *c, const nn_onnx_attribute *perm) {
    int64_t moved[2] = {0};
    size_t count = 0;
    nn_onnx_item *item;
    for (size_t i = 0; perm && i < perm->count && count < 3; i++)
        if (perm->numbers[i] != (int64_t)i && count++ < 2)
            moved[count - 1] = (int64_t)i;
    if (count != 2 || moved[0] == 0 || perm->numbers[moved[0]] != moved[1] ||
        nn_onnx_rank(c, nn_onnx_in(c, 0)) + 1 != (int)perm->count || nn_onnx_has_images(c))
        return nn_onnx_no(c, "axes only change places around recurrent operators and "
                             "BatchNormalization, or two of them behind N");
    NN_TRY(nn_onnx_add_layer(c, "transpose", 0, &item));
    if (!item)
        return 0;
    NN_TRY(nn_onnx_set(item, "dim0", "%" PRId64, moved[0]));
    return nn_onnx_set(item, "dim1", "%" PRId64, moved[1]);
}

int nn_onnx_from_transpose(nn_onnx_conversion *c, const char *kind) {
    static const struct {
        nn_onnx_form from, to;
        size_t rank;
        int64_t perm[4];
    } known[] = {
        {NN_ONNX_SAMPLES, NN_ONNX_STEPS, 3, {1, 0, 2}},
        {NN_ONNX_STEPS, NN_ONNX_SAMPLES, 3, {1, 0, 2}},
        {NN_ONNX_SAMPLES, NN_ONNX_CHANNELS, 3, {0, 2, 1}},
        {NN_ONNX_CHANNELS, NN_ONNX_SAMPLES, 3, {0, 2, 1}},
        {NN_ONNX_STATES, NN_ONNX_STATES_ND, 4, {0, 2, 1, 3}},
        {NN_ONNX_STATES, NN_ONNX_STATES_NT, 4, {2, 0, 1, 3}},
        {NN_ONNX_LAST, NN_ONNX_LAST_ND, 3, {1, 0, 2}},
    };
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    const nn_onnx_attribute *perm = nn_onnx_attribute_of(c->op, "perm");
    const nn_file_tensor *matrix = nn_onnx_in_constant(c, 0, 2);
    (void)kind;
    if (matrix && (!perm || (perm->count == 2 && perm->numbers[0] == 1 && perm->numbers[1] == 0)))
        return give_transpose(c, matrix);
    for (size_t i = 0; x && perm && i < sizeof known / sizeof *known; i++)
        if (x->form == known[i].from && perm->count == known[i].rank &&
            memcmp(perm->numbers, known[i].perm, perm->count * sizeof *perm->numbers) == 0)
            return give_as(c, x, known[i].to, x->last);
    return swap_axes(c, perm);
}

int nn_onnx_from_squeeze(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, "axes");
    int64_t axis[2] = {-1, -1};
    int count = nn_onnx_whole(nn_onnx_in_constant(c, 1, -1), 2, axis);
    (void)kind;
    for (size_t i = 0; a && a->count <= 2 && i < a->count; i++) {
        axis[i] = a->numbers[i];
        count = (int)a->count;
    }
    bool lone = x && x->layer && x->layer->directions == 1 && count == 1;
    if (lone && x->form == NN_ONNX_STATES && axis[0] == 1)
        return give_as(c, x, NN_ONNX_STEPS, false);
    if (lone && x->form == NN_ONNX_LAST && axis[0] == 0)
        return give_as(c, x, NN_ONNX_SAMPLES, true);
    if (x && x->layer && x->layer->images && !x->squeezed && count == 2 &&
        ((axis[0] == 2 && axis[1] == 3) || (axis[0] == -2 && axis[1] == -1) ||
         (axis[0] == 3 && axis[1] == 2) || (axis[0] == -1 && axis[1] == -2))) {
        nn_onnx_value y = *x;
        y.squeezed = true;
        return nn_onnx_give(c, 0, y);
    }
    return nn_onnx_no(c, "axes are only removed behind recurrent operators and global pooling");
}

/* Lengths of sequences, of which one was enough. */
int nn_onnx_from_expand(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    (void)kind;
    return x && x->form == NN_ONNX_LENGTHS
               ? nn_onnx_give(c, 0, *x)
               : nn_onnx_no(c, "only lengths of sequences are expanded");
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static int add_shape(nn_onnx_conversion *c, int count, const int64_t *shape) {
    nn_node *list = nn_node_list(c->pool);
    nn_onnx_item *item;
    NN_TRY(list ? nn_onnx_add_layer(c, "reshape", 0, &item) : NN_EMEMORY);
    for (int i = 1; item && i < count; i++)
        NN_TRY(nn_node_add_text(list, NULL, nn_pool_printf(c->pool, "%" PRId64, shape[i])));
    if (!item)
        return 0;
    item->rank = count - 1;
    return nn_node_add(item->options, "shape", list);
}

/* Does the last dimension take the numbers of all directions, [D, H], and nothing else? */
static bool joins_directions(const nn_onnx_value *x, int count, const int64_t *shape) {
    const nn_node *units = nn_node_get(x->layer->options, "units");
    int64_t last = shape[count - 1], width = 0;
    if (!units || !nn_text_to_int(units->text, &width))
        return false;
    return last == -1 || last == width * x->layer->directions;
}

int nn_onnx_from_reshape(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    int64_t shape[NN_MAX_RANK + 1] = {0};
    int count = nn_onnx_whole(nn_onnx_in_constant(c, 1, 1), NN_MAX_RANK + 1, shape);
    bool flat = strcmp(kind, "flatten") == 0;
    nn_onnx_item *item;
    if (x && x->form == NN_ONNX_STATES_ND && count == 3 && !flat &&
        joins_directions(x, count, shape))
        return give_as(c, x, NN_ONNX_STEPS, false);
    if (x && x->form == NN_ONNX_STATES_NT && count == 3 && !flat && shape[0] <= 0 &&
        (shape[1] == 0 || shape[1] == c->p->data.x.dim[0]) && joins_directions(x, count, shape))
        return give_as(c, x, NN_ONNX_SAMPLES, false);
    if (x && x->form == NN_ONNX_LAST_ND &&
        (flat ? nn_onnx_get_int(c, "axis", 1) == 1
              : count == 2 && joins_directions(x, count, shape)))
        return give_as(c, x, NN_ONNX_SAMPLES, true);
    if (flat ? nn_onnx_get_int(c, "axis", 1) == 1 : count == 2 && shape[1] == -1)
        return nn_onnx_add_layer(c, "flatten", 0, &item);
    if (flat || count < 2 || shape[0] > 1)
        return nn_onnx_no(c, "the shape should be a constant with N (0 or -1) in front; "
                             "torch.flatten exports as one that can be read");
    for (int i = 1; i < count; i++)
        if (shape[i] == 0)
            return nn_onnx_no(c, "a dimension behind N is copied from the input");
    return add_shape(c, count, shape);
}

/* Of a layer `reshape` that puts k neighbours on an axis of their own, the last: what its samples
 * have been, and k; 0: it is none. */
static int64_t neighbours_of(const nn_onnx_item *item, nn_shape *samples) {
    const nn_node *shape = nn_node_get(item->options, "shape");
    int64_t size[NN_MAX_RANK];
    for (size_t i = 0; shape && i < shape->count; i++)
        if (!nn_text_to_int(shape->item[i]->text, &size[i]) || size[i] > INT32_MAX)
            return 0;
    if (!shape || shape->count < 2 || size[shape->count - 1] < 2)
        return 0;
    samples->rank = (int)shape->count - 1;
    memcpy(samples->dim, size, (size_t)samples->rank * sizeof *size);
    if (size[samples->rank - 1] > 0)
        samples->dim[samples->rank - 1] *= size[samples->rank];
    return size[samples->rank];
}

int nn_onnx_from_reduce_max(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    nn_onnx_item *item = x && x->layer == c->last ? x->layer : NULL;
    int64_t k = item ? neighbours_of(item, &item->takes) : 0, axis = 0;
    bool one = nn_onnx_given(c, 1) ? nn_onnx_whole(nn_onnx_in_constant(c, 1, 1), 1, &axis) == 1
                                   : nn_onnx_get_ints(c, "axes", 1, 0, &axis);
    if (k == 0 || !one || (axis != -1 && axis != item->takes.rank + 1) ||
        nn_onnx_get_int(c, "keepdims", 1) != 0)
        return nn_onnx_no(c, "it is not the largest of neighbours that a Reshape has put on an "
                             "axis of their own, the last");
    item->options->count--; /* the shape */
    item->rank = item->takes.rank;
    NN_TRY(nn_onnx_set(item, "k", "%" PRId64, k));
    return nn_onnx_become(c, item, kind);
}

/* The last of all states, or rows of a table. */
int nn_onnx_from_gather(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    const nn_file_tensor *table = nn_onnx_in_constant(c, 0, 2),
                         *which = nn_onnx_in_constant(c, 1, 0);
    int64_t at, axis = nn_onnx_get_int(c, "axis", 0);
    nn_onnx_item *item;
    if (x && which && x->layer && x->layer->directions == 1 && nn_onnx_whole(which, 1, &at) == 1) {
        if (at == -1 && !x->layer->lengths &&
            ((x->form == NN_ONNX_SAMPLES && axis == 1 && !x->last) ||
             (x->form == NN_ONNX_STEPS && axis == 0)))
            return give_as(c, x, NN_ONNX_SAMPLES, true);
        if (x->form == NN_ONNX_LAST && axis == 0 && (at == 0 || at == -1))
            return give_as(c, x, NN_ONNX_SAMPLES, true);
    }
    if (!table || axis != 0)
        return nn_onnx_no(c, "it is neither an embedding nor the last state of a sequence");
    NN_TRY(nn_onnx_add_layer(c, kind, 1, &item));
    if (!item)
        return 0;
    NN_TRY(nn_onnx_set(item, "vocabulary", "%" PRId64, table->dim[0]));
    NN_TRY(nn_onnx_set(item, "units", "%" PRId64, table->dim[1]));
    return nn_onnx_add_weight(c, item, "weight", table, false);
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* Rows [begin, end) of a constant are output i. */
static int give_rows(nn_onnx_conversion *c, size_t i, const nn_file_tensor *constant, int64_t begin,
                     int64_t end) {
    nn_file_tensor *part = nn_pool_alloc(c->pool, sizeof *part);
    if (!part)
        return NN_EMEMORY;
    *part = *constant;
    size_t row = constant->count / (size_t)constant->dim[0];
    part->dim[0] = end - begin;
    part->count = (size_t)part->dim[0] * row;
    part->bytes += (size_t)begin * row * constant->type->size;
    return nn_onnx_give(c, i, (nn_onnx_value){.form = NN_ONNX_CONSTANT, .constant = part});
}

static bool has_rows(const nn_file_tensor *constant) {
    return constant && constant->rank > 0 && constant->dim[0] > 0 && !constant->fortran;
}

/* Of constants, as the weights of attention; behind layers it is a part of patterns. */
int nn_onnx_from_split(nn_onnx_conversion *c, const char *kind) {
    const nn_file_tensor *constant = nn_onnx_in_constant(c, 0, -1);
    int64_t rows[8], at = 0;
    int count = nn_onnx_whole(nn_onnx_in_constant(c, 1, 1), 8, rows);
    (void)kind;
    if (!has_rows(constant) || nn_onnx_get_int(c, "axis", 0) != 0 || count < 1)
        return nn_onnx_no(c, "only constants are split, into rows of numbers that are given, and "
                             "halves of the last axis of which one is a gate");
    for (int i = 0; i < count; at += rows[i++]) {
        if (rows[i] < 1 || rows[i] > constant->dim[0] - at)
            return nn_onnx_no(c, "its parts are more than there is");
        NN_TRY(give_rows(c, (size_t)i, constant, at, at + rows[i]));
    }
    return 0;
}

/* A range of one axis. */
int nn_onnx_from_slice(nn_onnx_conversion *c, const char *kind) {
    const nn_file_tensor *constant = nn_onnx_in_constant(c, 0, -1);
    int64_t begin, end, axis = 0, step = 1;
    nn_onnx_item *item;
    if (nn_onnx_whole(nn_onnx_in_constant(c, 1, 1), 1, &begin) != 1 ||
        nn_onnx_whole(nn_onnx_in_constant(c, 2, 1), 1, &end) != 1 ||
        (nn_onnx_given(c, 3) && nn_onnx_whole(nn_onnx_in_constant(c, 3, 1), 1, &axis) != 1) ||
        (nn_onnx_given(c, 4) && nn_onnx_whole(nn_onnx_in_constant(c, 4, 1), 1, &step) != 1) ||
        step != 1)
        return nn_onnx_no(c, "it is no range of one axis that constants say, without steps");
    if (constant && has_rows(constant) && axis == 0 && begin >= 0 && begin < end &&
        begin < constant->dim[0])
        return give_rows(c, 0, constant, begin, end < constant->dim[0] ? end : constant->dim[0]);
    if (constant || axis == 0 || nn_onnx_has_images(c))
        return nn_onnx_no(c, "a range of samples, or of a constant's columns");
    NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    if (!item)
        return 0;
    NN_TRY(nn_onnx_set(item, "axis", "%" PRId64, axis));
    NN_TRY(nn_onnx_set(item, "begin", "%" PRId64, begin));
    return nn_onnx_set(item, "end", "%" PRId64, end >= INT32_MAX ? 0 : end);
}

/* Over one axis; an attribute before operator set 18. */
int nn_onnx_from_reduce_mean(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *x = nn_onnx_in(c, 0);
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, "axes");
    int64_t axis = a && a->count == 1 ? a->numbers[0] : 0;
    bool one = a ? a->count == 1 : nn_onnx_whole(nn_onnx_in_constant(c, 1, 1), 1, &axis) == 1;
    int rank = nn_onnx_rank(c, x);
    nn_onnx_item *item;
    axis += axis < 0 ? rank + 1 : 0;
    if (!one || axis < 1 || axis > rank || nn_onnx_has_images(c) ||
        (nn_onnx_get_int(c, "keepdims", 1) != 0) != (rank == 1))
        return nn_onnx_no(c, "a mean is that over one axis of samples, which then is gone");
    NN_TRY(nn_onnx_add_layer(c, kind, 0, &item));
    if (!item)
        return 0;
    item->heeds_lengths = rank == 2 && axis == 1;
    return nn_onnx_set(item, "axis", "%" PRId64, axis);
}
