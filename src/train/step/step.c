/* The training step. */
#include "base/system/clock.h"
#include "base/text.h"
#include "comm/heartbeat.h"
#include "math/kernels.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

/* ---- phases ---------------------------------------------------------------------------------- */

/* Another phase of the step begins; the seconds of the one before, which was `ended`, are added to
 * `spent`, but for those in which layers summed statistics over the ranks, gradients were summed,
 * or the optimiser took its steps. */
static void next_phase(nn_trainer *t, nn_trace_what ended, nn_phase phase, double *spent) {
    double now = nn_seconds(), waited, update;
    nn_reducer_seconds(t->session.reducer, &waited, &update);
    waited += t->session.waited;
    *spent += now - t->phase_begin - waited - update;
    t->interval.comm += waited;
    t->interval.update += update;
    t->session.waited = 0;
    nn_trace_add(t->session.trace, ended, 0, t->phase_begin, now);
    t->phase_begin = now;
    nn_comm_at(t->comm, phase);
}

/* ---- parts of the step ----------------------------------------------------------------------- */

/* This rank's rows of the global minibatch, supplied or read; none when reading fails, which the
 * other ranks learn from the sums of the step. */
static int load_shard(nn_trainer *t, nn_batch *shard) {
    t->step_begin = t->phase_begin = nn_seconds();
    nn_comm_at_step(t->comm, t->state.step + 1);
    nn_comm_at(t->comm, NN_PHASE_DATA);
    if (t->on_supplied) {
        *shard = t->supplied_rows;
        return 0;
    }
    int rc = nn_loader_batch(t->train, t->state.epoch, t->state.batch, shard);
    if (rc < 0)
        *shard = (nn_batch){0};
    return rc;
}

static size_t passes(const nn_trainer *t) {
    return (size_t)t->session.settings->train.accumulate;
}

/* The rows that pass i has on all ranks (train.accumulate), also where reading has failed on this
 * one. */
static int64_t global_of_pass(const nn_trainer *t, size_t i) {
    int64_t global =
        t->on_supplied ? t->supplied_rows.global : nn_loader_global(t->train, t->state.batch);
    int64_t count = (int64_t)passes(t), at = (int64_t)i;
    return nn_even_begin(global, count, at + 1) - nn_even_begin(global, count, at);
}

/* The rows of the shard that it computes: all of them where the shard is not divided, as supplied
 * rows are not; none where reading has failed. */
static nn_batch rows_of_pass(const nn_trainer *t, const nn_batch *shard, size_t i) {
    if (!shard->pass)
        return *shard;
    nn_batch rows = nn_session_rows(&t->session, shard, shard->pass[i], shard->pass[i + 1]);
    rows.global = global_of_pass(t, i);
    return rows;
}

/* The gradients of pass i are summed over the ranks: the layers add the gradients of the passes,
 * and only the last one is summed. With train.reproducible every pass is, and the updater adds
 * these sums. */
static bool is_summed(const nn_trainer *t, size_t i) {
    return i + 1 == passes(t) || nn_settings_sums_passes(t->session.settings);
}

/* What the layers are told of pass i over these rows. */
static nn_pass pass_over(nn_trainer *t, size_t i, const nn_batch *rows) {
    return (nn_pass){.batch = rows->count,
                     .training = true,
                     .emit_rows = is_summed(t, i),
                     .accumulate = i > 0 && !nn_settings_sums_passes(t->session.settings),
                     .seed = (uint64_t)t->state.seed,
                     .step = (uint64_t)t->state.step,
                     .sample = rows->sample,
                     .length = rows->length,
                     .micro = nn_session_microbatches(&t->session, rows),
                     .watch = nn_trainer_watch(t),
                     .watch_ctx = t->watch ? t->watch_ctx : t,
                     .sum = nn_session_sum_statistics,
                     .sum_ctx = &t->session,
                     .need = nn_reducer_need,
                     .need_ctx = t->session.reducer};
}

/* Samples with a gradient of the loss: mistakes, where the loss is perceptron or hinge. */
static size_t count_mistakes(size_t rows, size_t outputs, const nn_real *dz) {
    size_t mistakes = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < outputs; j++)
            if (dz[i * outputs + j] != 0) {
                mistakes++;
                break;
            }
    return mistakes;
}

/* The loss of a part of the rows, added to the sums of its microbatch, and the gradient dz. */
static void add_loss(void *ctx, const nn_output_part *part) {
    const nn_trainer *t = ctx;
    const nn_session *s = &t->session;
    nn_step_sums *sums = &s->sums[part->micro];
    nn_loss_sum sum = {sums->loss, sums->weight};
    nn_loss_eval(s->loss, part->count, part->z, &part->target, &sum, part->dz);
    sums->loss = sum.loss;
    sums->weight = sum.weight;
    if (s->settings->train.stop_when == NN_STOP_NO_MISTAKES)
        sums->mistakes += (double)count_mistakes(part->count, s->outputs, part->dz);
    nn_trainer_measure_rows(t, part);
}

/* What this rank adds to the sums of the step, which go with the gradients of the last pass. */
static void begin_sum(nn_trainer *t, bool last, int failure) {
    nn_session *s = &t->session;
    if (!last) {
        nn_reducer_skip_sums(s->reducer);
        return;
    }
    /* one number a rank: they go with the sums of its first microbatch */
    nn_trainer_add_requests(t, failure, s->sums);
    nn_reducer_send_sums(s->reducer, s->sums);
}

/* ---- what comes out of it -------------------------------------------------------------------- */

/* What an embedding gives is NaN though its vectors are not. */
static bool is_given_no_index(const nn_session *s, const nn_layer *layer) {
    const nn_param *vectors = &layer->param[0];
    return layer->vocabulary > 0 &&
           nn_kernels_get()->all_finite(vectors->count, s->params + vectors->offset);
}

/* Where a loss that is NaN or Inf came from: all ranks compute the minibatch again and look. */
static int explain_loss(nn_trainer *t, const nn_batch *shard) {
    const nn_layer *bad = NULL;
    long long step = (long long)t->state.step + 1;
    for (size_t i = 0; i < passes(t); i++) {
        nn_batch rows = rows_of_pass(t, shard, i);
        nn_pass pass = pass_over(t, i, &rows);
        pass.watch = NULL;
        pass.emit_rows = false;
        const nn_layer *found = nn_model_find_nonfinite(t->session.model, &pass, rows.x);
        bad = bad ? bad : found;
    }
    int rc = 0;
    if (bad && is_given_no_index(&t->session, bad))
        rc = nn_fail(NN_EFORMAT,
                     "step %lld: layer '%s' is given a number that is no index: it takes whole "
                     "numbers from 0 to %lld",
                     step, bad->name, (long long)bad->vocabulary - 1);
    else if (bad)
        rc = nn_fail(NN_EDIVERGED,
                     "training diverged: the loss of step %lld is %g, because the output of "
                     "layer '%s' became NaN or Inf",
                     step, nn_plain_nan(t->loss), bad->name);
    NN_TRY(nn_comm_agree(t->comm, rc));
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(t->session.model, &layer);
    return nn_fail(NN_EDIVERGED,
                   "training diverged: the loss of step %lld is %g, of outputs of layer '%s' that "
                   "are finite",
                   step, nn_plain_nan(t->loss), layer[layers - 1]->name);
}

/* Layers or a loss of the program's own may have failed on any rank, before or after the sums: all
 * ranks learn of it before the step counts. */
static int check_faults(const nn_trainer *t) {
    if (!nn_session_can_fault(&t->session))
        return 0;
    int rc = nn_session_fault(&t->session);
    if (rc < 0)
        nn_error_prefix(rc, "step %lld", (long long)t->state.step + 1);
    return nn_comm_agree(t->comm, rc);
}

/* Takes loss and wishes from the sums, which are the same on every rank: so a failure ends the
 * run on all of them in this step. */
static int check_step(nn_trainer *t, const nn_batch *shard, int failure) {
    const nn_session *s = &t->session;
    const nn_step_sums *sums = nn_reducer_sums(s->reducer);
    NN_TRY(s->sum_rc);
    if (sums->failed > 0)
        return nn_comm_agree(t->comm, failure < 0 ? failure : nn_trainer_save_failure(t));
    t->stop = sums->stop > 0;
    t->asked = sums->asked > 0;
    t->save = (enum nn_save_clock)sums->save;
    t->saving = sums->busy > 0;
    t->last = sums->last > 0;
    if (sums->weight > 0) /* else every sample is ignored, and there is no loss to speak of */
        t->loss = sums->loss / sums->weight;
    if (sums->weight > 0 && !isfinite(t->loss))
        return explain_loss(t, shard);
    if (nn_reducer_nonfinite(s->reducer))
        return nn_updater_explain_nonfinite(t->updater);
    return nn_trainer_sum_deltas(t, sums->weight);
}

/* The step is done. */
static void advance(nn_trainer *t, const nn_batch *shard) {
    const nn_step_sums *sums = nn_reducer_sums(t->session.reducer);
    nn_state *s = &t->state;
    nn_interval *i = &t->interval;
    s->step++;
    nn_trace_end(t->session.trace, NN_TRACE_STEP, s->step, t->step_begin);
    i->steps++;
    i->samples += (double)shard->global;
    i->rows += (double)shard->count;
    t->pace.samples += (double)shard->global;
    i->loss += sums->loss;
    i->weight += sums->weight;
    if (t->on_supplied) /* epochs are those of the data set */
        return;
    s->epoch_loss += sums->loss;
    s->epoch_weight += sums->weight;
    s->epoch_mistakes += (int64_t)sums->mistakes;
    if (++s->batch == t->steps_per_epoch) {
        s->batch = 0;
        s->epoch++;
    }
}

/* ---- what the step before has left ----------------------------------------------------------- */

static int complete(nn_trainer *t) {
    NN_TRY(nn_reducer_complete(t->session.reducer));
    return nn_reducer_nonfinite(t->session.reducer) ? nn_updater_explain_nonfinite(t->updater) : 0;
}

/* After forward, which waited for it. That it diverged is told to the sums of this step, which ends
 * as if reading had failed: other nodes wait for its messages. */
static int complete_before(nn_trainer *t, int *failure) {
    if (*failure == NN_EDIVERGED) /* of an earlier pass, whose gradients are no more */
        return 0;
    int rc = complete(t);
    if (rc == NN_EDIVERGED)
        *failure = rc;
    return rc == NN_EDIVERGED ? 0 : rc;
}

int nn_trainer_complete_step(nn_trainer *t) {
    double other = 0;
    if (!nn_reducer_has_left(t->session.reducer))
        return 0;
    t->phase_begin = nn_seconds();
    int rc = complete(t);
    next_phase(t, NN_TRACE_COMPLETE, NN_PHASE_FORWARD, &other);
    return rc;
}

int nn_trainer_step(nn_trainer *t) {
    nn_session *s = &t->session;
    nn_interval *time = &t->interval;
    nn_batch shard;

    NN_TRY(nn_trainer_begin_gradient_report(t));
    if (t->traces)
        NN_TRY(nn_timeline_before(t->timeline, t->state.step + 1));
    int failure = load_shard(t, &shard);
    nn_session_clear_sums(s);
    t->lr = nn_trainer_rate(t);
    nn_updater_announce(t->updater, t->lr, t->state.step + 1);
    next_phase(t, NN_TRACE_DATA, NN_PHASE_FORWARD, &time->data);

    for (size_t i = 0; i < passes(t); i++) {
        nn_batch rows = rows_of_pass(t, &shard, i);
        nn_pass pass = pass_over(t, i, &rows);
        bool summed = is_summed(t, i);
        if (summed)
            nn_reducer_open(s->reducer, (size_t)global_of_pass(t, i));
        nn_model_forward(s->model, &pass, rows.x);
        NN_TRY(complete_before(t, &failure));
        nn_session_output(s, &pass, &rows, add_loss, t);
        next_phase(t, NN_TRACE_FORWARD, NN_PHASE_BACKWARD, &time->forward);

        /* Gradients become complete from the end of the vector on. The reducer sums what is
         * complete, and the updater takes the step on it. After the last pass all ranks have the
         * same new parameters, or wait for them in the next step, layer by layer. */
        if (summed)
            begin_sum(t, i + 1 == passes(t), failure);
        nn_model_backward(s->model, &pass, summed ? nn_reducer_ready : NULL, s->reducer);
        if (summed)
            NN_TRY(nn_reducer_finish(s->reducer));
        /* that of the next pass; after the last one the checks below count as forward, too */
        next_phase(t, NN_TRACE_BACKWARD, NN_PHASE_FORWARD, &time->backward);
    }
    NN_TRY(check_faults(t));
    NN_TRY(check_step(t, &shard, failure));
    NN_TRY(nn_trainer_measure_step(t, &shard));
    advance(t, &shard);
    return 0;
}

/* ---- in parts -------------------------------------------------------------------------------- */

int nn_trainer_forward(nn_trainer *t) {
    nn_session *s = &t->session;
    nn_step_parts *p = &t->step_parts;
    NN_TRY(nn_trainer_begin_gradient_report(t));
    if (t->traces)
        NN_TRY(nn_timeline_before(t->timeline, t->state.step + 1));
    NN_TRY(nn_comm_agree(t->comm, load_shard(t, &p->rows)));
    nn_session_clear_sums(s);
    next_phase(t, NN_TRACE_DATA, NN_PHASE_FORWARD, &t->interval.data);
    p->pass = pass_over(t, 0, &p->rows);
    p->output = nn_model_forward(s->model, &p->pass, p->rows.x);
    NN_TRY(s->sum_rc);
    return check_faults(t);
}

int nn_trainer_take_loss(nn_trainer *t, double *loss) {
    nn_session *s = &t->session;
    nn_step_parts *p = &t->step_parts;
    double *sums = s->metric_sums; /* is there for the sums of evaluations, which are more */
    nn_session_output(s, &p->pass, &p->rows, add_loss, t);
    for (size_t i = 0; i < nn_session_own_microbatches(s); i++) {
        sums[2 * i] = s->sums[i].loss;
        sums[2 * i + 1] = s->sums[i].weight;
    }
    NN_TRY(nn_session_sum(s, 2, sums));
    p->weight = sums[1];
    *loss = p->weight > 0 ? sums[0] / p->weight : NAN;
    next_phase(t, NN_TRACE_FORWARD, NN_PHASE_BACKWARD, &t->interval.forward);
    return check_faults(t);
}

void nn_trainer_backward(nn_trainer *t) {
    nn_model_backward(t->session.model, &t->step_parts.pass, NULL, NULL);
    next_phase(t, NN_TRACE_BACKWARD, NN_PHASE_BACKWARD, &t->interval.backward);
}

int nn_trainer_sum_gradients(nn_trainer *t) {
    NN_TRY(check_faults(t));
    NN_TRY(t->session.sum_rc);
    t->lr = nn_trainer_rate(t);
    nn_updater_announce(t->updater, t->lr, t->state.step + 1);
    nn_reducer_open(t->session.reducer, (size_t)t->step_parts.rows.global);
    begin_sum(t, true, 0);
    return nn_reducer_sum(t->session.reducer);
}

int nn_trainer_update(nn_trainer *t) {
    t->lr = nn_trainer_rate(t); /* the program may have set another one since */
    nn_updater_set_rate(t->updater, t->lr);
    NN_TRY(nn_reducer_update(t->session.reducer, true));
    next_phase(t, NN_TRACE_BACKWARD, NN_PHASE_FORWARD, &t->interval.backward);
    NN_TRY(check_step(t, &t->step_parts.rows, 0));
    advance(t, &t->step_parts.rows);
    return 0;
}
