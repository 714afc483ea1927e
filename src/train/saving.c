/* When training saves, and what: checkpoints that are due, were asked for, or hold the best
 * parameters so far. How they are written: save/saver.h. */
#include "base/log.h"
#include "base/system/clock.h"
#include "base/system/flag.h"
#include "base/system/work.h"
#include "comm/heartbeat.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum nn_save_clock nn_trainer_save_clock(const nn_trainer *t) {
    double seconds = nn_seconds() - t->saved_at;
    double minutes = t->session.settings->checkpoint.every_minutes;
    if (minutes > 0 && seconds >= 60 * minutes)
        return NN_SAVE_MUST;
    bool may = seconds >= NN_SAVE_SECONDS && seconds * NN_COMPARE_SHARE >= t->compare_s;
    return may ? NN_SAVE_MAY : NN_SAVE_NOT_YET;
}

int nn_trainer_save_failure(const nn_trainer *t) {
    return t->saver ? nn_saver_failure(t->saver) : 0;
}

void nn_trainer_add_requests(const nn_trainer *t, int failure, nn_step_sums *sums) {
    sums->stop = nn_flag_read(t->options->stop) != 0;
    sums->asked = nn_flag_read(t->options->save) != t->answered;
    sums->last = t->last;
    sums->failed = failure < 0 || nn_trainer_save_failure(t) < 0;
    if (t->run && t->saver) {
        sums->save = nn_trainer_save_clock(t);
        sums->busy = nn_saver_busy(t->saver);
    }
}

/* What nobody asked for is saved by the clock as well. */
static bool is_save_due(const nn_trainer *t) {
    const nn_settings *set = t->session.settings;
    int64_t epochs = set->checkpoint.every_epochs, steps = set->checkpoint.every_steps;
    if (!t->saver)
        return false;
    if (t->saving && set->checkpoint.when_busy == NN_BUSY_SKIP)
        return false;
    if (t->save == NN_SAVE_MUST)
        return true;
    if (epochs < 0 && steps < 0) /* a step on the program's rows ends no epoch */
        return t->save == NN_SAVE_MAY && t->state.batch == 0 && !t->on_supplied;
    return nn_trainer_is_due(t, epochs > 0 ? epochs : 0, steps > 0 ? steps : 0);
}

/* What a checkpoint of the present state holds; the text of the kernels is in `kernels`. */
static nn_snapshot snapshot_of(const nn_trainer *t, char kernels[NN_KERNELS_TEXT]) {
    nn_snapshot snapshot = nn_session_snapshot(&t->session);
    snapshot.state = t->state;
    snapshot.config = nn_config_text(t->config);
    if (t->session.micro)
        snapshot.kernels = nn_trainer_kernels(t, kernels);
    return snapshot;
}

/* Without a run folder all that is kept are the best parameters. */
static void keep(const nn_trainer *t, bool best) {
    if (best && t->best)
        memcpy(t->best, nn_session_model_params(&t->session),
               nn_model_size(t->session.model) * sizeof *t->best);
}

/* Whether rank 0 is still writing after a while in which its disk was slow, but went on. */
static bool is_writing(const nn_trainer *t) {
    const struct timespec nap = {.tv_nsec = 1000000};
    double begin = nn_seconds(), enough = t->session.settings->train.stall_timeout / 4;
    uint64_t moves = nn_comm_moves(t->comm);
    while (nn_saver_busy(t->saver) &&
           (nn_seconds() - begin < enough || nn_comm_moves(t->comm) == moves)) {
        nn_work("writing the checkpoint", NULL, 0, 0);
        nanosleep(&nap, NULL);
    }
    return nn_saver_busy(t->saver);
}

int nn_trainer_wait_written(nn_trainer *t) {
    bool writing = true;
    int rc = 0;
    nn_comm_at(t->comm, NN_PHASE_SAVE);
    while (rc == 0 && writing) {
        writing = is_writing(t);
        rc = nn_comm_bcast(t->comm, &writing, sizeof writing);
    }
    nn_work_end();
    NN_TRY(rc);
    rc = nn_saver_wait(t->saver);
    if (rc == 0)
        rc = nn_trainer_report_saved(t);
    return nn_comm_agree(t->comm, rc);
}

static int save(nn_trainer *t, bool best) {
    char kernels[NN_KERNELS_TEXT];
    bool rewound;
    NN_TRY(nn_trainer_complete_step(t));
    NN_TRY(nn_trainer_compare_replicas(t, &rewound));
    if (!t->saver)
        keep(t, best);
    if (rewound || !t->saver)
        return 0;
    double since = nn_seconds();
    nn_snapshot snapshot = snapshot_of(t, kernels);
    NN_TRY(nn_trainer_wait_written(t));
    NN_TRY(nn_saver_save(t->saver, &snapshot, best, since));
    t->saved_step = t->state.step;
    t->saved_at = nn_seconds();
    t->save = NN_SAVE_NOT_YET;
    nn_trainer_pause(t, since);
    nn_trace_end(t->session.trace, NN_TRACE_SAVE, 0, since);
    return 0;
}

static int save_once(nn_trainer *t) {
    return t->saved_step == t->state.step ? 0 : save(t, false);
}

/* Once it is on the disk; where that failed, the next step ends the run. */
static void say_saved(nn_trainer *t) {
    char file[NN_CHECKPOINT_NAME];
    if (!t->unreported || !t->run || nn_saver_busy(t->saver) || nn_saver_failure(t->saver) < 0)
        return;
    int64_t step = nn_saver_saved(t->saver).step;
    nn_info("step %lld is saved as %s/%s, and the run goes on", (long long)step, nn_run_dir(t->run),
            nn_checkpoint_name(step, file));
    t->unreported = false;
}

/* A checkpoint that was asked for from outside, whatever else is being written. */
static int answer(nn_trainer *t) {
    t->answered = nn_flag_read(t->options->save);
    t->unreported = true;
    return save_once(t);
}

int nn_trainer_save_due(nn_trainer *t) {
    if (is_save_due(t))
        NN_TRY(save_once(t));
    if (t->asked && !t->stop)
        NN_TRY(answer(t));
    say_saved(t);
    return 0;
}

int nn_trainer_save_now(nn_trainer *t) {
    NN_TRY(save_once(t));
    if (!t->saver)
        return 0;
    double since = nn_seconds();
    int rc = nn_trainer_wait_written(t);
    nn_trainer_pause(t, since);
    return rc;
}

int nn_trainer_open_saver(nn_trainer *t) {
    int rc = 0;
    if (nn_trainer_has_folder(t))
        return nn_saver_new(&t->session, t->run, &t->saver);
    if (t->options->save)
        rc = nn_fail(NN_EUSAGE, "there is no run folder (run_dir is \"\") for the checkpoints that "
                                "nn_train_options.save asks for");
    else if (t->run && t->session.settings->validate.stopping.restore_best)
        rc = NN_NEW(&t->best, nn_model_size(t->session.model), "best parameters");
    return nn_comm_agree(t->comm, rc);
}

/* The best parameters are what the run may end with. Those that hold for a moment only are not
 * worth a file. */
int nn_trainer_save_best(nn_trainer *t) {
    char kernels[NN_KERNELS_TEXT];
    bool rewound, kept;
    if (!t->saver || t->save != NN_SAVE_NOT_YET || is_save_due(t))
        return save(t, true);
    NN_TRY(nn_trainer_complete_step(t));
    NN_TRY(nn_trainer_compare_replicas(t, &rewound));
    if (rewound)
        return 0;
    nn_snapshot snapshot = snapshot_of(t, kernels);
    if (nn_saver_writes_best(t->saver)) /* on a slow disk the others hear of it */
        NN_TRY(nn_trainer_wait_written(t));
    NN_TRY(nn_saver_keep_best(t->saver, &snapshot, &kept));
    if (kept && t->saved_step == t->state.step)
        t->saved_step = -1; /* not as the best */
    return kept ? 0 : save(t, true);
}

void nn_trainer_rescue_best(nn_trainer *t, int rc) {
    char message[700];
    if (rc != NN_EDIVERGED || !t->run || !t->saver)
        return;
    snprintf(message, sizeof message, "%s", nn_error_message());
    (void)nn_saver_rescue(t->saver);
    t->saved_step = nn_saver_saved(t->saver).step;
    nn_fail(rc, "%s", message);
}
