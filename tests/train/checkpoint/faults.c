/* timeout: 120 */
/* Every step of saving fails once, in every way: an error or nothing, and after it the newest
 * published checkpoint still loads. */
#include "litter.h"
#include "run_folder.h"
#include "shim/fault.c"

#include <sys/wait.h>

/* The step that a run in "rdir" would go on from; checks that it is whole. */
static int64_t newest(struct run_folder *f) {
    nn_run *run = NULL;
    int64_t step = run_folder_begin(f, true, &run);

    if (step < 0)
        fprintf(stderr, "%s\n", nn_error_message());
    nn_run_free(run);
    return step;
}

static void check_no_litter(void) {
    CHECK_EQ_INT(temporary_files("rdir"), 0);
}

static void check_after(struct run_folder *f, const char *what, long at, int rc) {
    int64_t step = newest(f);
    bool ok = rc == NN_OK ? step == 20 : step == 10 || step == 20;

    if (!CHECK(rc == NN_OK || rc == NN_EIO || rc == NN_EMEMORY) || !CHECK(ok))
        fprintf(stderr, "  %s number %ld failed: code %d, goes on from %d\n", what, at, rc,
                (int)step);
}

/* Saves step 20 over a run at step 10 with the `at`-th call failing; false when there are no so
 * many calls. */
static bool save_with_fault(const char *what, long at, int error) {
    struct run_folder f;
    nn_run *run;
    long calls;
    int rc;

    if (!run_folder_new(&f, "{keep: 1}") || !CHECK_EQ_INT(run_folder_begin(&f, false, &run), 0))
        return false;
    CHECK_OK(run_folder_save(&f, run, 10, 10));
    fault_arm(what, at, false, error, "rdir");
    rc = run_folder_save(&f, run, 20, 20);
    calls = fault_calls();
    fault_arm(NULL, 0, false, 0, NULL);
    nn_run_free(run);
    if (rc < 0)
        CHECK(*nn_error_message() != '\0');
    check_no_litter();
    check_after(&f, what, at, rc);
    run_folder_release(&f);
    return calls >= at;
}

static void errors(const char *what, int error, long least) {
    long at = 1;

    while (save_with_fault(what, at, error))
        at++;
    if (!CHECK(at - 1 >= least))
        fprintf(stderr, "  only %ld calls of %s were seen\n", at - 1, what);
}

/* The same with the process killed in the middle: what it left is what the next start finds. */
static bool save_with_kill(const char *what, long at) {
    struct run_folder f;
    nn_run *run;
    int status = 0;

    if (!run_folder_new(&f, "{keep: 1}") || !CHECK_EQ_INT(run_folder_begin(&f, false, &run), 0))
        return false;
    CHECK_OK(run_folder_save(&f, run, 10, 10));
    pid_t child = fork();
    if (child == 0) {
        fault_arm(what, at, false, FAULT_KILL, "rdir");
        _exit(run_folder_save(&f, run, 20, 20) == NN_OK ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    nn_run_free(run);
    check_after(&f, what, at, WIFSIGNALED(status) ? NN_EIO : NN_OK);
    run_folder_release(&f);
    return WIFSIGNALED(status);
}

static void kills(const char *what) {
    long at = 1;

    while (save_with_kill(what, at))
        at++;
    CHECK(at > 1);
}

int main(void) {
    static const struct {
        const char *what;
        long least; /* calls that saving must make */
    } steps[] = {{"open", 5},  {"write", 1},  {"pwrite", 3},  {"fsync", 4},
                 {"pread", 1}, {"rename", 3}, {"symlink", 2}, {"close", 2}};

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        errors(steps[i].what, EIO, steps[i].least);
        kills(steps[i].what);
    }
    errors("write", ENOSPC, 1);
    errors("pwrite", ENOSPC, 1);
    errors("write", FAULT_SHORT, 1);
    errors("pwrite", FAULT_SHORT, 1);
    errors("write", EINTR, 1);
    return check_done();
}
