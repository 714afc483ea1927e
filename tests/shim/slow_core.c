/* A slow core: in the process with this OMPI_COMM_WORLD_RANK or PMI_RANK each product of matrices
 * takes SLOW_CORE nanoseconds more for each of its multiply-adds, whatever the load of the machine.
 * NNMPI_GEMM=openblas, so that products come this way. cc -shared -fPIC -O1 -o slow_core.so
 * slow_core.c -ldl, then LD_PRELOAD=slow_core.so SLOW_CORE_RANK=1 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void sgemm_fn(int layout, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *c, int ldc);

static bool is_slow(void) {
    const char *wanted = getenv("SLOW_CORE_RANK"), *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!rank)
        rank = getenv("PMI_RANK");
    return wanted && rank && strcmp(rank, wanted) == 0;
}

static void be_slow(double nanoseconds) {
    struct timespec time = {(time_t)(nanoseconds / 1e9), 0};
    time.tv_nsec = (long)(nanoseconds - 1e9 * (double)time.tv_sec);
    while (nanosleep(&time, &time) != 0)
        ;
}

#pragma GCC visibility push(default)
sgemm_fn cblas_sgemm;
void cblas_sgemm(int layout, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                 int lda, const float *b, int ldb, float beta, float *c, int ldc) {
    static sgemm_fn *real;
    static double cost;
    if (!real) {
        const char *text = getenv("SLOW_CORE");
        cost = text && is_slow() ? atof(text) : 0;
        *(void **)(&real) = dlsym(RTLD_NEXT, "cblas_sgemm");
    }
    real(layout, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    if (cost > 0)
        be_slow(cost * m * n * k);
}
#pragma GCC visibility pop
