#include "train/bench/bench.h"

#include "base/numbers/compare.h"
#include "base/system/clock.h"
#include "nn/traffic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP 3
#define GROUPS 10
#define PACE_GROUPS 5

/* One training, and the times of its layers in the group under way. */
struct bench {
    nn_trainer trainer;
    nn_layer_time *time;
    const nn_layer *const *layer;
    size_t layers; /* the input with them */
};

/* All ranks begin together: who is late finds the first messages of others there already. */
static int take_steps_of(nn_trainer *t, int64_t steps, double *seconds) {
    NN_TRY(nn_comm_agree(t->comm, 0));
    nn_trainer_restart_interval(t);
    double begin = nn_seconds();
    for (int64_t i = 0; i < steps; i++) {
        NN_TRY(nn_trainer_step(t));
        t->state.epoch_loss = t->state.epoch_weight = 0;
    }
    NN_TRY(nn_trainer_complete_step(t));
    *seconds = nn_seconds() - begin;
    return 0;
}

int nn_bench_pace(nn_trainer *t, double budget, double *seconds) {
    double group[PACE_GROUPS], once;
    nn_reducer_go_ahead(t->session.reducer, true);
    NN_TRY(take_steps_of(t, 1, &once)); /* the first one meets cold caches */
    NN_TRY(take_steps_of(t, 1, &once));
    int64_t steps = (int64_t)fmax(1, budget / PACE_GROUPS / once);
    size_t groups = once < budget ? PACE_GROUPS : 1;
    NN_TRY(nn_comm_bcast(t->comm, &steps, sizeof steps));
    NN_TRY(nn_comm_bcast(t->comm, &groups, sizeof groups));
    for (size_t i = 0; i < groups; i++)
        NN_TRY(take_steps_of(t, steps, &group[i]));
    qsort(group, groups, sizeof *group, nn_compare_reals);
    *seconds = group[groups / 2] / (double)steps;
    return nn_comm_bcast(t->comm, seconds, sizeof *seconds);
}

static int take_steps(struct bench *b, int64_t steps, double *seconds) {
    nn_trainer *t = &b->trainer;
    memset(b->time, 0, b->layers * sizeof *b->time);
    nn_reducer_clear_waited(t->session.reducer);
    return take_steps_of(t, steps, seconds);
}

/* Steps of a group, the same on every rank. */
static int plan_group(struct bench *b, double budget, int64_t *steps) {
    double seconds;
    NN_TRY(take_steps(b, WARM_UP, &seconds));
    NN_TRY(take_steps(b, WARM_UP, &seconds));
    *steps = (int64_t)fmax(1, budget / GROUPS / (seconds / WARM_UP));
    return nn_comm_bcast(b->trainer.comm, steps, sizeof *steps);
}

/* The products among the gradients of a layer, whose work goes with their elements and rows. */
static int note_matrices(const struct bench *b, const nn_layer *layer, nn_pool *pool,
                         nn_bench_layer *out) {
    const nn_session *s = &b->trainer.session;
    double all = 0;
    size_t index;
    out->matrix = nn_pool_alloc(pool, (layer->outers + 1) * sizeof *out->matrix);
    if (!out->matrix)
        return NN_EMEMORY;
    for (size_t i = 0; i < layer->outers; i++) {
        const nn_layer_outer *o = &layer->outer[i];
        size_t at = layer->param[o->param].offset - nn_layer_range(layer).begin + o->at;
        if (!nn_layer_has_rows(layer, i))
            continue;
        nn_bench_matrix *m = &out->matrix[out->matrices];
        m->step.product = (nn_outer_matrix){.begin = at,
                                            .m = o->m,
                                            .n = o->n,
                                            .steps = o->steps,
                                            .continued = o->at > 0,
                                            .indexed = o->indexed};
        m->step.first = o->first;
        m->step.early = o->early;
        m->step.fraction = (double)(o->m * o->n * o->steps);
        all += m->step.fraction;
        m->by_rows = nn_model_emits_rows(s->model, layer->index, i, &index);
        m->travels = m->by_rows && nn_reducer_sends_rows(s->reducer, index);
        out->matrices += !s->micro || o->by_tree;
    }
    for (size_t i = 0; i < out->matrices; i++)
        out->matrix[i].step.fraction /= all;
    return 0;
}

double nn_bench_row_fraction(const nn_bench_layer *layer, double nodes) {
    double fraction = 0;
    for (size_t i = 0; i < layer->matrices; i++)
        if (layer->matrix[i].by_rows)
            fraction += layer->matrix[i].step.fraction * (layer->matrix[i].travels ? nodes : 1);
    return fraction;
}

static double samples_of_rank(const struct bench *b) {
    return (double)b->trainer.session.batch_size / nn_comm_size(b->trainer.comm);
}

/* What layer i makes in a step of this rank. */
static void count_work(const struct bench *b, size_t i, nn_bench_layer *out) {
    const nn_layer *layer = b->layer[i];
    double samples = samples_of_rank(b), gradients = 1 - nn_bench_row_fraction(out, 1);
    nn_layer_work work = nn_model_work(layer);
    nn_layer_traffic moved = nn_model_traffic(layer, samples, gradients);
    out->forward_work = 2 * samples * work.forward;
    out->backward_work = 2 * samples * (work.delta + gradients * work.gradient);
    out->forward_bytes = sizeof(nn_real) * moved.forward;
    out->backward_bytes = sizeof(nn_real) * moved.backward;
}

/* What the update of this rank reads and writes, and what a step is made with. */
static void count_bytes(const struct bench *b, nn_bench_step *out) {
    const nn_session *s = &b->trainer.session;
    double share = (double)nn_reducer_share(s->reducer), outputs = 0;
    for (size_t i = 0; i < b->layers; i++)
        outputs += (double)nn_shape_count(&b->layer[i]->out);
    out->update_bytes = sizeof(nn_real) * share * (double)(3 + 2 * s->slots);
    out->bytes = sizeof(nn_real) * (2 * (double)out->size + share * (double)s->slots +
                                    2 * samples_of_rank(b) * outputs);
}

static double seconds_waited(const struct bench *b, size_t i) {
    nn_span range = nn_layer_range(b->layer[i]);
    return nn_reducer_waited(b->trainer.session.reducer, range.begin, range.end);
}

static void describe(const struct bench *b, int64_t steps, double seconds, nn_bench_step *out) {
    const nn_interval *i = &b->trainer.interval;
    double each = 1 / (double)steps;
    out->seconds = seconds * each;
    out->data = i->data * each;
    out->forward = i->forward * each;
    out->backward = i->backward * each;
    out->comm = i->comm * each;
    out->update = i->update * each;
    out->work = out->update_work = 0;
    for (size_t l = 1; l < b->layers; l++) {
        nn_bench_layer *layer = &out->layer[l - 1];
        layer->name = b->layer[l]->name;
        layer->kind = b->layer[l]->ops->entry.name;
        layer->params = nn_layer_grad_count(b->layer[l]);
        layer->forward = b->time[l].forward * each;
        layer->backward = b->time[l].backward * each;
        layer->waited = seconds_waited(b, l) * each;
        count_work(b, l, layer);
        out->work += layer->forward_work + layer->backward_work;
        out->update_work +=
            nn_bench_row_fraction(layer, nn_comm_nodes(b->trainer.comm)) * layer->forward_work;
    }
    out->work += out->update_work;
}

static int time_groups(struct bench *b, double budget, nn_bench_step *out) {
    int64_t steps;
    NN_TRY(plan_group(b, budget, &steps));
    out->seconds = INFINITY;
    for (int i = 0; i < GROUPS; i++) {
        double seconds;
        NN_TRY(take_steps(b, steps, &seconds));
        if (seconds < out->seconds * (double)steps)
            describe(b, steps, seconds, out);
    }
    return 0;
}

/* Names outlive the model. */
static int prepare(struct bench *b, nn_pool *pool, nn_bench_step *out) {
    const nn_trainer *t = &b->trainer;
    b->layers = nn_model_layers(t->session.model, &b->layer);
    out->batch_size = t->session.batch_size;
    out->size = nn_model_size(t->session.model);
    out->threads = nn_compute_threads(&t->session.compute);
    out->backend = nn_reducer_backend(t->session.reducer);
    out->bf16 = nn_compute_bf16(&t->session.compute);
    out->number = t->session.settings->train.compress == NN_COMPRESS_BF16 ? 2 : sizeof(nn_real);
    out->divided = t->session.settings->train.optimizer_state == NN_STATE_SHARDED;
    out->ahead = nn_reduce_may_go_ahead(&t->session.ops);
    out->layers = b->layers - 1;
    out->layer = nn_pool_alloc(pool, out->layers * sizeof *out->layer);
    b->time = nn_pool_alloc(pool, b->layers * sizeof *b->time);
    if (!out->layer || !b->time)
        return NN_EMEMORY;
    count_bytes(b, out);
    for (size_t i = 0; i < out->layers; i++)
        NN_TRY(note_matrices(b, b->layer[i + 1], pool, &out->layer[i]));
    nn_model_time(t->session.model, b->time);
    nn_reducer_go_ahead(t->session.reducer, true);
    return 0;
}

static int keep_names(nn_pool *pool, nn_bench_step *out) {
    for (size_t i = 0; i < out->layers; i++)
        if (!(out->layer[i].name = nn_pool_strdup(pool, out->layer[i].name)))
            return NN_EMEMORY;
    return 0;
}

int nn_bench_train(nn_comm *comm, nn_config *config, double budget, nn_pool *pool,
                   nn_bench_step *out) {
    nn_train_options options = {0};
    struct bench b = {.trainer = {.comm = comm, .config = config, .options = &options}};
    int rc;
    NN_TRY_GOTO(nn_trainer_open(&b.trainer));
    nn_trainer_say_plan(&b.trainer);
    NN_TRY_GOTO(nn_trainer_begin(&b.trainer));
    NN_TRY_GOTO(nn_comm_agree(comm, prepare(&b, pool, out)));
    NN_TRY_GOTO(time_groups(&b, budget, out));
    NN_TRY_GOTO(nn_comm_agree(comm, keep_names(pool, out)));
done:
    nn_trainer_close(&b.trainer);
    return rc;
}
