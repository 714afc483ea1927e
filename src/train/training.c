/* nn_train, and the training that a caller drives, of which it is made. */
#include "base/clock.h"
#include "base/options/names.h"
#include "base/sized.h"
#include "comm/heartbeat.h"
#include "comm/watchdog.h"
#include "math/float_mode.h"
#include "train/trainer.h"

#include <nnmpi/training.h>

#include <math.h>
#include <stddef.h>
#include <string.h>

/* What may come next. */
enum stage { READY, STEPPED, FINISHED, FAILED };

struct nn_training {
    nn_trainer trainer;
    nn_train_options options;
    enum stage stage;
    int rc;              /* of the failure */
    double left;         /* when the caller got it back: what they do is no training */
    const char **tensor; /* [tensors] "fc1/weight" */
    uint64_t float_mode; /* the caller's */
    nn_pool pool;
};

/* ---- into the library and out of it ---------------------------------------------------------- */

/* Subnormal numbers count as 0 within, and the watchdog looks at this rank. */
static void enter(nn_training *t) {
    t->float_mode = nn_float_mode_flush();
    nn_comm_back(t->trainer.comm);
    nn_trainer_pause(&t->trainer, t->left);
}

static int leave(nn_training *t, int rc) {
    if (rc < 0) {
        t->stage = FAILED;
        t->rc = rc;
        nn_trainer_rescue_best(&t->trainer, rc);
        nn_trainer_advise(&t->trainer, rc);
    }
    nn_comm_away(t->trainer.comm);
    nn_float_mode_set(t->float_mode);
    t->left = nn_seconds();
    return rc;
}

/* The same on every rank, so that none waits for others. */
static int check_stage(const nn_training *t, bool right, const char *what, const char *instead) {
    if (!t)
        return nn_fail(NN_EUSAGE, "%s: there is no training: nn_training_open has not made one",
                       what);
    if (t->stage == FAILED)
        return nn_fail(NN_EUSAGE, "%s: this training has failed before; close it", what);
    if (t->stage == FINISHED)
        return nn_fail(NN_EUSAGE, "%s: this training is finished; close it", what);
    return right ? 0 : nn_fail(NN_EUSAGE, "%s: %s", what, instead);
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* From before the data are read until MPI has ended. */
static int begin_watch(nn_comm *comm, nn_config *config) {
    NN_TRY(nn_comm_agree(comm, nn_config_check(config)));
    return nn_comm_watch(comm, nn_config_settings(config)->train.stall_timeout);
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
    return t->tensor ? 0 : NN_EMEMORY;
}

static int begin(nn_training *t) {
    nn_trainer *trainer = &t->trainer;
    NN_TRY(begin_watch(trainer->comm, trainer->config));
    NN_TRY(nn_trainer_open(trainer));
    NN_TRY(nn_comm_agree(trainer->comm, name_tensors(t)));
    nn_trainer_say_plan(trainer);
    NN_TRY(nn_trainer_start(trainer));
    NN_TRY(nn_trainer_open_saver(trainer));
    if (t->options.begun)
        t->options.begun(t->options.ctx);
    nn_trainer_begin_steps(trainer);
    return 0;
}

int nn_training_open(nn_comm *comm, nn_config *config, const nn_train_options *options,
                     nn_training **out) {
    nn_training *t = NULL;
    *out = NULL;
    NN_TRY(nn_sized_check("nn_train_options", options->size, sizeof t->options));
    NN_TRY(nn_comm_agree(comm, NN_NEW(&t, 1, "training")));
    memcpy(&t->options, options, options->size);
    t->trainer = (nn_trainer){.comm = comm,
                              .config = config,
                              .options = &t->options,
                              .loss = NAN,
                              .saved_step = -1,
                              .validated_step = -1,
                              .compared_step = -1,
                              .reported_step = -1,
                              .float_mode = nn_float_mode()};
    t->float_mode = nn_float_mode();
    int rc = leave(t, begin(t));
    if (rc < 0)
        nn_training_close(t);
    else
        *out = t;
    return rc;
}

bool nn_training_goes_on(const nn_training *t) {
    return t && t->stage < FINISHED && nn_trainer_goes_on(&t->trainer);
}

int nn_training_step(nn_training *t) {
    NN_TRY(check_stage(t, t && t->stage == READY, "nn_training_step",
                       "nn_training_attend comes first, after each step"));
    NN_TRY(check_stage(t, nn_trainer_goes_on(&t->trainer), "nn_training_step",
                       "the run is over (nn_training_goes_on)"));
    enter(t);
    t->stage = STEPPED;
    return leave(t, nn_trainer_step(&t->trainer));
}

int nn_training_attend(nn_training *t) {
    NN_TRY(check_stage(t, t && t->stage == STEPPED, "nn_training_attend",
                       "no step has been taken since"));
    enter(t);
    t->stage = READY;
    return leave(t, nn_trainer_attend(&t->trainer));
}

int nn_training_finish(nn_training *t, nn_train_result *result) {
    nn_train_result found = {0};
    NN_TRY(check_stage(t, t && t->stage == READY, "nn_training_finish",
                       "nn_training_attend comes first, after each step"));
    NN_TRY(nn_sized_check("nn_train_result", result->size, sizeof found));
    enter(t);
    int rc = nn_trainer_finish(&t->trainer, &found);
    if (rc == 0) {
        t->stage = FINISHED;
        found.size = result->size;
        memcpy(result, &found, result->size);
        if (result->size > offsetof(nn_train_result, test))
            found.test = NULL; /* the caller's */
    }
    nn_train_result_release(&found);
    return leave(t, rc);
}

void nn_training_close(nn_training *t) {
    if (!t)
        return;
    nn_comm *comm = t->trainer.comm;
    t->trainer.float_mode = nn_float_mode();
    nn_saver_free(t->trainer.saver, t->rc == NN_ERANK);
    nn_trainer_close(&t->trainer);
    nn_pool_release(&t->pool);
    nn_comm_away(comm);
    nn_free(t);
}

/* ---- between steps --------------------------------------------------------------------------- */

int64_t nn_training_steps(const nn_training *t) {
    return t->trainer.state.step;
}

int64_t nn_training_epoch(const nn_training *t) {
    return t->trainer.state.epoch + 1;
}

double nn_training_loss(const nn_training *t) {
    return t->trainer.loss;
}

double nn_training_rate(const nn_training *t) {
    return nn_trainer_rate(&t->trainer);
}

int nn_training_scale_rate(nn_training *t, double factor) {
    if (!(factor > 0) || !isfinite(factor))
        return nn_fail(NN_EUSAGE, "nn_training_scale_rate: %g is no factor; it is positive",
                       factor);
    t->trainer.rate_factor = factor;
    return 0;
}

static int check_between(const nn_training *t, const char *what) {
    return check_stage(t, t && t->stage == READY, what,
                       "nn_training_attend comes first, after each step");
}

int nn_training_save(nn_training *t) {
    NN_TRY(check_between(t, "nn_training_save"));
    if (!t->trainer.saver)
        return nn_fail(NN_EUSAGE, "nn_training_save: this run has no folder (run_dir is \"\")");
    enter(t);
    return leave(t, nn_trainer_save_now(&t->trainer));
}

/* A failure of the caller's ends nothing. */
static int forgive(nn_training *t, int rc) {
    enum stage stage = t->stage;
    leave(t, rc);
    if (rc == NN_EUSAGE)
        t->stage = stage;
    return rc;
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
    *out = NULL;
    NN_TRY(check_between(t, "nn_training_evaluate"));
    enter(t);
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
    return forgive(t, rc);
}

/* ---- tensors --------------------------------------------------------------------------------- */

size_t nn_training_tensors(const nn_training *t) {
    const nn_param *const *param;
    return nn_model_params(t->trainer.session.model, &param);
}

const char *nn_training_tensor(const nn_training *t, size_t i, nn_array *shape) {
    const nn_param *const *param;
    nn_model_params(t->trainer.session.model, &param);
    *shape = (nn_array){.type = NN_F32, .rank = param[i]->rank};
    for (int k = 0; k < param[i]->rank; k++)
        shape->dim[k] = param[i]->dim[k];
    return t->tensor[i];
}

static int find_tensor(const nn_training *t, const char *name, const nn_param **out) {
    const nn_param *const *param;
    size_t count = nn_model_params(t->trainer.session.model, &param);
    nn_names names = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        *out = param[i];
        if (strcmp(t->tensor[i], name) == 0)
            return 0;
        nn_names_add(&names, t->tensor[i]);
    }
    return nn_fail(NN_EUSAGE, "the model has no tensor '%s'%s", name,
                   nn_names_advice(&names, name, "there are"));
}

int nn_training_get(nn_training *t, const char *tensor, float *values) {
    const nn_param *param;
    NN_TRY(check_between(t, "nn_training_get"));
    NN_TRY(find_tensor(t, tensor, &param));
    nn_param_export(param, t->trainer.session.params + param->offset, values);
    return 0;
}

int nn_training_set(nn_training *t, const char *tensor, const float *values) {
    nn_trainer *trainer = &t->trainer;
    const nn_param *param;
    NN_TRY(check_between(t, "nn_training_set"));
    NN_TRY(find_tensor(t, tensor, &param));
    enter(t);
    if (nn_reducer_writes(trainer->session.reducer))
        nn_param_import(param, values, trainer->session.params + param->offset);
    trainer->saved_step = trainer->validated_step = -1; /* it is another state now */
    return leave(t, nn_comm_agree(trainer->comm, 0));
}

/* ---- all of it ------------------------------------------------------------------------------- */

void nn_train_result_release(nn_train_result *result) {
    nn_evaluation_free(result->test);
    result->test = NULL;
}

int nn_train(nn_comm *comm, nn_config *config, const nn_train_options *options,
             nn_train_result *result) {
    nn_training *t = NULL;
    NN_TRY(nn_sized_check("nn_train_result", result->size, sizeof *result));
    int rc = nn_training_open(comm, config, options, &t);
    while (rc == 0 && nn_training_goes_on(t)) {
        rc = nn_training_step(t);
        if (rc == 0)
            rc = nn_training_attend(t);
    }
    if (rc == 0)
        rc = nn_training_finish(t, result);
    nn_training_close(t);
    return rc;
}
