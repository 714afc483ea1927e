#include "train/step/update.h"

#include "math/kernels.h"
#include "math/parallel.h"
#include "train/save/staging.h"
#include "train/step/blocks.h"
#include "train/step/max_norm.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* Blocks worth a fork and join. */
#define GRAIN 8
/* nn_parallel divides at multiples of this. */
#define PARALLEL_UNIT 16

struct nn_updater {
    nn_session *session;
    const nn_param *const *param;
    size_t params;
    nn_blocks blocks;
    double *block_sum, *sum; /* [blocks.all], [params] times NN_UPDATE_SUMS */
    nn_update common;        /* of the step that is taken: what is the same for all tensors */
    nn_update coming;        /* the same of the step that is announced, for the one before may still
                                be taken when forward has begun (nn_reducer_go_ahead) */
    nn_real *total;          /* of passes so far, as long as the share; NULL: a step is one */
    atomic_bool nonfinite;
};

/* ---- planning -------------------------------------------------------------------------------- */

static bool has_max_norm(const nn_session *session, const nn_param *param) {
    return session->settings->train.max_norm > 0 && param->role == NN_PARAM_WEIGHT &&
           param->rank > 1;
}

/* The step depends on norms of the whole gradient: clipping by norm, LARS, LAMB. */
static bool needs_norms(const nn_settings *s) {
    return s->train.clip_norm > 0 || ((const nn_optimizer_ops *)s->train.optimizer.row)->norms;
}

/* Something has to see all new parameters: max-norm, and the average after it. */
static bool has_constraint(const nn_settings *s) {
    return s->train.max_norm > 0;
}

static bool learns(const nn_updater *u) {
    for (size_t i = 0; i < u->params; i++)
        if (!u->param[i]->layer->frozen)
            return true;
    return false;
}

int nn_updater_plan(nn_updater *u, nn_session *session) {
    u->session = session;
    u->params = nn_model_params(u->session->model, &u->param);
    if (!learns(u))
        return nn_fail(NN_EUSAGE, "nothing to train: no layer has parameters, or all are frozen");
    NN_TRY(nn_blocks_init(&u->blocks, session->model, session->reducer));
    NN_TRY(NN_NEW(&u->block_sum, u->blocks.all * NN_UPDATE_SUMS + 1, "optimiser"));
    NN_TRY(NN_NEW(&u->sum, u->params * NN_UPDATE_SUMS, "optimiser"));
    if (!nn_settings_sums_passes(u->session->settings))
        return 0;
    return NN_NEW(&u->total, nn_reducer_share(u->session->reducer) + 1,
                  "gradients of several passes");
}

int nn_updater_new(nn_updater **out) {
    return NN_NEW(out, 1, "optimiser");
}

void nn_updater_free(nn_updater *u) {
    if (!u)
        return;
    nn_blocks_release(&u->blocks);
    nn_free(u->block_sum);
    nn_free(u->sum);
    nn_free(u->total);
    nn_free(u);
}

/* ---- a step ---------------------------------------------------------------------------------- */

void nn_updater_announce(nn_updater *u, double lr, int64_t step) {
    u->coming = (nn_update){.lr = lr, .clip = u->session->settings->train.clip_value, .step = step};
}

void nn_updater_set_rate(nn_updater *u, double lr) {
    u->common.lr = lr;
}

/* From here on parameters change: what a checkpoint wants of them has to be copied. The gradient
 * becomes the mean over the samples. No step is taken on what is no number, or when
 * the samples of a rank are missing. */
static bool begin_step(void *ctx, const nn_step_sums *sums) {
    nn_updater *u = ctx;
    nn_staging_complete(u->session->staging);
    atomic_store_explicit(&u->nonfinite, false, memory_order_relaxed);
    u->common = u->coming;
    u->common.scale = sums->weight > 0 ? 1 / sums->weight : 0;
    return sums->failed <= 0 && isfinite(sums->loss);
}

/* What the step is for one tensor. Only weights (matrices and kernels) are regularised, unless all
 * are to be. */
static nn_update update_of(const nn_updater *u, size_t tensor) {
    const nn_settings *s = u->session->settings;
    const nn_param *param = u->param[tensor];
    bool weight = param->role == NN_PARAM_WEIGHT;
    nn_update update = u->common;
    update.lr *= param->layer->lr_scale;
    update.decay = weight || s->train.decay_all ? param->layer->decay_scale : 0;
    update.l1 = update.decay * s->train.l1;
    update.l2 = update.decay * s->train.l2;
    update.adapt = weight;
    update.sums = u->sum + tensor * NN_UPDATE_SUMS;
    return update;
}

/* The step on elements of one tensor; all of them begin with the same element. */
static void step_tensor(const nn_updater *u, const nn_block *b, const nn_real *g, nn_real *w,
                        nn_real *const *slot) {
    const nn_session *session = u->session;
    const nn_param *param = u->param[b->tensor];
    if (param->role == NN_PARAM_STATE) {
        nn_kernels_get()->blend(b->count, param->rate, g, w);
        return;
    }
    nn_update update = update_of(u, b->tensor);
    session->optimizer->step(session->settings->train.optimizer.options, &update, b->count, g, w,
                             slot);
}

/* a <- decay a + (1 - decay) w; statistics are means already. */
static void follow(const nn_updater *u, const nn_block *b) {
    const nn_session *session = u->session;
    const nn_real *w = session->params + b->begin;
    nn_real *average = session->average + b->begin;
    double decay = session->settings->train.ema.decay;
    if (u->param[b->tensor]->role == NN_PARAM_STATE)
        memcpy(average, w, b->count * sizeof *w);
    else
        nn_kernels_get()->blend(b->count, (nn_real)(1 - decay), w, average);
}

static void slots_at(const nn_session *session, size_t at, nn_real *slot[NN_MAX_SLOTS]) {
    for (size_t i = 0; i < session->slots; i++)
        slot[i] = session->slot[i] + at;
}

/* A gradient of NaN or Inf makes the parameter NaN or Inf under every optimiser (but for an Inf
 * that clip_value limits), so that one look, at what has just been written, sees either. */
static void end_block(nn_updater *u, const nn_block *b) {
    if (u->session->average && !has_constraint(u->session->settings))
        follow(u, b);
    if (!nn_kernels_get()->all_finite(b->count, u->session->params + b->begin))
        atomic_store_explicit(&u->nonfinite, true, memory_order_relaxed);
}

static void step_block(nn_updater *u, const nn_block *b, const nn_real *g) {
    nn_real *w = u->session->params + b->begin, *slot[NN_MAX_SLOTS] = {0};
    slots_at(u->session, b->at, slot);
    step_tensor(u, b, g, w, slot);
    end_block(u, b);
}

static void step(void *ctx, const nn_slice *slice, const nn_real *g) {
    nn_updater *u = ctx;
    nn_block b;
    for (size_t i = nn_blocks_find(&u->blocks, slice->begin);
         nn_blocks_part(&u->blocks, i, slice, &b); i++)
        step_block(u, &b, g + (b.begin - slice->begin));
}

static void accumulate(void *ctx, const nn_slice *slice, bool first, bool last, nn_real *g) {
    const nn_updater *u = ctx;
    nn_block b;
    for (size_t i = nn_blocks_find(&u->blocks, slice->begin);
         nn_blocks_part(&u->blocks, i, slice, &b); i++) {
        nn_real *total = u->total + b.at, *sum = g + (b.begin - slice->begin);
        if (u->param[b.tensor]->role == NN_PARAM_STATE)
            continue;
        if (first)
            memcpy(total, sum, b.count * sizeof *sum);
        else if (last)
            nn_kernels_get()->add(b.count, total, sum);
        else
            nn_kernels_get()->add(b.count, sum, total);
    }
}

/* As step_block ends. */
static void adopt(void *ctx, const nn_slice *slice) {
    nn_updater *u = ctx;
    nn_block b;
    for (size_t i = nn_blocks_find(&u->blocks, slice->begin);
         nn_blocks_part(&u->blocks, i, slice, &b); i++)
        end_block(u, &b);
}

static bool nonfinite(void *ctx) {
    const nn_updater *u = ctx;
    return atomic_load_explicit(&u->nonfinite, memory_order_relaxed);
}

/* ---- all of the slices ----------------------------------------------------------------------- */

/* Calls fn(u, i) for every block, among the threads. */
struct visit {
    nn_updater *updater;
    void (*fn)(nn_updater *u, size_t block);
};

static void visit_some(void *ctx, size_t begin, size_t end) {
    const struct visit *v = ctx;
    for (size_t i = begin / PARALLEL_UNIT; i < end / PARALLEL_UNIT; i++)
        v->fn(v->updater, i);
}

static void visit_blocks(nn_updater *u, void (*fn)(nn_updater *u, size_t block)) {
    struct visit v = {u, fn};
    nn_parallel(&u->session->compute, u->blocks.count * PARALLEL_UNIT, GRAIN * PARALLEL_UNIT,
                visit_some, &v);
}

/* ---- norms ----------------------------------------------------------------------------------- */

static void square_gradient(nn_updater *u, size_t block) {
    const nn_block *b = &u->blocks.block[block];
    if (b->own && u->param[b->tensor]->role != NN_PARAM_STATE)
        u->block_sum[b->number] = nn_kernels_get()->sum_squares(
            b->count, nn_reducer_grads(u->session->reducer) + b->begin);
}

static void take_block_norms(nn_updater *u, size_t block) {
    const nn_block *b = &u->blocks.block[block];
    nn_session *session = u->session;
    nn_update update = update_of(u, b->tensor);
    nn_real *slot[NN_MAX_SLOTS] = {0};
    slots_at(session, b->at, slot);
    if (b->own && u->param[b->tensor]->role != NN_PARAM_STATE)
        session->optimizer->norms(session->settings->train.optimizer.options, &update, b->count,
                                  nn_reducer_grads(session->reducer) + b->begin,
                                  session->params + b->begin, slot,
                                  u->block_sum + b->number * NN_UPDATE_SUMS);
}

/* `width` numbers of every block, each from the rank that has it. */
static void sum_blocks(nn_updater *u, size_t width, void (*fn)(nn_updater *u, size_t block)) {
    memset(u->block_sum, 0, u->blocks.all * width * sizeof *u->block_sum);
    visit_blocks(u, fn);
    nn_reducer_add(u->session->reducer, u->block_sum, u->blocks.all * width);
}

/* torch.nn.utils.clip_grad_norm_: what the gradient is multiplied by, at most 1. */
static double clip_factor(nn_updater *u, double bound) {
    double sum = 0;
    sum_blocks(u, 1, square_gradient);
    for (size_t i = 0; i < u->blocks.all; i++)
        sum += u->block_sum[i];
    double factor = bound / (u->common.scale * sqrt(sum) + 1e-6);
    return factor < 1 ? factor : 1;
}

static void compute_norms(void *ctx, nn_reducer *reducer) {
    nn_updater *u = ctx;
    (void)reducer;
    double bound = u->session->settings->train.clip_norm;
    if (bound > 0)
        u->common.scale *= clip_factor(u, bound);
    if (!u->session->optimizer->norms)
        return;
    sum_blocks(u, NN_UPDATE_SUMS, take_block_norms);
    memset(u->sum, 0, u->params * NN_UPDATE_SUMS * sizeof *u->sum);
    for (size_t i = 0; i < u->blocks.all; i++)
        for (size_t k = 0; k < NN_UPDATE_SUMS; k++)
            u->sum[u->blocks.tensor[i] * NN_UPDATE_SUMS + k] +=
                u->block_sum[i * NN_UPDATE_SUMS + k];
}

/* ---- max-norm -------------------------------------------------------------------------------- */

/* All weights of a unit are bounded together, whoever has taken the step on them: units are dealt
 * to the owners of slices. */
static void limit_tensor(const nn_updater *u, const nn_param *param) {
    size_t owner, owners = nn_reducer_owners(u->session->reducer, &owner);
    nn_span units = nn_even_span((size_t)param->dim[0], owner, owners);
    if (owner < owners)
        nn_limit_norms(param, u->session->settings->train.max_norm, units.begin, units.end,
                       u->session->params + param->offset);
}

static void follow_block(nn_updater *u, size_t block) {
    follow(u, &u->blocks.block[block]);
}

static void constrain(void *ctx, nn_reducer *reducer) {
    nn_updater *u = ctx;
    (void)reducer;
    double none = 0;
    nn_reducer_add(u->session->reducer, &none, 0); /* all have taken their steps */
    for (size_t i = 0; i < u->params; i++)
        if (has_max_norm(u->session, u->param[i]) && !u->param[i]->layer->frozen)
            limit_tensor(u, u->param[i]);
    nn_reducer_add(u->session->reducer, &none, 0);
    if (u->session->average)
        visit_blocks(u, follow_block);
}

/* ---- divergence ------------------------------------------------------------------------------ */

/* Ranks that share the parameters have no gradients but their own, so each says what it sees. */
static int find_nonfinite(nn_updater *u, const nn_real *vector, const nn_param **bad) {
    for (size_t i = 0; i < u->params; i++) {
        const nn_param *p = u->param[i];
        u->sum[i] =
            !p->layer->frozen && !nn_kernels_get()->all_finite(p->count, vector + p->offset);
    }
    NN_TRY(nn_comm_sum(u->session->comm, u->sum, u->params));
    for (size_t i = 0; i < u->params; i++)
        if (u->sum[i] > 0)
            *bad = u->param[i];
    return 0;
}

/* Back-propagation comes from the end of the vector, so the first bad gradient is the last one. */
int nn_updater_explain_nonfinite(nn_updater *u) {
    const char *what = "gradient";
    const nn_param *param = NULL;
    NN_TRY(find_nonfinite(u, nn_reducer_grads(u->session->reducer), &param));
    if (!param) {
        what = "parameter";
        NN_TRY(find_nonfinite(u, u->session->params, &param));
    }
    return nn_fail(NN_EDIVERGED,
                   "training diverged: in step %lld the %s '%s' of layer '%s' became NaN or Inf",
                   (long long)u->common.step, what, param ? param->name : "?",
                   param ? param->layer->name : "?");
}

/* Numbers that the ranks add for norms: of each block of a vector of n elements. */
static size_t most_values(const nn_session *session) {
    const nn_param *const *param;
    size_t n = nn_model_size(session->model), params = nn_model_params(session->model, &param);
    size_t buckets = n / NN_PARTITION_BUCKET + 1 + 2 * params;
    size_t ranks = (size_t)nn_comm_node_size(session->comm);
    return (n / NN_BLOCK + 1 + params + 2 * buckets * ranks) * NN_UPDATE_SUMS;
}

nn_reduce_ops nn_updater_ops(const nn_session *session) {
    const nn_settings *s = session->settings;
    return (nn_reduce_ops){.values = most_values(session),
                           .begin_step = begin_step,
                           .accumulate = nn_settings_sums_passes(s) ? accumulate : NULL,
                           .compute_norms = needs_norms(s) ? compute_norms : NULL,
                           .step = step,
                           .adopt = adopt,
                           .constrain = has_constraint(s) ? constrain : NULL,
                           .nonfinite = nonfinite};
}
