/* Threads within a rank: how many, and the one way to share a range among them. */
#ifndef NN_MATH_PARALLEL_H
#define NN_MATH_PARALLEL_H

#include "math/compute.h"

#include <stddef.h>

/* Cores in this process's CPU set. */
int nn_cores_available(void);

/* Multiply-adds that are worth a thread: some ten microseconds, several times a fork and join. */
#define NN_THREAD_WORK 1048576

/* Calls fn(ctx, begin, end) so that [0, n) is covered once, in pieces that start at multiples of 16
 * elements. One piece, in the calling thread, when n < 2 * grain or there is one thread: a fork and
 * join costs about a microsecond, so `grain` is the work that is worth that. */
typedef void nn_range_fn(void *ctx, size_t begin, size_t end);
void nn_parallel(const nn_compute *compute, size_t n, size_t grain, nn_range_fn *fn, void *ctx);

/* A sum of `width` numbers over [0, n): fn gives that of a range, and the sums of at most
 * NN_SUM_RANGES ranges are added along a binary tree. Ranges and tree follow from n and grain
 * alone, so that the result does not depend on the number of threads. `partial`
 * [nn_sum_ranges][width] is the caller's; the result stands at its beginning. */
#define NN_SUM_RANGES 64
typedef void nn_range_sum_fn(void *ctx, size_t begin, size_t end, double *sums);
size_t nn_sum_ranges(size_t n, size_t grain); /* at least 1 */
void nn_parallel_sum(const nn_compute *compute, size_t n, size_t grain, size_t width,
                     nn_range_sum_fn *fn, void *ctx, double *partial);

/* Calls fn(ctx, part) once for each part in [0, parts), on as many threads as there are. */
typedef void nn_parallel_for_fn(void *ctx, size_t part);
void nn_parallel_for(const nn_compute *compute, size_t parts, nn_parallel_for_fn *fn, void *ctx);

#endif
