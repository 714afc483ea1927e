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

/* Rows [begin, end) of a shard. */
static nn_batch part_of(const nn_job *job, const nn_batch *batch, size_t begin, size_t end) {
    nn_shape input = nn_model_input_shape(job->model);
    nn_batch part = *batch;
    part.count = end - begin;
    if (begin == 0)
        return part;
    part.x += begin * nn_shape_count(&input);
    part.sample += begin;
    part.length = batch->length ? batch->length + begin : NULL;
    part.target = nn_target_from(&batch->target, begin);
    return part;
}

/* Forward and back-propagation of one part of the shard; its gradients are added to those of the
 * parts before, and its loss to *sum. The numbers behind the gradients are complete with the last
 * one, whose gradients the reducer may take as they come. */
static void pass_over(nn_trainer *t, const nn_batch *part, nn_loss_sum *sum, bool first, bool last,
                      int read) {
    nn_job *job = &t->job;
    nn_pass pass = {.batch = part->count,
                    .training = true,
                    .accumulate = !first,
                    .seed = (uint64_t)t->state.seed,
                    .step = (uint64_t)t->state.step,
                    .sample = part->sample,
                    .length = part->length,
                    .sum = sum_over_ranks,
                    .sum_ctx = t};
    double begin = nn_seconds();
    const nn_real *z = nn_model_forward(job->model, &pass, part->x);
    nn_loss_eval(job->loss, pass.batch, z, &part->target, sum, nn_model_output_grad(job->model));
    if (last)
        put_stats(t, sum, read);
    double middle = nn_seconds();
    nn_model_backward(job->model, &pass, last ? nn_reducer_ready : NULL, t->reducer);
    t->interval.forward += middle - begin;
    t->interval.backward += nn_seconds() - middle;
}

/* The gradient of the global minibatch, and the numbers that travel with it. */
static int compute_gradient(nn_trainer *t, const nn_batch *batch, int read) {
    size_t passes = (size_t)t->job.settings->train.accumulate;
    size_t count = read < 0 ? 0 : batch->count, rows = (count + passes - 1) / passes;
    nn_loss_sum sum = {0};
    for (size_t i = 0; i < passes; i++) {
        size_t begin = i * rows < count ? i * rows : count;
        size_t end = begin + rows < count ? begin + rows : count;
        nn_batch part = part_of(&t->job, batch, begin, end);
        pass_over(t, &part, &sum, i == 0, i + 1 == passes, read);
    }
    double begin = nn_seconds();
    NN_TRY(nn_reducer_finish(t->reducer));
    t->interval.backward += nn_seconds() - begin;
    return t->sum_rc;
}

/* Waiting for other ranks happens within back-propagation's time. */
static void clock_step(nn_trainer *t, double begin, double read, double summed) {
    nn_interval *i = &t->interval;
    double comm = nn_reducer_seconds(t->reducer);
    i->data += read - begin;
    i->backward -= comm;
    i->comm += comm;
    i->update += nn_seconds() - summed;
}

int nn_trainer_step(nn_trainer *t) {
    const nn_real *stat = t->job.grads + nn_model_size(t->job.model);
    nn_batch batch = {0};
    double begin = nn_seconds();

    t->lr = nn_trainer_rate(t);
    int rc = nn_loader_batch(t->train, t->state.epoch, t->state.batch, &batch);
    double read = nn_seconds();

    NN_TRY(compute_gradient(t, &batch, rc));
    double summed = nn_seconds();

    NN_TRY(check_stats(t, stat, rc));
    nn_updater_begin(t->updater, t->lr, (double)stat[NN_STAT_WEIGHT], t->state.step + 1);
    nn_updater_all(t->updater);
    NN_TRY(nn_updater_check(t->updater));
    clock_step(t, begin, read, summed);
    advance(t, &batch, stat);
    return 0;
}
