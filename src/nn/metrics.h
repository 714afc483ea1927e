/* The rows of the metric table. */
#ifndef NN_NN_METRICS_H
#define NN_NN_METRICS_H

#include "nn/metric.h"

extern const nn_metric_ops nn_metric_accuracy, nn_metric_zero_one, nn_metric_mae, nn_metric_rmse;

#endif
