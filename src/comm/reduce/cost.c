#include "comm/reduce/cost.h"

#include <math.h>

static double messages(double ranks) {
    return 2 * log2(ranks);
}

static double moved(double ranks) {
    return 2 * (ranks - 1) / ranks;
}

double nn_sum_seconds(const nn_message_cost *cost, double ranks, double bytes) {
    return messages(ranks) * cost->latency + moved(ranks) * bytes / cost->bandwidth;
}

/* Least squares of seconds = a + b bytes, each point weighing 1 / seconds^2. */
nn_message_cost nn_fit_sums(double ranks, size_t count, const double bytes[],
                            const double seconds[]) {
    double w = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < count; i++) {
        double weight = 1 / (seconds[i] * seconds[i]);
        w += weight;
        x += weight * bytes[i];
        y += weight * seconds[i];
        xx += weight * bytes[i] * bytes[i];
        xy += weight * bytes[i] * seconds[i];
    }
    double slope = (w * xy - x * y) / (w * xx - x * x);
    if (slope <= 0) /* on a busy machine: no more than what the largest took is known */
        slope = seconds[count - 1] / bytes[count - 1];
    double start = (y - slope * x) / w;
    return (nn_message_cost){.latency = fmax(0, start) / messages(ranks),
                             .bandwidth = moved(ranks) / slope};
}
