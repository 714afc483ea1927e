/* Optimisers of tensors: the rows of nn/optimizers on gradients that all ranks average. */
#include "nn/optimizers/optimizer.h"

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
    int64_t steps;
    size_t params, total, slots; /* total: elements of all parameters */
    nn_tensor **param;           /* [params] */
    nn_real *slot[NN_MAX_SLOTS]; /* [total] each */
    nn_real *sum;                /* [total + params + 1], of several ranks; NULL: one rank */
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
    NN_TRY(NN_NEW(&o->param, count + 1, "optimiser"));
    for (size_t i = 0; i < count; i++) {
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
    const char *name[NN_MAX_SLOTS];
    o->slots = o->ops->slots ? o->ops->slots(o->options, name) : 0;
    for (size_t i = 0; i < o->slots; i++)
        NN_TRY(NN_NEW(&o->slot[i], o->total + 1, "optimiser"));
    if (o->comm && nn_comm_size(o->comm) > 1)
        NN_TRY(NN_NEW(&o->sum, o->total + o->params + 1, "gradients of all ranks"));
    return 0;
}

/* All ranks have the same number of elements, and begin with those of rank 0. */
static int share(nn_optimizer *o) {
    double sums[2] = {(double)o->total, (double)o->total * (double)o->total};
    double ranks = nn_comm_size(o->comm);
    NN_TRY(nn_comm_sum(o->comm, sums, 2));
    if (fabs(sums[1] * ranks - sums[0] * sums[0]) > 0.5)
        return nn_fail(NN_EUSAGE,
                       "optimiser: the ranks have different parameters; this one has %zu numbers",
                       o->total);
    for (size_t i = 0; i < o->params; i++) {
        NN_TRY(nn_comm_bcast(o->comm, nn_reals(o->param[i]), o->param[i]->count * sizeof(nn_real)));
        o->param[i]->buffer->version++;
    }
    return 0;
}

static int plan(nn_optimizer *o, const char *text, size_t count, nn_tensor *const *params) {
    NN_TRY(pick(o, text));
    NN_TRY(take_params(o, count, params));
    return allocate(o);
}

int nn_optimizer_new(nn_comm *comm, const char *optimizer, size_t count, nn_tensor *const *params,
                     nn_optimizer **out) {
    nn_optimizer *o;
    *out = NULL;
    NN_TRY(NN_NEW(&o, 1, "optimiser"));
    o->comm = comm;
    int rc = plan(o, optimizer, count, params);
    if (comm)
        rc = nn_comm_agree(comm, rc);
    if (rc == 0 && o->sum)
        rc = share(o);
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
 * and the weight of all. */
static int average(nn_optimizer *o, double weight) {
    nn_real *to = o->sum, *present = o->sum + o->total;
    for (size_t i = 0; i < o->params; i++) {
        const nn_tensor *g = o->param[i]->grad;
        size_t n = o->param[i]->count;
        for (size_t k = 0; k < n; k++)
            to[k] = g ? (nn_real)weight * nn_reals(g)[k] : 0;
        present[i] = g ? (nn_real)weight : 0;
        to += n;
    }
    present[o->params] = (nn_real)weight;
    return nn_comm_sum_reals(o->comm, o->sum, o->total + o->params + 1);
}

int nn_optimizer_step(nn_optimizer *o, double weight) {
    double scale = 1;
    if (!(weight >= 0) || !isfinite(weight))
        return nn_fail(NN_EUSAGE, "optimiser: a weight of %g; it is at least 0", weight);
    if (o->sum) {
        NN_TRY(average(o, weight));
        double all = (double)o->sum[o->total + o->params];
        scale = all > 0 ? 1 / all : 0;
    }
    o->steps++;
    for (size_t i = 0, at = 0; i < o->params; at += o->param[i++]->count) {
        nn_tensor *t = o->param[i];
        if (o->sum ? o->sum[o->total + i] <= 0 : !t->grad)
            continue;
        struct part p = {.o = o,
                         .update = {.lr = o->lr,
                                    .scale = scale,
                                    .decay = 1,
                                    .adapt = t->rank > 1,
                                    .step = o->steps},
                         .g = o->sum ? o->sum + at : nn_reals(t->grad),
                         .w = nn_reals(t),
                         .at = at};
        step_tensor(&p, t->count);
        t->buffer->version++;
    }
    return 0;
}

void nn_optimizer_zero_gradients(nn_optimizer *o) {
    for (size_t i = 0; i < o->params; i++)
        (void)nn_tensor_set_gradient(o->param[i], NULL);
}

int64_t nn_optimizer_steps(const nn_optimizer *o) {
    return o->steps;
}

double nn_optimizer_rate(const nn_optimizer *o) {
    return o->lr;
}

int nn_optimizer_set_rate(nn_optimizer *o, double rate) {
    if (!(rate > 0) || !isfinite(rate))
        return nn_fail(NN_EUSAGE, "optimiser: a learning rate of %g; it is above 0", rate);
    o->lr = rate;
    return 0;
}
