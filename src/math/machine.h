/* What this machine can do, measured: arithmetic and memory. */
#ifndef NN_MATH_MACHINE_H
#define NN_MATH_MACHINE_H

#include "math/compute.h"

typedef void nn_work_fn(void *ctx);

/* Least seconds of a call of work(ctx) among as many as fit into about `budget` seconds; calls that
 * are too short for the clock are timed in groups. Local. */
double nn_least_seconds(nn_work_fn *work, void *ctx, double budget);

/* Operations a second (a multiply-add is two) of `threads` threads on registers alone, of floats
 * or, where nn_kernels_bf16() is there, of bfloat16. Local. */
double nn_machine_peak(int threads, bool bf16, double budget);

/* Bytes a second of y += a x, two reads and a write an element, on vectors of n elements each, of
 * which every thread has a part. NN_EMEMORY. Local. */
int nn_machine_memory(int threads, size_t n, double budget, double *rate);

#endif
