/* What is around the steps of a run: reports and validation after a step, why it is over, its end.
 */
#include "base/log.h"
#include "base/system/clock.h"
#include "base/text.h"
#include "comm/heartbeat.h"
#include "comm/launch.h"
#include "comm/watchdog.h"
#include "math/kernels.h"
#include "train/filters.h"
#include "train/run/weights_line.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Why a run is over; the texts are what people and nn_train_result see. */
enum why {
    GOING_ON,
    ALL_EPOCHS,
    ALL_STEPS,
    LOSS_REACHED,
    NO_IMPROVEMENT,
    NO_MISTAKES,
    CALLBACK,
    PAUSED
};
static const char *const why_text[] = {
    [GOING_ON] = "callback", /* the program finishes it sooner */
    [ALL_EPOCHS] = "epochs",       [ALL_STEPS] = "max_steps",
    [LOSS_REACHED] = "stop_below", [NO_IMPROVEMENT] = "early_stopping",
    [NO_MISTAKES] = "no_mistakes", [CALLBACK] = "callback",
    [PAUSED] = "paused",
};

static enum why why_over(const nn_trainer *t) {
    const nn_settings *set = t->session.settings;
    const nn_state *s = &t->state;
    if (t->ended)
        return CALLBACK;
    if (set->validate.stopping.patience && s->since_best >= set->validate.stopping.patience)
        return NO_IMPROVEMENT;
    if (set->train.stop_when == NN_STOP_NO_MISTAKES && s->last_epoch_mistakes == 0)
        return NO_MISTAKES;
    if (s->last_epoch_loss < set->train.stop_below)
        return LOSS_REACHED;
    if (set->train.max_steps >= 0 && s->step >= set->train.max_steps)
        return ALL_STEPS;
    if (s->epoch >= set->train.epochs)
        return ALL_EPOCHS;
    return t->pause_epoch && s->epoch >= t->pause_epoch ? PAUSED : GOING_ON;
}

bool nn_trainer_is_due(const nn_trainer *t, int64_t every_epochs, int64_t every_steps) {
    const nn_state *s = &t->state;
    return (s->batch == 0 && !t->on_supplied && every_epochs && s->epoch % every_epochs == 0) ||
           (every_steps && s->step % every_steps == 0);
}

static bool improves(const nn_trainer *t, double value, bool larger_is_better) {
    double delta = t->session.settings->validate.stopping.min_delta;
    if (isnan(value))
        return false;
    if (t->state.best_step < 0)
        return true;
    return larger_is_better ? value > t->state.best_value + delta
                            : value < t->state.best_value - delta;
}

/* Looks, and notes nothing. */
static int evaluate(nn_trainer *t) {
    NN_TRY(nn_trainer_complete_step(t));
    nn_loader_rest(t->train);
    NN_TRY(nn_session_evaluate(&t->session, t->valid, t->valid_split, t->validation));
    t->validated_step = t->state.step;
    return 0;
}

static int validate(nn_trainer *t) {
    bool larger_is_better;
    nn_evaluation *e = t->validation;
    if (!t->valid || t->validated_step == t->state.step)
        return 0;
    double since = nn_seconds();
    NN_TRY(evaluate(t));
    double value = nn_session_metric(&t->session, e, t->session.settings->validate.stopping.metric,
                                     &larger_is_better);
    bool better = improves(t, value, larger_is_better);
    t->state.since_best = better ? 0 : t->state.since_best + 1;
    if (better) {
        t->state.best_value = value;
        t->state.best_step = t->state.step;
    }
    nn_trainer_observe(t, e);
    NN_TRY(nn_trainer_report_validation(t, e));
    nn_trainer_pause(t, since);
    nn_trace_end(t->session.trace, NN_TRACE_VALIDATE, 0, since);
    return better ? nn_trainer_save_best(t) : 0;
}

static int end_epoch(nn_trainer *t) {
    nn_state *s = &t->state;
    if (s->epoch_weight == 0)
        return nn_fail(NN_EFORMAT,
                       "%s: every sample of 'train' is ignored or weighs 0, so there is nothing to "
                       "learn",
                       t->session.data->path);
    s->last_epoch_loss = s->epoch_loss / s->epoch_weight;
    s->last_epoch_mistakes = s->epoch_mistakes;
    s->epoch_loss = s->epoch_weight = 0;
    s->epoch_mistakes = 0;
    return 0;
}

int nn_trainer_log_parameters(nn_trainer *t) {
    const nn_session *s = &t->session;
    if (!s->settings->log.tensorboard && !s->settings->log.weights)
        return 0;
    NN_TRY(nn_trainer_complete_step(t));
    double since = nn_seconds();
    int rc = t->run ? nn_run_parameters(t->run, s->model, nn_session_model_params(s), t->state.step,
                                        t->state.epoch)
                    : 0;
    nn_trainer_pause(t, since);
    return nn_comm_agree(t->comm, rc);
}

static int log_samples(nn_trainer *t, const nn_shape *image) {
    nn_batch batch;
    nn_loader_rest(t->train);
    NN_TRY(nn_loader_batch(t->valid, 0, 0, &batch));
    return nn_run_samples(t->run, t->valid_split, image, batch.count, batch.x, t->state.step);
}

int nn_trainer_log_samples(nn_trainer *t) {
    nn_shape input = nn_model_input_shape(t->session.model), image = nn_picture_shape(&input);
    bool wanted = t->session.settings->log.tensorboard && t->valid && image.rank > 0;
    if (!wanted)
        return 0;
    return nn_comm_agree(t->comm, t->run ? log_samples(t, &image) : 0);
}

/* Rank 0 has the folder. */
static const char *run_dir(const nn_trainer *t) {
    return t->run ? nn_run_dir(t->run) : NULL;
}

/* Their values over the steps are a path. */
static bool has_few_parameters(const nn_trainer *t) {
    return nn_model_param_count(t->session.model) <= NN_WEIGHTS_FEW;
}

static int stop(nn_trainer *t) {
    nn_launch launch = nn_launch_read();
    char launcher[NN_LAUNCH_TEXT], word[NN_SHELL_TEXT];
    NN_TRY(nn_trainer_save_now(t));
    NN_TRY(nn_timeline_end(t->timeline, run_dir(t)));
    if (!t->saver)
        return nn_fail(NN_ESTOPPED,
                       "stopped by a signal after step %lld; nothing is saved, as there is no run "
                       "folder",
                       (long long)t->state.step);
    if (t->session.settings->given) /* no command has its samples */
        return nn_fail(NN_ESTOPPED,
                       "stopped by a signal after step %lld, which is saved; to go on, the program "
                       "resumes the run (in Python: fit(run_dir=..., resume=True))",
                       (long long)t->state.step);
    return nn_fail(NN_ESTOPPED,
                   "stopped by a signal after step %lld, which is saved; to go on: %snnmpi train "
                   "--run %s --resume",
                   (long long)t->state.step, nn_launch_prefix(&launch, launcher),
                   t->run ? nn_text_shell(run_dir(t), word) : "DIR");
}

/* train.trace: after its last step. */
static int write_timeline(nn_trainer *t) {
    if (!nn_timeline_ends(t->timeline, t->state.step))
        return 0;
    NN_TRY(nn_trainer_complete_step(t));
    double since = nn_seconds();
    NN_TRY(nn_timeline_end(t->timeline, run_dir(t)));
    nn_trainer_pause(t, since);
    return 0;
}

/* What follows a step: reports, validation, checkpoints, and the answer to signals. */
static int after_step(nn_trainer *t) {
    const nn_settings *set = t->session.settings;
    nn_state *s = &t->state;
    bool epoch_end = s->batch == 0 && !t->on_supplied, rewound = false;
    if (set->train.check_replicas > 0 && s->step % set->train.check_replicas == 0)
        NN_TRY(nn_trainer_compare_replicas(t, &rewound));
    if (rewound)
        return 0;
    if (epoch_end)
        NN_TRY(end_epoch(t));
    bool reports = epoch_end || s->step % set->train.log_every == 0;
    if (reports)
        NN_TRY(nn_trainer_report(t, epoch_end));
    else
        nn_trainer_show_progress(t);
    if (epoch_end || (reports && set->log.weights && has_few_parameters(t)))
        NN_TRY(nn_trainer_log_parameters(t));
    if (nn_trainer_is_due(t, set->validate.every_epochs, set->validate.every_steps))
        NN_TRY(validate(t));
    if (epoch_end && t->run)
        nn_run_refresh(t->run);
    NN_TRY(nn_trainer_save_due(t));
    NN_TRY(write_timeline(t));
    return t->stop && !why_over(t) ? stop(t) : 0;
}

/* What to change so that a run that is over goes on. */
static void say_finished(const nn_trainer *t, enum why why) {
    const nn_settings *set = t->session.settings;
    const nn_state *s = &t->state;
    char what[160], how[160];
    long long step = (long long)s->step, epoch = (long long)s->epoch;
    switch (why) {
    case ALL_STEPS:
        snprintf(what, sizeof what, "max_steps = %lld", (long long)set->train.max_steps);
        snprintf(how, sizeof how, "-o train.max_steps=%lld", step ? 2 * step : 100);
        break;
    case LOSS_REACHED:
        snprintf(what, sizeof what, "the loss %g is below stop_below = %g", s->last_epoch_loss,
                 set->train.stop_below);
        snprintf(how, sizeof how, "a smaller train.stop_below");
        break;
    case NO_IMPROVEMENT:
        snprintf(what, sizeof what, "%lld validations brought no improvement",
                 (long long)s->since_best);
        snprintf(how, sizeof how, "-o validate.early_stopping.patience=%lld",
                 2 * (long long)s->since_best);
        break;
    case NO_MISTAKES:
        snprintf(what, sizeof what, "the last epoch had no mistakes");
        snprintf(how, sizeof how, "-o train.stop_when=planned");
        break;
    default:
        snprintf(what, sizeof what, "all of the %lld epochs are done", epoch);
        snprintf(how, sizeof how, "-o train.epochs=%lld", epoch ? 2 * epoch : 10);
    }
    nn_info("the run is finished: %s; to go on, resume it with %s", what, how);
}

bool nn_trainer_goes_on(const nn_trainer *t) {
    return why_over(t) == GOING_ON;
}

void nn_trainer_begin_steps(nn_trainer *t) {
    if (t->run && t->first_step > 0 && why_over(t))
        say_finished(t, why_over(t));
    t->traces = t->timeline != NULL;
    t->pace = (nn_pace){.begin = nn_seconds()};
    t->saved_at = t->pace.told = t->pace.begin;
    nn_trainer_restart_interval(t);
}

/* A pause notes no validation that there would not be without it, as this would decide what is best
 * and when to stop. But who pauses wants to know what the run has come to. */
static int look(nn_trainer *t) {
    return t->valid && t->validated_step < 0 && t->state.best_step < 0 ? evaluate(t) : 0;
}

/* After the last step; once more where the program ends the run, when there may be nothing left to
 * do. */
static int finish_run(nn_trainer *t) {
    NN_TRY(nn_trainer_report(t, false)); /* of the steps since the last one, at train.max_steps */
    if (t->state.step > t->first_step)
        NN_TRY(why_over(t) == PAUSED ? look(t) : validate(t));
    return nn_trainer_save_now(t);
}

int nn_trainer_attend(nn_trainer *t) {
    NN_TRY(after_step(t));
    return nn_trainer_goes_on(t) ? 0 : finish_run(t);
}

/* On rank 0. */
static int load_best(nn_trainer *t) {
    nn_snapshot snapshot = {.model = t->session.model,
                            .params = nn_session_model_params(&t->session)};
    if (!t->best)
        return nn_run_load_best(t->run, &snapshot);
    memcpy(snapshot.params, t->best, nn_model_size(snapshot.model) * sizeof *t->best);
    return 0;
}

/* The parameters of the best validation, where they are wanted and not the last ones anyway. */
static int restore_best(nn_trainer *t, bool *restored) {
    const nn_settings *set = t->session.settings;
    nn_state *s = &t->state;
    *restored = set->validate.stopping.restore_best && s->best_step >= 0 && s->best_step != s->step;
    if (!*restored)
        return 0;
    NN_TRY(nn_staging_complete_all(&t->session));
    NN_TRY(nn_comm_agree(t->comm, t->run ? load_best(t) : 0));
    return nn_session_distribute(&t->session, NULL);
}

/* Whether the classes were separated, where training with perceptron or hinge was to find out. */
static void judge(const nn_trainer *t, nn_train_result *result) {
    const nn_state *s = &t->state;
    if (t->session.settings->train.stop_when != NN_STOP_NO_MISTAKES)
        return;
    snprintf(result->verdict, sizeof result->verdict,
             s->last_epoch_mistakes == 0 ? "separated after %lld epochs"
                                         : "not separable within %lld epochs",
             (long long)s->epoch);
}

int nn_trainer_finish(nn_trainer *t, nn_train_result *result) {
    NN_TRY(nn_trainer_complete_step(t));
    NN_TRY(finish_run(t));
    NN_TRY(nn_timeline_end(t->timeline, run_dir(t)));
    double seconds = nn_seconds() - t->pace.begin;
    nn_comm_at(t->comm, NN_PHASE_END);
    *result = (nn_train_result){.steps = t->state.step,
                                .epochs = t->state.epoch,
                                .loss = t->loss,
                                .seconds = seconds,
                                .samples_per_s = nn_trainer_mean_rate(t),
                                .first_step = t->first_step,
                                .why = why_text[why_over(t)],
                                .best_step = t->state.best_step};
    judge(t, result);
    nn_loader_rest(t->train);
    NN_TRY(restore_best(t, &result->restored_best));
    if (t->test && why_over(t) != PAUSED) {
        NN_TRY(nn_comm_agree(t->comm, nn_session_evaluation_new(&t->session, &result->test)));
        NN_TRY(nn_session_evaluate(&t->session, t->test, "test", result->test));
    }
    NN_TRY(nn_comm_agree(
        t->comm,
        nn_params_digest(t->session.model, nn_session_model_params(&t->session), result->digest)));
    if (t->run && nn_run_dir(t->run))
        snprintf(result->run_dir, sizeof result->run_dir, "%s", nn_run_dir(t->run));
    NN_TRY(nn_comm_bcast(t->comm, result->run_dir, sizeof result->run_dir));
    return nn_trainer_report_end(t, result);
}

/* After divergence: what can be done, and what there is to go on from. */
void nn_trainer_advise(const nn_trainer *t, int rc) {
    char what[700], from[80] = "nothing was saved before";
    if (rc != NN_EDIVERGED)
        return;
    long long good = (long long)(t->saved_step >= 0 ? t->saved_step : t->first_step);
    snprintf(what, sizeof what, "%s", nn_error_message());
    if (good > 0)
        snprintf(from, sizeof from, "the checkpoint of step %lld is good", good);
    nn_fail(rc, "%s; lower the learning rate (train.lr, now %g) or clip gradients; %s", what, t->lr,
            from);
}
