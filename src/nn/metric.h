/* Metrics: quantities that are sums over samples, so that shards and minibatches simply add. */
#ifndef NN_NN_METRIC_H
#define NN_NN_METRIC_H

#include "nn/loss.h"

/* What a metric stands between, and how a lone output is read. */
typedef struct nn_metric_spec {
    size_t outputs;    /* numbers the model gives for a sample, width of rows of values */
    bool labels;       /* targets are class indices, else rows of values */
    double threshold;  /* a lone output above it means class 1: nn_loss_threshold */
    const char *fuses; /* activation that the loss has fused in, so that z is before it; or NULL */
} nn_metric_spec;

/* The spec that goes with a loss. */
nn_metric_spec nn_metric_spec_of(const nn_loss *loss);

typedef struct nn_metric_ops {
    nn_entry entry;
    /* Doubles of state, all 0 at first; NN_EUSAGE when the metric does not fit. */
    int (*plan)(const void *options, const nn_metric_spec *spec, size_t *state);
    /* Adds the shard to `state`. z [batch][outputs] is the model's output before the fused
     * activation; ignored samples weigh 0. */
    void (*add)(const void *options, const nn_metric_spec *spec, size_t batch, const nn_real *z,
                const nn_target *target, double *state);
    /* What the added-up state says; NaN when nothing had a weight. */
    double (*value)(const void *options, const double *state);
    bool larger_is_better;
} nn_metric_ops;

extern const nn_family nn_metrics; /* metrics.c: one row a metric */

#endif
