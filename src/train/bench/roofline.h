/* What bounds the time of calls: the roofline model (Williams, Waterman and Patterson 2009,
 * doi:10.1145/1498765.1498785). A call takes at least as long as its multiply-adds at the peak, and
 * as its bytes at the rate of memory. */
#ifndef NN_TRAIN_BENCH_ROOFLINE_H
#define NN_TRAIN_BENCH_ROOFLINE_H

typedef struct nn_roofline {
    double peak;   /* operations a second */
    double memory; /* bytes a second */
} nn_roofline;

/* Seconds that calls take at least: those with more multiply-adds than bytes for the machine, and
 * the others. */
typedef struct nn_least_time {
    double compute, memory;
} nn_least_time;

/* Adds a call of so many operations and bytes. Local. */
void nn_roofline_add(const nn_roofline *machine, double work, double bytes, nn_least_time *time);

/* The least time as a share of the seconds that were taken; more than 1 where caches are faster
 * than what was taken for memory. Local. */
double nn_roofline_share(const nn_least_time *least, double seconds);

/* "compute" or "memory", by what takes more of the least time; "overhead" where that is less than
 * half of what was taken: neither is the reason. Local. */
const char *nn_roofline_bound(const nn_least_time *least, double seconds);

#endif
