/* The trials of a sweep on groups of ranks. A group takes the next trial that nobody has taken: who
 * makes its file in the folder `claims` has it. */
#include "train/tune/tune.h"

#include "base/log.h"
#include "base/system/flag.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "train/config/settings.h"
#include "train/training/training.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLAIM "%d-%u" /* rung and trial */
#define CLAIM_NAME 32

/* A rank's part in a sweep. */
typedef struct worker {
    nn_comm *world, *group;
    nn_sweep *sweep;
    const nn_sweep_options *options;
    const char *claims;  /* the folder */
    nn_samples *samples; /* of all trials; NULL: each reads its own */
    int rung;
} worker;

/* ---- who does what --------------------------------------------------------------------------- */

/* Other files are the user's. */
static bool is_claim(const char *name) {
    char again[CLAIM_NAME];
    unsigned trial;
    int rung;
    if (sscanf(name, CLAIM, &rung, &trial) != 2)
        return false;
    snprintf(again, sizeof again, CLAIM, rung, trial);
    return strcmp(again, name) == 0;
}

static int make_claims(const worker *w) {
    NN_TRY(nn_dir_make(w->claims));
    DIR *dir = opendir(w->claims);
    const struct dirent *entry;
    if (!dir)
        return nn_fail(NN_EIO, "%s: %s", w->claims, nn_errno_text(errno));
    while ((entry = readdir(dir))) /* of a sweep that was killed */
        if (is_claim(entry->d_name))
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    return 0;
}

static int claim(const worker *w, size_t i, bool *mine) {
    char *path = nn_pool_printf(w->sweep->pool, "%s/" CLAIM, w->claims, w->rung, (unsigned)i + 1);
    if (!path)
        return NN_EMEMORY;
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    *mine = fd >= 0;
    if (fd < 0 && errno != EEXIST)
        return nn_fail(NN_EIO, "%s: %s", path, nn_errno_text(errno));
    if (fd >= 0)
        close(fd);
    return 0;
}

/* On the first rank of the group. */
static int claim_next(const worker *w, size_t *i) {
    const nn_sweep *s = w->sweep;
    for (; *i < s->trials && !nn_flag_read(w->options->stop); ++*i) {
        bool mine = false;
        if (s->result[*i].state == NN_TRIAL_OPEN)
            NN_TRY(claim(w, *i, &mine));
        if (mine)
            return 0;
    }
    *i = s->trials;
    return 0;
}

/* The next open trial from *i on, `trials` where there is none; the same on every rank of the
 * group.
 */
static int next_trial(const worker *w, size_t *i) {
    NN_TRY(nn_comm_agree(w->group, nn_comm_rank(w->group) == 0 ? claim_next(w, i) : 0));
    return nn_comm_bcast(w->group, i, sizeof *i);
}

/* ---- a trial --------------------------------------------------------------------------------- */

static void take_result(const worker *w, const nn_training *t, const nn_train_result *from,
                        nn_trial_result *r) {
    const nn_trainer *trainer = &t->trainer;
    const char *metric = "training loss";
    *r = (nn_trial_result){.state = NN_TRIAL_DONE,
                           .rung = w->rung,
                           .value = from->loss,
                           .best_step = trainer->state.best_step,
                           .steps = from->steps,
                           .epochs = from->epochs,
                           .seconds = from->seconds};
    w->sweep->larger_is_better = false;
    if (trainer->validation) {
        metric = trainer->session.settings->validate.stopping.metric;
        metric = metric ? metric : "loss";
        double last = nn_session_metric(&trainer->session, trainer->validation, metric,
                                        &w->sweep->larger_is_better);
        last = trainer->validated_step >= 0 ? last : (double)NAN;
        r->value = trainer->state.best_step >= 0 ? trainer->state.best_value : last;
    }
    snprintf(w->sweep->metric, sizeof w->sweep->metric, "%s", metric);
    memcpy(r->digest, from->digest, sizeof r->digest);
}

static int train(const worker *w, nn_config *config, const char *folder, nn_trial_result *r) {
    bool begun = nn_comm_rank(w->group) == 0 && nn_is_folder(folder);
    NN_TRY(nn_comm_bcast(w->group, &begun, sizeof begun));
    nn_train_options options = {.size = sizeof options,
                                .run_dir = folder,
                                .resume = begun,
                                .stop = w->options->stop,
                                .save = w->options->save,
                                .progress = w->options->progress,
                                .progress_every = w->options->progress_every,
                                .ctx = w->options->ctx};
    nn_train_result result = {.size = sizeof result};
    nn_training *t = NULL;
    int rc = nn_training_open_on(w->group, config, w->samples, &options, &t);
    if (rc == 0 && w->rung < w->sweep->rungs)
        t->trainer.pause_epoch = nn_sweep_epochs(w->sweep, w->rung);
    if (rc == 0)
        rc = nn_training_run(t, &result);
    if (rc == 0)
        take_result(w, t, &result, r);
    nn_train_result_release(&result);
    nn_training_close(t);
    return rc;
}

/* What all trials would say again is said by the first. */
static int run_quietly(const worker *w, size_t i, nn_trial_result *r) {
    nn_log_target before = nn_log_target_get();
    const char *folder = nn_sweep_folder(w->sweep, i);
    nn_config *config = NULL;
    if (i > 0 || w->rung > 1 || nn_comm_rank(w->world) > 0)
        nn_log_target_set((nn_log_target){.sink = NULL});
    int rc = folder ? nn_sweep_config(w->sweep, i, &config) : NN_EMEMORY;
    rc = nn_comm_agree(w->group, rc);
    if (rc == 0)
        rc = train(w, config, folder, r);
    nn_config_free(config);
    nn_log_target_set(before);
    return rc;
}

/* Trials that go into a rung, where none fails. */
static size_t trials_in(const nn_sweep *s, int rung) {
    size_t trials = s->trials;
    for (; rung > 1; rung--)
        trials /= NN_TUNE_ETA;
    return trials;
}

/* Trials are taken in their order: open ones before this are under way, or done since the rung
 * began. */
static nn_sweep_place place_of(const worker *w, size_t i) {
    const nn_sweep *s = w->sweep;
    nn_sweep_place at = {.trial = i, .rung = w->rung};
    int64_t groups = nn_comm_size(w->world) / s->search.ranks_per_trial, done = 0, taken = 0;
    double all = 0, before = 0, each = 1;
    for (int rung = 1; s->rungs > 1 && rung <= s->rungs; rung++) {
        int64_t from = nn_sweep_epochs(s, rung - 1), until = nn_sweep_epochs(s, rung);
        double epochs = (double)(until - from);
        if (rung == w->rung) {
            before = all;
            each = epochs;
            at.from = from;
            at.until = until;
        }
        all += epochs * (double)trials_in(s, rung);
    }
    if (s->rungs == 1)
        all = (double)s->trials;
    for (size_t k = 0; k < s->trials; k++) {
        bool open = s->result[k].state == NN_TRIAL_OPEN;
        done += !open && s->result[k].rung == w->rung;
        taken += open && k < i;
    }
    int64_t others = taken < groups ? taken : groups - 1;
    at.share = (before + each * (double)(done + taken - others)) / all;
    at.adds = each * (double)(others + 1) / all;
    return at;
}

/* A failure is the trial's result, but for those that end the sweep. */
static int run_trial(const worker *w, size_t i) {
    nn_trial_result r = {0};
    nn_sweep_place at = place_of(w, i);
    if (nn_comm_rank(w->world) == 0)
        w->options->begun(w->options->ctx, w->sweep, &at);
    int rc = run_quietly(w, i, &r);
    if (rc == NN_ERANK || rc == NN_ESTOPPED)
        return rc;
    if (rc < 0) {
        r = (nn_trial_result){.state = NN_TRIAL_FAILED,
                              .rung = w->rung,
                              .exit_code = nn_error_exit_code(rc),
                              .value = (double)NAN,
                              .best_step = -1};
        snprintf(r.message, sizeof r.message, "%s", nn_error_message());
        nn_error_clear();
    }
    rc = nn_comm_rank(w->group) == 0 ? nn_result_write(w->sweep, i, &r) : 0;
    if (rc == 0 && nn_comm_rank(w->group) == 0)
        w->options->told(w->options->ctx, w->sweep, i, &r);
    return nn_comm_agree(w->group, rc);
}

/* ---- a rung ---------------------------------------------------------------------------------- */

/* What rank 0 knows, all know. */
static int share(const worker *w) {
    nn_sweep *s = w->sweep;
    NN_TRY(nn_comm_bcast(w->world, s->result, s->trials * sizeof *s->result));
    NN_TRY(nn_comm_bcast(w->world, s->metric, sizeof s->metric));
    return nn_comm_bcast(w->world, &s->larger_is_better, sizeof s->larger_is_better);
}

/* Trials that are in this rung, `result` of which is that of the rung before, get that of the file.
 */
static int read_results(const worker *w) {
    nn_sweep *s = w->sweep;
    for (size_t i = 0; i < s->trials; i++)
        if (s->result[i].state == NN_TRIAL_OPEN)
            NN_TRY(nn_result_read(s, i, w->rung));
    return 0;
}

static int look_up(const worker *w) {
    int rc = nn_comm_rank(w->world) == 0 ? read_results(w) : 0;
    NN_TRY(nn_comm_agree(w->world, rc));
    return share(w);
}

/* The table so far; on rank 0. */
static int end_rung(const worker *w) {
    NN_TRY(look_up(w));
    int rc = nn_comm_rank(w->world) == 0 ? nn_sweep_write_table(w->sweep) : 0;
    return nn_comm_agree(w->world, rc);
}

static int run_rung(const worker *w, bool *stopped) {
    double asked;
    int rc = 0;
    NN_TRY(look_up(w));
    for (size_t i = 0; rc == 0; i++) {
        rc = next_trial(w, &i);
        if (rc < 0 || i == w->sweep->trials)
            break;
        rc = run_trial(w, i);
    }
    if (rc == NN_ERANK)
        return rc;
    asked = rc == NN_ESTOPPED || nn_flag_read(w->options->stop);
    NN_TRY(nn_comm_agree(w->world, rc == NN_ESTOPPED ? 0 : rc));
    NN_TRY(nn_comm_sum(w->world, &asked, 1));
    *stopped = asked > 0;
    return end_rung(w);
}

/* The best third is open again, for the next rung. */
static int promote(const worker *w) {
    nn_sweep *s = w->sweep;
    size_t stay = trials_in(s, w->rung + 1), left = 0;
    size_t *order = nn_pool_alloc(s->pool, s->trials * sizeof *order);
    if (!order)
        return NN_EMEMORY;
    nn_sweep_rank(s, order);
    for (size_t n = 0; n < s->trials; n++) {
        nn_trial_result *r = &s->result[order[n]];
        if (r->state == NN_TRIAL_DONE)
            r->state = left++ < stay ? NN_TRIAL_OPEN : NN_TRIAL_DROPPED;
    }
    return 0;
}

static size_t count_open(const nn_sweep *s) {
    size_t open = 0;
    for (size_t i = 0; i < s->trials; i++)
        open += s->result[i].state == NN_TRIAL_OPEN;
    return open;
}

static int run_rungs(worker *w, bool *stopped) {
    for (w->rung = 1; w->rung <= w->sweep->rungs; w->rung++) {
        NN_TRY(run_rung(w, stopped));
        if (*stopped && count_open(w->sweep) > 0)
            return 0;
        *stopped = false;
        if (w->rung < w->sweep->rungs)
            NN_TRY(nn_comm_agree(w->world, promote(w)));
    }
    return 0;
}

/* One copy of the samples on each node, unless trials differ in their data. What is wrong with the
 * data the trials say. */
static void read_samples(worker *w) {
    const nn_sweep *s = w->sweep;
    nn_log_target before = nn_log_target_get();
    nn_config *config = NULL;
    for (size_t k = 0; k < s->keys; k++)
        if (strncmp(s->key[k], "data", strlen("data")) == 0)
            return;
    nn_log_target_set((nn_log_target){.sink = NULL});
    int rc = nn_comm_agree(w->world, nn_sweep_config(s, 0, &config));
    if (rc == 0)
        rc = nn_samples_new(w->world, config, &w->samples);
    nn_config_free(config);
    nn_log_target_set(before);
    if (rc == 0)
        nn_debug("the trials have one copy of the samples on each node");
    else if (rc != NN_ERANK)
        nn_error_clear();
}

int nn_sweep_run(nn_comm *comm, nn_sweep *sweep, const nn_sweep_options *options) {
    worker w = {.world = comm, .sweep = sweep, .options = options};
    bool stopped = false;
    int each = (int)sweep->search.ranks_per_trial;
    w.claims = nn_pool_printf(sweep->pool, "%s/claims", sweep->folder);
    int rc = w.claims ? 0 : NN_EMEMORY;
    if (rc == 0 && nn_comm_rank(comm) == 0)
        rc = make_claims(&w);
    if (rc == 0 && nn_comm_rank(comm) == 0)
        rc = nn_results_forget_failures(sweep);
    NN_TRY(nn_comm_agree(comm, rc));
    NN_TRY(nn_comm_split(comm, nn_comm_rank(comm) / each, &w.group));
    if (each < nn_comm_size(comm))
        read_samples(&w);
    rc = run_rungs(&w, &stopped);
    nn_samples_free(w.samples);
    if (rc != NN_ERANK)
        nn_comm_free(w.group);
    NN_TRY(rc);
    if (nn_comm_rank(comm) == 0 && make_claims(&w) == 0)
        (void)rmdir(w.claims);
    if (!stopped)
        return 0;
    return nn_fail(NN_ESTOPPED, "stopped by a signal; %zu of %zu trials are finished",
                   sweep->trials - count_open(sweep), sweep->trials);
}
