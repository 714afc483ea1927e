/* The table of metrics, and how they read outputs and targets. */
#include "nn/metrics/metrics.h"

static const nn_entry *const rows[] = {&nn_metric_accuracy.entry,   &nn_metric_zero_one.entry,
                                       &nn_metric_top_k.entry,      &nn_metric_confusion.entry,
                                       &nn_metric_precision.entry,  &nn_metric_recall.entry,
                                       &nn_metric_f1.entry,         &nn_metric_auc.entry,
                                       &nn_metric_perplexity.entry, &nn_metric_bits_per_byte.entry,
                                       &nn_metric_mae.entry,        &nn_metric_rmse.entry,
                                       &nn_metric_r2.entry,         NULL};

const nn_family nn_metrics = {"metric", rows};

nn_metric_spec nn_metric_spec_of(const nn_loss *loss) {
    const nn_loss_spec *spec = nn_loss_get_spec(loss);
    return (nn_metric_spec){.outputs = spec->outputs,
                            .labels = spec->labels,
                            .threshold = nn_loss_threshold(loss),
                            .fuses = nn_loss_ops_of(loss)->fuses};
}

double nn_metric_threshold(int threshold, const nn_metric_spec *spec) {
    static const double chosen[] = {0, 0, 0.5};
    return threshold ? chosen[threshold] : spec->threshold;
}

int nn_metric_check_multilabel(bool multilabel, const nn_metric_spec *spec) {
    if (!multilabel || !spec->labels)
        return 0;
    return nn_fail(NN_EUSAGE, "metric option 'multilabel' wants rows of 0 and 1, but the data set "
                              "has one class label a sample");
}

size_t nn_metric_predicted(const nn_metric_spec *spec, double threshold, const nn_real *z) {
    return spec->outputs == 1 ? (double)*z > threshold : nn_argmax(spec->outputs, z);
}

size_t nn_metric_actual(const nn_metric_spec *spec, const nn_target *target, size_t i) {
    if (target->label)
        return (size_t)target->label[i];
    if (spec->outputs == 1)
        return nn_target_positive(target->value[i]);
    return nn_argmax(spec->outputs, target->value + i * spec->outputs);
}
