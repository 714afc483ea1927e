#include "dist/measure.h"

#include "base/clock.h"

#include <math.h>

#define SUMS 5         /* at least */
#define SECONDS 0.1    /* of sums of a length, about */
#define MOST_SUMS 2000 /* of a length */

static bool go_on(void *ctx, const double stats[NN_REDUCE_STATS]) {
    (void)ctx, (void)stats;
    return true;
}

/* The sum alone, without a step on it. */
static void leave(void *ctx, const nn_slice *span, const nn_real *g) {
    (void)ctx, (void)span, (void)g;
}

static int sum_once(nn_reducer *reducer, double *seconds) {
    static const double stats[NN_REDUCE_STATS];
    double begin = nn_seconds();
    nn_reducer_begin(reducer, stats);
    nn_reducer_ready(reducer, 0);
    NN_TRY(nn_reducer_finish(reducer));
    *seconds = nn_seconds() - begin;
    return 0;
}

/* The first sum says how many there is time for, on all ranks alike. */
static int sum_often(nn_comm *comm, nn_reducer *reducer, double *least) {
    double first, seconds;
    NN_TRY(sum_once(reducer, &first));
    NN_TRY(sum_once(reducer, &first));
    NN_TRY(nn_comm_bcast(comm, &first, sizeof first));
    int sums = (int)fmin(MOST_SUMS, fmax(SUMS, SECONDS / first));
    *least = INFINITY;
    for (int i = 0; i < sums; i++) {
        NN_TRY(sum_once(reducer, &seconds));
        *least = fmin(*least, seconds);
    }
    return 0;
}

int nn_measure_sum(nn_comm *comm, nn_reduce_way way, size_t n, double *seconds) {
    static const nn_reduce_ops ops = {.decide = go_on, .apply = leave};
    nn_reduce_spec spec = {.comm = comm, .way = way, .n = n, .vectors = 1, .ops = &ops};
    nn_reducer *reducer;
    double least = 0;
    NN_TRY(nn_reducer_new(&spec, &reducer));
    int rc = sum_often(comm, reducer, &least);
    nn_reducer_free(reducer);
    NN_TRY(rc);

    NN_TRY(nn_comm_sum(comm, &least, 1));
    *seconds = least / nn_comm_size(comm);
    return 0;
}

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
    double start = (y - slope * x) / w;
    return (nn_message_cost){.latency = fmax(0, start) / messages(ranks),
                             .bandwidth = moved(ranks) / slope};
}

double nn_efficiency(const nn_step_cost *step, const nn_message_cost *cost, double ranks,
                     bool strong) {
    double compute = strong ? step->compute * step->ranks / ranks : step->compute;
    return compute / (compute + nn_sum_seconds(cost, ranks, step->bytes));
}
