/* Running a model: forward through the layers in order, backward through them in reverse. */
#include "base/system/clock.h"
#include "math/gemm/outer.h"
#include "math/kernels.h"
#include "nn/inner.h"
#include "nn/layers/shape/user_order.h"

#include <string.h>

/* What one call works on: all rows of a pass, or one or several of its microbatches. */
struct call {
    nn_pass pass;
    size_t row;    /* where it begins */
    nn_span micro; /* microbatches; begin = end: it has none */
};

static struct call call_of(const nn_pass *pass, nn_span micro) {
    struct call c = {.pass = *pass, .row = pass->micro->row[micro.begin], .micro = micro};
    c.pass.batch = pass->micro->row[micro.end] - c.row;
    c.pass.sample = pass->sample ? pass->sample + c.row : NULL;
    c.pass.length = pass->length ? pass->length + c.row : NULL;
    c.pass.micro = NULL;
    return c;
}

static bool is_divided(const nn_layer *layer, const nn_pass *pass) {
    return pass->micro && nn_layer_takes_microbatches(layer);
}

/* Microbatches that go into one call of a layer which computes `most` of them together: what it
 * has found out is about microbatches of the usual size. */
static size_t group_of(const nn_model *model, const nn_pass *pass, size_t most) {
    bool usual = pass->micro->count == model->microbatches &&
                 pass->batch == model->microbatches * model->microbatch_rows;
    return usual && most > 1 ? most : 1;
}

/* What is left over goes one by one. */
static nn_span group_at(const nn_pass *pass, size_t first, size_t size) {
    return (nn_span){first, first + size <= pass->micro->count ? first + size : first + 1};
}

/* What forward and backward of a layer have in common. */
static nn_io io_of(const nn_model *model, const nn_layer *layer, const struct call *c) {
    const struct nn_layer_plan *plan = layer->plan;
    nn_io io = {.batch = c->pass.batch,
                .pass = &c->pass,
                .y = plan->y_at + c->row * nn_shape_count(&layer->out),
                .save = (char *)plan->save_at + c->row * layer->save_bytes,
                .keep = (nn_real *)plan->keep_at + c->micro.begin * nn_layer_keep_elements(layer),
                .cache = layer->cache_bytes ? (char *)plan->cache_at + c->row * layer->cache_bytes
                                            : NULL,
                .scratch = model->block + model->scratch};
    for (size_t k = 0; k < layer->inputs; k++)
        io.x[k] = layer->input[k]->plan->y_at + c->row * nn_shape_count(&layer->in[k]);
    for (size_t p = 0; p < layer->params; p++)
        io.w[p] = model->weights + layer->param[p].offset;
    return io;
}

static void forward_call(const nn_model *model, const nn_layer *layer, const struct call *c) {
    nn_io io = io_of(model, layer, c);
    nn_layer_forward(layer, &io);
}

static void forward_layer(const nn_model *model, const nn_layer *layer, const nn_pass *pass) {
    if (!is_divided(layer, pass)) {
        forward_call(model, layer, &(struct call){.pass = *pass});
        return;
    }
    size_t group = group_of(model, pass, layer->group);
    for (nn_span s = {0, 0}; s.end < pass->micro->count;) {
        s = group_at(pass, s.end, group);
        struct call c = call_of(pass, s);
        forward_call(model, layer, &c);
    }
}

void nn_model_time(nn_model *model, nn_layer_time *times) {
    model->times = times;
    model->watched = model->times || model->trace;
}

void nn_model_trace(nn_model *model, nn_trace *trace) {
    model->trace = trace;
    model->watched = model->times || model->trace;
}

double nn_pass_clock(const nn_model *model) {
    return model->watched ? nn_seconds() : 0;
}

void nn_pass_note(const nn_model *model, const nn_pass *pass, int i, nn_trace_what what,
                  double begin) {
    if (!model->watched)
        return;
    double now = nn_seconds();
    if (model->times && what == NN_TRACE_LAYER_FORWARD)
        model->times[i].forward += now - begin;
    else if (model->times)
        model->times[i].backward += now - begin;
    if (pass->training)
        nn_trace_add(model->trace, what, i, begin, now);
}

/* When rows are emitted. */
enum emission { BEFORE_FORWARD, AFTER_FORWARD, AFTER_BACKWARD };

/* The side of a product that is there by now. */
static bool side_at(const nn_layer_outer *outer, enum emission when, nn_outer_side *side) {
    *side = outer->first;
    if (when == AFTER_BACKWARD)
        *side = outer->first == NN_OUTER_A ? NN_OUTER_B : NN_OUTER_A;
    return when == AFTER_BACKWARD || outer->early == (when == BEFORE_FORWARD);
}

/* The rows of gradients that are products. */
static void emit_rows(const nn_model *model, const nn_layer *layer, const nn_pass *pass,
                      enum emission when) {
    const struct nn_layer_plan *plan = layer->plan;
    nn_outer_side side;
    if (!plan->sink || !pass->emit_rows)
        return;
    nn_io io = io_of(model, layer, &(struct call){.pass = *pass});
    io.dy = plan->dy_at;
    for (size_t i = 0; i < layer->outers; i++) {
        if (!plan->emitted[i] || !side_at(&layer->outer[i], when, &side))
            continue;
        nn_row_block rows = layer->ops->rows(layer, &io, i, side);
        plan->sink(plan->sink_ctx, plan->sink_index[i], side, &rows);
    }
}

static void watch(const nn_layer *layer, nn_moment moment, const nn_pass *pass) {
    const struct nn_layer_plan *plan = layer->plan;
    if (pass->watch)
        pass->watch(pass->watch_ctx, layer, moment, pass,
                    moment == NN_AFTER_FORWARD ? plan->y_at : plan->dy_at);
}

/* Its parameters are waited for. */
static void need_params(const nn_layer *layer, const nn_pass *pass) {
    nn_span range = nn_layer_range(layer); /* layers above have waited for those it is tied to */
    if (range.end > 0)
        pass->need(pass->need_ctx, range.end);
}

/* Where a layer's y and what it saves are from now on. */
static void begin_life(const nn_model *model, const nn_layer *layer, enum nn_life life) {
    struct nn_layer_plan *plan = layer->plan;
    plan->y_at = model->block + plan->y[life];
    plan->save_at = model->block + plan->save[life];
}

static void begin_forward(nn_model *model, const nn_real *x) {
    model->layer[0]->plan->y_at = (nn_real *)x;
    for (size_t i = 1; i < model->layers; i++)
        begin_life(model, model->layer[i], NN_LIFE_FIRST);
}

const nn_real *nn_model_forward(nn_model *model, const nn_pass *pass, const nn_real *x) {
    begin_forward(model, x);
    watch(model->layer[0], NN_AFTER_FORWARD, pass);
    for (size_t i = 1; i < model->layers; i++) {
        const nn_layer *layer = model->layer[i];
        if (pass->need)
            need_params(layer, pass);
        if (nn_output_is_divided(model, layer))
            return NULL;
        double begin = nn_pass_clock(model);
        emit_rows(model, layer, pass, BEFORE_FORWARD);
        forward_layer(model, layer, pass);
        emit_rows(model, layer, pass, AFTER_FORWARD);
        nn_pass_note(model, pass, layer->index, NN_TRACE_LAYER_FORWARD, begin);
        watch(layer, NN_AFTER_FORWARD, pass);
    }
    return model->layer[model->layers - 1]->plan->y_at;
}

int nn_model_fault(const nn_model *model) {
    int rc = 0;
    for (size_t i = model->layers; i-- > 1;) { /* all forget; the message is that of the first */
        nn_layer *layer = model->layer[i];
        int fault = layer->ops->fault ? layer->ops->fault(layer) : 0;
        rc = fault < 0 ? fault : rc;
    }
    return rc;
}

static bool is_finite(size_t count, const nn_real *values) {
    return nn_kernels_get()->all_finite(count, values);
}

static void see_finite(void *ctx, const nn_output_block *block) {
    bool *finite = ctx;
    *finite = *finite && is_finite(block->end - block->begin, block->z);
}

static bool makes_finite(nn_model *model, const nn_layer *layer, const nn_pass *pass) {
    nn_pass forward = *pass;
    bool finite = true;
    if (nn_output_is_divided(model, layer)) {
        forward.training = false;
        nn_model_output(model, &forward, see_finite, &finite);
        return finite;
    }
    forward_layer(model, layer, pass);
    return is_finite(pass->batch * nn_shape_count(&layer->out), layer->plan->y_at);
}

const nn_layer *nn_model_find_nonfinite(nn_model *model, const nn_pass *pass, const nn_real *x) {
    const nn_layer *bad = NULL;
    begin_forward(model, x);
    for (size_t i = 1; i < model->layers; i++)
        if (!makes_finite(model, model->layer[i], pass) && !bad)
            bad = model->layer[i];
    return bad;
}

nn_real *nn_model_output_grad(nn_model *model) {
    return model->layer[model->layers - 1]->plan->dy_at;
}

const nn_real *nn_model_input_grad(const nn_model *model) {
    return model->layer[0]->plan->dy_at;
}

/* One layer's back-propagation. */
struct backward {
    const nn_model *model;
    const nn_layer *layer;
    const nn_pass *pass;
    nn_real *dx[NN_MAX_INPUTS]; /* of the whole shard */
    nn_span range;              /* of its gradients in the vector */
    bool wanted;                /* they are computed */
    bool rows_done;             /* dx is there already */
    const nn_output_user *user; /* takes the blocks of the layer's output; NULL: there are none */
};

/* The first consumer to come back writes into dy of the input, later ones into a buffer of the edge
 * that is added to it. */
static void aim_gradients(struct backward *b) {
    for (size_t k = 0; k < b->layer->inputs; k++) {
        struct nn_layer_plan *input = b->layer->input[k]->plan;
        if (!input->learns)
            continue;
        b->dx[k] = input->grad_written ? b->model->block + b->model->edge[k] : input->dy_at;
        input->grad_written = true;
    }
}

static void collect_gradients(const struct backward *b) {
    for (size_t k = 0; k < b->layer->inputs; k++) {
        struct nn_layer_plan *input = b->layer->input[k]->plan;
        if (b->dx[k] && b->dx[k] != input->dy_at)
            nn_kernels_get()->add(b->pass->batch * nn_shape_count(&b->layer->in[k]), b->dx[k],
                                  input->dy_at);
    }
}

/* Where a call's gradient of parameter p goes; those of passes before have been collected. */
static nn_real *grad_of(const struct backward *b, const struct call *c, size_t p, nn_real *g) {
    const nn_param *param = &b->layer->param[p];
    if (!param->tied)
        return g + (param->offset - b->range.begin);
    nn_real *own = nn_tie_grad(b->model, b->layer, p, c->micro.begin);
    if (c->pass.accumulate)
        memset(own, 0, param->count * sizeof *own);
    return own;
}

/* The gradients of a call's rows to `g`, where the layer's range of the vector stands; NULL: only
 * those by the inputs. */
static void backward_call(const struct backward *b, const struct call *c, nn_real *g) {
    const nn_layer *layer = b->layer;
    nn_io io = io_of(b->model, layer, c);
    io.dy = layer->plan->dy_at + c->row * nn_shape_count(&layer->out);
    io.g_beta = c->pass.accumulate ? 1 : 0;
    io.microbatches = c->micro.end - c->micro.begin;
    io.row = io.microbatches ? b->pass->micro->row + c->micro.begin : NULL;
    for (size_t k = 0; k < layer->inputs; k++)
        io.dx[k] =
            b->dx[k] && !b->rows_done ? b->dx[k] + c->row * nn_shape_count(&layer->in[k]) : NULL;
    for (size_t p = 0; g && p < layer->params; p++)
        io.g[p] = grad_of(b, c, p, g);
    io.left_out = layer->plan->emitted;
    if (b->user)
        nn_output_blocks(b->model, &io, c->micro.begin, c->row, b->user);
    else
        nn_layer_backward(layer, &io);
    if (g && layer->plan->ties)
        nn_tie_collect(b->model, layer, c->micro.begin, g);
}

static bool is_one_call(const struct backward *b, nn_span node) {
    const size_t *row = b->pass->micro->row;
    size_t count = node.end - node.begin;
    return count == 1 || (!b->layer->plan->ties && count <= NN_OUTER_PARTS &&
                          row[node.end] - row[node.begin] <= b->layer->tree_rows);
}

/* The gradients of a node of the tree over the microbatches, `level` nodes below the top. */
static void backward_node(const struct backward *b, nn_span node, nn_real *g, size_t level) {
    if (is_one_call(b, node)) {
        struct call c = call_of(b->pass, node);
        backward_call(b, &c, g);
        return;
    }
    const nn_model *model = b->model;
    nn_real *right = model->block + model->tree + level * model->tree_stride;
    backward_node(b, (nn_span){node.begin, nn_span_middle(node)}, g, level + 1);
    backward_node(b, (nn_span){nn_span_middle(node), node.end}, right, level + 1);
    for (size_t p = 0; p < b->layer->params; p++) {
        const nn_param *param = &b->layer->param[p];
        size_t at = param->offset - b->range.begin;
        if (!param->tied)
            nn_kernels_get()->add(param->count, right + at, g + at);
    }
}

/* Gradients by the inputs alone. */
static void backward_rows(struct backward *b, size_t group) {
    for (nn_span s = {0, 0}; s.end < b->pass->micro->count;) {
        s = group_at(b->pass, s.end, group);
        struct call c = call_of(b->pass, s);
        backward_call(b, &c, NULL);
    }
    b->rows_done = true;
}

static void backward_microbatches(struct backward *b) {
    const nn_model *model = b->model;
    const nn_shard_microbatches *micro = b->pass->micro;
    nn_real *g = model->grads + b->range.begin;
    size_t group = b->user ? 1 : group_of(model, b->pass, b->layer->group_dx);
    if (group > 1 || b->layer->tree_rows || !b->wanted)
        backward_rows(b, group);
    for (size_t s = 0; b->wanted && s < micro->sums; s++)
        backward_node(b, micro->sum[s], g + s * model->grads_stride, 0);
}

static void backward_layer(struct backward *b) {
    const nn_model *model = b->model;
    const nn_shard_microbatches *micro = b->pass->micro;
    nn_real *g = b->wanted ? model->grads + b->range.begin : NULL;
    if (is_divided(b->layer, b->pass)) {
        backward_microbatches(b);
        return;
    }
    backward_call(b, &(struct call){.pass = *b->pass}, g);
    for (size_t s = 1; micro && b->wanted && s < micro->sums; s++)
        memset(g + s * model->grads_stride, 0, (b->range.end - b->range.begin) * sizeof *g);
}

/* What backward of the segment that ends with layer `last` wants of its forward. */
static void recompute(const nn_model *model, const nn_pass *pass, size_t last) {
    nn_pass again = *pass;
    again.again = true;
    for (size_t i = nn_segment_begin(model, last); i <= last; i++) {
        begin_life(model, model->layer[i], NN_LIFE_AGAIN);
        if (!model->layer[i]->plan->again)
            continue;
        double begin = nn_pass_clock(model);
        forward_layer(model, model->layer[i], &again);
        nn_pass_note(model, pass, model->layer[i]->index, NN_TRACE_LAYER_RECOMPUTE, begin);
    }
}

static struct backward backward_of(const nn_model *model, const nn_layer *layer,
                                   const nn_pass *pass) {
    struct backward b = {.model = model,
                         .layer = layer,
                         .pass = pass,
                         .range = nn_layer_range(layer),
                         .wanted = nn_layer_wants_grads(layer)};
    aim_gradients(&b);
    return b;
}

static void begin_backward(const nn_model *model) {
    for (size_t i = 0; i < model->layers; i++)
        model->layer[i]->plan->grad_written = false;
}

static void run_backward(struct backward *b) {
    const nn_model *model = b->model;
    watch(b->layer, NN_BEFORE_BACKWARD, b->pass);
    double begin = nn_pass_clock(model);
    backward_layer(b);
    collect_gradients(b);
    emit_rows(model, b->layer, b->pass, AFTER_BACKWARD);
    nn_pass_note(model, b->pass, b->layer->index, NN_TRACE_LAYER_BACKWARD, begin);
}

void nn_model_backward(nn_model *model, const nn_pass *pass, nn_ready_fn *ready, void *ctx) {
    size_t segment = 0;
    begin_backward(model);
    for (size_t i = model->layers - 1; i >= 1; i--) {
        const nn_layer *layer = model->layer[i];
        if (layer->plan->segment != segment)
            recompute(model, pass, i);
        segment = layer->plan->segment;
        if (!layer->plan->learns)
            continue;
        struct backward b = backward_of(model, layer, pass);
        if (!nn_output_is_divided(model, layer))
            run_backward(&b);
        if (b.range.end > 0 && ready)
            ready(ctx, b.range.begin);
    }
}

/* ---- the output ------------------------------------------------------------------------------ */

/* The last layer, forward and backward. */
static void output_blocks(const nn_model *model, const nn_pass *pass, const nn_output_user *user) {
    const nn_layer *last = model->layer[model->layers - 1];
    struct backward b = {.model = model, .layer = last, .pass = pass};
    if (pass->training) {
        begin_backward(model);
        b = backward_of(model, last, pass);
    }
    b.user = user;
    backward_layer(&b);
}

static void whole_output(const nn_model *model, const nn_pass *pass, const nn_output_user *user) {
    const nn_layer *last = model->layer[model->layers - 1];
    size_t all[] = {0, pass->batch}, count = nn_shape_count(&last->out);
    const size_t *row = pass->micro ? pass->micro->row : all;
    for (size_t i = 0; i < (pass->micro ? pass->micro->count : 1); i++) {
        nn_output_block block = {.micro = i, .begin = row[i] * count, .end = row[i + 1] * count};
        block.z = last->plan->y_at + block.begin;
        block.dz = pass->training ? last->plan->dy_at + block.begin : NULL;
        user->see(user->ctx, &block);
    }
}

void nn_model_output(nn_model *model, const nn_pass *pass, nn_output_fn *see, void *ctx) {
    nn_output_user user = {see, ctx};
    if (model->output_rows)
        output_blocks(model, pass, &user);
    else
        whole_output(model, pass, &user);
}
