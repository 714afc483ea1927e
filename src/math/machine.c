#include "math/machine.h"

#include "base/mem.h"
#include "base/system/clock.h"
#include "math/kernels.h"

#include <omp.h>

#define SHORT 2e-4 /* seconds: shorter calls are timed in groups of this length */
#define PEAK_ROUNDS 20000

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

struct peak {
    double (*multiply_adds)(size_t rounds);
    double made;
};

static void run_peak(void *ctx) {
    struct peak *peak = ctx;

    peak->made = peak->multiply_adds(PEAK_ROUNDS);
}

/* Each thread has its own clock, so that waiting for one that was interrupted does not count. */
double nn_machine_peak(int threads, bool bf16, double budget) {
    double rate = 0;
    struct peak kind = {.multiply_adds = bf16 ? nn_kernels_bf16()->multiply_adds
                                              : nn_kernels_get()->multiply_adds};

#pragma omp parallel num_threads(threads) reduction(+ : rate)
    {
        struct peak own = kind;
        double seconds = nn_least_seconds(run_peak, &own, budget);
        rate += 2 * own.made / seconds;
    }
    return rate;
}

struct vectors {
    size_t n;
    nn_real *x, *y;
};

static void run_update(void *ctx) {
    const struct vectors *v = ctx;

    nn_kernels_get()->axpy(v->n, (nn_real)1e-9, v->x, v->y);
}

/* Each thread has a part of the vectors and, as above, its own clock. */
static double update_rate(const struct vectors *all, int threads, double budget) {
    double rate = 0;

#pragma omp parallel num_threads(threads) reduction(+ : rate)
    {
        size_t i = (size_t)omp_get_thread_num(), count = (size_t)omp_get_num_threads();
        size_t begin = all->n * i / count, end = all->n * (i + 1) / count;
        struct vectors part = {end - begin, all->x + begin, all->y + begin};
        rate += 3 * (double)part.n * sizeof(nn_real) / nn_least_seconds(run_update, &part, budget);
    }
    return rate;
}

int nn_machine_memory(int threads, size_t n, double budget, double *rate) {
    struct vectors v = {.n = n};
    int rc;

    NN_TRY_GOTO(NN_NEW(&v.x, n, "vector"));
    NN_TRY_GOTO(NN_NEW(&v.y, n, "vector"));
    *rate = update_rate(&v, threads, budget);
done:
    nn_free(v.x);
    nn_free(v.y);
    return rc;
}
