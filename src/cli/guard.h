/* The guard: a thread that waits for what reaches the program from outside while a verb runs on the
 * ranks. That is signals that ask a run to stop, the death of the launcher, and the end of the time
 * in which the ranks should have met.
 *
 * No signal interrupts the threads that compute: libraries run code of their own making there, at
 * times with a stack pointer that is none, where the frame of a signal handler would destroy what
 * they work on. */
#ifndef NN_CLI_GUARD_H
#define NN_CLI_GUARD_H

#include "comm/launch.h"

#include <signal.h>

/* Seconds in which a rank 0 that fails as another rank does has spoken for both. */
#define NN_PATIENCE 2

typedef struct nn_guard nn_guard;

/* What the guard does when the process has to end and cannot wait for what it is in the middle of.
 * Called in the guard's thread, whose nn_error_message() says why; "" where another rank has said
 * it. Does not return. */
typedef void nn_guard_leave(void *ctx, int rc);

/* What the guard tells of a run that is asked to stop. */
typedef enum nn_guard_word {
    NN_GUARD_ASKED,       /* it is, from now on */
    NN_GUARD_INTERRUPTED, /* by Ctrl-C, a second or two ago, and has not ended yet */
    NN_GUARD_KILLED,      /* it ends at once, by the second Ctrl-C */
    NN_GUARD_REMOVED      /* it ends at once, as nn_error_message() of this thread says */
} nn_guard_word;

/* Called in the guard's thread while the others go on. */
typedef void nn_guard_hear(void *ctx, nn_guard_word word);

typedef struct nn_guard_spec {
    const nn_launch *launch; /* outlives the guard; NULL: of a verb that rank 0 does alone, where
                                the guard waits for signals only */
    /* Not NULL: SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGXCPU ask the run to save and stop, SIGUSR2
     * to save and go on; else the first three end the process as they always do, but once its
     * temporary files are removed. Those that were ignored (nohup) stay ignored. The text is what
     * comes before there is anything to save: "the first step". */
    const char *stops;
    nn_guard_leave *leave;
    nn_guard_hear *hear;
    void *ctx;
} nn_guard_spec;

/* Starts the guard: before any other thread, and before MPI, so that all threads to come inherit
 * that signals are not for them. From now on SIGPIPE is ignored: a reader of progress that goes
 * away must not end a run. NN_EUSAGE for a wrong NNMPI_START_TIMEOUT, NN_EMEMORY. Local. */
int nn_guard_start(const nn_guard_spec *spec, nn_guard **out);
/* There will be no guard: signals do what they always do. Those that ask a run to stop wait from
 * the start of the program on, so that none is lost before the guard starts. Local. */
void nn_guard_none(void);
/* Ends the thread; signals stay blocked. NULL is fine. Local. */
void nn_guard_free(nn_guard *guard);

/* The ranks have met: the time to start is no longer limited. Local. */
void nn_guard_met(nn_guard *guard);
/* From now on the program itself acts on signals that ask to stop: there is something to save. They
 * set the flag to their number. Before, they end the process at once; a second SIGINT always does.
 * NULL is fine. Local. */
void nn_guard_defer(nn_guard *guard);
/* The same, but there is no more to save: the ranks part, and nobody hears of Ctrl-C any more. NULL
 * is fine. Local. */
void nn_guard_end(nn_guard *guard);
const volatile sig_atomic_t *nn_guard_stop(const nn_guard *guard);
/* A count of the signals that ask to save and go on, whenever they came. */
const volatile sig_atomic_t *nn_guard_save(const nn_guard *guard);

#endif
