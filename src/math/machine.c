#include "math/machine.h"

#include "base/mem.h"
#include "base/system/clock.h"
#include "math/kernels.h"
#include "math/parallel.h"

#define SHORT 2e-4 /* seconds: shorter calls are timed in groups of this length */
#define PEAK_ROUNDS 20000
#define GRAIN 16384 /* elements of a vector worth a fork and join */

static double seconds_of(nn_work_fn *work, void *ctx, size_t calls) {
    double begin = nn_seconds();

    for (size_t i = 0; i < calls; i++)
        work(ctx);
    return (nn_seconds() - begin) / (double)calls;
}

double nn_least_seconds(nn_work_fn *work, void *ctx, double budget) {
    double end = nn_seconds() + budget, least = seconds_of(work, ctx, 1);
    size_t calls = 1;

    while (calls < 1 << 20 && (least = seconds_of(work, ctx, calls)) * (double)calls < SHORT)
        calls *= 2;
    do {
        double seconds = seconds_of(work, ctx, calls);
        least = seconds < least ? seconds : least;
    } while (nn_seconds() < end);
    return least;
}

static void run_peak(void *ctx) {
    double *made = ctx;

    *made = nn_kernels_get()->multiply_adds(PEAK_ROUNDS);
}

/* Each thread has its own clock, so that waiting for one that was interrupted does not count. */
double nn_machine_peak(int threads, double budget) {
    double rate = 0;

#pragma omp parallel num_threads(threads) reduction(+ : rate)
    {
        double made = 0, seconds = nn_least_seconds(run_peak, &made, budget);
        rate += 2 * made / seconds;
    }
    return rate;
}

struct vectors {
    const nn_compute *compute;
    size_t n;
    nn_real *x, *y;
};

static void update_range(void *ctx, size_t begin, size_t end) {
    const struct vectors *v = ctx;

    nn_kernels_get()->axpy(end - begin, (nn_real)1e-9, v->x + begin, v->y + begin);
}

static void run_update(void *ctx) {
    const struct vectors *v = ctx;

    nn_parallel(v->compute, v->n, GRAIN, update_range, ctx);
}

int nn_machine_memory(const nn_compute *compute, size_t n, double budget, double *rate) {
    struct vectors v = {.compute = compute, .n = n};
    int rc;

    NN_TRY_GOTO(NN_NEW(&v.x, n, "vector"));
    NN_TRY_GOTO(NN_NEW(&v.y, n, "vector"));
    *rate = 3 * (double)n * sizeof(nn_real) / nn_least_seconds(run_update, &v, budget);
done:
    nn_free(v.x);
    nn_free(v.y);
    return rc;
}
