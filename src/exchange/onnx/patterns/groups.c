/* Layers that are found by patterns, and where they stand in a graph. */
#include "exchange/onnx/patterns/patterns.h"

#include <math.h>
#include <string.h>

/* ---- layers ---------------------------------------------------------------------------------- */

int nn_onnx_add_group(nn_onnx_conversion *c, const char *kind, const char *x, const char *second,
                      nn_onnx_item **item) {
    const nn_onnx_op *op = c->op;
    nn_onnx_op on = *op;
    const char *input[] = {x, second};
    on.input = input;
    on.inputs = second ? 2 : 1;
    c->op = &on;
    int rc = nn_onnx_add_layer(c, kind, -1, item);
    c->op = op;
    return rc;
}

/* Axes of a ReduceMean, an attribute before operator set 18; their number, 0: not said, or more. */
static size_t axes_of(const nn_onnx_match *m, char letter, int64_t axes[NN_MAX_RANK]) {
    const nn_onnx_op *op = nn_onnx_matched_op(m, letter);
    const nn_onnx_attribute *a = nn_onnx_attribute_of(op, "axes");
    if (a && a->count <= NN_MAX_RANK) {
        memcpy(axes, a->numbers, a->count * sizeof *axes);
        return a->count;
    }
    int count = op->inputs > 1
                    ? nn_onnx_whole(nn_onnx_constant_of(m, op->input[1], 1), NN_MAX_RANK, axes)
                    : 0;
    return count > 0 ? (size_t)count : 0;
}

/* By the root of a mean of squares, also of what differs from another mean. */
static int from_norm(nn_onnx_conversion *c, const nn_onnx_match *m) {
    const nn_file_tensor *eps = nn_onnx_matched_constant(m, "keps", -1),
                         *weight = nn_onnx_matched_constant(m, "kweight", -1),
                         *bias = nn_onnx_matched_constant(m, "kbias", -1);
    bool centred = nn_onnx_matched_op(m, 'n') != NULL;
    int64_t axes[2][NN_MAX_RANK];
    size_t dims = axes_of(m, 'm', axes[0]);
    bool last = dims > 0 && (!centred || axes_of(m, 'n', axes[1]) == dims);
    for (size_t i = 0; i < dims; i++)
        for (int k = 0; k <= centred; k++)
            last = last && axes[k][i] == (int64_t)i - (int64_t)dims;
    bool affine = nn_onnx_matched(m, "kweight") != NULL;
    nn_onnx_item *item;
    if (!last || !eps || eps->count != 1 || !eps->type->get ||
        (affine && (!weight || weight->rank != (int)dims)) ||
        (centred && affine && (!bias || bias->count != weight->count)) ||
        (nn_onnx_matched(m, "ktwo") && !nn_onnx_matched_number(m, "ktwo", 2)))
        return nn_onnx_no(c, "a normalisation by the root of a mean, but not over the last axes "
                             "with a weight for each of their elements");
    NN_TRY(nn_onnx_add_group(c, centred ? "layer_norm" : "rms_norm", nn_onnx_matched(m, "x"), NULL,
                             &item));
    if (!item)
        return 0;
    NN_TRY(nn_onnx_set(item, "dims", "%zu", dims));
    NN_TRY(nn_onnx_set(item, "eps", "%.9g", eps->type->get(eps->bytes)));
    NN_TRY(nn_onnx_set(item, "affine", affine ? "true" : "false"));
    if (affine)
        NN_TRY(nn_onnx_add_weight(c, item, "weight", weight, false));
    return affine && centred ? nn_onnx_add_weight(c, item, "bias", bias, false) : 0;
}

static bool all_are(nn_onnx_conversion *c, const nn_file_tensor *t, double number) {
    for (size_t i = 0; t->type->get && i < t->count; i++, c->taken++)
        if (t->type->get(t->bytes + i * t->type->size) != number)
            return false;
    return t->type->get != NULL;
}

/* Groups are the channels of an instance normalisation. */
static int from_group_norm(nn_onnx_conversion *c, const nn_onnx_match *m) {
    const nn_file_tensor *ones = nn_onnx_matched_constant(m, "kones", 1),
                         *zeros = nn_onnx_matched_constant(m, "kzeros", 1),
                         *weight = nn_onnx_matched_constant(m, "kweight", -1),
                         *bias = nn_onnx_matched_constant(m, "kbias", -1);
    const nn_onnx_attribute *eps = nn_onnx_attribute_of(nn_onnx_matched_op(m, 'i'), "epsilon");
    int64_t shape[3] = {0};
    bool affine = nn_onnx_matched(m, "kbias") != NULL;
    nn_onnx_item *item;
    if (!ones || !zeros || !all_are(c, ones, 1) || !all_are(c, zeros, 0) ||
        affine != (nn_onnx_matched(m, "kweight") != NULL) ||
        (affine && (!weight || !bias || weight->count != bias->count)) ||
        nn_onnx_whole(nn_onnx_matched_constant(m, "kgroups", 1), 3, shape) != 3 ||
        shape[1] != (int64_t)ones->count)
        return nn_onnx_no(c, "an InstanceNormalization that is none of groups of channels");
    NN_TRY(nn_onnx_add_group(c, "group_norm", nn_onnx_matched(m, "x"), NULL, &item));
    if (!item)
        return 0;
    NN_TRY(nn_onnx_set(item, "groups", "%zu", ones->count));
    NN_TRY(nn_onnx_set(item, "eps", "%.9g", eps ? (double)eps->real : 1e-5));
    NN_TRY(nn_onnx_set(item, "affine", affine ? "true" : "false"));
    if (affine)
        NN_TRY(nn_onnx_add_weight(c, item, "weight", weight, false));
    return affine ? nn_onnx_add_weight(c, item, "bias", bias, false) : 0;
}

/* Halves of the last axis. */
static int from_glu(nn_onnx_conversion *c, const nn_onnx_match *m) {
    const nn_onnx_op *split = nn_onnx_matched_op(m, 's');
    const nn_onnx_attribute *axis = nn_onnx_attribute_of(split, "axis");
    bool gelu = nn_onnx_matched(m, "kroot") != NULL, swish = nn_onnx_matched_op(m, 'w') != NULL;
    int64_t half[2] = {0};
    nn_onnx_item *item;
    if (split->outputs != 2 || !axis || axis->number != -1 || split->inputs > 2 ||
        (split->inputs == 2 &&
         (nn_onnx_whole(nn_onnx_constant_of(m, split->input[1], 1), 2, half) != 2 ||
          half[0] != half[1])) ||
        (gelu &&
         !(nn_onnx_matched_number(m, "kroot", sqrt(0.5)) && nn_onnx_matched_number(m, "kone", 1) &&
           nn_onnx_matched_number(m, "khalf", 0.5))))
        return nn_onnx_no(c, "a product of a part and a function of another, which are no halves "
                             "of the last axis");
    NN_TRY(nn_onnx_add_group(c, "glu", nn_onnx_matched(m, "x"), NULL, &item));
    return item ? nn_onnx_set(item, "gate", "%s", gelu ? "gelu" : swish ? "swish" : "sigmoid") : 0;
}

/* Of the steps that count. */
static int from_mean(nn_onnx_conversion *c, const nn_onnx_match *m) {
    int64_t axes[2][NN_MAX_RANK];
    nn_onnx_item *item;
    for (int i = 0; i < 2; i++) {
        const nn_onnx_attribute *keep =
            nn_onnx_attribute_of(nn_onnx_matched_op(m, "mn"[i]), "keepdims");
        if (axes_of(m, "mn"[i], axes[i]) != 1 || axes[i][0] != 1 || !keep || keep->number != 0)
            return nn_onnx_no(c, "a mean of the steps of sequences is one over axis 1");
    }
    if (!nn_onnx_matched_step_mask(m))
        return nn_onnx_no(c, "a mean of steps that are not those of the lengths of sequences");
    NN_TRY(nn_onnx_add_group(c, "mean", nn_onnx_matched(m, "x"), NULL, &item));
    if (!item)
        return 0;
    item->heeds_lengths = item->lengths = true;
    return nn_onnx_set(item, "axis", "1");
}

#define HALF(i) "Split#s." #i "(x,~)"
#define DIFFERENCE "Sub#d(x,ReduceMean#n(x,~))"
#define CENTRED "Div(" DIFFERENCE ",Sqrt(Add(ReduceMean#m(Pow(" DIFFERENCE ",ktwo),~),keps)))"
#define MEAN_SQUARE(square) "Mul?(Div(x,Sqrt(Add(ReduceMean#m(" square ",~),keps))),kweight)"

/* Of two that fit the first one is taken, the one with more nodes. */
static const struct pattern {
    const char *text;
    bool (*more)(nn_onnx_match *m); /* NULL: the text says all */
    int (*run)(nn_onnx_conversion *c, const nn_onnx_match *m);
} patterns[] = {
    {NN_ONNX_ATTENTION, nn_onnx_match_attention, nn_onnx_from_attention},
    {"Add(Mul(" CENTRED ",kweight),kbias)", NULL, from_norm},
    {CENTRED, NULL, from_norm},
    {MEAN_SQUARE("Mul(x,x)"), NULL, from_norm},
    {MEAN_SQUARE("Pow(x,ktwo)"), NULL, from_norm},
    {"Add?(Mul?(Reshape(InstanceNormalization#i(Reshape(x,kgroups),kones,kzeros),kshape),kweight),"
     "kbias)",
     NULL, from_group_norm},
    {"Add?(Mul?(Reshape(InstanceNormalization#i(Reshape(x,kgroups),kones,kzeros),Shape(x)),kweight)"
     ",kbias)",
     NULL, from_group_norm},
    {"Mul(" HALF(0) ",Sigmoid(" HALF(1) "))", NULL, from_glu},
    {"Mul(" HALF(0) ",Mul#w(" HALF(1) ",Sigmoid(" HALF(1) ")))", NULL, from_glu},
    {"Mul(" HALF(0) ",Mul(Mul(" HALF(1) ",Add(Erf(Mul(" HALF(1) ",kroot)),kone)),khalf))", NULL,
     from_glu},
    {"Div(ReduceMean#m(Mul(x," NN_ONNX_STEP_MASK "),~),Max(ReduceMean#n(" NN_ONNX_STEP_MASK
     ",~),kleast))",
     NULL, from_mean},
};

/* ---- all of them ----------------------------------------------------------------------------- */

struct nn_onnx_group {
    nn_onnx_match match;
    const struct pattern *pattern;
};

static const nn_onnx_group part_of_another;

static const nn_onnx_group **group_of(const nn_onnx_conversion *c, const nn_onnx_op *op) {
    return &c->group[op - c->file->op];
}

/* Nothing else reads what the nodes but the first one give, and none is in a group already. */
static bool is_closed(const nn_onnx_match *m) {
    for (size_t i = 0; i < m->parts; i++) {
        const nn_onnx_op *op = m->part[i].op;
        size_t readers = 0;
        for (size_t k = 0; k < op->outputs; k++) {
            const nn_onnx_link *link = nn_onnx_find_link(m->c, op->output[k]);
            readers += link ? link->readers : 0;
        }
        if (*group_of(m->c, op) ||
            (i > 0 && (op >= m->part[0].op || m->part[i].reached != readers)))
            return false;
    }
    return true;
}

static int keep(nn_onnx_conversion *c, const nn_onnx_match *m, const struct pattern *pattern) {
    nn_onnx_group *group = nn_pool_alloc(c->pool, sizeof *group);
    if (!group)
        return NN_EMEMORY;
    *group = (nn_onnx_group){*m, pattern};
    for (size_t i = 0; i < m->parts; i++)
        *group_of(c, m->part[i].op) = i == 0 ? group : &part_of_another;
    return 0;
}

int nn_onnx_find_groups(nn_onnx_conversion *c) {
    NN_TRY(nn_onnx_make_links(c));
    c->group = nn_pool_alloc(c->pool, c->file->ops * sizeof *c->group);
    if (!c->group)
        return NN_EMEMORY;
    for (size_t i = c->file->ops; i-- > 0;) {
        const nn_onnx_op *op = &c->file->op[i];
        const char *value = op->outputs ? op->output[0] : "";
        for (size_t k = 0; k < sizeof patterns / sizeof *patterns && !c->group[i]; k++) {
            const struct pattern *p = &patterns[k];
            if (!nn_onnx_may_match(p->text, op))
                continue;
            nn_onnx_match m = {.c = c};
            if (nn_onnx_match_value(&m, p->text, value) && (!p->more || p->more(&m)) &&
                m.part[0].op == op && is_closed(&m))
                NN_TRY(keep(c, &m, p));
        }
    }
    return 0;
}

static bool is_inner(const nn_onnx_match *m, const char *value) {
    const nn_onnx_link *link = nn_onnx_find_link(m->c, value);
    for (size_t i = 0; link && i < m->parts; i++)
        if (m->part[i].op == link->op)
            return true;
    return false;
}

/* As one node, which reads what its own nodes do not give. */
static int convert_group(nn_onnx_conversion *c, const nn_onnx_group *group) {
    const nn_onnx_match *m = &group->match;
    const nn_onnx_op *op = c->op;
    const char *input[NN_ONNX_MOST_NAMES];
    nn_onnx_op whole = *op;
    whole.input = input;
    whole.inputs = 0;
    for (size_t i = 0; i < m->names; i++)
        if (!is_inner(m, m->bound[i].value))
            input[whole.inputs++] = m->bound[i].value;
    c->op = &whole;
    int rc = group->pattern->run(c, m);
    c->op = op;
    return rc;
}

int nn_onnx_convert_group(nn_onnx_conversion *c, size_t i, bool *done) {
    const nn_onnx_group *group = c->group[i];
    *done = group != NULL;
    return group && group != &part_of_another ? convert_group(c, group) : 0;
}
