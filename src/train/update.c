#include "train/update.h"

#include "math/kernels.h"
#include "math/parallel.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* Elements of a block: small enough that what one look brings into the cache is still there for the
 * next one. Norms are sums of blocks' sums, so that they do not depend on the number of threads. */
#define BLOCK 8192
/* Blocks worth a fork and join. */
#define GRAIN 8
/* nn_parallel cuts at multiples of this. */
#define PARALLEL_UNIT 16

/* Part of one tensor. */
struct block {
    size_t tensor, begin, count; /* place in the list of parameters; elements of the vector */
};

struct nn_updater {
    nn_job *job;
    const nn_param *const *param;
    size_t params;
    struct block *block; /* in the order of the vector; tensors that do not learn have none */
    size_t blocks;
    double *block_sum, *sum; /* [blocks], [params] times NN_UPDATE_SUMS */
    nn_update common;        /* what is the same for all tensors */
    atomic_bool bad;
};

/* ---- planning ---------------------------------------------------------------------------------
 */

static bool has_max_norm(const nn_job *job, const nn_param *param) {
    return job->settings->train.max_norm > 0 && param->role == NN_PARAM_WEIGHT && param->rank > 1;
}

/* The weights of a unit are bounded together, so a block has all of them: whole rows where a unit
 * is a row, else the whole tensor. */
static size_t block_size(const nn_job *job, const nn_param *param) {
    size_t row = param->count / (size_t)param->dim[0];
    if (!has_max_norm(job, param))
        return BLOCK;
    if (param->order[0] != 0)
        return param->count;
    return row > BLOCK ? row : BLOCK / row * row;
}

/* Cuts a tensor; the number of its blocks. `out` NULL: only counts. */
static size_t cut(const nn_updater *u, size_t tensor, struct block *out) {
    const nn_param *param = u->param[tensor];
    size_t size = block_size(u->job, param), blocks = 0;
    if (param->layer->frozen)
        return 0;
    for (size_t at = 0; at < param->count; at += size, blocks++)
        if (out)
            out[blocks] = (struct block){tensor, param->offset + at,
                                         param->count - at < size ? param->count - at : size};
    return blocks;
}

static int plan(nn_updater *u) {
    u->params = nn_model_params(u->job->model, &u->param);
    for (size_t i = 0; i < u->params; i++)
        u->blocks += cut(u, i, NULL);
    if (u->blocks == 0)
        return nn_fail(NN_EUSAGE, "nothing to train: no layer has parameters, or all are frozen");
    NN_TRY(NN_NEW(&u->block, u->blocks, "optimiser"));
    NN_TRY(NN_NEW(&u->block_sum, u->blocks * NN_UPDATE_SUMS, "optimiser"));
    NN_TRY(NN_NEW(&u->sum, u->params * NN_UPDATE_SUMS, "optimiser"));
    struct block *at = u->block;
    for (size_t i = 0; i < u->params; i++)
        at += cut(u, i, at);
    return 0;
}

int nn_updater_new(nn_job *job, nn_updater **out) {
    nn_updater *u;
    NN_TRY(NN_NEW(&u, 1, "optimiser"));
    u->job = job;
    int rc = plan(u);
    if (rc < 0) {
        nn_updater_free(u);
        return nn_error_frame(rc, __func__);
    }
    *out = u;
    return 0;
}

void nn_updater_free(nn_updater *u) {
    if (!u)
        return;
    nn_free(u->block);
    nn_free(u->block_sum);
    nn_free(u->sum);
    nn_free(u);
}

/* ---- a step -----------------------------------------------------------------------------------
 */

void nn_updater_begin(nn_updater *u, double lr, double weight, int64_t step) {
    u->common = (nn_update){.lr = lr,
                            .scale = weight > 0 ? 1 / weight : 0,
                            .clip = u->job->settings->train.clip_value,
                            .step = step};
    atomic_store_explicit(&u->bad, false, memory_order_relaxed);
}

/* What the step is for one tensor. Only weights (matrices and kernels) are regularised, unless all
 * are to be. */
static nn_update update_of(const nn_updater *u, size_t tensor) {
    const nn_settings *s = u->job->settings;
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

/* Scales the weights of each unit whose norm is above the bound down to it. A unit is an index of
 * dimension 0; w [count] has all weights of some units. */
static void limit_units(const nn_param *param, double bound, size_t count, nn_real *w) {
    const nn_kernels *k = nn_kernels_get();
    size_t stride[NN_PARAM_RANK];
    nn_param_strides(param, stride);
    size_t run = stride[0], units = param->order[0] ? (size_t)param->dim[0] : count / run;
    for (size_t unit = 0; unit < units; unit++) {
        double sum = 0;
        for (size_t at = unit * run; at < count; at += units * run)
            sum += k->sum_squares(run, w + at);
        for (size_t at = unit * run; sum > bound * bound && at < count; at += units * run)
            k->scale(run, (nn_real)(bound / sqrt(sum)), w + at);
    }
}

/* The step on elements of one tensor; all of them begin with the same element. */
static void step_tensor(const nn_updater *u, const struct block *b, const nn_real *g, nn_real *w,
                        nn_real *const *slot) {
    const nn_job *job = u->job;
    const nn_param *param = u->param[b->tensor];
    if (param->role == NN_PARAM_STATE) {
        nn_kernels_get()->blend(b->count, param->rate, g, w);
        return;
    }
    nn_update update = update_of(u, b->tensor);
    job->optimizer->step(job->settings->train.optimizer.options, &update, b->count, g, w, slot);
    if (has_max_norm(job, param))
        limit_units(param, job->settings->train.max_norm, b->count, w);
}

/* a <- decay a + (1 - decay) w; statistics are means already. */
static void follow(const nn_updater *u, const struct block *b, const nn_real *w, nn_real *average) {
    double decay = u->job->settings->train.ema.decay;
    if (u->param[b->tensor]->role == NN_PARAM_STATE)
        memcpy(average, w, b->count * sizeof *w);
    else
        nn_kernels_get()->blend(b->count, (nn_real)(1 - decay), w, average);
}

static void step_block(nn_updater *u, const struct block *b, const nn_real *g,
                       nn_real *const *slot) {
    const nn_kernels *k = nn_kernels_get();
    nn_real *w = u->job->params + b->begin;
    bool good = k->all_finite(b->count, g);
    step_tensor(u, b, g, w, slot);
    if (u->job->average)
        follow(u, b, w, slot[u->job->slots - 1]);
    if (!good || !k->all_finite(b->count, w))
        atomic_store_explicit(&u->bad, true, memory_order_relaxed);
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

void nn_updater_range(nn_updater *u, size_t begin, size_t end, const nn_real *g,
                      nn_real *const *slot) {
    for (size_t i = find_block(u, begin); i < u->blocks && u->block[i].begin < end; i++) {
        struct block b = u->block[i];
        nn_real *at[NN_MAX_SLOTS] = {0};
        size_t last = b.begin + b.count < end ? b.begin + b.count : end;
        b.begin = b.begin > begin ? b.begin : begin;
        b.count = last - b.begin;
        for (size_t s = 0; s < u->job->slots; s++)
            at[s] = slot[s] + (b.begin - begin);
        step_block(u, &b, g + (b.begin - begin), at);
    }
}

/* ---- the whole vector -------------------------------------------------------------------------
 */

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
    nn_parallel(u->blocks * PARALLEL_UNIT, GRAIN * PARALLEL_UNIT, visit_some, &v);
}

static void slots_at(const nn_job *job, size_t element, nn_real *slot[NN_MAX_SLOTS]) {
    for (size_t i = 0; i < job->slots; i++)
        slot[i] = job->slot[i] + element;
}

static void take_step(nn_updater *u, size_t block) {
    const struct block *b = &u->block[block];
    nn_real *slot[NN_MAX_SLOTS] = {0};
    slots_at(u->job, b->begin, slot);
    step_block(u, b, u->job->grads + b->begin, slot);
}

void nn_updater_all(nn_updater *u) {
    nn_updater_measure(u);
    visit_blocks(u, take_step);
}

/* ---- norms ------------------------------------------------------------------------------------
 */

static void square_gradient(nn_updater *u, size_t block) {
    const struct block *b = &u->block[block];
    bool state = u->param[b->tensor]->role == NN_PARAM_STATE;
    u->block_sum[block * NN_UPDATE_SUMS] =
        state ? 0 : nn_kernels_get()->sum_squares(b->count, u->job->grads + b->begin);
}

static void measure_block(nn_updater *u, size_t block) {
    const struct block *b = &u->block[block];
    nn_job *job = u->job;
    nn_update update = update_of(u, b->tensor);
    nn_real *slot[NN_MAX_SLOTS] = {0};
    double *sums = u->block_sum + block * NN_UPDATE_SUMS;
    memset(sums, 0, NN_UPDATE_SUMS * sizeof *sums);
    slots_at(job, b->begin, slot);
    if (u->param[b->tensor]->role != NN_PARAM_STATE)
        job->optimizer->measure(job->settings->train.optimizer.options, &update, b->count,
                                job->grads + b->begin, job->params + b->begin, slot, sums);
}

/* torch.nn.utils.clip_grad_norm_: what the gradient is multiplied by, at most 1. */
static double clip_factor(nn_updater *u, double bound) {
    double sum = 0;
    visit_blocks(u, square_gradient);
    for (size_t i = 0; i < u->blocks; i++)
        sum += u->block_sum[i * NN_UPDATE_SUMS];
    double factor = bound / (u->common.scale * sqrt(sum) + 1e-6);
    return factor < 1 ? factor : 1;
}

void nn_updater_measure(nn_updater *u) {
    double bound = u->job->settings->train.clip_norm;
    if (bound > 0)
        u->common.scale *= clip_factor(u, bound);
    if (!u->job->optimizer->measure)
        return;
    visit_blocks(u, measure_block);
    memset(u->sum, 0, u->params * NN_UPDATE_SUMS * sizeof *u->sum);
    for (size_t i = 0; i < u->blocks; i++)
        for (size_t k = 0; k < NN_UPDATE_SUMS; k++)
            u->sum[u->block[i].tensor * NN_UPDATE_SUMS + k] += u->block_sum[i * NN_UPDATE_SUMS + k];
}

/* ---- divergence -------------------------------------------------------------------------------
 */

static const nn_param *find_bad(const nn_updater *u, const nn_real *vector) {
    for (size_t i = u->params; i > 0; i--) {
        const nn_param *p = u->param[i - 1];
        if (!p->layer->frozen && !nn_kernels_get()->all_finite(p->count, vector + p->offset))
            return p;
    }
    return NULL;
}

/* Back-propagation comes from the end of the vector, so the first bad gradient is the last one. */
int nn_updater_check(const nn_updater *u) {
    const char *what = "gradient";
    if (!atomic_load_explicit(&u->bad, memory_order_relaxed))
        return 0;
    const nn_param *param = find_bad(u, u->job->grads);
    if (!param) {
        what = "parameter";
        param = find_bad(u, u->job->params);
    }
    return nn_fail(NN_EDIVERGED,
                   "training diverged: in step %lld the %s '%s' of layer '%s' became NaN or Inf",
                   (long long)u->common.step, what, param ? param->name : "?",
                   param ? param->layer->name : "?");
}
