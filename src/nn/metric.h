/* Metrics: quantities that are sums over samples, so that shards and minibatches simply add. */
#ifndef NN_NN_METRIC_H
#define NN_NN_METRIC_H

#include "nn/loss.h"

typedef struct nn_metric_ops {
    nn_entry entry;
    /* Doubles of state for `outputs` numbers a sample; NN_EUSAGE when the metric does not fit. */
    int (*plan)(const void *options, size_t outputs, bool labels, size_t *state);
    /* Adds the shard to `state`. z is the model's output before the fused activation. */
    void (*add)(const void *options, size_t batch, size_t outputs, const nn_real *z,
                const nn_target *target, double *state);
    double (*value)(const void *options, const double *state);
    bool larger_is_better;
} nn_metric_ops;

extern const nn_family nn_metrics; /* metrics.c: one row a metric */

#endif
