/* Signals that come in the middle of matrix products disturb nothing: oneDNN's use the stack
 * pointer for other things at times, so that a handler in their thread would write over what they
 * work on.
 */
#include "../../src/cli/guard.c"

#include "../../src/cli/siblings.c"
#include "check.h"
#include "math/gemm/blas.h"
#include "math/gemm/gemm.h"
#include "math/parallel.h"

#include <string.h>
#include <sys/wait.h>

static nn_compute compute;

enum { SIGNALS = 200, ROWS = 64, WIDTH = 128, DEPTH = 784 };

static nn_real a[ROWS * DEPTH], b[DEPTH * WIDTH], c[ROWS * WIDTH], want[ROWS * WIDTH];

static void multiply(nn_real *out) {
    nn_gemm(&compute, NN_PLAIN, NN_PLAIN, ROWS, WIDTH, DEPTH, 1, a, DEPTH, b, WIDTH, 0, out, WIDTH);
}

static void leave(void *ctx, int rc) {
    (void)ctx;
    fprintf(stderr, "%s\n", nn_error_message());
    _exit(rc < 0 ? 1 : 0);
}

static void hear(void *ctx, nn_guard_word word) {
    (void)ctx, (void)word;
}

/* Another process: each signal waits for the one before to be taken. */
static pid_t send_signals(void) {
    pid_t parent = getpid(), child = fork();
    for (int i = 0; child == 0 && i < SIGNALS; i++) {
        kill(parent, SIGUSR1);
        usleep(5000);
    }
    if (child == 0)
        _exit(0);
    return child;
}

/* The guard's thread sets it. */
static int stop_of(const nn_guard *guard) {
    return __atomic_load_n(nn_guard_stop(guard), __ATOMIC_RELAXED);
}

static void test_products(const nn_guard *guard) {
    pid_t child = send_signals();
    long products = 0;
    if (!CHECK(child > 0))
        return;
    while (waitpid(child, NULL, WNOHANG) == 0) {
        multiply(c);
        products++;
        CHECK(memcmp(c, want, sizeof c) == 0);
    }
    CHECK(products > 0);
    CHECK_EQ_INT(stop_of(guard), SIGUSR1);
}

/* What was ignored stays so, whatever a library does to it later. */
static volatile sig_atomic_t handled;

static void handle(int number) {
    handled = number;
}

static void test_ignored(const nn_guard *guard) {
    int before = stop_of(guard);
    signal(SIGHUP, handle);
    kill(getpid(), SIGHUP);
    usleep(100000);
    CHECK_EQ_INT(handled, 0);
    CHECK_EQ_INT(stop_of(guard), before);
}

int main(void) {
    nn_blas_report blas;
    nn_launch launch = {.size = 1, .local_size = 1};
    nn_guard_spec spec = {
        .launch = &launch, .stops = "the first step", .leave = leave, .hear = hear};
    nn_guard *guard;
    signal(SIGHUP, SIG_IGN);
    if (!CHECK_EQ_INT(nn_guard_start(&spec, &guard), 0))
        return check_done();
    nn_guard_met(guard);
    nn_guard_defer(guard);
    CHECK_EQ_INT(nn_blas_init(&blas), 0);
    compute.threads = 1;
    compute.library = nn_gemm_has(NN_GEMM_ONEDNN) ? NN_GEMM_ONEDNN : NN_GEMM_DEFAULT;
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        a[i] = (nn_real)((int)(i % 17) - 8) / 8;
    for (size_t i = 0; i < sizeof b / sizeof *b; i++)
        b[i] = (nn_real)((int)(i % 13) - 6) / 8;
    multiply(want);
    test_products(guard);
    test_ignored(guard);
    nn_guard_free(guard);
    return check_done();
}
