#include "train/step/update.h"

#include "math/kernels.h"
#include "math/parallel.h"
#include "train/save/staging.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* Elements of a block: small enough that what one look brings into the cache is still there for the
 * next one. Norms are sums of blocks' sums in the order of the vector, so that they do not depend
 * on the number of threads, nor on that of ranks where their slices are whole cells. */
#define BLOCK NN_PARTITION_CELL
/* Blocks worth a fork and join. */
#define GRAIN 8
/* nn_parallel divides at multiples of this. */
#define PARALLEL_UNIT 16

/* Part of one tensor, in one slice of this rank's share. */
struct block {
    size_t tensor, begin, count; /* place in the list of parameters; elements of the vector */
    size_t at;                   /* of the first element in the share */
    size_t number;               /* among the blocks of all ranks */
};

struct nn_updater {
    nn_session *session;
    const nn_param *const *param;
    size_t params;
    struct block *block; /* in the order of the share; tensors that do not learn have none */
    size_t blocks, all_blocks;
    size_t *tensor;          /* [all_blocks] of each block of all ranks */
    double *block_sum, *sum; /* [all_blocks], [params] times NN_UPDATE_SUMS */
    nn_update common;        /* what is the same for all tensors */
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

/* Blocks on their way to the lists; all counted first. */
struct block_list {
    nn_updater *updater;
    bool own, store; /* the slice is this rank's; lists are there */
};

static void add_block(const struct block_list *c, struct block b) {
    nn_updater *u = c->updater;
    b.number = u->all_blocks++;
    if (c->store)
        u->tensor[b.number] = b.tensor;
    if (c->store && c->own)
        u->block[u->blocks] = b;
    u->blocks += c->own;
}

/* The part of a tensor that is in a slice, at multiples of a block. */
static void add_blocks(const struct block_list *c, size_t tensor, const nn_slice *slice) {
    const nn_param *param = c->updater->param[tensor];
    size_t begin = param->offset, end = begin + param->count, next;
    begin = begin > slice->begin ? begin : slice->begin;
    end = end < slice->end ? end : slice->end;
    for (; !param->layer->frozen && begin < end; begin = next) {
        next = (begin / BLOCK + 1) * BLOCK;
        next = next < end ? next : end;
        add_block(c, (struct block){.tensor = tensor,
                                    .begin = begin,
                                    .count = next - begin,
                                    .at = slice->at + begin - slice->begin});
    }
}

/* All blocks, in the order of the vector, which is that of a share too. */
static void list_blocks(nn_updater *u, bool store) {
    const nn_partition *shares = nn_reducer_partition(u->session->reducer);
    size_t owner;
    nn_reducer_owners(u->session->reducer, &owner);
    u->blocks = u->all_blocks = 0;
    for (size_t k = shares->buckets; k > 0; k--)
        for (size_t o = 0; o < shares->owners; o++) {
            nn_slice slice = nn_partition_slice(shares, k - 1, o);
            struct block_list c = {u, o == owner, store};
            for (size_t i = 0; i < u->params; i++)
                add_blocks(&c, i, &slice);
        }
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
    list_blocks(u, false);
    NN_TRY(NN_NEW(&u->block, u->blocks + 1, "optimiser"));
    NN_TRY(NN_NEW(&u->tensor, u->all_blocks + 1, "optimiser"));
    NN_TRY(NN_NEW(&u->block_sum, u->all_blocks * NN_UPDATE_SUMS + 1, "optimiser"));
    NN_TRY(NN_NEW(&u->sum, u->params * NN_UPDATE_SUMS, "optimiser"));
    list_blocks(u, true);
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
    nn_free(u->block);
    nn_free(u->tensor);
    nn_free(u->block_sum);
    nn_free(u->sum);
    nn_free(u->total);
    nn_free(u);
}

/* ---- a step ---------------------------------------------------------------------------------- */

void nn_updater_begin(nn_updater *u, double lr, int64_t step) {
    u->common = (nn_update){.lr = lr, .clip = u->session->settings->train.clip_value, .step = step};
    atomic_store_explicit(&u->nonfinite, false, memory_order_relaxed);
}

void nn_updater_set_rate(nn_updater *u, double lr) {
    u->common.lr = lr;
}

/* From here on parameters change: what a checkpoint wants of them has to be copied. The gradient
 * becomes the mean over the samples. No step is taken on what is no number, or when
 * the samples of a rank are missing. */
static bool accept(void *ctx, const nn_step_sums *sums) {
    nn_updater *u = ctx;
    nn_staging_complete(u->session->staging);
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
static void step_tensor(const nn_updater *u, const struct block *b, const nn_real *g, nn_real *w,
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
static void follow(const nn_updater *u, const struct block *b) {
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
static void step_block(nn_updater *u, const struct block *b, const nn_real *g) {
    nn_real *w = u->session->params + b->begin, *slot[NN_MAX_SLOTS] = {0};
    slots_at(u->session, b->at, slot);
    step_tensor(u, b, g, w, slot);
    if (u->session->average && !has_constraint(u->session->settings))
        follow(u, b);
    if (!nn_kernels_get()->all_finite(b->count, w))
        atomic_store_explicit(&u->nonfinite, true, memory_order_relaxed);
}

/* The first block that ends behind element `begin`. */
static size_t find_block(const nn_updater *u, size_t begin) {
    size_t low = 0, high = u->blocks;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (u->block[middle].begin + u->block[middle].count <= begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The part of block i that is in a slice; false: the slice ends before it. */
static bool block_in(const nn_updater *u, const nn_slice *slice, size_t i, struct block *b) {
    size_t begin = slice->begin, end = slice->end;
    if (i == u->blocks || u->block[i].begin >= end)
        return false;
    *b = u->block[i];
    size_t skip = b->begin < begin ? begin - b->begin : 0;
    b->begin += skip;
    b->at += skip;
    b->count -= skip;
    b->count = b->count < end - b->begin ? b->count : end - b->begin;
    return true;
}

static void step(void *ctx, const nn_slice *slice, const nn_real *g) {
    nn_updater *u = ctx;
    struct block b;
    for (size_t i = find_block(u, slice->begin); block_in(u, slice, i, &b); i++)
        step_block(u, &b, g + (b.begin - slice->begin));
}

static void accumulate(void *ctx, const nn_slice *slice, bool first, bool last, nn_real *g) {
    const nn_updater *u = ctx;
    struct block b;
    for (size_t i = find_block(u, slice->begin); block_in(u, slice, i, &b); i++) {
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

static bool nonfinite(void *ctx) {
    const nn_updater *u = ctx;
    return atomic_load_explicit(&u->nonfinite, memory_order_relaxed);
}

/* ---- all of the share ------------------------------------------------------------------------ */

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
    nn_parallel(&u->session->compute, u->blocks * PARALLEL_UNIT, GRAIN * PARALLEL_UNIT, visit_some,
                &v);
}

/* ---- norms ----------------------------------------------------------------------------------- */

static void square_gradient(nn_updater *u, size_t block) {
    const struct block *b = &u->block[block];
    if (u->param[b->tensor]->role != NN_PARAM_STATE)
        u->block_sum[b->number] = nn_kernels_get()->sum_squares(
            b->count, nn_reducer_grads(u->session->reducer) + b->begin);
}

static void take_block_norms(nn_updater *u, size_t block) {
    const struct block *b = &u->block[block];
    nn_session *session = u->session;
    nn_update update = update_of(u, b->tensor);
    nn_real *slot[NN_MAX_SLOTS] = {0};
    slots_at(session, b->at, slot);
    if (u->param[b->tensor]->role != NN_PARAM_STATE)
        session->optimizer->norms(session->settings->train.optimizer.options, &update, b->count,
                                  nn_reducer_grads(session->reducer) + b->begin,
                                  session->params + b->begin, slot,
                                  u->block_sum + b->number * NN_UPDATE_SUMS);
}

/* `width` numbers of every block, each from the rank that has it. */
static void sum_blocks(nn_updater *u, size_t width, void (*fn)(nn_updater *u, size_t block)) {
    memset(u->block_sum, 0, u->all_blocks * width * sizeof *u->block_sum);
    visit_blocks(u, fn);
    nn_reducer_add(u->session->reducer, u->block_sum, u->all_blocks * width);
}

/* torch.nn.utils.clip_grad_norm_: what the gradient is multiplied by, at most 1. */
static double clip_factor(nn_updater *u, double bound) {
    double sum = 0;
    sum_blocks(u, 1, square_gradient);
    for (size_t i = 0; i < u->all_blocks; i++)
        sum += u->block_sum[i];
    double factor = bound / (u->common.scale * sqrt(sum) + 1e-6);
    return factor < 1 ? factor : 1;
}

static void take_norms(void *ctx, nn_reducer *reducer) {
    nn_updater *u = ctx;
    (void)reducer;
    double bound = u->session->settings->train.clip_norm;
    if (bound > 0)
        u->common.scale *= clip_factor(u, bound);
    if (!u->session->optimizer->norms)
        return;
    sum_blocks(u, NN_UPDATE_SUMS, take_block_norms);
    memset(u->sum, 0, u->params * NN_UPDATE_SUMS * sizeof *u->sum);
    for (size_t i = 0; i < u->all_blocks; i++)
        for (size_t k = 0; k < NN_UPDATE_SUMS; k++)
            u->sum[u->tensor[i] * NN_UPDATE_SUMS + k] += u->block_sum[i * NN_UPDATE_SUMS + k];
}

/* ---- max-norm -------------------------------------------------------------------------------- */

/* Of weights of one unit that follow each other in memory. */
static double square_run(size_t run, const nn_real *w) {
    return run == 1 ? (double)*w * (double)*w : nn_kernels_get()->sum_squares(run, w);
}

/* Scales the weights w of each of the units [first, last), at most UNITS, whose norm is above the
 * bound down to it. A unit is an index of dimension 0, whose weights stand in runs; those of
 * neighbours are next to each other. */
#define UNITS 64
static void limit_some(const nn_param *param, double bound, size_t first, size_t last, nn_real *w) {
    size_t stride[NN_PARAM_RANK], units = (size_t)param->dim[0];
    double sum[UNITS] = {0};
    nn_param_strides(param, stride);
    size_t run = stride[0];
    for (size_t at = 0; at < param->count; at += units * run)
        for (size_t unit = first; unit < last; unit++)
            sum[unit - first] += square_run(run, w + at + unit * run);
    for (size_t at = 0; at < param->count; at += units * run)
        for (size_t unit = first; unit < last; unit++)
            if (sum[unit - first] > bound * bound)
                nn_kernels_get()->scale(run, (nn_real)(bound / sqrt(sum[unit - first])),
                                        w + at + unit * run);
}

static void limit_units(const nn_param *param, double bound, size_t first, size_t last,
                        nn_real *w) {
    for (size_t next; first < last; first = next) {
        next = last - first < UNITS ? last : first + UNITS;
        limit_some(param, bound, first, next, w);
    }
}

/* All weights of a unit are bounded together, whoever has taken the step on them: units are dealt
 * to the owners of slices. */
static void limit_tensor(const nn_updater *u, const nn_param *param) {
    size_t owner, owners = nn_reducer_owners(u->session->reducer, &owner);
    nn_span units = nn_tree_share((size_t)param->dim[0], owner, owners);
    if (owner < owners)
        limit_units(param, u->session->settings->train.max_norm, units.begin, units.end,
                    u->session->params + param->offset);
}

static void follow_block(nn_updater *u, size_t block) {
    follow(u, &u->block[block]);
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
    return (n / BLOCK + 1 + params + 2 * buckets * ranks) * NN_UPDATE_SUMS;
}

nn_reduce_ops nn_updater_ops(const nn_session *session) {
    const nn_settings *s = session->settings;
    return (nn_reduce_ops){.values = most_values(session),
                           .accept = accept,
                           .accumulate = nn_settings_sums_passes(s) ? accumulate : NULL,
                           .take_norms = needs_norms(s) ? take_norms : NULL,
                           .step = step,
                           .constrain = has_constraint(s) ? constrain : NULL,
                           .nonfinite = nonfinite};
}
