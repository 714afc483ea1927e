/* Threads within a rank: how many, and the one way to share a range among them. */
#ifndef NN_MATH_PARALLEL_H
#define NN_MATH_PARALLEL_H

#include <stddef.h>

/* Threads that nn_parallel and nn_gemm use; 1 until set. Process-wide. */
void nn_threads_set(int threads);
int nn_threads(void);

/* Cores in this process's CPU set. */
int nn_cores_available(void);

/* Calls fn(ctx, begin, end) so that [0, n) is covered once, in pieces that start at multiples of 16
 * elements. One piece, in the calling thread, when n < 2 * grain or there is one thread: a fork and
 * join costs about a microsecond, so `grain` is the work that is worth that. */
typedef void nn_range_fn(void *ctx, size_t begin, size_t end);
void nn_parallel(size_t n, size_t grain, nn_range_fn *fn, void *ctx);

#endif
