#include "math/parallel.h"

#include "math/float_mode.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>

#define PIECE_ALIGN 16 /* elements: pieces start at cache lines and whole vectors */
#define MAX_CPUS (1 << 20)

/* The set must be as large as the kernel's own, which is not known beforehand. */
int nn_cores_available(void) {
    for (size_t cpus = CPU_SETSIZE; cpus <= MAX_CPUS; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        size_t bytes = CPU_ALLOC_SIZE(cpus);
        int count = 0;
        if (!set)
            break;
        if (sched_getaffinity(0, bytes, set) == 0)
            count = CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (count > 0)
            return count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

static bool is_forked;

static void note_fork(void) {
    is_forked = true;
}

static void watch_forks(void) {
    (void)pthread_atfork(NULL, NULL, note_fork);
}

/* Whether work is shared at all: not within a parallel region, nor in a process that was forked
 * from one that has shared some, where libgomp would wait for threads that are the parent's. */
static bool may_share(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, watch_forks);
    return !is_forked && !omp_in_parallel();
}

/* Takes the calling thread's mode; returns the one before. */
static uint64_t borrow_mode(uint64_t mode) {
    uint64_t own = nn_float_mode();
    nn_float_mode_set(mode);
    return own;
}

static size_t piece_size(const nn_compute *compute, size_t n, size_t grain) {
    size_t pieces = (size_t)nn_compute_threads(compute);
    size_t most = n / (grain ? grain : 1);

    if (pieces > most)
        pieces = most;
    if (pieces < 2 || !may_share())
        return n;
    size_t size = (n + pieces - 1) / pieces;
    return (size + PIECE_ALIGN - 1) / PIECE_ALIGN * PIECE_ALIGN;
}

void nn_parallel(const nn_compute *compute, size_t n, size_t grain, nn_range_fn *fn, void *ctx) {
    size_t size = piece_size(compute, n, grain);

    if (n == 0)
        return;
    if (size >= n) {
        fn(ctx, 0, n);
        return;
    }
    size_t pieces = (n + size - 1) / size;
    uint64_t mode = nn_float_mode();
#pragma omp parallel for num_threads((int)pieces) schedule(static)
    for (size_t i = 0; i < pieces; i++) {
        size_t begin = i * size;
        uint64_t own = borrow_mode(mode);
        fn(ctx, begin, n - begin < size ? n : begin + size);
        nn_float_mode_set(own);
    }
}

size_t nn_sum_ranges(size_t n, size_t grain) {
    size_t ranges = n / (grain ? grain : 1);
    if (ranges > NN_SUM_RANGES)
        ranges = NN_SUM_RANGES;
    return ranges ? ranges : 1;
}

void nn_parallel_sum(const nn_compute *compute, size_t n, size_t grain, size_t width,
                     nn_range_sum_fn *fn, void *ctx, double *partial) {
    size_t ranges = nn_sum_ranges(n, grain);
    int threads = nn_compute_threads(compute);
    threads = (size_t)threads < ranges ? threads : (int)ranges;
    uint64_t mode = nn_float_mode();

#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && may_share())
    for (size_t i = 0; i < ranges; i++) {
        uint64_t own = borrow_mode(mode);
        fn(ctx, n * i / ranges, n * (i + 1) / ranges, partial + i * width);
        nn_float_mode_set(own);
    }
    for (size_t step = 1; step < ranges; step *= 2)
        for (size_t i = 0; i + step < ranges; i += 2 * step)
            for (size_t j = 0; j < width; j++)
                partial[i * width + j] += partial[(i + step) * width + j];
}

void nn_parallel_for(const nn_compute *compute, size_t parts, nn_parallel_for_fn *fn, void *ctx) {
    size_t threads = (size_t)nn_compute_threads(compute);

    if (threads > parts)
        threads = parts;
    if (threads < 2 || !may_share()) {
        for (size_t i = 0; i < parts; i++)
            fn(ctx, i);
        return;
    }
    uint64_t mode = nn_float_mode();
#pragma omp parallel for num_threads((int)threads) schedule(static)
    for (size_t i = 0; i < parts; i++) {
        uint64_t own = borrow_mode(mode);
        fn(ctx, i);
        nn_float_mode_set(own);
    }
}
