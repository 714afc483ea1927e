/* Layers of a program's own: the functions of its definition behind those of a row of the table. */
#include "extend/custom.h"
#include "nn/inner.h"

#include <string.h>

/* A row and what it stands for; kept for good. */
struct custom_layer {
    nn_layer_ops ops;
    nn_layer_def def;
    nn_pool pool; /* of its texts and options */
};

/* Of each layer of a model: behind the nn_custom and the program's struct. */
static const struct custom_layer *row_of(const nn_layer *layer) {
    return (const struct custom_layer *)layer->ops;
}

/* The layer's place and name, and what has failed. */
static int fail_fault(nn_layer *layer) {
    int rc = nn_custom_fault(layer->options);
    if (rc == 0)
        return 0;
    nn_error_prefix(rc, "layer '%s' (%s)", layer->name, layer->ops->entry.name);
    return nn_node_prefix(rc, layer->node);
}

/* ---- plan ------------------------------------------------------------------------------------ */

static bool is_shape(const nn_shape *s) {
    bool fits = s->rank >= 1 && s->rank <= NN_MAX_RANK;
    for (int i = 0; fits && i < s->rank; i++)
        fits = s->dim[i] >= 1;
    return fits && nn_shape_fits(s, 1);
}

static int64_t fan(int64_t given, const nn_shape *s, int axis) {
    return given > 0 ? given : (int64_t)nn_shape_count(s) / s->dim[axis < s->rank ? axis : 0];
}

static int add_param(nn_layer *layer, const nn_param_spec *p) {
    static const nn_param_role roles[] = {[NN_PARAM_IS_WEIGHT] = NN_PARAM_WEIGHT,
                                          [NN_PARAM_IS_BIAS] = NN_PARAM_BIAS,
                                          [NN_PARAM_IS_CONSTANT] = NN_PARAM_OTHER};
    if (!nn_custom_is_name(p->name))
        return nn_layer_fail(layer,
                             "plan gives a parameter the name '%s'; it is letters, digits "
                             "and _, a letter first",
                             p->name ? p->name : "NULL");
    if (nn_layer_find_param(layer, p->name))
        return nn_layer_fail(layer, "plan gives two parameters the name '%s'", p->name);
    if (!is_shape(&p->shape))
        return nn_layer_fail(layer,
                             "plan gives parameter '%s' no shape: 1 to %d dimensions, each 1 or "
                             "more",
                             p->name, NN_MAX_RANK);
    if ((unsigned)p->kind > NN_PARAM_IS_CONSTANT)
        return nn_layer_fail(layer, "plan gives parameter '%s' kind %d, which is none", p->name,
                             (int)p->kind);
    const char *name = nn_pool_strdup(layer->node->pool, p->name);
    if (!name)
        return NN_EMEMORY;
    NN_TRY(nn_layer_add_param(layer, name, roles[p->kind], p->shape.rank, p->shape.dim,
                              fan(p->fan_in, &p->shape, 0), fan(p->fan_out, &p->shape, 1)));
    layer->param[layer->params - 1].value = p->value;
    return 0;
}

static bool learns_before(const nn_layer *layer) {
    for (size_t i = 0; i < layer->inputs; i++)
        if (layer->input[i]->plan->learns)
            return true;
    return false;
}

static int check_backward(const nn_layer *layer) {
    if (row_of(layer)->def.backward || (layer->params == 0 && !learns_before(layer)))
        return 0;
    return nn_layer_fail(layer,
                         "'%s' has no backward, which %s would need to learn: put it in front of "
                         "them, or give its definition one",
                         layer->ops->entry.name,
                         layer->params ? "its parameters" : "the layers before it");
}

static int take_layout(nn_layer *layer, const nn_layer_layout *l) {
    if (!is_shape(&l->out))
        return nn_layer_fail(layer, "plan gives no output: 1 to %d dimensions, each 1 or more",
                             NN_MAX_RANK);
    if (l->params > NN_LAYER_MAX_PARAMS)
        return nn_layer_fail(layer, "plan gives %zu parameters; there can be %d", l->params,
                             NN_LAYER_MAX_PARAMS);
    if (l->save > NN_SHAPE_MOST || l->scratch > NN_SHAPE_MOST)
        return nn_layer_fail(layer, "plan wants more memory a sample than a machine can hold");
    for (size_t i = 0; i < l->params; i++)
        NN_TRY(add_param(layer, &l->param[i]));
    layer->out = l->out;
    layer->save_bytes = l->save * sizeof(float);
    ((nn_custom *)layer->options)->scratch = l->scratch;
    return check_backward(layer);
}

static int custom_plan(nn_layer *layer) {
    const struct custom_layer *row = row_of(layer);
    nn_custom *custom = layer->options;
    nn_layer_layout layout = {.options = nn_custom_options(custom),
                              .inputs = layer->inputs,
                              .in = layer->in,
                              .out = layer->in[0]};
    layer->flags = NN_LAYER_USER_ORDER | NN_LAYER_READS_X | NN_LAYER_READS_Y;
    if (!nn_custom_succeeds(custom, "plan", row->def.plan(row->def.ctx, &layout)))
        return fail_fault(layer);
    return take_layout(layer, &layout);
}

static int custom_prepare(nn_layer *layer, size_t batch, bool training) {
    (void)training;
    size_t floats = ((const nn_custom *)layer->options)->scratch;
    if (!nn_shape_fits(&(nn_shape){1, {(int64_t)floats}}, batch))
        return nn_layer_fail(layer, "wants more memory for a minibatch than a machine can hold");
    layer->scratch_bytes = floats * batch * sizeof(float);
    return 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static nn_layer_call call_of(const nn_layer *layer, const nn_io *io) {
    return (nn_layer_call){.options = nn_custom_options(layer->options),
                           .rows = io->batch,
                           .inputs = layer->inputs,
                           .params = layer->params,
                           .in = layer->in,
                           .out = &layer->out,
                           .x = io->x,
                           .y = io->y,
                           .w = io->w,
                           .save = io->save,
                           .scratch = io->scratch,
                           .length = io->pass->length,
                           .training = io->pass->training,
                           .seed = io->pass->seed,
                           .step = io->pass->step,
                           .sample = io->pass->sample};
}

/* Zeros in the place of what has failed, so that nothing else goes wrong until somebody asks. */
static void custom_forward(const nn_layer *layer, const nn_io *io) {
    const nn_layer_def *def = &row_of(layer)->def;
    nn_layer_call call = call_of(layer, io);
    if (io->batch == 0)
        return;
    if (!nn_custom_succeeds(layer->options, "forward", def->forward(def->ctx, &call)))
        memset(io->y, 0, io->batch * nn_shape_count(&layer->out) * sizeof(float));
}

static void custom_backward(const nn_layer *layer, const nn_io *io) {
    const nn_layer_def *def = &row_of(layer)->def;
    nn_layer_call call = call_of(layer, io);
    for (size_t p = 0; io->g_beta == 0 && p < layer->params; p++)
        memset(io->g[p], 0, layer->param[p].count * sizeof(float));
    if (io->batch == 0)
        return;
    call.dy = io->dy;
    call.dx = io->dx;
    call.g = io->g;
    if (nn_custom_succeeds(layer->options, "backward", def->backward(def->ctx, &call)))
        return;
    for (size_t k = 0; k < layer->inputs; k++)
        if (io->dx[k])
            memset(io->dx[k], 0, io->batch * nn_shape_count(&layer->in[k]) * sizeof(float));
}

/* ---- registration ---------------------------------------------------------------------------- */

static int make_row(const nn_layer_def *def, struct custom_layer *row) {
    memcpy(&row->def, def, def->size);
    nn_custom_text text = {"nn_layer_def",   row->def.name,         row->def.help,
                           row->def.options, row->def.options_size, nn_layer_options};
    NN_TRY(nn_custom_require(&text, "plan", row->def.plan));
    NN_TRY(nn_custom_require(&text, "forward", row->def.forward));
    row->ops.activation = row->def.activation;
    row->ops.rectifier = row->def.rectifier;
    row->ops.plan = custom_plan;
    row->ops.prepare = custom_prepare;
    row->ops.forward = custom_forward;
    row->ops.backward = row->def.backward ? custom_backward : NULL;
    row->ops.fault = fail_fault;
    row->ops.each_microbatch = true;
    row->ops.may_vary = !row->def.reproducible;
    return nn_custom_add(&nn_layers, &text, &row->pool, &row->ops.entry);
}

int nn_layer_register(const nn_layer_def *def) {
    struct custom_layer *row;
    NN_TRY(nn_custom_check_size("nn_layer_def", def, sizeof *def));
    NN_TRY(NN_NEW(&row, 1, "a layer's definition"));
    int rc = make_row(def, row);
    if (rc < 0)
        nn_free(row);
    return rc;
}
