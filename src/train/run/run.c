#include "train/run/run.h"

#include "base/log.h"
#include "io/files/file.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/run/event_log.h"
#include "train/run/lock.h"
#include "train/run/metrics_log.h"
#include "train/run/newest.h"
#include "train/run/page.h"
#include "train/run/run_folder.h"
#include "train/run/scratch.h"
#include "train/run/weights_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The ranks of a killed run may take a moment to end; one that goes on waits for them. */
#define PATIENCE_SECONDS 5.0

struct nn_run {
    nn_pool pool;
    nn_config *config;
    const char *dir; /* NULL: nothing is written */
    bool resume;
    int lock; /* nn_lock_acquire's; -1: none */
    nn_metrics_log log;
    nn_events *events;   /* log.tensorboard; NULL: not wanted */
    nn_run_page *page;   /* log.report; NULL: not wanted */
    const char *scratch; /* of nn_scratch_open; NULL: checkpoints are written where they belong */
    const char *staged;  /* a checkpoint there that is still to be moved; NULL: none */
    nn_newest newest;    /* the run goes on from it */
};

/* ---- the folder ------------------------------------------------------------------------------ */

/* The path of a file in the folder, in the run's pool; NULL with the error set. */
static char *path_of(nn_run *run, const char *name) {
    return nn_pool_printf(&run->pool, "%s/%s", run->dir, name);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_scratch(nn_run *run) {
    const char *stage = nn_config_settings(run->config)->checkpoint.stage;

    if (!stage || !*stage)
        return NN_OK;
    return nn_scratch_open(&run->pool, stage, run->dir, &run->scratch);
}

static int find_newest(nn_run *run) {
    if (run->scratch)
        NN_TRY(nn_scratch_find(&run->pool, run->scratch, run->dir, &run->staged));
    return nn_newest_find(&run->newest, run->dir, run->staged);
}

static int open_folder(nn_run *run, const char *dir) {
    bool none = dir && !*dir;

    if (run->resume && (!dir || none))
        return nn_fail(NN_EUSAGE, "--resume needs the folder of the run to go on with: --run DIR");
    if (none)
        return NN_OK;
    NN_TRY(nn_run_folder_make(&run->pool, run->config, dir, &run->dir));
    NN_TRY(nn_lock_acquire(run->dir, run->resume ? PATIENCE_SECONDS : 0, &run->lock));
    if (!run->resume)
        NN_TRY(nn_run_folder_refuse_used(&run->pool, run->dir));
    NN_TRY(open_scratch(run));
    return run->resume ? find_newest(run) : NN_OK;
}

int nn_run_open(nn_config *config, const char *dir, bool resume, nn_run **out) {
    nn_run *run;
    int rc;

    *out = NULL;
    NN_TRY(NN_NEW(&run, 1, "run folder"));
    run->config = config;
    run->resume = resume;
    run->lock = run->log.fd = -1;
    rc = open_folder(run, dir);
    if (rc == NN_OK)
        *out = run;
    else
        nn_run_free(run);
    return rc;
}

static void close_logs(nn_run *run) {
    nn_metrics_log_close(&run->log);
    nn_events_close(run->events);
    run->events = NULL;
}

void nn_run_free(nn_run *run) {
    if (!run)
        return;
    close_logs(run);
    nn_run_page_close(run->page);
    nn_newest_release(&run->newest);
    nn_lock_release(run->lock);
    nn_pool_release(&run->pool);
    nn_free(run);
}

const char *nn_run_dir(const nn_run *run) {
    return run->dir;
}

const char *nn_run_from(const nn_run *run) {
    return run->newest.found;
}

nn_data_traits nn_run_traits(const nn_run *run) {
    return run->newest.data;
}

const char *nn_run_link(const nn_run *run) {
    return run->newest.link;
}

/* ---- going on -------------------------------------------------------------------------------- */

/* The best checkpoint may be gone: then the next validation counts as the first. */
static int check_best(nn_run *run, nn_state *state) {
    char name[NN_CHECKPOINT_NAME];
    const char *target;
    bool itself =
        run->staged && run->newest.found == run->staged && state->best_step == state->step;

    if (state->best_step < 0 || itself)
        return NN_OK;
    target = path_of(run, nn_checkpoint_name(state->best_step, name));
    if (!target)
        return NN_EMEMORY;
    if (nn_file_exists(target))
        return NN_OK;
    nn_warn("%s, the best so far, is gone; the next validation counts as the first", target);
    state->best_step = -1;
    state->since_best = 0;
    return NN_OK;
}

/* best.h5 may point to what was abandoned. */
static int restore_best_symlink(nn_run *run, const nn_state *state) {
    char name[NN_CHECKPOINT_NAME];
    const char *link = path_of(run, "best.h5");

    if (state->best_step < 0)
        return NN_OK;
    if (!link)
        return NN_EMEMORY;
    return nn_symlinks_publish(nn_checkpoint_name(state->best_step, name), &link, 1);
}

static int load_found(nn_run *run, nn_snapshot *snapshot) {
    const nn_newest *s = &run->newest;

    if (s->tried > 1)
        nn_warn("%s; going on from %s instead", s->refused, strrchr(s->found, '/') + 1);
    NN_TRY(nn_checkpoint_load(s->found, &run->pool, snapshot));
    return check_best(run, &snapshot->state);
}

static int resume(nn_run *run, nn_snapshot *snapshot, bool *resumed) {
    const nn_newest *s = &run->newest;

    if (!s->found && s->tried)
        return nn_fail(NN_EFORMAT,
                       "no checkpoint in '%s' can be used: %s; train afresh in another folder",
                       run->dir, s->refused);
    if (!s->found)
        nn_info("'%s' holds no checkpoint yet: the run starts afresh", run->dir);
    if (!s->found)
        return NN_OK;
    NN_TRY(load_found(run, snapshot));
    *resumed = true;
    return NN_OK;
}

/* A run that finds no checkpoint to go on from may find another configuration: the user's own, with
 * comments. It is kept under another name, unless there is one of that name already. */
static int keep_other_config(nn_run *run, const char *path, const char *text) {
    const char *old = path_of(run, "config.yaml.old");
    char *there;
    size_t length;

    if (!old)
        return NN_EMEMORY;
    if (!nn_file_exists(path) || nn_file_exists(old))
        return NN_OK;
    NN_TRY(nn_file_read(&run->pool, path, &there, &length));
    if (strcmp(there, text) == 0)
        return NN_OK;
    if (rename(path, old) < 0)
        return nn_fail(NN_EIO, "cannot rename '%s': %s", path, nn_errno_text(errno));
    nn_info("'%s' was another one, which is '%s' now", path, old);
    return NN_OK;
}

static int write_config(nn_run *run, bool fresh) {
    const char *text = nn_config_text(run->config), *path = path_of(run, "config.yaml");

    if (!text || !path)
        return NN_EMEMORY;
    if (fresh)
        NN_TRY(keep_other_config(run, path, text));
    NN_TRY(nn_file_write(path, text, strlen(text)));
    return NN_OK;
}

/* As they stood after step `step` (-1: empty), whose newest validate lines are `history`. */
static int open_logs(nn_run *run, int64_t step, const char *history) {
    const nn_settings *settings = nn_config_settings(run->config);
    const char *metrics = path_of(run, "metrics.jsonl");

    if (!metrics)
        return NN_EMEMORY;
    NN_TRY(nn_metrics_log_open(&run->log, metrics, step, history));
    if (settings->log.tensorboard)
        NN_TRY(nn_event_log_open(run->dir, step > 0 ? step : 0, nn_config_text(run->config),
                                 settings->root, &run->events));
    if (settings->log.report && !run->page) /* one that is rewound keeps it */
        NN_TRY(nn_run_page_open(run->dir, &run->page));
    return NN_OK;
}

int nn_run_resume(nn_run *run, nn_snapshot *snapshot, bool *resumed) {
    *resumed = false;
    if (!run->dir)
        return NN_OK;
    if (run->resume)
        NN_TRY(resume(run, snapshot, resumed));
    return NN_OK;
}

/* What a killed run has left is put in order. */
static int tidy(nn_run *run, const nn_snapshot *from) {
    NN_TRY(nn_checkpoint_folder_sweep(run->dir));
    if (run->scratch && run->resume)
        NN_TRY(nn_scratch_recover(run->scratch, run->dir));
    return from ? restore_best_symlink(run, &from->state) : NN_OK;
}

int nn_run_begin(nn_run *run, const nn_snapshot *from) {
    if (!run->dir)
        return NN_OK;
    NN_TRY(tidy(run, from));
    NN_TRY(write_config(run, !from));
    return open_logs(run, from ? from->state.step : -1, from ? from->history : NULL);
}

int nn_run_rewind(nn_run *run, nn_snapshot *snapshot, bool *rewound) {
    nn_newest_release(&run->newest);
    *rewound = false;
    if (!run->dir)
        return NN_OK;
    NN_TRY(nn_newest_find(&run->newest, run->dir, NULL));
    if (!run->newest.found)
        return NN_OK;
    NN_TRY(load_found(run, snapshot));
    NN_TRY(restore_best_symlink(run, &snapshot->state));
    close_logs(run);
    NN_TRY(open_logs(run, snapshot->state.step, snapshot->history));
    *rewound = true;
    return NN_OK;
}

/* ---- metrics --------------------------------------------------------------------------------- */

nn_json *nn_run_event(nn_run *run, const char *event, int64_t step, int64_t epoch) {
    return nn_metrics_log_event(&run->log, event, step, epoch);
}

int nn_run_append(nn_run *run) {
    if (run->dir)
        NN_TRY(nn_metrics_log_append(&run->log));
    return run->events ? nn_event_log_add(run->events, run->log.line) : NN_OK;
}

const char *nn_run_line(const nn_run *run) {
    return run->dir ? run->log.json.text : NULL;
}

int nn_run_parameters(nn_run *run, const nn_model *model, const nn_real *params, int64_t step,
                      int64_t epoch) {
    const nn_param *const *param;
    size_t count = nn_model_params(model, &param);
    nn_histogram *histogram;
    int rc = NN_NEW(&histogram, count + 1, "histograms");

    for (size_t i = 0; rc == NN_OK && i < count; i++)
        histogram[i] = nn_histogram_of(params + param[i]->offset, param[i]->count);
    if (rc == NN_OK && run->events)
        rc = nn_event_log_parameters(run->events, model, params, histogram, step);
    if (rc == NN_OK && nn_config_settings(run->config)->log.weights) {
        nn_weights_line(nn_run_event(run, "weights", step, epoch), model, params, histogram);
        rc = nn_run_append(run);
    }
    nn_free(histogram);
    return rc;
}

int nn_run_samples(nn_run *run, const char *split, const nn_shape *image, size_t count,
                   const nn_real *x, int64_t step) {
    return run->events ? nn_event_log_samples(run->events, split, image, count, x, step) : NN_OK;
}

void nn_run_refresh(nn_run *run) {
    nn_run_page_refresh(run->page);
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

const char *nn_run_history(const nn_run *run) {
    return run->log.history ? run->log.history : "";
}

/* checkpoint-<step>.h5, and the symlinks that mean it; their names are made durable together. */
static int publish(const nn_run *run, nn_pool *pool, const nn_snapshot *snapshot,
                   unsigned symlinks) {
    char name[NN_CHECKPOINT_NAME];
    const char *file, *path[2];
    size_t count = 0;

    nn_checkpoint_name(snapshot->state.step, name);
    file = nn_pool_printf(pool, "%s/%s", run->scratch ? run->scratch : run->dir, name);
    if (symlinks & NN_SYMLINK_LAST)
        path[count++] = nn_pool_printf(pool, "%s/last.h5", run->dir);
    if (symlinks & NN_SYMLINK_BEST)
        path[count++] = nn_pool_printf(pool, "%s/best.h5", run->dir);
    if (!file || (count > 0 && !path[0]) || (count > 1 && !path[1]))
        return NN_EMEMORY;
    NN_TRY(nn_checkpoint_write(file, snapshot));
    if (run->scratch)
        NN_TRY(nn_scratch_move(run->scratch, run->dir, name));
    return nn_symlinks_publish(name, path, count);
}

int nn_run_save(nn_run *run, const nn_snapshot *snapshot, unsigned symlinks) {
    const nn_state *state = &snapshot->state;
    nn_pool pool = {0};
    int rc = nn_lock_check(run->dir, run->lock);

    if (rc == NN_OK)
        rc = nn_metrics_log_sync(&run->log);
    if (rc == NN_OK)
        rc = publish(run, &pool, snapshot, symlinks);
    if (rc == NN_OK && symlinks & NN_SYMLINK_LAST)
        rc = nn_checkpoint_folder_prune(run->dir, state->step, state->best_step,
                                        nn_config_settings(run->config)->checkpoint.keep);
    nn_pool_release(&pool);
    return rc;
}

int nn_run_load_best(nn_run *run, nn_snapshot *snapshot) {
    const char *path = path_of(run, "best.h5");

    if (!path)
        return NN_EMEMORY;
    NN_TRY(nn_checkpoint_read(path, &run->pool, snapshot));
    return NN_OK;
}
