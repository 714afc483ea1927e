/* The training step. */
#include "base/clock.h"
#include "train/trainer.h"

#include <math.h>

/* nn_sum_fn of a pass: statistics of the global minibatch. A failure is kept for after the pass. */
static void sum_over_ranks(void *ctx, size_t n, double *values) {
    nn_trainer *t = ctx;
    if (t->sum_rc == 0)
        t->sum_rc = nn_comm_sum(t->comm, values, n);
}

/* What this rank adds to the numbers that travel behind the gradients. */
static void put_stats(nn_trainer *t, const nn_loss_sum *sum, int read) {
    nn_real *stat = t->job.grads + nn_model_size(t->job.model);
    stat[NN_STAT_LOSS] = (nn_real)sum->loss;
    stat[NN_STAT_WEIGHT] = (nn_real)sum->weight;
    stat[NN_STAT_STOP] = t->options->stop && *t->options->stop ? 1 : 0;
    stat[NN_STAT_FAILED] = (nn_real)(read < 0);
}

/* What all ranks together say: failures end the run on all of them in the same step. */
static int check_stats(nn_trainer *t, const nn_real *stat, int read) {
    if (stat[NN_STAT_FAILED] > 0)
        return nn_comm_agree(t->comm, read);
    t->stop = stat[NN_STAT_STOP] > 0;
    if (stat[NN_STAT_WEIGHT] == 0) /* every sample is ignored: there is no loss to speak of */
        return 0;
    t->loss = (double)stat[NN_STAT_LOSS] / (double)stat[NN_STAT_WEIGHT];
    if (!isfinite(t->loss))
        return nn_fail(NN_EDIVERGED,
                       "training diverged: the loss of step %lld is %g; lower the learning rate "
                       "(train.lr, now %g)",
                       (long long)t->state.step + 1, t->loss, t->lr);
    return 0;
}

static void advance(nn_trainer *t, const nn_batch *batch, const nn_real *stat) {
    nn_state *s = &t->state;
    nn_interval *i = &t->interval;
    s->step++;
    s->epoch_loss += (double)stat[NN_STAT_LOSS];
    s->epoch_weight += (double)stat[NN_STAT_WEIGHT];
    i->steps++;
    i->samples += (double)batch->global;
    t->samples += (double)batch->global;
    i->loss += (double)stat[NN_STAT_LOSS];
    i->weight += (double)stat[NN_STAT_WEIGHT];
    if (++s->batch == t->steps_per_epoch) {
        s->batch = 0;
        s->epoch++;
    }
}

/* Seconds of a step by phase; waiting for other ranks happens within back-propagation's time. */
static void clock_step(nn_trainer *t, const double at[5]) {
    nn_interval *i = &t->interval;
    double comm = nn_reducer_seconds(t->reducer);
    i->data += at[1] - at[0];
    i->forward += at[2] - at[1];
    i->backward += at[3] - at[2] - comm;
    i->comm += comm;
    i->update += at[4] - at[3];
}

int nn_trainer_step(nn_trainer *t) {
    nn_job *job = &t->job;
    nn_batch batch = {0};
    nn_loss_sum sum = {0};
    const nn_real *stat = job->grads + nn_model_size(job->model);
    double at[5] = {nn_seconds()};

    t->lr = nn_trainer_rate(t);
    int read = nn_loader_batch(t->train, t->state.epoch, t->state.batch, &batch);
    at[1] = nn_seconds();

    nn_pass pass = {.batch = read < 0 ? 0 : batch.count,
                    .training = true,
                    .seed = (uint64_t)t->state.seed,
                    .step = (uint64_t)t->state.step,
                    .sample = batch.sample,
                    .length = batch.length,
                    .sum = sum_over_ranks,
                    .sum_ctx = t};
    const nn_real *z = nn_model_forward(job->model, &pass, batch.x);
    nn_loss_eval(job->loss, pass.batch, z, &batch.target, &sum, nn_model_output_grad(job->model));
    put_stats(t, &sum, read);
    at[2] = nn_seconds();

    nn_model_backward(job->model, &pass, nn_reducer_ready, t->reducer);
    NN_TRY(nn_reducer_finish(t->reducer));
    NN_TRY(t->sum_rc);
    at[3] = nn_seconds();

    NN_TRY(check_stats(t, stat, read));
    nn_updater_begin(t->updater, t->lr, (double)stat[NN_STAT_WEIGHT], t->state.step + 1);
    nn_updater_all(t->updater);
    NN_TRY(nn_updater_check(t->updater));
    at[4] = nn_seconds();
    clock_step(t, at);
    advance(t, &batch, stat);
    return 0;
}
