/* OpenBLAS made to take the processor for an old one, by its own variable, in a process of its own:
 * nn_blas_init() finds out, switches the kernels and makes products at least twice as fast; but
 * what the user asked for stands. What opens a checkpoint does so, too. */
#include "math/gemm/blas.h"

#include "base/error.h"
#include "check.h"
#include "math/gemm/gemm.h"
#include "math/kernels.h"

#include <nnmpi/train.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static nn_compute compute;

#define CORETYPE "OPENBLAS_CORETYPE"
#define N 384
#define OLD "Prescott"
#define SKIPPED 77

static nn_real a[N * N], b[N * N], before[N * N], after[N * N];

/* Seconds of this thread for the fastest of several products. */
static double product_time(nn_real *c) {
    double best = INFINITY;

    for (int i = 0; i < 8; i++) {
        struct timespec start, end;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
        nn_gemm(&compute, NN_PLAIN, NN_PLAIN, N, N, N, 1, a, N, b, N, 0, c, N);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        double took =
            (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
        best = took < best ? took : best;
    }
    return best;
}

static void check_same_products(void) {
    double worst = 0;

    for (size_t i = 0; i < N * N; i++) {
        double e = fabs((double)before[i] - (double)after[i]);
        worst = e <= worst ? worst : e;
    }
    CHECK_NEAR(worst, 0, 1e-4);
    CHECK(after[N] < 0 || after[N] > 0);
}

static void check_mended(void) {
    nn_blas_report report, again;

    unsetenv(CORETYPE);
    compute.library = NN_GEMM_OPENBLAS;
    for (size_t i = 0; i < N * N; i++) {
        a[i] = (nn_real)((int)(i * 7919 % 255) - 127) / 128;
        b[i] = (nn_real)((int)(i * 104729 % 255) - 127) / 128;
    }
    double slow = product_time(before);
    CHECK_EQ_INT(nn_blas_init(&report), 0);
    double fast = product_time(after);
    CHECK_STR(report.found, OLD);
    CHECK(report.wanted[0] && !report.user_set);
    CHECK(report.mended);
    CHECK_STR(report.used, report.wanted);
    CHECK(getenv(CORETYPE) == NULL);
    check_same_products();
    printf("%s %.2f ms, %s %.2f ms\n", OLD, slow * 1e3, report.used, fast * 1e3);
    CHECK(slow >= 2 * fast);
    CHECK_EQ_INT(nn_blas_init(&again), 0);
    CHECK_STR(again.found, OLD);
    CHECK(again.mended);
}

static void check_user_wins(void) {
    nn_blas_report report;

    CHECK_EQ_INT(nn_blas_init(&report), 0);
    CHECK(report.user_set);
    CHECK(!report.mended);
    CHECK_STR(report.found, OLD);
    CHECK_STR(report.used, OLD);
    CHECK_STR(getenv(CORETYPE), OLD);
}

/* A program that only predicts. */
static void check_predictor(void) {
    char name[NN_BLAS_NAME];
    nn_predictor *predictor;

    unsetenv(CORETYPE);
    CHECK(nn_predictor_open("nowhere.h5", 1, &predictor) < 0);
    nn_blas_name(name);
    CHECK(strstr(name, OLD) == NULL);
}

/* OpenBLAS reads the variable when it is loaded, so each case is a process. */
static void check_in_process(const char *name) {
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        setenv(CORETYPE, OLD, 1);
        execl("/proc/self/exe", "math_blas", name, (char *)NULL);
        _exit(1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        fprintf(stderr, "  in the process for '%s'\n", name);
}

static void check_as_found(void) {
    nn_blas_report report;

    if (!CHECK_EQ_INT(nn_blas_init(&report), 0))
        fprintf(stderr, "  %s\n", nn_error_message());
#ifndef NN_BLAS
    CHECK(report.found[0] && report.used[0]);
#endif
    CHECK(!report.mended || report.wanted[0]);
    printf("found %s, using %s\n", report.found, report.used);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "mended") == 0)
        check_mended();
    else if (argc > 1 && strcmp(argv[1], "predictor") == 0)
        check_predictor();
    else if (argc > 1)
        check_user_wins();
    else
        check_as_found();
    if (argc > 1)
        return check_done();
#ifdef NN_BLAS
    return check_failures ? 1 : SKIPPED;
#endif
    const char *isa = nn_kernels_at(0)->isa;
    if (strcmp(isa, "v3") != 0 && strcmp(isa, "v4") != 0) {
        printf("this processor has nothing better than %s to offer\n", OLD);
        return check_failures ? 1 : SKIPPED;
    }
    check_in_process("mended");
    check_in_process("predictor");
    check_in_process("user");
    return check_done();
}
