/* The table of metrics. */
#include "nn/metrics.h"

static const nn_entry *const rows[] = {&nn_metric_accuracy.entry, &nn_metric_zero_one.entry,
                                       &nn_metric_mae.entry, &nn_metric_rmse.entry, NULL};

const nn_family nn_metrics = {"metric", rows};

nn_metric_spec nn_metric_spec_of(const nn_loss *loss) {
    const nn_loss_spec *spec = nn_loss_get_spec(loss);
    return (nn_metric_spec){.outputs = spec->outputs,
                            .labels = spec->labels,
                            .threshold = nn_loss_threshold(loss),
                            .fuses = nn_loss_ops_of(loss)->fuses};
}
