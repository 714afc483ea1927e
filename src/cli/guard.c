#define _GNU_SOURCE
#include "cli/guard.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/system/clock.h"
#include "cli/siblings.h"
#include "io/files/temporary.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define START_SECONDS 120
/* Wakes the guard; whoever does not wait for it ignores it. */
#define WAKE SIGURG

enum phase { MEETING, SETTING_UP, DEFERRING, ENDING };

struct nn_guard {
    nn_guard_spec spec;
    sigset_t waited; /* by the thread */
    pthread_t thread;
    pid_t parent;               /* the launcher; 0: there is none to watch */
    double begin, limit;        /* of the time to start, in seconds; limit 0: none */
    atomic_int phase;           /* enum phase */
    atomic_bool over;           /* the thread shall end */
    volatile sig_atomic_t stop; /* the number of the last signal that asks to stop; 0: none */
    volatile sig_atomic_t save; /* signals so far that ask to save and go on */
    bool interrupted;           /* by SIGINT ... */
    bool told;                  /* ... of which people have heard */
    double looked;              /* seconds at which the thread began to wait */
};

/* What people and batch systems send: SIGXCPU where the CPU time of a job is over. All ask a run
 * to save and stop, but SAVING, after which it goes on. */
static const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGXCPU, SIGUSR2};
#define TAKEN (sizeof taken / sizeof *taken)
#define ENDING_TAKEN 3 /* the first ones: of a verb that has nothing to save */
#define SAVING SIGUSR2

/* Seconds without a look, by which a process knows that it was stopped. */
#define GAP 1.5

/* Those that were ignored when the program started, as by nohup. Libraries that take signals for
 * their own do so when they are loaded (UCX takes SIGHUP): this is noted before, and once more when
 * the guard starts. */
static bool ignored[TAKEN];

static void note_ignored(void) {
    for (size_t i = 0; i < TAKEN; i++) {
        struct sigaction action;
        if (sigaction(taken[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            ignored[i] = true;
    }
}

/* Blocked by the process when it started, and whether it holds the signals above as well. */
static sigset_t at_start;
static bool holding;

static void add_taken(sigset_t *set, size_t count) {
    for (size_t i = 0; i < count; i++)
        sigaddset(set, taken[i]);
}

#ifndef NN_SANITIZED /* sanitizers are not ready that early */
/* Signals that come while libraries are loaded wait for the guard, or for the word that there is
 * none. */
static void hold_signals(void) {
    sigset_t blocked;
    note_ignored();
    sigemptyset(&blocked);
    add_taken(&blocked, TAKEN);
    holding = pthread_sigmask(SIG_BLOCK, &blocked, &at_start) == 0;
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = hold_signals;
#endif

void nn_guard_none(void) {
    if (holding)
        pthread_sigmask(SIG_SETMASK, &at_start, NULL);
    holding = false;
}

/* One that is ignored is blocked too: nobody waits for it, and a library that takes it for its own
 * cannot change that. */
static void block(nn_guard *g) {
    const nn_launcher *launcher = g->spec.launch ? g->spec.launch->launcher : NULL;
    size_t count = g->spec.stops ? TAKEN : ENDING_TAKEN;
    sigset_t blocked;
    sigemptyset(&blocked);
    sigemptyset(&g->waited);
    sigaddset(&g->waited, WAKE);
    sigaddset(&blocked, WAKE);
    for (size_t i = 0; i < count; i++) {
        if (!ignored[i])
            sigaddset(&g->waited, taken[i]);
    }
    if (g->spec.stops && launcher && launcher->announces) {
        sigaddset(&g->waited, SIGCONT);
        sigaddset(&blocked, SIGCONT);
    }
    add_taken(&blocked, count);
    if (!g->spec.stops)
        nn_guard_none();
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
}

_Noreturn static void die_by(int number) {
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, number);
    signal(number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &only, NULL);
    raise(number);
    abort(); /* not reached */
}

/* A verb that has nothing to save ends as the signal would end it, but leaves no file half-written.
 */
_Noreturn static void end_by(const nn_guard *g, int number) {
    char name[PATH_MAX];
    if (nn_temporaries_remove(name, sizeof name)) {
        (void)nn_fail(NN_ESTOPPED,
                      "stopped by SIG%s: what there was of '%s' is removed, and a file that stood "
                      "there before is as it was",
                      number == SIGINT    ? "INT"
                      : number == SIGTERM ? "TERM"
                                          : "HUP",
                      name);
        g->spec.hear(g->spec.ctx, NN_GUARD_REMOVED);
    }
    die_by(number);
}

/* The launcher says by SIGCONT that it is about to end this rank, which is time to save that later
 * signals do not leave. It may also mean what it says: that a process that was stopped goes on.
 * While there is nothing to save, what ends the rank is a matter of who sends SIGTERM. */
static bool is_announcement(const nn_guard *g, pid_t from) {
    return from == g->parent && nn_seconds() - g->looked < GAP &&
           atomic_load(&g->phase) == DEFERRING;
}

/* Whether the launcher ends all because a rank has failed, which may not be quite gone yet. */
static bool has_failed_sibling(const nn_guard *g, pid_t from) {
    const struct timespec moment = {.tv_nsec = 50000000};
    bool missing = nn_siblings_missing(g->spec.launch);
    for (int i = 0; i < 6 && !missing && from == g->parent; i++) {
        nanosleep(&moment, NULL);
        missing = nn_siblings_missing(g->spec.launch);
    }
    return missing;
}

static void take(nn_guard *g, int number, pid_t from) {
    char name[PATH_MAX];
    if (!g->spec.stops)
        end_by(g, number);
    if (number == SAVING) {
        __atomic_store_n(&g->save, g->save + 1, __ATOMIC_SEQ_CST);
        return;
    }
    if (number == SIGCONT && !is_announcement(g, from))
        return;
    if (number == SIGINT && g->interrupted) {
        if (atomic_load(&g->phase) < ENDING)
            g->spec.hear(g->spec.ctx, NN_GUARD_KILLED);
        nn_temporaries_remove(name, sizeof name);
        die_by(SIGINT);
    }
    g->interrupted = g->interrupted || number == SIGINT;
    __atomic_store_n(&g->stop, number, __ATOMIC_SEQ_CST);
    if (atomic_load(&g->phase) >= DEFERRING) {
        g->spec.hear(g->spec.ctx, NN_GUARD_ASKED);
        return;
    }
    if (has_failed_sibling(g, from)) { /* what it has said shall be the last word */
        sleep(NN_PATIENCE);
        g->spec.leave(g->spec.ctx, NN_ESTOPPED);
    }
    g->spec.leave(g->spec.ctx, nn_fail(NN_ESTOPPED,
                                       "stopped by a signal before %s: there was "
                                       "nothing to save; run again",
                                       g->spec.stops));
}

/* The system gives a child whose parent has died to another one. */
static void look_at_launcher(const nn_guard *g) {
    if (g->parent && getppid() != g->parent)
        g->spec.leave(g->spec.ctx, nn_fail(NN_ERANK,
                                           "%s, which started this rank, is no longer there: the "
                                           "rank ends; run again with --resume",
                                           g->spec.launch->launcher->name));
}

static void look_at_clock(const nn_guard *g) {
    char stopped[NN_SIBLINGS_TEXT];
    if (g->limit <= 0 || atomic_load(&g->phase) != MEETING)
        return;
    double grace = g->spec.launch->rank > 0 ? NN_PATIENCE : 0;
    if (nn_seconds() - g->begin < g->limit + grace)
        return;
    g->spec.leave(g->spec.ctx,
                  nn_fail(NN_ERANK,
                          "waited %g s for all ranks to start%s: one of them has failed or hangs "
                          "before MPI_Init, or cannot be reached (NNMPI_START_TIMEOUT=SECONDS "
                          "makes it longer, 0 endless)",
                          g->limit, nn_siblings_stopped(g->spec.launch, stopped)));
}

/* A step, or the checkpoint after it, may take long. What is said at the end is the last word. */
static void look_at_stop(nn_guard *g) {
    if (!g->interrupted || g->told || atomic_load(&g->phase) == ENDING)
        return;
    g->told = true;
    g->spec.hear(g->spec.ctx, NN_GUARD_INTERRUPTED);
}

static void *keep_watch(void *ctx) {
    const struct timespec second = {1, 0};
    nn_guard *g = ctx;
    siginfo_t info;
    while (!atomic_load(&g->over)) {
        g->looked = nn_seconds();
        int number = sigtimedwait(&g->waited, &info, &second);
        if (number > 0 && number != WAKE)
            take(g, number, info.si_pid);
        else if (number < 0)
            look_at_stop(g);
        look_at_launcher(g);
        look_at_clock(g);
    }
    return NULL;
}

static int read_limit(nn_guard *g) {
    const char *text = getenv("NNMPI_START_TIMEOUT");
    char *end;
    g->begin = nn_seconds();
    g->limit = START_SECONDS;
    if (!text || !*text)
        return 0;
    g->limit = strtod(text, &end);
    if (*end || !(g->limit >= 0))
        return nn_fail(NN_EUSAGE, "NNMPI_START_TIMEOUT = '%s' is no number of seconds", text);
    return 0;
}

/* The signal of a parent's death comes at once, where the system has one; it also comes when only
 * the parent's thread that started this process has ended. Looking each second is for sure. */
static void watch_launcher(nn_guard *g) {
    if (!g->spec.launch || !g->spec.launch->launcher)
        return;
    g->parent = getppid();
    prctl(PR_SET_PDEATHSIG, WAKE);
}

int nn_guard_start(const nn_guard_spec *spec, nn_guard **out) {
    nn_guard *g;
    *out = NULL;
    NN_TRY(NN_NEW(&g, 1, "guard"));
    g->spec = *spec;
    int rc = spec->launch ? read_limit(g) : 0;
    if (rc == 0) {
        note_ignored();
        if (spec->launch)
            signal(SIGPIPE, SIG_IGN);
        block(g);
        watch_launcher(g);
        if (pthread_create(&g->thread, NULL, keep_watch, g) != 0)
            rc = nn_fail(NN_EMEMORY, "the thread that waits for signals could not be started");
    }
    if (rc < 0)
        nn_free(g);
    else
        *out = g;
    return rc;
}

void nn_guard_free(nn_guard *guard) {
    if (!guard)
        return;
    atomic_store(&guard->over, true);
    pthread_kill(guard->thread, WAKE);
    pthread_join(guard->thread, NULL);
    nn_free(guard);
}

void nn_guard_met(nn_guard *guard) {
    atomic_store(&guard->phase, SETTING_UP);
}

void nn_guard_defer(nn_guard *guard) {
    if (guard)
        atomic_store(&guard->phase, DEFERRING);
}

void nn_guard_end(nn_guard *guard) {
    if (guard)
        atomic_store(&guard->phase, ENDING);
}

const volatile sig_atomic_t *nn_guard_stop(const nn_guard *guard) {
    return &guard->stop;
}

const volatile sig_atomic_t *nn_guard_save(const nn_guard *guard) {
    return &guard->save;
}
