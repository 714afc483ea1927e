/* NNMPI_ISA chooses the kernels; what is unknown or cannot run is warned about and the best is
 * used. */
#include "base/log.h"
#include "check.h"
#include "math/kernels.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char warning[256];
static int warnings;

static void keep(void *ctx, nn_log_level level, const char *line) {
    (void)ctx;
    if (level != NN_LOG_WARNING)
        return;
    warnings++;
    snprintf(warning, sizeof warning, "%s", line);
}

static void check_choice(const char *asked, const char *expected, int expected_warnings) {
    nn_log_to(keep, NULL, NN_LOG_DEBUG);
    if (asked)
        setenv("NNMPI_ISA", asked, 1);
    else
        unsetenv("NNMPI_ISA");
    CHECK_STR(nn_kernels_get()->isa, expected);
    CHECK(nn_kernels_get() == nn_kernels_get());
    CHECK_EQ_INT(warnings, expected_warnings);
    if (expected_warnings) {
        CHECK_CONTAINS(warning, asked);
        CHECK_CONTAINS(warning, expected);
    }
}

/* The choice is made once a process. */
static void check_in_process(const char *asked, const char *expected, int expected_warnings) {
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        check_choice(asked, expected, expected_warnings);
        _exit(check_done());
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static bool runs_here(const char *isa) {
    for (size_t i = 0; nn_kernels_at(i); i++)
        if (strcmp(nn_kernels_at(i)->isa, isa) == 0)
            return true;
    return false;
}

int main(void) {
    static const char *const all[] = {"v2", "v3", "v4"};
    const char *best = nn_kernels_at(0)->isa;

    check_in_process(NULL, best, 0);
    check_in_process("", best, 0);
    check_in_process("v9", best, 1);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        check_in_process(all[i], runs_here(all[i]) ? all[i] : best, !runs_here(all[i]));
    return check_done();
}
