/* Subnormal numbers: taken for 0 by every thread that works for one that has said so, and by no
 * other, before or after. */
#include "math/float_mode.h"

#include "check.h"
#include "math/gemm/gemm.h"
#include "math/parallel.h"

#include <float.h>

static nn_compute compute;

#define PIECES 64
#define SIZE 256 /* rows and columns of products, which are cut into tiles for threads */

static bool flushes(void) {
    volatile float least = FLT_MIN;
    return least / 2 == 0;
}

static void look_range(void *ctx, size_t begin, size_t end) {
    bool *seen = ctx;
    for (size_t i = begin; i < end; i++)
        seen[i] = flushes();
}

static void look_part(void *ctx, size_t part) {
    look_range(ctx, part, part + 1);
}

static void look_sum(void *ctx, size_t begin, size_t end, double *sum) {
    (void)ctx;
    *sum = 0;
    for (size_t i = begin; i < end; i++)
        *sum += flushes();
}

static void check_workers(bool expected) {
    bool range[PIECES * 16], part[PIECES];
    double sum[NN_SUM_RANGES];
    nn_parallel(&compute, PIECES * 16, 16, look_range, range);
    nn_parallel_for(&compute, PIECES, look_part, part);
    nn_parallel_sum(&compute, PIECES, 1, 1, look_sum, NULL, sum);
    for (size_t i = 0; i < PIECES * 16; i++)
        CHECK_EQ_INT(range[i], expected);
    for (size_t i = 0; i < PIECES; i++)
        CHECK_EQ_INT(part[i], expected);
    CHECK_NEAR(sum[0], expected ? PIECES : 0, 0);
}

/* Elements of a product that are 1e-40 each, a subnormal number. */
static void check_product(bool expected) {
    static nn_real a[SIZE * SIZE], b[SIZE * SIZE], c[SIZE * SIZE];
    size_t zeros = 0;
    for (size_t i = 0; i < SIZE; i++)
        a[i * SIZE + i] = b[i * SIZE + i] = (nn_real)1e-20;
    nn_gemm(&compute, NN_PLAIN, NN_PLAIN, SIZE, SIZE, SIZE, 1, a, SIZE, b, SIZE, 0, c, SIZE);
    for (size_t i = 0; i < SIZE; i++)
        zeros += c[i * SIZE + i] == 0;
    CHECK_EQ_INT(zeros, expected ? SIZE : 0);
}

static void in_worker(void *ctx, size_t part) {
    uint64_t *mode = ctx;
    mode[part] = nn_float_mode();
    if (part == 1)
        nn_float_mode_flush();
}

/* What a worker is lent, and what its work leaves behind, is gone after it. */
static void check_given_back(void) {
    uint64_t mode[2], again[2];
    compute.threads = 2;
    nn_parallel_for(&compute, 2, in_worker, mode);
    nn_parallel_for(&compute, 2, in_worker, again);
    CHECK(again[0] == mode[0] && again[1] == mode[1] && mode[0] == mode[1]);
}

int main(void) {
    if (NN_FLUSH_SUBNORMALS == 0) {
        puts("skipped: this processor's mode is not known");
        return 77;
    }
    for (int threads = 1; threads < 4; threads++) {
        compute.threads = threads;
        check_workers(false);
        check_product(false);
        uint64_t before = nn_float_mode_flush();
        check_workers(true);
        check_product(true);
        nn_float_mode_set(before);
        check_workers(false);
    }
    check_given_back();
    return check_done();
}
