#include "train/run/run.h"

#include "base/log.h"
#include "io/file.h"
#include "io/folder.h"
#include "train/run/checkpoint_folder.h"
#include "train/run/kept.h"
#include "train/run/lock.h"
#include "train/run/metrics_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The ranks of a killed run may take a moment to end; one that goes on waits for them. */
#define PATIENCE_SECONDS 5.0

struct nn_run {
    nn_pool pool;
    nn_config *config;
    const char *dir;
    bool resume;
    int lock; /* nn_lock_take's; -1: none */
    nn_metrics_log log;
    nn_kept best;     /* not written yet */
    const char *from; /* path of the checkpoint that the run goes on from; NULL: none */
};

/* ---- the folder -------------------------------------------------------------------------------
 */

/* The path of a file in the folder, in the run's pool; NULL with the error set. */
static char *path_of(nn_run *run, const char *name) {
    return nn_pool_printf(&run->pool, "%s/%s", run->dir, name);
}

/* runs/<config>-<time>, with a number behind it where two runs begin in the same second. */
static int make_default(nn_run *run) {
    const char *name = nn_config_name(run->config);
    time_t now = time(NULL);
    struct tm local;
    char stamp[32];

    NN_TRY(nn_dir_make("runs"));
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &local));
    for (int i = 1; i < 1000; i++) {
        run->dir = i == 1 ? nn_pool_printf(&run->pool, "runs/%s-%s", name, stamp)
                          : nn_pool_printf(&run->pool, "runs/%s-%s-%d", name, stamp, i);
        if (!run->dir)
            return NN_EMEMORY;
        if (mkdir(run->dir, 0777) == 0)
            return NN_OK;
        if (errno != EEXIST)
            break;
    }
    return nn_fail(NN_EIO, "cannot make the run folder '%s': %s", run->dir, nn_errno_text(errno));
}

static int make_folder(nn_run *run, const char *dir) {
    if (!dir)
        return make_default(run);
    run->dir = nn_pool_strdup(&run->pool, dir);
    if (!run->dir)
        return NN_EMEMORY;
    NN_TRY(nn_dir_make(dir));
    return NN_OK;
}

static int refuse_used(nn_run *run) {
    static const char *const traces[] = {"config.yaml", "metrics.jsonl", "last.h5"};
    nn_checkpoint_list list;
    bool used;

    NN_TRY(nn_checkpoint_list_read(&run->pool, run->dir, &list));
    used = list.count > 0;
    for (size_t i = 0; i < sizeof traces / sizeof *traces && !used; i++) {
        const char *path = path_of(run, traces[i]);
        if (!path)
            return NN_EMEMORY;
        used = nn_file_exists(path);
    }
    if (used)
        return nn_fail(NN_EUSAGE,
                       "the folder '%s' already holds a run; add --resume to go on with it, or "
                       "choose another folder (--run)",
                       run->dir);
    return NN_OK;
}

static int open_folder(nn_run *run, const char *dir) {
    if (run->resume && !dir)
        return nn_fail(NN_EUSAGE, "--resume needs the folder of the run to go on with: --run DIR");
    NN_TRY(make_folder(run, dir));
    NN_TRY(nn_lock_take(run->dir, run->resume ? PATIENCE_SECONDS : 0, &run->lock));
    NN_TRY(nn_checkpoint_folder_sweep(run->dir));
    return run->resume ? NN_OK : refuse_used(run);
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

void nn_run_free(nn_run *run) {
    if (!run)
        return;
    nn_metrics_log_close(&run->log);
    nn_kept_release(&run->best);
    nn_lock_release(run->lock);
    nn_pool_release(&run->pool);
    nn_free(run);
}

const char *nn_run_dir(const nn_run *run) {
    return run->dir;
}

const char *nn_run_from(const nn_run *run) {
    return run->from;
}

/* ---- going on ---------------------------------------------------------------------------------
 */

/* Where the search for a checkpoint to go on from stands. */
typedef struct search {
    nn_run *run;
    const char *found;  /* name of the newest valid one, */
    nn_snapshot peeked; /* its texts and traits, */
    nn_pool pool;       /* which this owns */
    char refused[1024]; /* what is wrong with the first that is not */
    size_t tried;
} search;

static int try_candidate(search *s, const char *name) {
    char *path = path_of(s->run, name);
    int rc = NN_EMEMORY;

    s->peeked = (nn_snapshot){0};
    if (path)
        rc = nn_checkpoint_peek(path, &s->pool, &s->peeked);
    if (rc != NN_OK)
        nn_pool_release(&s->pool);
    if (rc == NN_EMEMORY)
        return rc;
    s->tried++;
    if (rc == NN_OK)
        s->found = name;
    else if (s->tried == 1)
        snprintf(s->refused, sizeof s->refused, "%s", nn_error_message());
    return NN_OK;
}

/* The step of the checkpoint that last.h5 is a link to, -1 when it is none. */
static int64_t linked_step(const char *last) {
    char target[256];
    ssize_t length = readlink(last, target, sizeof target - 1);

    if (length < 0)
        return -1;
    target[length] = '\0';
    return nn_checkpoint_step(target);
}

/* last.h5, then the others, newest first, until one is whole. */
static int find_newest(search *s) {
    const char *last = path_of(s->run, "last.h5");
    int64_t seen;
    nn_checkpoint_list list;

    if (!last)
        return NN_EMEMORY;
    seen = linked_step(last);
    if (nn_file_exists(last))
        NN_TRY(try_candidate(s, "last.h5"));
    NN_TRY(nn_checkpoint_list_read(&s->run->pool, s->run->dir, &list));
    for (size_t i = 0; i < list.count && !s->found; i++) {
        char *name = nn_pool_alloc(&s->run->pool, NN_CHECKPOINT_NAME);
        if (!name)
            return NN_EMEMORY;
        if (list.step[i] != seen)
            NN_TRY(try_candidate(s, nn_checkpoint_name(list.step[i], name)));
    }
    return NN_OK;
}

/* best.h5 may point to what was abandoned, and the best checkpoint may be gone: then the next
 * validation counts as the first. */
static int restore_best_link(nn_run *run, nn_state *state) {
    char name[NN_CHECKPOINT_NAME];
    const char *target, *link = path_of(run, "best.h5");

    if (state->best_step < 0)
        return NN_OK;
    target = path_of(run, nn_checkpoint_name(state->best_step, name));
    if (!link || !target)
        return NN_EMEMORY;
    if (nn_file_exists(target))
        return nn_links_publish(name, &link, 1);
    nn_warn("%s, the best so far, is gone; the next validation counts as the first", target);
    state->best_step = -1;
    state->since_best = 0;
    return NN_OK;
}

static int load_found(const search *s, nn_snapshot *snapshot) {
    const char *path = s->run->from = path_of(s->run, s->found);

    if (!path)
        return NN_EMEMORY;
    if (s->tried > 1)
        nn_warn("%s; going on from %s instead", s->refused, s->found);
    NN_TRY(nn_checkpoint_read(path, &s->run->pool, snapshot));
    return restore_best_link(s->run, &snapshot->state);
}

static int resume(nn_run *run, nn_snapshot *snapshot, bool *resumed) {
    search s = {.run = run};

    int rc = find_newest(&s);
    nn_pool_release(&s.pool);
    NN_TRY(rc);
    if (!s.found && s.tried)
        return nn_fail(NN_EFORMAT,
                       "no checkpoint in '%s' can be used: %s; train afresh in another folder",
                       run->dir, s.refused);
    if (!s.found)
        nn_info("'%s' holds no checkpoint yet: the run starts afresh", run->dir);
    if (!s.found)
        return NN_OK;
    NN_TRY(load_found(&s, snapshot));
    *resumed = true;
    return NN_OK;
}

int nn_run_peek(const char *dir, nn_pool *pool, nn_data_traits *data) {
    nn_run run = {.dir = dir};
    search s = {.run = &run};
    int rc = nn_is_folder(dir) ? find_newest(&s) : NN_OK;

    if (s.tried > 0 && rc == NN_OK)
        nn_error_clear(); /* of what nn_run_resume will warn */
    *pool = s.pool;
    *data = s.peeked.data;
    nn_pool_release(&run.pool);
    return rc;
}

static int write_config(nn_run *run) {
    const char *text = nn_config_text(run->config), *path = path_of(run, "config.yaml");

    if (!text || !path)
        return NN_EMEMORY;
    NN_TRY(nn_file_write(path, text, strlen(text)));
    return NN_OK;
}

int nn_run_resume(nn_run *run, nn_snapshot *snapshot, bool *resumed) {
    const char *metrics = path_of(run, "metrics.jsonl");

    *resumed = false;
    if (!metrics)
        return NN_EMEMORY;
    if (run->resume)
        NN_TRY(resume(run, snapshot, resumed));
    NN_TRY(write_config(run));
    NN_TRY(nn_metrics_log_open(&run->log, metrics, *resumed ? snapshot->state.step : -1,
                               *resumed ? snapshot->history : NULL));
    return NN_OK;
}

/* ---- metrics ----------------------------------------------------------------------------------
 */

nn_json *nn_run_event(nn_run *run, const char *event, int64_t step, int64_t epoch) {
    return nn_metrics_log_event(&run->log, event, step, epoch);
}

int nn_run_append(nn_run *run) {
    NN_TRY(nn_metrics_log_append(&run->log));
    return NN_OK;
}

/* ---- checkpoints ------------------------------------------------------------------------------
 */

/* checkpoint-<step>.h5, and the links that mean it; their names are made durable together. */
static int write_checkpoint(nn_run *run, nn_pool *pool, const nn_snapshot *snapshot, bool last,
                            bool best) {
    char name[NN_CHECKPOINT_NAME];
    const char *file, *links[2];

    nn_checkpoint_name(snapshot->state.step, name);
    file = nn_pool_printf(pool, "%s/%s", run->dir, name);
    links[0] = nn_pool_printf(pool, "%s/last.h5", run->dir);
    links[1] = nn_pool_printf(pool, "%s/best.h5", run->dir);
    if (!file || !links[0] || !links[1])
        return NN_EMEMORY;
    NN_TRY(nn_checkpoint_write(file, snapshot));
    return nn_links_publish(name, links + !last, (size_t)last + best);
}

/* The history up to a step. */
static const char *history_until(const nn_run *run, nn_pool *pool, int64_t step) {
    size_t length = nn_metrics_log_history(&run->log, step);

    return nn_pool_printf(pool, "%.*s", (int)length, length ? run->log.history : "");
}

/* Writes the best checkpoint, if it was only kept; `last`: nothing newer comes after it. */
static int write_best(nn_run *run, nn_pool *pool, bool last) {
    nn_kept *best = &run->best;

    if (!best->full)
        return NN_OK;
    best->snapshot.history = history_until(run, pool, best->snapshot.state.step);
    if (!best->snapshot.history)
        return NN_EMEMORY;
    NN_TRY(write_checkpoint(run, pool, &best->snapshot, last, true));
    best->full = false;
    return NN_OK;
}

/* The best one comes first: a checkpoint that names it is never there without it. */
static int publish(nn_run *run, nn_pool *pool, const nn_snapshot *snapshot, bool best) {
    nn_snapshot whole = *snapshot;

    if (run->best.full && run->best.snapshot.state.step == snapshot->state.step)
        best = true;
    if (best)
        run->best.full = false;
    NN_TRY(write_best(run, pool, false));
    whole.history = run->log.history;
    return write_checkpoint(run, pool, &whole, true, best);
}

int nn_run_save(nn_run *run, const nn_snapshot *snapshot, bool best) {
    const nn_state *state = &snapshot->state;
    nn_pool pool = {0};
    int rc = nn_metrics_log_sync(&run->log);

    if (rc == NN_OK)
        rc = publish(run, &pool, snapshot, best);
    if (rc == NN_OK)
        rc = nn_checkpoint_folder_prune(run->dir, state->step, state->best_step,
                                        nn_config_settings(run->config)->checkpoint.keep);
    nn_pool_release(&pool);
    return rc;
}

int nn_run_keep_best(nn_run *run, const nn_snapshot *snapshot) {
    if (!nn_kept_fits(snapshot) || nn_kept_take(&run->best, snapshot) < 0)
        return nn_run_save(run, snapshot, true);
    return NN_OK;
}

int nn_run_flush(nn_run *run, int64_t *step) {
    nn_pool pool = {0};
    int rc = NN_OK;

    *step = run->best.full ? run->best.snapshot.state.step : -1;
    if (run->best.full)
        rc = nn_metrics_log_sync(&run->log);
    if (rc == NN_OK)
        rc = write_best(run, &pool, true);
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
