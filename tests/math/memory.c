/* Where memory is short, nn_gemm_check_memory says so; where it says nothing, products of all sizes
 * find theirs. Each limit is tried in a process of its own, because oneDNN crashes without memory.
 */
#include "base/mem.h"
#include "check.h"
#include "math/gemm/gemm.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 1500

/* Pages that the process has mapped, in bytes. */
static size_t mapped(void) {
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void multiply(const nn_real *a, const nn_real *b, nn_real *c) {
    static const size_t sizes[] = {64, 200, 512, 1024, MOST};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        nn_gemm(NULL, NN_PLAIN, NN_PLAIN, n, n, n, 1, a, n, b, n, 0, c, n);
        nn_gemm(NULL, NN_TRANSPOSED, NN_PLAIN, n, n, 100, 1, a, n, b, n, 0, c, n);
        nn_gemm(NULL, NN_PLAIN, NN_TRANSPOSED, 100, n, n, 1, a, n, b, n, 0, c, n);
    }
}

/* 0: it said that there is too little; 1: all was computed; -1: it crashed. */
static int try_with(size_t more, const nn_real *a, const nn_real *b, nn_real *c) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {mapped() + more, mapped() + more};
        if (setrlimit(RLIMIT_AS, &limit) != 0 || nn_gemm_check_memory(NULL) < 0)
            _exit(0);
        multiply(a, b, c);
        _exit(1);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Sanitizers map memory of their own, and end the program where there is none. */
#ifdef __has_feature
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
#define SKIPPED 1
#else
#define SKIPPED 0
#endif

int main(void) {
    if (SKIPPED)
        return 77;
    nn_real *a = calloc(MOST * MOST, sizeof *a), *b = calloc(MOST * MOST, sizeof *b);
    nn_real *c = calloc(MOST * MOST, sizeof *c);
    if (CHECK(a && b && c) && mapped() > 0) {
        CHECK_EQ_INT(try_with(0, a, b, c), 0);
        for (size_t more = (size_t)1 << 20; more < (size_t)1 << 30; more *= 2)
            if (!CHECK(try_with(more, a, b, c) >= 0))
                fprintf(stderr, "crashed with %zu MiB to spare\n", more >> 20);
        CHECK_EQ_INT(try_with((size_t)1 << 30, a, b, c), 1);
    }
    free(a);
    free(b);
    free(c);
    return check_done();
}
