/* The program: finds the verb, runs it on the ranks it wants, and ends with the exit status that
 * the error code stands for. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/guard.h"
#include "comm/comm.h"
#include "comm/launch.h"
#include "io/files/temporary.h"
#include "io/hdf5/h5.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_one_of(const char *word, const char *name, const char *short_name) {
    return strcmp(word, name) == 0 || strcmp(word, short_name) == 0;
}

/* --version, with -v before or behind it or without. */
static bool asks_version(int argc, char **argv, bool *verbose) {
    bool version = false;
    *verbose = false;
    for (int i = 1; i < argc; i++) {
        if (is_one_of(argv[i], "--version", "-V"))
            version = true;
        else if (is_one_of(argv[i], "--verbose", "-v"))
            *verbose = true;
        else
            return false;
    }
    return version;
}

/* In the guard's thread. All ranks get the same signals: rank 0 says so, then the launcher ends
 * the others. */
static void leave(void *ctx, int rc) {
    const nn_call *call = ctx;
    int status = nn_error_exit_code(rc);
    char name[PATH_MAX];
    nn_temporaries_remove(name, sizeof name);
    if (call->screen->rank > 0 && rc == NN_ESTOPPED)
        sleep(NN_PATIENCE);
    else if (*nn_error_message())
        nn_screen_error(call->screen, NN_PATIENCE * 1000);
    nn_launch_abort(status);
    _exit(status);
}

/* In the guard's thread, too. */
static void hear(void *ctx, nn_guard_word word) {
    const nn_call *call = ctx;
    if (word == NN_GUARD_REMOVED)
        nn_screen_error(call->screen, NN_PATIENCE * 1000);
    else
        nn_screen_stop(call->screen, word);
}

static int start_ranks(nn_call *call) {
    nn_guard_spec guard = {.launch = call->verb->collective ? call->launch : NULL,
                           .stops = call->verb->stops,
                           .leave = leave,
                           .hear = hear,
                           .ctx = call};
    if (!call->verb->collective) {
        NN_TRY(nn_guard_start(&guard, &call->alone));
        return nn_comm_alone(&call->comm);
    }
    NN_TRY(nn_guard_start(&guard, &call->guard));
    NN_TRY(nn_comm_start(&call->comm));
    nn_guard_met(call->guard);
    call->screen->rank = nn_comm_rank(call->comm);
    if (call->screen->rank > 0) /* which the variables of an unknown launcher did not say */
        nn_screen_set(call->screen, call->screen->verbose, call->screen->quiet, NN_SCREEN_NEVER);
    return 0;
}

static int perform(int argc, char **argv, nn_call *call) {
    nn_common common = {.progress = NN_SCREEN_AUTO};
    NN_TRY(nn_args_read(argc, argv, call, &common));
    nn_screen_set(call->screen, common.verbose, common.quiet,
                  (nn_screen_progress_mode)common.progress);
    bool idle = !call->verb->collective && call->screen->rank > 0;
    if (idle || common.help)
        nn_guard_none();
    if (idle)
        return 0; /* one rank does it; the others that mpirun started have nothing to do */
    if (common.help && call->screen->rank == 0)
        nn_help_verb(stdout, call->verb, nn_help_width());
    if (common.help)
        return 0;
    NN_TRY(start_ranks(call));
    return call->verb->run(call);
}

/* What `mpirun nnmpi | head` leaves behind: launchers read through pipes of their own, too. */
static bool reader_is_gone(void) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = 0};
    return poll(&out, 1, 0) == 1 && out.revents & (POLLERR | POLLHUP);
}

/* Output that did not arrive is a failure, unless the reader just had enough (a run ignores
 * SIGPIPE). */
static int close_output(void) {
    bool bad = ferror(stdout) != 0, gone;
    errno = 0;
    fflush(stdout);
    gone = reader_is_gone();
    fclose(stdout);
    if (gone || !(bad || errno))
        return 0;
    return nn_fail(NN_EIO, "cannot write to standard output: %s",
                   errno ? strerror(errno) : "a write failed");
}

/* Who fails with `rc`. Before the guard starts that is all ranks where they were called wrongly.
 * Stopping and divergence follow from the sums of a step, which are the same on every rank. */
static nn_failed who_fails(const nn_call *call, int rc) {
    bool alike = !call->guard ? rc == NN_EUSAGE : rc == NN_ESTOPPED || rc == NN_EDIVERGED;
    if (call->launch->size == 1 || alike)
        return NN_FAILED_ALL;
    return call->comm ? nn_comm_failed(call->comm, rc) : NN_FAILED_THIS;
}

/* Rank 0 speaks for all. What may be of this rank alone, it says itself, but not at once: where all
 * have failed alike, rank 0 has spoken by then, and mpirun ended the others. */
static void say_error(nn_call *call, nn_failed who) {
    if (call->screen->rank > 0 && who == NN_FAILED_ALL)
        return;
    if (call->screen->rank > 0 || who == NN_FAILED_OTHER)
        sleep(who == NN_FAILED_OTHER ? 2 * NN_PATIENCE : NN_PATIENCE);
    nn_screen_error(call->screen, -1);
}

/* The exit status. Does not return where the others may wait for this rank. mpirun ends them at the
 * first one that fails: not before rank 0 has spoken for all. */
static int fail(nn_call *call, int rc) {
    nn_failed who = who_fails(call, rc);
    int status = nn_error_exit_code(rc);
    say_error(call, who);
    if (who != NN_FAILED_ALL)
        nn_comm_abort(call->comm, status);
    if (!call->guard && call->screen->rank > 0)
        return 0;
    if (call->guard && call->screen->rank == 0)
        nn_launch_abort(status);
    return status;
}

static int finish(nn_call *call, int rc) {
    nn_guard_end(call->guard);
    if (rc == 0)
        rc = close_output();
    else
        fflush(stdout);
    int status = rc < 0 ? fail(call, rc) : 0;
    rc = nn_comm_end(call->comm);
    if (rc < 0) {
        sleep(NN_PATIENCE); /* what rank 0 has printed gets through first */
        nn_screen_error(call->screen, -1);
    }
    nn_guard_free(call->guard);
    nn_guard_free(call->alone);
    nn_screen_release(call->screen);
    nn_pool_release(call->pool);
    return status ? status : nn_error_exit_code(rc);
}

int main(int argc, char **argv) {
    nn_launch launch = nn_launch_read();
    nn_pool pool = {NULL};
    nn_screen screen;
    bool verbose;
    nn_call call = {.launch = &launch, .pool = &pool, .screen = &screen};
    signal(SIGXFSZ, SIG_IGN); /* beyond the limit of a file's size, writing fails and is said */
    nn_screen_init(&screen, &launch);
    nn_h5_skip_exit();
    if (asks_version(argc, argv, &verbose))
        return finish(&call, launch.rank == 0 ? nn_version_print(verbose) : 0);
    return finish(&call, perform(argc, argv, &call));
}
