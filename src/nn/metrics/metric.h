/* Metrics: quantities that are sums over samples, so that shards and minibatches simply add. */
#ifndef NN_NN_METRICS_METRIC_H
#define NN_NN_METRICS_METRIC_H

#include "nn/losses/loss.h"

/* What a metric stands between, and how a lone output is read. */
typedef struct nn_metric_spec {
    size_t outputs;    /* numbers the model gives for a sample, width of rows of values */
    bool labels;       /* targets are class indices, else rows of values */
    double threshold;  /* a lone output above it means class 1: nn_loss_threshold */
    const char *fuses; /* activation that the loss has fused in, so that z is before it; or NULL */
    int64_t samples;   /* most that are evaluated together */
    const double
        *class_bytes; /* [outputs]: bytes of text of each class, a token; NULL: not known */
} nn_metric_spec;

/* The spec that goes with a loss, `samples` left 0. */
nn_metric_spec nn_metric_spec_of(const nn_loss *loss);

/* What a metric keeps and says. */
typedef struct nn_metric_layout {
    size_t state;         /* doubles that add up, all 0 at first */
    bool exact;           /* which no rounding changes: in any order they add up to the same bits */
    size_t rows, columns; /* of the table that goes with the value; 0: none. One row: by class */
} nn_metric_layout;

typedef struct nn_metric_ops {
    nn_entry entry;
    /* Fills the layout, zeroed before; NN_EUSAGE when the metric does not fit. */
    int (*plan)(const void *options, const nn_metric_spec *spec, nn_metric_layout *layout);
    /* Adds the shard to `state`. z [batch][outputs] is the model's output before the fused
     * activation; ignored samples weigh 0; target->sample is below spec->samples, and no index
     * comes twice in an evaluation. */
    void (*add)(const void *options, const nn_metric_spec *spec, size_t batch, const nn_real *z,
                const nn_target *target, double *state);
    /* What the added-up state, which may be destroyed, says; NaN when nothing had a weight. Fills
     * table[rows][columns]. */
    double (*value)(const void *options, const nn_metric_spec *spec, double *state, double *table);
    bool larger_is_better;
    bool table_only; /* there is no value */
    /* of metrics that programs define (src/extend); NULL elsewhere */
    void (*bind)(const struct nn_metric_ops *ops, void *options); /* once the options are read */
    int (*fault)(void *options); /* what has failed in add and value since it was asked last */
} nn_metric_ops;

extern const nn_family nn_metrics; /* metrics.c: one row a metric */

#endif
