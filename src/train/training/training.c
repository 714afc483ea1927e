/* nn_train, and the training that a caller drives, of which it is made. */
#include "train/training/training.h"

#include "base/options/names.h"
#include "base/sized.h"
#include "base/system/clock.h"
#include "comm/heartbeat.h"
#include "comm/watchdog.h"
#include "math/float_mode.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

/* ---- into the library and out of it ---------------------------------------------------------- */

void nn_training_enter(nn_training *t) {
    t->float_mode = nn_float_mode_flush();
    nn_comm_back(t->trainer.comm);
    nn_trainer_pause(&t->trainer, t->left);
}

int nn_training_leave(nn_training *t, int rc) {
    if (rc < 0) {
        t->phase = NN_TRAINING_FAILED;
        t->rc = rc;
        nn_trainer_rescue_best(&t->trainer, rc);
        nn_trainer_advise(&t->trainer, rc);
    }
    nn_comm_away(t->trainer.comm);
    nn_float_mode_set(t->float_mode);
    t->left = nn_seconds();
    return rc;
}

int nn_training_forgive(nn_training *t, int rc) {
    nn_training_phase phase = t->phase;
    nn_training_leave(t, rc);
    if (rc == NN_EUSAGE || rc == NN_EFORMAT)
        t->phase = phase;
    return rc;
}

nn_training_phase nn_training_at(const nn_training *t) {
    return t ? t->phase : NN_TRAINING_FAILED;
}

static int check_restored(const nn_training *t, const char *what) {
    return t->taken ? nn_fail(NN_EUSAGE,
                              "%s: tensors of this training are taken: nn_training_restore comes "
                              "first",
                              what)
                    : 0;
}

int nn_training_check(const nn_training *t, bool right, const char *what, const char *instead) {
    if (!t)
        return nn_fail(NN_EUSAGE, "%s: there is no training: nn_training_open has not made one",
                       what);
    if (t->phase == NN_TRAINING_FAILED)
        return nn_fail(NN_EUSAGE, "%s: this training has failed before; close it", what);
    if (t->phase == NN_TRAINING_FINISHED)
        return nn_fail(NN_EUSAGE, "%s: this training is finished; close it", what);
    NN_TRY(check_restored(t, what));
    return right ? 0 : nn_fail(NN_EUSAGE, "%s: %s", what, instead);
}

int nn_training_check_between(const nn_training *t, const char *what) {
    return nn_training_check(t, nn_training_at(t) < NN_TRAINING_STEPPED, what,
                             "nn_training_attend comes first, after each step");
}

int nn_training_check_between_or_finished(const nn_training *t, const char *what) {
    if (nn_training_at(t) == NN_TRAINING_FINISHED)
        return check_restored(t, what);
    return nn_training_check_between(t, what);
}

void nn_training_drop(nn_training *t) {
    if (t->phase == NN_TRAINING_SUMMED)
        (void)nn_reducer_update(t->trainer.session.reducer, false);
    if (t->phase < NN_TRAINING_STEPPED)
        t->phase = NN_TRAINING_READY;
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* From before the data are read until MPI has ended. */
static int begin_watch(nn_comm *comm, nn_config *config) {
    NN_TRY(nn_comm_agree(comm, nn_config_check(config)));
    return nn_watchdog_start(comm, nn_config_settings(config)->train.stall_timeout);
}

static int name_tensors(nn_training *t) {
    const nn_param *const *param;
    size_t count = nn_model_params(t->trainer.session.model, &param);
    t->tensor = nn_pool_alloc(&t->pool, (count + 1) * sizeof *t->tensor);
    for (size_t i = 0; t->tensor && i < count; i++) {
        t->tensor[i] = nn_pool_printf(&t->pool, "%s/%s", param[i]->layer->name, param[i]->name);
        if (!t->tensor[i])
            return NN_EMEMORY;
    }
    t->view = nn_pool_alloc(&t->pool, (count + 1) * sizeof *t->view);
    return t->tensor && t->view ? 0 : NN_EMEMORY;
}

static int begin(nn_training *t) {
    nn_trainer *trainer = &t->trainer;
    NN_TRY(begin_watch(trainer->comm, trainer->config));
    NN_TRY(nn_trainer_open(trainer));
    NN_TRY(nn_comm_agree(trainer->comm, name_tensors(t)));
    nn_trainer_say_plan(trainer);
    NN_TRY(nn_trainer_start(trainer));
    NN_TRY(nn_trainer_open_saver(trainer));
    if (trainer->first_step == 0 && nn_config_settings(trainer->config)->log.weights)
        NN_TRY(nn_trainer_log_parameters(trainer));
    if (trainer->first_step == 0)
        NN_TRY(nn_trainer_log_samples(trainer));
    if (t->options.begun)
        t->options.begun(t->options.ctx);
    nn_trainer_begin_steps(trainer);
    return 0;
}

int nn_training_open(nn_comm *comm, nn_config *config, const nn_train_options *options,
                     nn_training **out) {
    return nn_training_open_on(comm, config, NULL, options, out);
}

int nn_training_open_on(nn_comm *comm, nn_config *config, const nn_samples *samples,
                        const nn_train_options *options, nn_training **out) {
    nn_training *t = NULL;
    *out = NULL;
    if (!comm || !config || !options)
        return nn_fail(NN_EUSAGE, "nn_training_open: %s is NULL",
                       !comm     ? "comm"
                       : !config ? "config"
                                 : "options");
    NN_TRY(nn_sized_check("nn_train_options", options->size, sizeof t->options));
    NN_TRY(nn_comm_agree(comm, NN_NEW(&t, 1, "training")));
    memcpy(&t->options, options, options->size);
    t->trainer = (nn_trainer){.comm = comm,
                              .config = config,
                              .options = &t->options,
                              .samples = samples,
                              .loss = NAN,
                              .saved_step = -1,
                              .validated_step = -1,
                              .compared_step = -1,
                              .reported_step = -1,
                              .float_mode = nn_float_mode()};
    t->float_mode = nn_float_mode();
    int rc = nn_training_leave(t, begin(t));
    if (rc < 0)
        nn_training_close(t);
    else
        *out = t;
    return rc;
}

bool nn_training_goes_on(const nn_training *t) {
    return t && t->phase < NN_TRAINING_FINISHED && nn_trainer_goes_on(&t->trainer);
}

int nn_training_read_minibatch(const nn_minibatch *batch, nn_minibatch *out) {
    const size_t first = offsetof(nn_minibatch, x);
    NN_TRY(nn_sized_check("nn_minibatch", batch->size, sizeof *out));
    if (batch->size <= first || (batch->size - first) % sizeof(nn_array) != 0)
        return nn_fail(NN_EUSAGE,
                       "the size in nn_minibatch is %zu, which cuts an array: set it to "
                       "sizeof(nn_minibatch)",
                       batch->size);
    *out = (nn_minibatch){.size = sizeof *out};
    memcpy(&out->x, &batch->x, batch->size - first);
    return 0;
}

int nn_training_check_step(const nn_training *t, const char *what, const nn_minibatch *batch) {
    const nn_minibatch *b = batch;
    nn_minibatch read;
    NN_TRY(nn_training_check_between(t, what));
    NN_TRY(nn_training_check(t, nn_trainer_goes_on(&t->trainer), what,
                             "the run is over (nn_training_goes_on)"));
    if (b)
        NN_TRY(nn_training_read_minibatch(b, &read));
    NN_TRY(nn_training_check(t, b || !t->trainer.session.data->split[0].supplied, what,
                             "the data set has no rows: supply a minibatch"));
    return nn_training_check(t, !b || t->trainer.session.in_parts, what,
                             "open the training with nn_train_options.in_parts, so that it can "
                             "take steps on the program's own minibatches");
}

int nn_training_choose(nn_training *t, const nn_minibatch *batch) {
    nn_minibatch mine;
    nn_training_drop(t);
    if (batch) {
        NN_TRY(nn_training_read_minibatch(batch, &mine));
        NN_TRY(nn_trainer_supply(&t->trainer, &mine));
    }
    t->trainer.on_supplied = batch != NULL;
    return 0;
}

static int take_step(nn_training *t, const char *what, const nn_minibatch *batch) {
    NN_TRY(nn_training_check_step(t, what, batch));
    nn_training_enter(t);
    int rc = nn_training_choose(t, batch);
    if (rc < 0)
        return nn_training_forgive(t, rc);
    t->phase = NN_TRAINING_STEPPED;
    return nn_training_leave(t, nn_trainer_step(&t->trainer));
}

int nn_training_step(nn_training *t) {
    return take_step(t, "nn_training_step", NULL);
}

int nn_training_step_on(nn_training *t, const nn_minibatch *batch) {
    static const nn_minibatch none = {.size = sizeof none}; /* a rank without rows may say NULL */
    return take_step(t, "nn_training_step_on", batch ? batch : &none);
}

int nn_training_attend(nn_training *t) {
    NN_TRY(nn_training_check(t, nn_training_at(t) == NN_TRAINING_STEPPED, "nn_training_attend",
                             "no step has been taken since"));
    nn_training_enter(t);
    t->phase = NN_TRAINING_READY;
    return nn_training_leave(t, nn_trainer_attend(&t->trainer));
}

int nn_training_advance(nn_training *t, int64_t most) {
    int64_t under_way = nn_training_epoch(t);
    if (most < 1)
        return nn_fail(NN_EUSAGE, "nn_training_advance: most is %" PRId64 "; it is 1 or more",
                       most);
    NN_TRY(nn_training_check_step(t, "nn_training_advance", NULL));
    nn_trainer *trainer = &t->trainer;
    nn_reducer_go_ahead(trainer->session.reducer, true); /* nobody looks at parameters between */
    do {
        trainer->last = most-- == 1;
        NN_TRY(nn_training_step(t));
        NN_TRY(nn_training_attend(t));
    } while (!trainer->last && nn_training_goes_on(t) && nn_training_epoch(t) == under_way);
    nn_reducer_go_ahead(trainer->session.reducer, false);
    nn_training_enter(t);
    return nn_training_leave(t, nn_trainer_complete_step(trainer));
}

int nn_training_finish(nn_training *t, nn_train_result *result) {
    nn_train_result found = {0};
    NN_TRY(nn_training_check_between(t, "nn_training_finish"));
    NN_TRY(nn_training_check(t, result, "nn_training_finish", "result is NULL"));
    NN_TRY(nn_sized_check("nn_train_result", result->size, sizeof found));
    nn_training_enter(t);
    nn_training_drop(t);
    int rc = nn_trainer_finish(&t->trainer, &found);
    if (rc == 0) {
        t->phase = NN_TRAINING_FINISHED;
        found.size = result->size;
        memcpy(result, &found, result->size);
        if (result->size > offsetof(nn_train_result, test))
            found.test = NULL; /* the caller's */
    }
    nn_evaluation_free(found.test);
    return nn_training_leave(t, rc);
}

void nn_training_close(nn_training *t) {
    if (!t)
        return;
    nn_comm *comm = t->trainer.comm;
    t->trainer.float_mode = nn_float_mode();
    nn_loader_free(t->inputs);
    nn_saver_free(t->trainer.saver, t->rc == NN_ERANK);
    if (t->view)
        nn_training_drop_views(t);
    nn_trainer_close(&t->trainer);
    nn_pool_release(&t->pool);
    nn_comm_away(comm);
    nn_free(t);
}

/* ---- between steps --------------------------------------------------------------------------- */

int64_t nn_training_steps(const nn_training *t) {
    return t ? t->trainer.state.step : 0;
}

int64_t nn_training_epoch(const nn_training *t) {
    return t ? t->trainer.state.epoch + 1 : 0;
}

double nn_training_loss(const nn_training *t) {
    return t ? t->trainer.loss : NAN;
}

double nn_training_rate(const nn_training *t) {
    return t ? nn_trainer_rate(&t->trainer) : NAN;
}

int nn_training_set_rate(nn_training *t, double rate) {
    NN_TRY(nn_training_check_between(t, "nn_training_set_rate"));
    if (!(rate >= 0) || !isfinite(rate))
        return nn_fail(NN_EUSAGE,
                       "nn_training_set_rate: %g is no learning rate; it is positive, or 0 for the "
                       "schedule's",
                       rate);
    t->trainer.rate = rate;
    return 0;
}

int nn_training_scale_rate(nn_training *t, double factor) {
    NN_TRY(nn_training_check_between(t, "nn_training_scale_rate"));
    if (!(factor > 0) || !isfinite(factor))
        return nn_fail(NN_EUSAGE, "nn_training_scale_rate: %g is no factor; it is positive",
                       factor);
    t->trainer.rate_factor = factor;
    return 0;
}

int nn_training_save(nn_training *t) {
    NN_TRY(nn_training_check_between(t, "nn_training_save"));
    if (!t->trainer.saver)
        return nn_fail(NN_EUSAGE, "nn_training_save: this run has no folder (run_dir is \"\")");
    nn_training_enter(t);
    nn_training_drop(t);
    return nn_training_leave(t, nn_trainer_save_now(&t->trainer));
}

static int evaluate(nn_trainer *t, const char *split, nn_loader *loader, nn_evaluation *result) {
    const nn_split *found;
    NN_TRY(
        nn_dataset_choose(t->session.data, split, &found)); /* whose name outlives the caller's */
    double since = nn_seconds();
    nn_loader_rest(t->train);
    NN_TRY(nn_session_evaluate(&t->session, loader, found->name, result));
    nn_trainer_pause(t, since);
    return 0;
}

/* That of validation or of the end, else one of its own (*own). */
static int open_loader(const nn_trainer *t, const char *split, nn_loader **own, nn_loader **out) {
    const nn_split *found;
    NN_TRY(nn_dataset_choose(t->session.data, split, &found));
    if (found->supplied)
        return nn_fail(NN_EUSAGE, "nn_training_evaluate: '%s' has no rows", found->name);
    split = found->name;
    if (t->test && strcmp(split, "test") == 0)
        *out = t->test;
    else if (t->valid && strcmp(split, t->valid_split) == 0)
        *out = t->valid;
    else
        NN_TRY(nn_session_loader(&t->session, split, t->session.eval_batch_size, false, own));
    *out = *own ? *own : *out;
    return 0;
}

int nn_training_evaluate(nn_training *t, const char *split, nn_evaluation **out) {
    nn_trainer *trainer = &t->trainer;
    nn_loader *own = NULL, *loader = NULL;
    if (out)
        *out = NULL;
    NN_TRY(nn_training_check_between(t, "nn_training_evaluate"));
    if (!out)
        return nn_fail(NN_EUSAGE, "nn_training_evaluate: out is NULL");
    nn_training_enter(t);
    nn_training_drop(t);
    int rc = open_loader(trainer, split, &own, &loader);
    if (rc == 0)
        rc = nn_session_evaluation_new(&trainer->session, out);
    rc = nn_comm_agree(trainer->comm, rc);
    if (rc == 0)
        rc = evaluate(trainer, split, loader, *out);
    nn_loader_free(own);
    if (rc < 0) {
        nn_evaluation_free(*out);
        *out = NULL;
    }
    return nn_training_forgive(t, rc);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void nn_train_result_release(nn_train_result *result) {
    if (!result || result->size <= offsetof(nn_train_result, test))
        return;
    nn_evaluation_free(result->test);
    result->test = NULL;
}

int nn_training_run(nn_training *t, nn_train_result *result) {
    while (nn_training_goes_on(t))
        NN_TRY(nn_training_advance(t, INT64_MAX));
    return nn_training_finish(t, result);
}

int nn_train(nn_comm *comm, nn_config *config, const nn_train_options *options,
             nn_train_result *result) {
    nn_training *t = NULL;
    if (!result)
        return nn_fail(NN_EUSAGE, "nn_train: result is NULL");
    NN_TRY(nn_sized_check("nn_train_result", result->size, sizeof *result));
    int rc = nn_training_open(comm, config, options, &t);
    if (rc == 0)
        rc = nn_training_run(t, result);
    nn_training_close(t);
    return rc;
}
