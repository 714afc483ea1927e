/* The rows of the metric table, and what several of them share: how outputs and targets are read as
 * classes. */
#ifndef NN_NN_METRICS_METRICS_H
#define NN_NN_METRICS_METRICS_H

#include "nn/metrics/metric.h"

#include <stddef.h>

extern const nn_metric_ops nn_metric_accuracy, nn_metric_zero_one, nn_metric_top_k,
    nn_metric_confusion, nn_metric_precision, nn_metric_recall, nn_metric_f1, nn_metric_auc,
    nn_metric_perplexity, nn_metric_bits_per_byte, nn_metric_mae, nn_metric_rmse, nn_metric_r2;

/* The option `threshold` of metrics that decide, bound to `int threshold` of a struct. */
#define NN_METRIC_THRESHOLD(type)                                                                  \
    {                                                                                              \
        "threshold", NN_OPT_CHOICE, offsetof(type, threshold), "auto", "auto|0|0.5",               \
            "what an output must exceed to mean class 1, where one output stands for a class; "    \
            "auto: 0 for losses of a logit or a score, 0.5 for those that compare the output "     \
            "itself with 0 and 1, as squared does; take 0 with these when the targets are -1 "     \
            "and +1"                                                                               \
    }

/* The option `multilabel`, bound to `bool multilabel`. */
#define NN_METRIC_MULTILABEL(type)                                                                 \
    {                                                                                              \
        "multilabel", NN_OPT_BOOL, offsetof(type, multilabel), "false", NULL,                      \
            "decide on each output by itself, instead of taking the largest one"                   \
    }

/* The number that a value of `threshold` stands for. */
double nn_metric_threshold(int threshold, const nn_metric_spec *spec);
/* NN_EUSAGE when `multilabel` is asked for but the data set has labels. */
int nn_metric_check_multilabel(bool multilabel, const nn_metric_spec *spec);

/* The class that the outputs of one sample mean: the largest, the first one on a tie; with one
 * output 1 above the threshold, else 0. */
size_t nn_metric_predicted(const nn_metric_spec *spec, double threshold, const nn_real *z);
/* The class of sample i, which has a weight, read from its target in the same way. */
size_t nn_metric_actual(const nn_metric_spec *spec, const nn_target *target, size_t i);

#endif
