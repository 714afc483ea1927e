#include "train/save/saver.h"

#include "base/mem.h"
#include "base/system/clock.h"
#include "base/system/worker.h"
#include "math/kernels.h"
#include "train/checkpoint/checkpoint_folder.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What a buffer holds besides its vectors. */
struct state {
    nn_snapshot snapshot;
    char *history; /* NULL: none */
    size_t capacity;
    char kernels[NN_KERNELS_TEXT];
    int64_t *shards; /* [borders] */
};

struct nn_saver {
    nn_session *session;
    nn_staging *staging;
    nn_run *run;       /* rank 0; NULL elsewhere */
    nn_worker *worker; /* rank 0; NULL elsewhere */
    bool kept;         /* the best state is copied and not written; the same on every rank */
    struct state state[NN_STAGING_BUFFERS];
    bool writes_best; /* of the task under way: the kept state comes first, */
    bool is_best;     /* and best.h5 moves to the newest */
    double begun;     /* seconds at which training went on */
    int rc;           /* the first failure */
    char message[1024];
    nn_saved saved;
};

/* Keeps it if it is the first. */
static void keep_failure(nn_saver *s, int rc) {
    if (rc >= 0 || s->rc < 0)
        return;
    s->rc = rc;
    snprintf(s->message, sizeof s->message, "%s", nn_error_message());
}

/* ---- the thread of rank 0 ---------------------------------------------------------------------
 */

static int64_t file_bytes(const nn_run *run, int64_t step) {
    char path[4096], name[NN_CHECKPOINT_NAME];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", nn_run_dir(run), nn_checkpoint_name(step, name));
    return stat(path, &status) == 0 ? (int64_t)status.st_size : 0;
}

/* Never a checkpoint with NaN in it. */
static int write_buffer(nn_saver *s, nn_staging_buffer buffer, unsigned symlinks) {
    const nn_snapshot *snapshot = &s->state[buffer].snapshot;
    if (!nn_staging_wait(s->staging, buffer))
        return nn_fail(NN_ERANK, "a rank has ended before its part of the checkpoint was copied");
    if (!nn_kernels_get()->all_finite(nn_model_size(snapshot->model), snapshot->params))
        return nn_fail(NN_EDIVERGED,
                       "training diverged: step %lld left NaN or Inf among the parameters",
                       (long long)snapshot->state.step);
    return nn_run_save(s->run, snapshot, symlinks);
}

/* The best one comes first: a checkpoint that names it is never there without it. */
static void write_states(void *ctx) {
    nn_saver *s = ctx;
    const nn_state *state = &s->state[NN_STAGING_LAST].snapshot.state;
    double begin = nn_trace_begin(s->session->trace);
    int rc = s->writes_best ? write_buffer(s, NN_STAGING_BEST, NN_SYMLINK_BEST) : 0;
    if (s->writes_best)
        nn_staging_release(s->staging, NN_STAGING_BEST);
    if (rc == 0)
        rc = write_buffer(s, NN_STAGING_LAST, NN_SYMLINK_LAST | (s->is_best ? NN_SYMLINK_BEST : 0));
    nn_staging_release(s->staging, NN_STAGING_LAST);
    nn_trace_end(s->session->trace, NN_TRACE_WRITE, state->step, begin);
    keep_failure(s, rc);
    if (rc < 0)
        return;
    s->saved.step = state->step;
    s->saved.epoch = state->epoch;
    s->saved.bytes = file_bytes(s->run, state->step);
    s->saved.write_s = nn_seconds() - s->begun;
}

/* ---- what the thread gets ---------------------------------------------------------------------
 */

/* The history goes on while it is written. */
static int copy_history(struct state *state, const char *history) {
    size_t needed = strlen(history) + 1;
    if (needed > state->capacity) {
        nn_free(state->history);
        state->history = NULL;
        state->capacity = 0;
        NN_TRY(NN_NEW(&state->history, 2 * needed, "history"));
        state->capacity = 2 * needed;
    }
    memcpy(state->history, history, needed);
    return 0;
}

/* On rank 0, while nobody writes the buffer. */
static void take(nn_saver *s, nn_staging_buffer buffer, const nn_snapshot *snapshot) {
    struct state *state = &s->state[buffer];
    int rc = copy_history(state, nn_run_history(s->run));
    keep_failure(s, rc);
    state->snapshot = *snapshot;
    state->snapshot.history = rc < 0 ? "" : state->history;
    if (snapshot->kernels) {
        snprintf(state->kernels, sizeof state->kernels, "%s", snapshot->kernels);
        state->snapshot.kernels = state->kernels;
    }
    if (snapshot->shards) {
        memcpy(state->shards, snapshot->shards, snapshot->borders * sizeof *state->shards);
        state->snapshot.shards = state->shards;
    }
    nn_staging_bind(s->staging, buffer, &state->snapshot);
}

int nn_saver_save(nn_saver *s, const nn_snapshot *snapshot, bool best, double since) {
    if (s->worker)
        nn_worker_wait(s->worker);
    NN_TRY(nn_staging_copy(s->staging, NN_STAGING_LAST));
    nn_staging_submit(s->staging, NN_STAGING_LAST);
    bool same = s->kept && s->state[NN_STAGING_BEST].snapshot.state.step == snapshot->state.step;
    s->writes_best = s->kept && !best && !same;
    s->is_best = best || same;
    if (s->writes_best)
        nn_staging_submit(s->staging, NN_STAGING_BEST);
    s->kept = false;
    if (!s->worker)
        return 0;
    take(s, NN_STAGING_LAST, snapshot);
    s->begun = nn_seconds();
    s->saved.wait_s = s->begun - since;
    nn_worker_start(s->worker, write_states, s);
    return 0;
}

int nn_saver_keep_best(nn_saver *s, const nn_snapshot *snapshot, bool *kept) {
    *kept = nn_staging_keeps_best(s->staging);
    if (!*kept)
        return 0;
    if (s->worker && s->writes_best)
        nn_worker_wait(s->worker); /* it may be writing from there */
    NN_TRY(nn_staging_copy(s->staging, NN_STAGING_BEST));
    s->kept = true;
    s->state[NN_STAGING_BEST].snapshot.state.step = snapshot->state.step;
    if (s->worker)
        take(s, NN_STAGING_BEST, snapshot);
    return 0;
}

bool nn_saver_writes_best(const nn_saver *s) {
    return s->writes_best;
}

void nn_saver_forget_best(nn_saver *s) {
    s->kept = false;
}

int nn_saver_failure(nn_saver *s) {
    if (nn_saver_busy(s) || s->rc == 0)
        return 0;
    return nn_fail(s->rc, "%s", s->message);
}

int nn_saver_wait(nn_saver *s) {
    if (s->worker)
        nn_worker_wait(s->worker);
    nn_staging_complete(s->staging);
    return nn_saver_failure(s);
}

int nn_saver_rescue(nn_saver *s) {
    NN_TRY(nn_saver_wait(s));
    if (!s->kept)
        return 0;
    s->kept = false;
    nn_staging_submit(s->staging, NN_STAGING_BEST);
    NN_TRY(write_buffer(s, NN_STAGING_BEST, NN_SYMLINK_LAST | NN_SYMLINK_BEST));
    s->saved.step = s->state[NN_STAGING_BEST].snapshot.state.step;
    return 0;
}

bool nn_saver_busy(const nn_saver *s) {
    return s->worker && nn_worker_busy(s->worker);
}

nn_saved nn_saver_saved(nn_saver *s) {
    nn_saved saved = s->saved;
    saved.wait_s += nn_staging_waited(s->staging);
    return saved;
}

/* ---- life -------------------------------------------------------------------------------------
 */

/* On rank 0. */
static int prepare_writing(nn_saver *s) {
    for (int i = 0; i < NN_STAGING_BUFFERS; i++)
        NN_TRY(NN_NEW(&s->state[i].shards, s->session->shards.holders + 1, "checkpoints"));
    return nn_worker_new("writing checkpoints", &s->worker);
}

int nn_saver_new(nn_session *session, nn_run *run, nn_saver **out) {
    nn_saver *s = NULL;
    int rc;
    *out = NULL;
    NN_TRY(nn_comm_agree(session->comm, NN_NEW(&s, 1, "checkpoints")));
    s->session = session;
    s->run = run;
    s->saved.step = -1;
    rc = nn_staging_new(session, &s->staging);
    if (rc == 0)
        rc = nn_comm_agree(session->comm, run ? prepare_writing(s) : 0);
    if (rc < 0) {
        nn_saver_free(s, true);
        return rc;
    }
    session->staging = s->staging;
    *out = s;
    return 0;
}

void nn_saver_free(nn_saver *s, bool broken) {
    if (!s)
        return;
    if (broken)
        nn_staging_give_up(s->staging);
    nn_worker_free(s->worker);
    s->session->staging = NULL;
    nn_staging_free(s->staging);
    for (int i = 0; i < NN_STAGING_BUFFERS; i++) {
        nn_free(s->state[i].history);
        nn_free(s->state[i].shards);
    }
    nn_free(s);
}
