/* The program: finds the verb, runs it on the ranks it wants, and ends with the exit status that
 * the error code stands for. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/guard.h"
#include "comm/launch.h"
#include "io/h5.h"

#include <nnmpi/version.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int print_version(void) {
    printf("nnmpi %s\n", nn_version());
    return 0;
}

/* In the guard's thread. All ranks get the same signals: rank 0 says so, then the launcher ends
 * the others. */
static void leave(void *ctx, int rc) {
    const nn_call *call = ctx;
    int status = nn_error_exit_code(rc);
    if (call->screen->rank > 0 && rc == NN_ESTOPPED)
        sleep(NN_PATIENCE);
    else
        nn_screen_error(call->screen);
    nn_launch_abort(status);
    _exit(status);
}

static int start_ranks(nn_call *call) {
    nn_guard_spec guard = {call->launch, call->verb->stops, leave, call};
    if (!call->verb->collective)
        return nn_comm_alone(&call->comm);
    NN_TRY(nn_guard_start(&guard, &call->guard));
    NN_TRY(nn_comm_init(&call->comm));
    nn_guard_met(call->guard);
    call->screen->rank = nn_comm_rank(call->comm);
    return 0;
}

static int perform(int argc, char **argv, nn_call *call) {
    nn_common common = {false, false, false};
    NN_TRY(nn_args_read(argc, argv, call, &common));
    nn_screen_set(call->screen, common.verbose, common.quiet);
    if (!call->verb->collective || common.help)
        nn_guard_none();
    if (!call->verb->collective && call->screen->rank > 0)
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

/* Rank 0 speaks for all where they do the same, until the guard starts, or have agreed, once MPI
 * runs. Other failures may be of this rank alone. It does not say so at once: where all have failed
 * alike, rank 0 does and mpirun ends the others. */
static void say_error(nn_call *call, int rc) {
    bool common = !call->guard || (call->comm && rc != NN_ERANK);
    if (call->screen->rank > 0 && common)
        return;
    if (call->screen->rank > 0)
        sleep(NN_PATIENCE);
    nn_screen_error(call->screen);
}

/* Returns where the others end by themselves. */
static void end_ranks(const nn_call *call, int rc, int status) {
    bool alike = call->comm && rc != NN_ERANK;
    if (!alike && call->launch->size > 1)
        nn_comm_abort(call->comm, status); /* the others may wait for this rank */
    if (call->screen->rank == 0)
        nn_launch_abort(status);
}

static int finish(nn_call *call, int rc) {
    nn_guard_defer(call->guard);
    if (rc == 0)
        rc = close_output();
    if (rc < 0)
        say_error(call, rc);
    int status = nn_error_exit_code(rc);
    /* mpirun ends the others at the first rank that fails: not before rank 0 has spoken for all. */
    if (!call->guard && call->screen->rank > 0)
        status = 0;
    if (call->guard && status != 0)
        end_ranks(call, rc, status);
    nn_comm_free(call->comm);
    nn_guard_free(call->guard);
    nn_pool_release(call->pool);
    return status;
}

int main(int argc, char **argv) {
    nn_launch launch = nn_launch_read();
    nn_pool pool = {NULL};
    nn_screen screen;
    nn_call call = {.launch = &launch, .pool = &pool, .screen = &screen};
    nn_screen_init(&screen, launch.rank);
    nn_h5_skip_exit();
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0))
        return finish(&call, launch.rank == 0 ? print_version() : 0);
    return finish(&call, perform(argc, argv, &call));
}
