/* What a message costs, from the time that sums over the ranks take. */
#ifndef NN_COMM_REDUCE_COST_H
#define NN_COMM_REDUCE_COST_H

#include <stddef.h>

/* Seconds of a message of so many bytes: latency + bytes / bandwidth. */
typedef struct nn_message_cost {
    double latency;   /* seconds */
    double bandwidth; /* bytes a second */
} nn_message_cost;

/* What a sum of `bytes` over `ranks` ranks takes when it is made by recursive halving and doubling
 * (Rabenseifner): 2 log2(P) messages, and 2 (P - 1) / P of the bytes. Local. */
double nn_sum_seconds(const nn_message_cost *cost, double ranks, double bytes);

/* The cost under which nn_sum_seconds is nearest to what was measured, in relative terms; where
 * larger sums have not taken longer, the bandwidth of the largest. `count` at least 2, the largest
 * last. Local. */
nn_message_cost nn_fit_sums(double ranks, size_t count, const double bytes[],
                            const double seconds[]);

#endif
