/* The training step. */
#include "base/clock.h"
#include "base/text.h"
#include "comm/watchdog.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

/* nn_sum_fn of a pass: statistics of the global minibatch. A failure is kept for after the pass. */
static void sum_over_ranks(void *ctx, size_t n, double *values) {
    nn_trainer *t = ctx;
    if (t->sum_rc == 0)
        t->sum_rc = nn_session_sum(&t->session, n, values);
}

/* What this rank adds to the numbers of the step; with microbatches the first one has those that
 * are the rank's. */
static void begin_sums(nn_trainer *t, double *stats, int read) {
    stats[NN_STAT_MISTAKES] = (double)t->mistakes;
    stats[NN_STAT_STOP] = nn_trainer_asked_to_stop(t);
    stats[NN_STAT_CLOCK] = t->run && nn_seconds() - t->saved_at >= NN_SAVE_SECONDS ? 1 : 0;
    stats[NN_STAT_FAILED] = read < 0;
    nn_reducer_begin(t->session.reducer, stats);
}

/* No step is taken on what is no number, or when the data of a rank are missing. */
static bool decide(void *ctx, const double stat[NN_REDUCE_STATS]) {
    nn_trainer *t = ctx;
    memcpy(t->stat, stat, sizeof t->stat);
    nn_updater_begin(t->updater, t->lr, stat[NN_STAT_WEIGHT], t->state.step + 1);
    return stat[NN_STAT_FAILED] <= 0 && isfinite(stat[NN_STAT_LOSS]);
}

static void measure(void *ctx, nn_reducer *reducer) {
    nn_trainer *t = ctx;
    (void)reducer;
    nn_updater_take_norms(t->updater);
}

static void settle(void *ctx, nn_reducer *reducer) {
    nn_trainer *t = ctx;
    (void)reducer;
    nn_updater_constrain(t->updater);
}

static void carry(void *ctx, const nn_slice *slice, nn_real *g) {
    const nn_trainer *t = ctx;
    size_t last = (size_t)t->session.settings->train.accumulate - 1;
    nn_updater_accumulate(t->updater, slice, t->pass == 0, t->pass == last, g);
}

static bool bad(void *ctx) {
    const nn_trainer *t = ctx;
    return nn_updater_nonfinite(t->updater);
}

static void apply(void *ctx, const nn_slice *slice, const nn_real *g) {
    const nn_trainer *t = ctx;
    nn_updater_step(t->updater, slice, g);
}

nn_reduce_ops nn_trainer_ops(const nn_settings *settings) {
    return (nn_reduce_ops){.decide = decide,
                           .prepare = nn_updater_needs_norms(settings) ? measure : NULL,
                           .settle = nn_updater_has_constraint(settings) ? settle : NULL,
                           .carry = nn_updater_accumulates(settings) ? carry : NULL,
                           .bad = bad,
                           .apply = apply};
}

static void advance(nn_trainer *t, const nn_batch *batch) {
    const double *stat = t->stat;
    nn_state *s = &t->state;
    nn_interval *i = &t->interval;
    s->step++;
    s->epoch_loss += stat[NN_STAT_LOSS];
    s->epoch_weight += stat[NN_STAT_WEIGHT];
    s->epoch_mistakes += (int64_t)stat[NN_STAT_MISTAKES];
    i->steps++;
    i->samples += (double)batch->global;
    t->pace.samples += (double)batch->global;
    i->loss += stat[NN_STAT_LOSS];
    i->weight += stat[NN_STAT_WEIGHT];
    if (++s->batch == t->steps_per_epoch) {
        s->batch = 0;
        s->epoch++;
    }
}

/* What a pass computes of the shard, nothing where reading has failed. */
static nn_batch part_at(const nn_trainer *t, const nn_batch *batch, size_t i) {
    int64_t passes = t->session.settings->train.accumulate, global = batch->global, at = (int64_t)i;
    if (!batch->pass)
        return *batch;
    nn_batch part = nn_session_rows(&t->session, batch, batch->pass[i], batch->pass[i + 1]);
    part.global = nn_part_begin(global, passes, at + 1) - nn_part_begin(global, passes, at);
    return part;
}

static nn_pass pass_of(nn_trainer *t, const nn_batch *part) {
    return (nn_pass){.batch = part->count,
                     .training = true,
                     .seed = (uint64_t)t->state.seed,
                     .step = (uint64_t)t->state.step,
                     .sample = part->sample,
                     .length = part->length,
                     .parts = nn_session_parts(&t->session, part),
                     .sum = sum_over_ranks,
                     .sum_ctx = t};
}

/* Samples with a gradient of the loss: the perceptron's mistakes. */
static size_t count_mistakes(const nn_session *session, size_t batch, const nn_real *dz) {
    size_t mistakes = 0;
    for (size_t i = 0; i < batch; i++)
        for (size_t j = 0; j < session->outputs; j++)
            if (dz[i * session->outputs + j] != 0) {
                mistakes++;
                break;
            }
    return mistakes;
}

/* The loss of a part and its gradient; the sums are added to `stats`. */
static void add_loss(nn_trainer *t, const nn_batch *part, const nn_real *z, nn_real *dz,
                     double *stats) {
    nn_loss_sum sum = {stats[NN_STAT_LOSS], stats[NN_STAT_WEIGHT]};
    nn_loss_eval(t->session.loss, nn_batch_targets(part), z, &part->target, &sum, dz);
    stats[NN_STAT_LOSS] = sum.loss;
    stats[NN_STAT_WEIGHT] = sum.weight;
}

/* The same of each microbatch. */
static void add_losses(nn_trainer *t, const nn_batch *batch, const nn_parts *parts,
                       const nn_real *z, nn_real *dz, double *stats) {
    const nn_session *session = &t->session;
    for (size_t i = 0; i < parts->count; i++) {
        nn_batch part = nn_session_rows(session, batch, parts->row[i], parts->row[i + 1]);
        size_t at = parts->row[i] * session->positions * session->outputs;
        add_loss(t, &part, z + at, dz + at, stats + i * NN_REDUCE_STATS);
    }
}

/* Back-propagation of a pass. Its gradients are added to those of the passes before: by the layers,
 * or, where each pass is summed over the ranks, to their sums. The reducer may take gradients as
 * they come. The numbers of the step are complete with the last pass. */
static int go_back(nn_trainer *t, nn_pass *pass, double *stats, int read) {
    nn_session *session = &t->session;
    bool last = t->pass + 1 == (size_t)session->settings->train.accumulate;
    bool carries = nn_updater_accumulates(session->settings), sums = last || carries;
    double begin = nn_seconds();
    pass->accumulate = t->pass > 0 && !carries;
    nn_comm_at(t->comm, NN_PHASE_BACKWARD);
    if (last)
        begin_sums(t, stats, read);
    else if (carries)
        nn_reducer_begin_pass(session->reducer);
    nn_model_backward(session->model, pass, sums ? nn_reducer_ready : NULL, session->reducer);
    int rc = sums ? nn_reducer_finish(session->reducer) : 0;
    t->interval.backward += nn_seconds() - begin;
    return rc;
}

/* Forward and back-propagation of one part of the shard, whose loss is added to `stats`. */
static int pass_over(nn_trainer *t, const nn_batch *part, double *stats, int read) {
    nn_session *session = &t->session;
    nn_real *dz = nn_model_output_grad(session->model);
    nn_pass pass = pass_of(t, part);
    pass.delta = nn_trainer_reports_gradients(t) ? t->delta : NULL;
    double begin = nn_seconds();
    nn_comm_at(t->comm, NN_PHASE_FORWARD);
    const nn_real *z = nn_model_forward(session->model, &pass, part->x);
    if (pass.parts)
        add_losses(t, part, pass.parts, z, dz, stats);
    else
        add_loss(t, part, z, dz, stats);
    if (session->settings->train.stop_when == NN_STOP_NO_MISTAKES)
        t->mistakes += count_mistakes(session, nn_batch_targets(part), dz);
    t->interval.forward += nn_seconds() - begin;
    return go_back(t, &pass, stats, read);
}

/* The gradient of the global minibatch, and the numbers that travel with it. */
static int compute_gradient(nn_trainer *t, const nn_batch *batch, int read) {
    size_t passes = (size_t)t->session.settings->train.accumulate;
    double one[NN_REDUCE_STATS];
    const nn_microbatches *micro = t->session.micro;
    double *stats = micro ? micro->stats : one;
    memset(stats, 0, nn_session_own_parts(&t->session) * sizeof one);
    t->mistakes = 0;
    nn_trainer_clear_gradients(t);
    for (t->pass = 0; t->pass < passes; t->pass++) {
        nn_batch part = part_at(t, batch, t->pass);
        nn_reducer_set_rows(t->session.reducer, (size_t)part.global);
        NN_TRY(pass_over(t, &part, stats, read));
    }
    return t->sum_rc;
}

/* Where a loss that is no number came from: all ranks compute the minibatch again and look. */
static int check_loss(nn_trainer *t, const nn_batch *batch) {
    const nn_layer *bad = NULL;
    long long step = (long long)t->state.step + 1;
    if (t->stat[NN_STAT_WEIGHT] <= 0 || isfinite(t->loss))
        return 0;
    for (size_t i = 0; i < (size_t)t->session.settings->train.accumulate; i++) {
        nn_batch part = part_at(t, batch, i);
        nn_pass pass = pass_of(t, &part);
        const nn_layer *found = nn_model_find_bad(t->session.model, &pass, part.x);
        bad = bad ? bad : found;
    }
    int rc = bad ? nn_fail(NN_EDIVERGED,
                           "training diverged: the loss of step %lld is %g, because the output of "
                           "layer '%s' became NaN or Inf",
                           step, nn_plain_nan(t->loss), bad->name)
                 : 0;
    NN_TRY(nn_comm_agree(t->comm, rc));
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(t->session.model, &layer);
    return nn_fail(NN_EDIVERGED,
                   "training diverged: the loss of step %lld is %g, of outputs of layer '%s' that "
                   "are finite",
                   step, nn_plain_nan(t->loss), layer[layers - 1]->name);
}

/* What all ranks together say: failures end the run on all of them in the same step. */
static int check_stats(nn_trainer *t, int read) {
    const double *stat = t->stat;
    if (stat[NN_STAT_FAILED] > 0)
        return nn_comm_agree(t->comm, read);
    t->stop = stat[NN_STAT_STOP] > 0;
    t->clock = stat[NN_STAT_CLOCK] > 0;
    if (stat[NN_STAT_WEIGHT] <= 0) /* every sample is ignored: there is no loss to speak of */
        return 0;
    t->loss = stat[NN_STAT_LOSS] / stat[NN_STAT_WEIGHT];
    return 0;
}

/* Sums and the optimiser's steps happen within back-propagation's time. */
static void clock_step(nn_trainer *t, double begin, double read) {
    nn_interval *i = &t->interval;
    double comm, update;
    nn_reducer_seconds(t->session.reducer, &comm, &update);
    i->data += read - begin;
    i->backward -= comm + update;
    i->comm += comm;
    i->update += update;
}

int nn_trainer_step(nn_trainer *t) {
    nn_batch batch = {0};
    double begin = nn_seconds();

    nn_comm_at_step(t->comm, t->state.step + 1);
    nn_comm_at(t->comm, NN_PHASE_DATA);
    t->lr = nn_trainer_rate(t);
    int rc = nn_loader_batch(t->train, t->state.epoch, t->state.batch, &batch);
    if (rc < 0)
        batch = (nn_batch){0};
    double read = nn_seconds();

    NN_TRY(compute_gradient(t, &batch, rc));
    NN_TRY(check_stats(t, rc));
    NN_TRY(check_loss(t, &batch));
    NN_TRY(nn_reducer_nonfinite(t->session.reducer) ? nn_updater_explain_nonfinite(t->updater) : 0);
    NN_TRY(nn_trainer_sum_gradients(t, t->stat[NN_STAT_WEIGHT]));
    clock_step(t, begin, read);
    advance(t, &batch);
    return 0;
}
