/* Optimisers of tensors: the rows of nn/optimizers on gradients that all ranks average. */
#include "nn/optimizers/optimizer.h"

#include "base/numbers/rng.h"
#include "comm/comm.h"
#include "math/parallel.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

#define GRAIN 16384 /* elements worth a fork and join */

struct nn_optimizer {
    nn_pool pool; /* of the options */
    nn_comm *comm;
    const nn_optimizer_ops *ops;
    void *options;
    double lr;
    int64_t steps, *taken;       /* [params]: of those steps, the ones with a gradient */
    size_t params, total, slots; /* total: elements of all parameters */
    nn_tensor **param;           /* [params] */
    nn_real *slot[NN_MAX_SLOTS]; /* [total] each */
    const char *slot_name[NN_MAX_SLOTS];
    nn_real *sum; /* [total + params + 1], of several ranks; NULL: one rank */
};

/* ---- planning -------------------------------------------------------------------------------- */

static int pick(nn_optimizer *o, const char *text) {
    const nn_entry *row;
    nn_node *map;
    NN_TRY(nn_pick_row(&o->pool, &nn_optimizers, text, &row, &o->options, &map));
    o->ops = (const nn_optimizer_ops *)row;
    o->lr = *(const double *)o->options; /* the first option of all rows */
    return o->ops->check ? o->ops->check(o->options, map) : 0;
}

static int take_params(nn_optimizer *o, size_t count, nn_tensor *const *params) {
    if (count > 0 && !params)
        return nn_fail(NN_EUSAGE, "optimiser: its list of parameters is NULL");
    NN_TRY(NN_NEW(&o->param, count + 1, "optimiser"));
    NN_TRY(NN_NEW(&o->taken, count + 1, "optimiser"));
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++)
            if (params[k] == params[i])
                return nn_fail(NN_EUSAGE, "optimiser: parameters %zu and %zu are the same tensor",
                               k, i);
        if (!params[i] || params[i]->integer || params[i]->op)
            return nn_fail(NN_EUSAGE,
                           "optimiser: parameter %zu %s; parameters are floats that no operation "
                           "has made",
                           i,
                           !params[i]           ? "is none"
                           : params[i]->integer ? "holds integers"
                                                : "was computed from others");
        o->param[o->params++] = nn_tensor_retain(params[i]);
        o->total += params[i]->count;
    }
    return 0;
}

static int allocate(nn_optimizer *o) {
    o->slots = o->ops->slots(o->options, o->slot_name);
    for (size_t i = 0; i < o->slots; i++)
        NN_TRY(NN_NEW(&o->slot[i], o->total + 1, "optimiser"));
    if (o->comm && nn_comm_size(o->comm) > 1)
        NN_TRY(NN_NEW(&o->sum, o->total + o->params + 1, "gradients of all ranks"));
    return 0;
}

/* Of what is the same on all ranks: the optimiser, and the shapes of its parameters. */
static uint64_t fingerprint(const nn_optimizer *o, const char *text) {
    uint64_t h = nn_mix64(nn_hash_text(text) ^ (uint64_t)o->params);
    for (size_t i = 0; i < o->params; i++) {
        const nn_tensor *t = o->param[i];
        h = nn_mix64(h ^ (uint64_t)t->rank);
        for (int k = 0; k < t->rank; k++)
            h = nn_mix64(h ^ (uint64_t)t->dim[k]);
    }
    return h;
}

/* All ranks have the same optimiser of as many elements, and begin with those of rank 0. */
static int share(nn_optimizer *o, const char *text) {
    uint64_t own = fingerprint(o, text), first = own;
    NN_TRY(nn_comm_bcast(o->comm, &first, sizeof first));
    int rc = own == first ? 0
                          : nn_fail(NN_EUSAGE,
                                    "optimiser: rank 0 has other parameters or another optimiser "
                                    "than this one, '%s' of %zu tensors with %zu numbers",
                                    text, o->params, o->total);
    NN_TRY(nn_comm_agree(o->comm, rc));
    for (size_t i = 0; i < o->params; i++) {
        NN_TRY(nn_comm_bcast(o->comm, nn_reals(o->param[i]), o->param[i]->count * sizeof(nn_real)));
        o->param[i]->buffer->version++;
    }
    return 0;
}

/* Ranks of a machine divide its cores. All take part where one has not chosen yet, and others keep
 * what they have; asked once, a placement is not reported again. */
static int divide_cores(nn_comm *comm) {
    double open = nn_tensor_threads_open() ? 1 : 0;
    NN_TRY(nn_comm_sum(comm, &open, 1));
    if (open > 0)
        nn_tensor_offer_threads(nn_comm_threads(comm));
    return 0;
}

static int plan(nn_optimizer *o, const char *text, size_t count, nn_tensor *const *params) {
    NN_TRY(pick(o, text));
    NN_TRY(take_params(o, count, params));
    return allocate(o);
}

int nn_optimizer_new(nn_comm *comm, const char *optimizer, size_t count, nn_tensor *const *params,
                     nn_optimizer **out) {
    nn_optimizer *o = NULL;
    *out = NULL;
    int rc = NN_NEW(&o, 1, "optimiser");
    if (rc == 0) {
        o->comm = comm;
        rc = plan(o, optimizer, count, params);
    }
    if (comm)
        rc = nn_comm_agree(comm, rc);
    if (rc == 0 && o->sum)
        rc = share(o, optimizer);
    if (rc == 0 && o->sum)
        rc = divide_cores(comm);
    if (rc < 0)
        nn_optimizer_free(o);
    else
        *out = o;
    return rc;
}

void nn_optimizer_free(nn_optimizer *o) {
    if (!o)
        return;
    for (size_t i = 0; i < o->params; i++)
        nn_tensor_release(o->param[i]);
    for (size_t i = 0; i < o->slots; i++)
        nn_free(o->slot[i]);
    nn_free(o->taken);
    nn_free(o->param);
    nn_free(o->sum);
    nn_pool_release(&o->pool);
    nn_free(o);
}

/* ---- a step ---------------------------------------------------------------------------------- */

/* Of one tensor. */
struct part {
    const nn_optimizer *o;
    nn_update update;
    const nn_real *g;
    nn_real *w;
    size_t at; /* its state in the slots */
};

static void step_range(void *ctx, size_t begin, size_t end) {
    const struct part *p = ctx;
    nn_real *slot[NN_MAX_SLOTS];
    for (size_t i = 0; i < p->o->slots; i++)
        slot[i] = p->o->slot[i] + p->at + begin;
    p->o->ops->step(p->o->options, &p->update, end - begin, p->g + begin, p->w + begin, slot);
}

static void step_tensor(struct part *p, size_t n) {
    double sums[NN_UPDATE_SUMS] = {0};
    nn_real *slot[NN_MAX_SLOTS];
    for (size_t i = 0; i < p->o->slots; i++)
        slot[i] = p->o->slot[i] + p->at;
    if (p->o->ops->norms)
        p->o->ops->norms(p->o->options, &p->update, n, p->g, p->w, slot, sums);
    p->update.sums = sums;
    nn_parallel(nn_tensor_compute(), n, GRAIN, step_range, p);
}

/* Behind the sums of the gradients stand, for each parameter, the weight of those that have one,
 * and the weight of all. A rank without weight has no part, though its gradients be NaN; one whose
 * weight is none says so to all by a NaN, instead of leaving the others to wait. */
static int sum_gradients(nn_optimizer *o, double weight) {
    bool counts = weight > 0; /* not NaN */
    nn_real *to = o->sum, *present = o->sum + o->total;
    for (size_t i = 0; i < o->params; i++) {
        const nn_tensor *g = o->param[i]->grad;
        size_t n = o->param[i]->count;
        for (size_t k = 0; k < n; k++)
            to[k] = g && counts ? (nn_real)weight * nn_reals(g)[k] : 0;
        present[i] = g && counts ? (nn_real)weight : 0;
        to += n;
    }
    present[o->params] = (nn_real)weight;
    return nn_comm_sum_reals(o->comm, o->sum, o->total + o->params + 1);
}

/* `all`: the weight of all ranks; 0: no rank has any rows. */
static int combine(nn_optimizer *o, double weight, double *all) {
    if (!o)
        return nn_fail(NN_EUSAGE, "optimiser: it is NULL");
    bool valid = weight >= 0 && isfinite((nn_real)weight);
    *all = weight;
    if (o->sum) {
        NN_TRY(sum_gradients(o, valid ? weight : (double)NAN));
        *all = (double)o->sum[o->total + o->params];
    }
    if (!valid)
        return nn_fail(NN_EUSAGE, "optimiser: a weight of %g; it is at least 0, and finite",
                       weight);
    if (!isfinite(*all))
        return nn_fail(NN_EUSAGE, "optimiser: another rank has a weight that is negative or not "
                                  "finite, or the sum of all is too large");
    return 0;
}

static bool has_gradient(const nn_optimizer *o, size_t param) {
    return o->sum ? o->sum[o->total + param] > 0 : o->param[param]->grad != NULL;
}

/* Of one parameter, from the sums over the ranks. */
static int set_average(nn_tensor *t, const nn_real *sum, nn_real scale) {
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    nn_tensor *g = nn_tensor_filled(t->rank, t->dim, 0);
    for (size_t i = 0; g && i < t->count; i++)
        nn_reals(g)[i] = scale * sum[i];
    int rc = g ? nn_tensor_set_gradient(t, g) : NN_EMEMORY;
    nn_tensor_scope_close(&scope);
    return rc;
}

int nn_optimizer_average_gradients(nn_optimizer *o, double weight) {
    double all;
    int rc = 0;
    NN_TRY(combine(o, weight, &all));
    if (!o->sum || !(all > 0))
        return 0;
    for (size_t i = 0, at = 0; rc == 0 && i < o->params; at += o->param[i++]->count)
        if (has_gradient(o, i))
            rc = set_average(o->param[i], o->sum + at, (nn_real)(1 / all));
    return nn_comm_agree(o->comm, rc);
}

int nn_optimizer_step(nn_optimizer *o, double weight) {
    double all;
    NN_TRY(combine(o, weight, &all));
    if (!(all > 0))
        return 0;
    o->steps++;
    for (size_t i = 0, at = 0; i < o->params; at += o->param[i++]->count) {
        nn_tensor *t = o->param[i];
        if (!has_gradient(o, i))
            continue;
        struct part p = {.o = o,
                         .update = {.lr = o->lr,
                                    .scale = o->sum ? 1 / all : 1,
                                    .decay = 1,
                                    .adapt = t->rank > 1,
                                    .step = ++o->taken[i]},
                         .g = o->sum ? o->sum + at : nn_reals(t->grad),
                         .w = nn_reals(t),
                         .at = at};
        step_tensor(&p, t->count);
        t->buffer->version++;
    }
    return 0;
}

void nn_optimizer_zero_gradients(nn_optimizer *o) {
    for (size_t i = 0; o && i < o->params; i++)
        (void)nn_tensor_set_gradient(o->param[i], NULL);
}

int64_t nn_optimizer_steps(const nn_optimizer *o) {
    return o ? o->steps : 0;
}

double nn_optimizer_rate(const nn_optimizer *o) {
    return o ? o->lr : 0;
}

int nn_optimizer_set_rate(nn_optimizer *o, double rate) {
    if (!o)
        return nn_fail(NN_EUSAGE, "optimiser: it is NULL");
    if (!(rate >= 0) || !isfinite(rate))
        return nn_fail(NN_EUSAGE, "optimiser: a learning rate of %g; it is at least 0", rate);
    o->lr = rate;
    return 0;
}

/* ---- its state ------------------------------------------------------------------------------- */

size_t nn_optimizer_slots(const nn_optimizer *o) {
    return o ? o->slots : 0;
}

size_t nn_optimizer_param_size(const nn_optimizer *o, size_t param) {
    return o && param < o->params ? o->param[param]->count : 0;
}

const char *nn_optimizer_slot(const nn_optimizer *o, size_t slot) {
    return o && slot < o->slots ? o->slot_name[slot] : NULL;
}

static int check_param(const nn_optimizer *o, size_t param) {
    if (!o)
        return nn_fail(NN_EUSAGE, "optimiser: it is NULL");
    if (param < o->params)
        return 0;
    return nn_fail(NN_EUSAGE, "optimiser: there is no parameter %zu; it has %zu, from 0 on", param,
                   o->params);
}

/* Where a slot of a parameter stands, to be copied from or to `values`. */
static int find_slot(const nn_optimizer *o, size_t param, size_t slot, const float *values,
                     nn_real **out) {
    NN_TRY(check_param(o, param));
    if (!values)
        return nn_fail(NN_EUSAGE, "optimiser: values is NULL");
    if (slot >= o->slots)
        return nn_fail(NN_EUSAGE, "optimiser: there is no slot %zu; %s has %zu, from 0 on", slot,
                       o->ops->entry.name, o->slots);
    *out = o->slot[slot];
    for (size_t i = 0; i < param; i++)
        *out += o->param[i]->count;
    return 0;
}

int nn_optimizer_get_slot(const nn_optimizer *o, size_t param, size_t slot, float *values) {
    nn_real *from;
    NN_TRY(find_slot(o, param, slot, values, &from));
    for (size_t i = 0; i < o->param[param]->count; i++)
        values[i] = (float)from[i];
    return 0;
}

int nn_optimizer_set_slot(nn_optimizer *o, size_t param, size_t slot, const float *values) {
    nn_real *to;
    NN_TRY(find_slot(o, param, slot, values, &to));
    for (size_t i = 0; i < o->param[param]->count; i++)
        to[i] = (nn_real)values[i];
    return 0;
}

int64_t nn_optimizer_param_steps(const nn_optimizer *o, size_t param) {
    return o && param < o->params ? o->taken[param] : -1;
}

int nn_optimizer_set_param_steps(nn_optimizer *o, size_t param, int64_t steps) {
    NN_TRY(check_param(o, param));
    if (steps < 0)
        return nn_fail(NN_EUSAGE, "optimiser: %lld steps taken; it is a number from 0 on",
                       (long long)steps);
    o->taken[param] = steps;
    o->steps = steps > o->steps ? steps : o->steps;
    return 0;
}
