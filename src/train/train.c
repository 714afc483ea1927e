/* Training from beginning to end: start or resume, loop, validate, save, finish. */
#include "base/clock.h"
#include "base/log.h"
#include "comm/watchdog.h"
#include "math/gemm/gemm.h"
#include "math/kernels.h"
#include "train/checkpoint/import_weights.h"
#include "train/config/changes.h"
#include "train/trainer.h"

#include <nnmpi/version.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Why a run is over; the texts are what people and nn_train_result see. */
enum why { GOING_ON, ALL_EPOCHS, ALL_STEPS, LOSS_REACHED, NO_IMPROVEMENT, NO_MISTAKES };
static const char *const why_text[] = {"",           "epochs",         "max_steps",
                                       "stop_below", "early_stopping", "no_mistakes"};

/* What the bits of a step depend on besides the numbers that go into it. */
#define KERNELS_TEXT 160
static const char *kernels_text(const nn_trainer *t, char text[KERNELS_TEXT]) {
    snprintf(text, KERNELS_TEXT, "%s, nnmpi %s (%s)", nn_gemm_name(&t->session.compute),
             NNMPI_VERSION, nn_kernels_get()->isa);
    return text;
}

/* The promise of the same bits holds for the same kernels. */
static int check_kernels(const nn_trainer *t, const char *before) {
    char now[KERNELS_TEXT];
    if (!t->session.micro || !before || strcmp(before, kernels_text(t, now)) == 0)
        return 0;
    return nn_fail(NN_EUSAGE,
                   "the checkpoint was computed with %s, and this machine computes with %s: the "
                   "run would not go on with the same bits; set train.reproducible to false to go "
                   "on all the same",
                   before, now);
}

/* The run folder (rank 0), and from it the newest checkpoint where there is one and it is asked
 * for; else fresh parameters. */
static int open_run(nn_trainer *t, nn_snapshot *snapshot, bool *resumed) {
    NN_TRY(nn_session_open_snapshot(&t->session, snapshot));
    NN_TRY(nn_run_open(t->config, t->options->run_dir, t->options->resume, &t->run));
    NN_TRY(nn_run_resume(t->run, snapshot, resumed));
    if (!*resumed)
        return 0;
    t->state = snapshot->state;
    return check_kernels(t, snapshot->kernels);
}

/* Minibatches of another size go on where they begin at the same sample. */
static int check_batches(nn_trainer *t) {
    nn_state *s = &t->state;
    int64_t samples = nn_loader_samples(t->train), done = s->batch * s->batch_size;
    long long epoch = (long long)s->epoch + 1;
    if (s->steps_per_epoch != (samples + s->batch_size - 1) / s->batch_size)
        return nn_fail(NN_EUSAGE,
                       "the checkpoint stands at minibatch %lld of %lld in epoch %lld, each of "
                       "%lld samples, but the data set has %lld samples now; go on with the data "
                       "as they were",
                       (long long)s->batch, (long long)s->steps_per_epoch, epoch,
                       (long long)s->batch_size, (long long)samples);
    if (done % t->session.batch_size)
        return nn_fail(NN_EUSAGE,
                       "the checkpoint stands at sample %lld of %lld in epoch %lld, which "
                       "minibatches of %lld samples do not reach: go on with train.batch_size = "
                       "%lld, or with one that divides %lld",
                       (long long)done, (long long)samples, epoch, (long long)t->session.batch_size,
                       (long long)s->batch_size, (long long)done);
    s->batch = done / t->session.batch_size;
    return 0;
}

/* The position within an epoch means something only for the same samples in the same order. */
static int check_position(nn_trainer *t) {
    const nn_state *s = &t->state;
    long long batch = (long long)s->batch, epoch = (long long)s->epoch + 1;
    if (s->window != nn_loader_shuffle_buffer(t->train))
        return nn_fail(NN_EUSAGE,
                       "the checkpoint stands at minibatch %lld in epoch %lld of an order in "
                       "buffers of %lld samples (0: none); keep data.memory as it was",
                       batch, epoch, (long long)s->window);
    if (s->seed != t->session.settings->train.seed)
        return nn_fail(NN_EUSAGE,
                       "the checkpoint stands at minibatch %lld in epoch %lld of an order drawn "
                       "with seed %lld; keep train.seed = %lld",
                       batch, epoch, (long long)s->seed, (long long)s->seed);
    return check_batches(t);
}

/* The epochs to come are drawn and cut as the configuration says. */
static void adopt(nn_trainer *t) {
    t->state.seed = t->session.settings->train.seed;
    t->state.batch_size = t->session.batch_size;
    t->state.steps_per_epoch = t->steps_per_epoch;
    t->state.window = nn_loader_shuffle_buffer(t->train);
}

/* Between two epochs seed and minibatches may change, and from then on are those of the run. */
static int go_on(nn_trainer *t) {
    nn_state before = t->state;
    if (t->state.batch)
        NN_TRY(check_position(t));
    adopt(t);
    nn_trainer_plan_steps(t);
    nn_trainer_say_resumed(t, &before);
    return 0;
}

/* Fresh parameters, or pretrained ones, with which their average starts; those of rank 0 count. */
static int init_parameters(nn_trainer *t) {
    const nn_settings *set = t->session.settings;
    nn_real *params = t->session.params;
    NN_TRY(nn_model_init(t->session.model, (uint64_t)t->state.seed, params));
    if (set->init.from)
        NN_TRY(nn_pretrained_read(&(nn_pretrained){set->init.from, set->init.layers,
                                                   set->init.layout == NN_LAYOUT_INPUT_OUTPUT,
                                                   set->init_node},
                                  t->session.model, params));
    if (t->session.average)
        memcpy(t->session.average, params, nn_model_size(t->session.model) * sizeof *params);
    return 0;
}

static int begin(nn_trainer *t) {
    adopt(t);
    t->state.best_step = -1;
    t->state.last_epoch_loss = NAN;
    t->state.last_epoch_mistakes = -1;
    t->state.schedule = (nn_schedule_memory){.factor = 1, .best = NAN};
    return nn_comm_agree(t->comm, nn_comm_rank(t->comm) == 0 ? init_parameters(t) : 0);
}

int nn_trainer_begin(nn_trainer *t) {
    NN_TRY(begin(t));
    return nn_session_share(&t->session, NULL);
}

/* After where the run stands, what of its configuration is another one. */
static int say_changes(const nn_trainer *t, const nn_snapshot *snapshot) {
    int rc = t->run ? nn_changes_say(t->session.settings->root, snapshot->config) : 0;
    return nn_comm_agree(t->comm, rc);
}

static int start_from(nn_trainer *t, nn_snapshot *snapshot) {
    bool resumed = false;
    int rc = 0;
    if (nn_comm_rank(t->comm) == 0)
        rc = open_run(t, snapshot, &resumed);
    NN_TRY(nn_comm_agree(t->comm, rc));
    NN_TRY(nn_comm_bcast(t->comm, &resumed, sizeof resumed));
    NN_TRY(nn_comm_bcast(t->comm, &t->state, sizeof t->state));
    NN_TRY(resumed ? go_on(t) : begin(t));
    if (resumed)
        NN_TRY(say_changes(t, snapshot));
    if (!resumed && t->run && !t->options->run_dir)
        nn_info("run folder %s", nn_run_dir(t->run));
    t->first_step = t->state.step;
    return nn_session_share(&t->session, resumed ? snapshot : NULL);
}

static int start(nn_trainer *t) {
    nn_snapshot snapshot = {0};
    int rc = start_from(t, &snapshot);
    nn_session_close_snapshot(&t->session, &snapshot);
    return rc;
}

static enum why finished(const nn_trainer *t) {
    const nn_settings *set = t->session.settings;
    const nn_state *s = &t->state;
    if (set->validate.stopping.patience && s->since_best >= set->validate.stopping.patience)
        return NO_IMPROVEMENT;
    if (set->train.stop_when == NN_STOP_NO_MISTAKES && s->last_epoch_mistakes == 0)
        return NO_MISTAKES;
    if (s->last_epoch_loss < set->train.stop_below)
        return LOSS_REACHED;
    if (set->train.max_steps >= 0 && s->step >= set->train.max_steps)
        return ALL_STEPS;
    return s->epoch >= set->train.epochs ? ALL_EPOCHS : GOING_ON;
}

static bool is_due(const nn_state *s, int64_t every_epochs, int64_t every_steps) {
    return (s->batch == 0 && every_epochs && s->epoch % every_epochs == 0) ||
           (every_steps && s->step % every_steps == 0);
}

/* What nobody asked for is saved by the clock as well. */
static bool is_save_due(const nn_trainer *t) {
    const nn_settings *set = t->session.settings;
    int64_t epochs = set->checkpoint.every_epochs, steps = set->checkpoint.every_steps;
    if (epochs < 0 && steps < 0)
        return t->save && t->state.batch == 0;
    return is_due(&t->state, epochs > 0 ? epochs : 0, steps > 0 ? steps : 0);
}

/* What becomes of the parameters and the state of a run. */
enum put { WRITE, WRITE_BEST, KEEP_BEST };

/* Checkpoints on rank 0, never one with NaN in it. */
static int save_local(nn_trainer *t, nn_snapshot *snapshot, enum put put) {
    char kernels[KERNELS_TEXT];
    nn_loader_rest(t->train);
    if (!nn_kernels_get()->all_finite(nn_model_size(t->session.model), t->session.params))
        return nn_fail(NN_EDIVERGED,
                       "training diverged: step %lld left NaN or Inf among the parameters",
                       (long long)t->state.step);
    snapshot->state = t->state;
    snapshot->config = nn_config_text(t->config);
    if (t->session.micro)
        snapshot->kernels = kernels_text(t, kernels);
    int rc = put == KEEP_BEST ? nn_run_keep_best(t->run, snapshot)
                              : nn_run_save(t->run, snapshot, put == WRITE_BEST);
    snapshot->kernels = NULL; /* the text ends here */
    return rc;
}

static int save_state(nn_trainer *t, nn_snapshot *snapshot, enum put put) {
    nn_comm_at(t->comm, NN_PHASE_SAVE);
    NN_TRY(nn_comm_agree(t->comm, nn_session_open_snapshot(&t->session, snapshot)));
    NN_TRY(nn_session_collect(&t->session, snapshot));
    return nn_comm_agree(t->comm, t->run ? save_local(t, snapshot, put) : 0);
}

static int put_snapshot(nn_trainer *t, enum put put) {
    nn_snapshot snapshot = {0};
    double since = nn_seconds();
    int rc = save_state(t, &snapshot, put);
    nn_session_close_snapshot(&t->session, &snapshot);
    nn_trainer_pause(t, since);
    return rc;
}

static int save(nn_trainer *t, enum put put) {
    NN_TRY(put_snapshot(t, put));
    t->saved_step = t->state.step;
    t->saved_at = nn_seconds();
    t->save = false;
    return 0;
}

static int save_once(nn_trainer *t) {
    return t->saved_step == t->state.step ? 0 : save(t, WRITE);
}

/* The best parameters are what the run may end with. Those that hold for a moment only are not
 * worth a file. */
static int save_best(nn_trainer *t) {
    return t->save || is_save_due(t) ? save(t, WRITE_BEST) : put_snapshot(t, KEEP_BEST);
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

static int validate(nn_trainer *t) {
    bool larger_is_better;
    nn_evaluation *e = t->validation;
    if (!t->valid || t->validated_step == t->state.step)
        return 0;
    double since = nn_seconds();
    nn_loader_rest(t->train);
    NN_TRY(nn_session_evaluate(&t->session, t->valid, t->valid_split, e));
    t->validated_step = t->state.step;
    double value =
        nn_trainer_metric(t, e, t->session.settings->validate.stopping.metric, &larger_is_better);
    bool better = improves(t, value, larger_is_better);
    t->state.since_best = better ? 0 : t->state.since_best + 1;
    if (better) {
        t->state.best_value = value;
        t->state.best_step = t->state.step;
    }
    nn_trainer_observe(t, e);
    NN_TRY(nn_trainer_report_validation(t, e));
    nn_trainer_pause(t, since);
    return better ? save_best(t) : 0;
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

/* What follows a step: reports, validation, checkpoints, and the answer to signals. */
static int after_step(nn_trainer *t) {
    const nn_settings *set = t->session.settings;
    nn_state *s = &t->state;
    bool epoch_end = s->batch == 0;
    if (epoch_end)
        NN_TRY(end_epoch(t));
    if (epoch_end || s->step % set->train.log_every == 0)
        NN_TRY(nn_trainer_report(t, epoch_end));
    if (is_due(s, set->validate.every_epochs, set->validate.every_steps))
        NN_TRY(validate(t));
    if (is_save_due(t))
        NN_TRY(save_once(t));
    if (!t->stop || finished(t))
        return 0;
    NN_TRY(save_once(t));
    return nn_fail(NN_ESTOPPED,
                   "stopped by a signal after step %lld, which is saved; run again with "
                   "--resume to go on",
                   (long long)s->step);
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

static int loop(nn_trainer *t) {
    if (t->options->begun)
        t->options->begun(t->options->ctx);
    if (t->run && t->first_step > 0 && finished(t))
        say_finished(t, finished(t));
    t->pace = (nn_pace){.begin = nn_seconds()};
    t->saved_at = t->pace.begin;
    nn_trainer_restart_interval(t);
    while (!finished(t)) {
        NN_TRY(nn_trainer_step(t));
        NN_TRY(after_step(t));
    }
    if (t->state.step > t->first_step)
        NN_TRY(validate(t));
    return save_once(t);
}

/* The parameters of the best validation, where they are wanted and not the last ones anyway. */
static int restore_best(nn_trainer *t, bool *restored) {
    const nn_settings *set = t->session.settings;
    nn_state *s = &t->state;
    nn_snapshot snapshot = {.model = t->session.model,
                            .params = nn_session_model_params(&t->session)};
    *restored = set->validate.stopping.restore_best && s->best_step >= 0 && s->best_step != s->step;
    if (!*restored)
        return 0;
    NN_TRY(nn_comm_agree(t->comm, t->run ? nn_run_load_best(t->run, &snapshot) : 0));
    return nn_session_share(&t->session, NULL);
}

/* The perceptron ends with a verdict. */
static void judge(const nn_trainer *t, nn_train_result *result) {
    const nn_state *s = &t->state;
    if (t->session.settings->train.stop_when != NN_STOP_NO_MISTAKES)
        return;
    snprintf(result->verdict, sizeof result->verdict,
             s->last_epoch_mistakes == 0 ? "separated after %lld epochs"
                                         : "not separable within %lld epochs",
             (long long)s->epoch);
}

static int finish(nn_trainer *t, nn_train_result *result) {
    double seconds = nn_seconds() - t->pace.begin;
    nn_comm_at(t->comm, NN_PHASE_END);
    *result = (nn_train_result){.steps = t->state.step,
                                .epochs = t->state.epoch,
                                .loss = t->loss,
                                .seconds = seconds,
                                .samples_per_s = nn_trainer_mean_rate(t),
                                .first_step = t->first_step,
                                .why = why_text[finished(t)],
                                .best_step = t->state.best_step};
    judge(t, result);
    nn_loader_rest(t->train);
    NN_TRY(restore_best(t, &result->restored_best));
    if (t->test) {
        NN_TRY(nn_comm_agree(t->comm, nn_session_evaluation_new(&t->session, &result->test)));
        NN_TRY(nn_session_evaluate(&t->session, t->test, "test", result->test));
    }
    NN_TRY(nn_comm_agree(
        t->comm,
        nn_params_digest(t->session.model, nn_session_model_params(&t->session), result->digest)));
    if (t->run)
        snprintf(result->run_dir, sizeof result->run_dir, "%s", nn_run_dir(t->run));
    NN_TRY(nn_comm_bcast(t->comm, result->run_dir, sizeof result->run_dir));
    return nn_trainer_report_end(t, result);
}

/* The best parameters before they diverged may not have been written yet. The message stays that of
 * the divergence. */
static void rescue_best(nn_trainer *t, int rc) {
    char message[700];
    int64_t step;
    if (rc != NN_EDIVERGED || !t->run)
        return;
    snprintf(message, sizeof message, "%s", nn_error_message());
    if (nn_run_flush(t->run, &step) == 0 && step >= 0)
        t->saved_step = step;
    nn_fail(rc, "%s", message);
}

/* After divergence: what can be done, and what there is to go on from. */
static void advise(const nn_trainer *t, int rc) {
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

void nn_train_result_release(nn_train_result *result) {
    nn_evaluation_free(result->test);
    result->test = NULL;
}

/* A caller's struct of `size` bytes may be that of an older header. */
static int check_size(const char *name, size_t size, size_t most) {
    if (size >= sizeof(size_t) && size <= most)
        return 0;
    return nn_fail(NN_EUSAGE,
                   "the size in %s is %zu, and this library knows %zu bytes of it: set it to "
                   "sizeof(%s), and use the headers of this version",
                   name, size, most, name);
}

int nn_train(nn_comm *comm, nn_config *config, const nn_train_options *options,
             nn_train_result *result) {
    nn_train_options own = {0};
    nn_train_result found = {0};
    nn_trainer t = {.comm = comm,
                    .config = config,
                    .options = &own,
                    .loss = NAN,
                    .saved_step = -1,
                    .validated_step = -1};
    int rc = 0;
    NN_TRY(check_size("nn_train_options", options->size, sizeof own));
    NN_TRY(check_size("nn_train_result", result->size, sizeof found));
    memcpy(&own, options, options->size);
    NN_TRY_GOTO(nn_trainer_open(&t));
    nn_trainer_say_plan(&t);
    NN_TRY_GOTO(start(&t));
    NN_TRY_GOTO(nn_comm_watch(comm, t.session.settings->train.stall_timeout));
    NN_TRY_GOTO(loop(&t));
    NN_TRY_GOTO(finish(&t, &found));
    found.size = result->size;
    memcpy(result, &found, result->size);
    found.test = NULL; /* the caller's */
done:
    nn_train_result_release(&found);
    rescue_best(&t, rc);
    advise(&t, rc);
    if (rc == NN_ERANK)
        nn_comm_give_up(comm);
    nn_trainer_close(&t);
    nn_comm_unwatch(comm);
    return rc;
}
