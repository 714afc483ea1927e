#define _GNU_SOURCE
#include "comm/watchdog.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/system/clock.h"
#include "base/system/progress.h"
#include "base/system/thread.h"
#include "comm/barrier.h"
#include "comm/comm.h"
#include "comm/heartbeat.h"
#include "comm/shared_memory.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Looks in the time after which a rank counts as stalled. */
#define LOOKS 20
/* Others that may know better who stalls speak first. */
#define GRACE 1.25
#define GRACE_LEAST 1.0 /* s */

/* What this one has seen of another, and for how long nothing has changed. */
struct seen {
    uint64_t alive, moves;
    double quiet_s, still_s;
};

struct nn_watchdog {
    nn_comm *comm;
    double seconds;
    nn_shared_memory memory;
    nn_heartbeat **heartbeat; /* [node_size] */
    struct seen *seen;        /* [node_size] */
    nn_heartbeat *mine;
    nn_thread thread;
    bool running;
    pthread_mutex_t mutex; /* of `over` */
    pthread_cond_t wake;
    bool over;
};

/* ---- looking ----------------------------------------------------------------------------------
 */

/* Time in which this process itself stood still (a suspended job) tells nothing about others. */
static void look_at(const nn_heartbeat *heartbeat, struct seen *seen, double passed) {
    uint64_t alive = atomic_load(&heartbeat->alive), moves = atomic_load(&heartbeat->moves);
    seen->quiet_s = alive == seen->alive ? seen->quiet_s + passed : 0;
    seen->still_s = moves == seen->moves ? seen->still_s + passed : 0;
    seen->alive = alive;
    seen->moves = moves;
}

static bool is_quiet(const nn_watchdog *w, int p) {
    return w->seen[p].quiet_s >= w->seconds && !atomic_load(&w->heartbeat[p]->left);
}

/* Busy with one thing for too long. */
static bool is_stuck(const nn_watchdog *w, int p) {
    const nn_heartbeat *s = w->heartbeat[p];
    return w->seen[p].still_s >= w->seconds && atomic_load(&s->waits) == 0 &&
           !atomic_load(&s->away) && !atomic_load(&s->left);
}

static int find(const nn_watchdog *w, bool (*is)(const nn_watchdog *w, int p)) {
    for (int p = 0; p < w->comm->node_size; p++)
        if (is(w, p))
            return p;
    return -1;
}

/* Nobody here is to blame, but nobody goes on. */
static bool all_wait(const nn_watchdog *w) {
    double enough = fmax(GRACE * w->seconds, w->seconds + GRACE_LEAST);
    for (int p = 0; p < w->comm->node_size; p++)
        if (w->seen[p].still_s < enough || atomic_load(&w->heartbeat[p]->away))
            return false;
    return true;
}

/* "in step 12 (forward)" */
#define PLACE_TEXT 64
static const char *place_of(const nn_heartbeat *s, char text[PLACE_TEXT]) {
    const char *phase = nn_phase_name((nn_phase)atomic_load(&s->phase));
    long long step = (long long)atomic_load(&s->step);
    if (step > 0)
        snprintf(text, PLACE_TEXT, "in step %lld (%s)", step, phase);
    else
        snprintf(text, PLACE_TEXT, "before the first step (%s)", phase);
    return text;
}

static void describe(const nn_watchdog *w, int p, const char *what) {
    const nn_heartbeat *s = w->heartbeat[p];
    char place[PLACE_TEXT];
    nn_warn("rank %d on %s %s %.3g s %s; all ranks end, because nothing would go on without it "
            "(train.stall_timeout = %g)",
            s->rank, w->comm->host, what, w->seconds, place_of(s, place), w->seconds);
}

static void describe_others(const nn_watchdog *w) {
    char place[PLACE_TEXT];
    nn_warn(
        "the ranks on %s have waited %.3g s for %s %s; all ranks end (train.stall_timeout = %g)",
        w->comm->host, w->seen[w->comm->node_rank].still_s,
        w->comm->nodes > 1 ? "those of other nodes" : "each other", place_of(w->mine, place),
        w->seconds);
}

/* MPI is for the thread that trains, which may be in the middle of a call, so that MPI_Abort is not
 * for this one. A rank that ends without MPI_Finalize makes the launcher end all. */
_Noreturn static void end_all(void) {
    int status = nn_error_exit_code(NN_ERANK);
    nn_launch_abort(status);
    _Exit(status);
}

static void judge(const nn_watchdog *w) {
    int quiet = find(w, is_quiet), stuck = find(w, is_stuck);
    bool nobody = quiet < 0 && stuck < 0;
    if (nobody && !all_wait(w))
        return;
    if (atomic_exchange(&w->heartbeat[0]->spoken, true))
        sleep(2); /* that one ends this rank, too, unless something holds it up */
    else if (quiet >= 0)
        describe(w, quiet, "has shown no sign of life for");
    else if (stuck >= 0)
        describe(w, stuck, "has not moved for");
    else
        describe_others(w);
    end_all();
}

/* Sleeps until the next look; false: watching is over. */
static bool rest(nn_watchdog *w, double seconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    double at = (double)until.tv_nsec * 1e-9 + seconds;
    until.tv_sec += (time_t)at;
    until.tv_nsec = (long)((at - floor(at)) * 1e9);
    pthread_mutex_lock(&w->mutex);
    while (!w->over && pthread_cond_timedwait(&w->wake, &w->mutex, &until) == 0)
        ;
    bool over = w->over;
    pthread_mutex_unlock(&w->mutex);
    return !over;
}

static void watch(void *ctx) {
    nn_watchdog *w = ctx;
    double period = w->seconds / LOOKS, last = nn_seconds();
    while (rest(w, period)) {
        double now = nn_seconds(), passed = fmin(now - last, 2 * period);
        last = now;
        atomic_fetch_add(&w->mine->alive, 1);
        for (int p = 0; p < w->comm->node_size; p++)
            look_at(w->heartbeat[p], &w->seen[p], passed);
        judge(w);
    }
}

/* ---- life -------------------------------------------------------------------------------------
 */

static int allocate(nn_comm *comm, nn_watchdog **out) {
    nn_watchdog *w;
    NN_TRY(NN_NEW(&w, 1, "watchdog"));
    *out = w;
    w->comm = comm;
    NN_TRY(NN_NEW(&w->heartbeat, (size_t)comm->node_size, "watchdog"));
    return NN_NEW(&w->seen, (size_t)comm->node_size, "watchdog");
}

static int start_thread(nn_watchdog *w) {
    pthread_condattr_t attributes;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    w->running = nn_thread_start(&w->thread, watch, w);
    return w->running ? 0 : nn_fail(NN_EMEMORY, "the watchdog's thread could not be started");
}

static int open_watchdog(nn_watchdog *w) {
    nn_comm *comm = w->comm;
    NN_TRY(nn_shared_memory_open(comm, sizeof *w->mine, &w->memory));
    for (int p = 0; p < comm->node_size; p++)
        w->heartbeat[p] = nn_shared_memory_segment(&w->memory, p);
    w->mine = w->heartbeat[comm->node_rank];
    w->mine->rank = comm->rank;
    return 0;
}

static void stop_thread(nn_watchdog *w) {
    pthread_mutex_lock(&w->mutex);
    w->over = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    nn_thread_join(&w->thread);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    w->running = w->over = false;
}

/* Watches no more, nor is watched. */
static void stop(nn_watchdog *w) {
    if (!w->running)
        return;
    stop_thread(w);
    atomic_store(&w->mine->left, true);
}

static void release(nn_watchdog *w) {
    if (!w)
        return;
    stop(w);
    nn_shared_memory_close(&w->memory);
    nn_free(w->heartbeat);
    nn_free(w->seen);
    nn_free(w);
}

static void go_on(void *ctx) {
    const nn_watchdog *w = ctx;
    atomic_fetch_add_explicit(&w->mine->moves, 1, memory_order_relaxed);
}

void nn_comm_back(nn_comm *comm) {
    if (comm->watchdog)
        nn_progress_target_set((nn_progress_target){go_on, comm->watchdog});
}

static int prepare(nn_comm *comm) {
    nn_watchdog *w = NULL;
    int rc = nn_comm_agree(comm, allocate(comm, &w));
    if (rc == 0 && w)
        rc = nn_comm_agree(comm, open_watchdog(w));
    if (rc < 0 || !w) {
        release(w);
        return rc < 0 ? rc : NN_EMEMORY;
    }
    comm->watchdog = w;
    return 0;
}

/* All begin anew before any looks at others. */
static int start(nn_watchdog *w, double seconds) {
    w->seconds = seconds;
    memset(w->seen, 0, (size_t)w->comm->node_size * sizeof *w->seen);
    atomic_store(&w->mine->left, false);
    NN_TRY(nn_comm_node_barrier(w->comm));
    return start_thread(w);
}

/* Ranks might have read different configurations. What is watched already stays where it is:
 * threads of another training may tell it that they go on. */
int nn_watchdog_start(nn_comm *comm, double seconds) {
    NN_TRY(nn_comm_bcast(comm, &seconds, sizeof seconds));
    if (comm->watchdog)
        stop(comm->watchdog);
    comm->heartbeat = NULL;
    if (seconds <= 0 || comm->size == 1)
        return 0;
    if (!comm->watchdog)
        NN_TRY(prepare(comm));
    NN_TRY(nn_comm_agree(comm, start(comm->watchdog, seconds)));
    comm->heartbeat = comm->watchdog->mine;
    nn_comm_back(comm);
    return 0;
}

void nn_watchdog_free(nn_comm *comm) {
    nn_watchdog *w = comm->watchdog;
    if (!w)
        return;
    comm->watchdog = NULL;
    comm->heartbeat = NULL;
    release(w);
}
