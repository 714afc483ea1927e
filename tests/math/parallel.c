/* Sharing a range among threads: all of it once, in pieces that start at multiples of 16. */
#include "math/parallel.h"

#include "check.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static nn_compute compute;

#define MOST 5000

typedef struct counts {
    int seen[MOST];
    atomic_int calls, nested, misaligned;
} counts;

static void count(void *ctx, size_t begin, size_t end) {
    counts *c = ctx;

    for (size_t i = begin; i < end; i++)
        c->seen[i]++;
    c->calls++;
    c->nested += omp_in_parallel();
    c->misaligned += begin % 16 != 0 || begin >= end;
}

static int calls_for(size_t n, size_t grain, int threads) {
    static counts c;

    c = (counts){0};
    compute.threads = threads;
    nn_parallel(&compute, n, grain, count, &c);
    for (size_t i = 0; i < MOST; i++)
        if (c.seen[i] != (i < n) && !CHECK_EQ_INT(c.seen[i], i < n))
            break;
    CHECK_EQ_INT(c.misaligned, 0);
    CHECK(c.calls > 1 || c.nested == 0); /* one piece runs in the calling thread */
    return c.calls;
}

static void check_cores(void) {
    cpu_set_t all, one;

    CHECK_EQ_INT(sched_getaffinity(0, sizeof all, &all), 0);
    CHECK_EQ_INT(nn_cores_available(), CPU_COUNT(&all));
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK_EQ_INT(sched_setaffinity(0, sizeof one, &one), 0);
        CHECK_EQ_INT(nn_cores_available(), 1);
        break;
    }
    sched_setaffinity(0, sizeof all, &all);
}

static void share_again(void *ctx, size_t begin, size_t end) {
    if (begin == 0)
        nn_parallel(&compute, MOST, 1, count, ctx);
    (void)end;
}

/* Inside a parallel region the calling thread does everything. */
static void check_nested(void) {
    static counts c;

    compute.threads = 2;
    nn_parallel(&compute, MOST, 1, share_again, &c);
    CHECK_EQ_INT(c.calls, 1);
    CHECK_EQ_INT(c.nested, 1);
}

struct parts {
    int calls[7];
    pthread_t thread[7];
};

static void take_part(void *ctx, size_t part) {
    struct parts *p = ctx;
    p->calls[part]++;
    p->thread[part] = pthread_self();
}

/* Each part once, more threads than one where there are any. */
static void check_parts(int threads) {
    struct parts p = {0};

    compute.threads = threads;
    nn_parallel_for(&compute, 7, take_part, &p);
    for (int i = 0; i < 7; i++)
        CHECK_EQ_INT(p.calls[i], 1);
    CHECK(!pthread_equal(p.thread[0], p.thread[6]) == (threads > 1));
    nn_parallel_for(&compute, 0, take_part, NULL);
    compute.threads = 1;
}

/* A forked process does all by itself, and ends. */
static void check_forked(void) {
    static counts c;
    int status = -1;

    (void)calls_for(MOST, 1, 2);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        nn_parallel(&compute, MOST, 1, count, &c);
        _exit(c.calls == 1 && c.seen[MOST - 1] == 1 ? 0 : 1);
    }
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK_EQ_INT(status, 0);
    CHECK_EQ_INT(calls_for(MOST, 1, 2), 2);
}

static void add_range(void *ctx, size_t begin, size_t end, double *sums) {
    const double *x = ctx;

    sums[0] = sums[1] = 0;
    for (size_t i = begin; i < end; i++) {
        sums[0] += x[i];
        sums[1] += 1;
    }
}

/* The bits of a sum do not depend on the number of threads. */
static void check_sum(size_t n, size_t grain, size_t ranges) {
    double x[MOST], partial[NN_SUM_RANGES * 2], first = 0;

    CHECK_EQ_INT(nn_sum_ranges(n, grain), ranges);
    for (size_t i = 0; i < n; i++)
        x[i] = 1.0 / (double)(i + 3);
    for (int threads = 1; threads < 5; threads++) {
        compute.threads = threads;
        nn_parallel_sum(&compute, n, grain, 2, add_range, x, partial);
        first = threads == 1 ? partial[0] : first;
        CHECK_NEAR(partial[0], first, 0);
        CHECK_NEAR(partial[1], (double)n, 0);
    }
    add_range(x, 0, n, partial);
    CHECK_NEAR(first, partial[0], 1e-13);
}

int main(void) {
    CHECK_EQ_INT(nn_compute_threads(&compute), 1);
    for (int threads = 1; threads < 4; threads++)
        check_parts(threads);
    compute.threads = -3;
    CHECK_EQ_INT(nn_compute_threads(&compute), 1);
    CHECK_EQ_INT(calls_for(0, 1, 2), 0);
    CHECK_EQ_INT(calls_for(MOST, 1, 1), 1);
    CHECK_EQ_INT(calls_for(MOST, 1, 2), 2);
    CHECK_EQ_INT(calls_for(MOST, 1, 7), 7);
    CHECK_EQ_INT(calls_for(199, 100, 2), 1); /* less than two grains */
    CHECK_EQ_INT(calls_for(200, 100, 2), 2);
    CHECK_EQ_INT(calls_for(300, 100, 8), 3);
    CHECK_EQ_INT(calls_for(16, 1, 4), 1); /* pieces are no smaller than 16 */
    CHECK_EQ_INT(calls_for(17, 1, 4), 2);
    CHECK_EQ_INT(calls_for(17, 0, 4), 2);
    check_nested();
    check_forked();
    check_sum(MOST, 100, 50);
    check_sum(MOST, 1, NN_SUM_RANGES);
    check_sum(MOST - 1, 100, 49);
    check_sum(77, 100, 1);
    check_sum(0, 0, 1);
    check_cores();
    return check_done();
}
