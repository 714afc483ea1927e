/* mae and rmse: how far the outputs are from the values, in the values' unit. */
#include "nn/metrics.h"

#include <math.h>

enum { ERROR, ALL, STATE };

static int plan(const char *name, const nn_metric_spec *spec, size_t *state) {
    if (spec->labels)
        return nn_fail(NN_EUSAGE,
                       "metric '%s' compares numbers, but the data set has class labels: take "
                       "accuracy, or store y as floating-point numbers",
                       name);
    if (spec->fuses)
        return nn_fail(NN_EUSAGE,
                       "metric '%s' compares the model's outputs with the values, but the loss "
                       "applies %s to the outputs first: take squared, absolute or huber as the "
                       "loss",
                       name, spec->fuses);
    *state = STATE;
    return 0;
}

static int mae_plan(const void *options, const nn_metric_spec *spec, size_t *state) {
    (void)options;
    return plan("mae", spec, state);
}

static int rmse_plan(const void *options, const nn_metric_spec *spec, size_t *state) {
    (void)options;
    return plan("rmse", spec, state);
}

static double absolute(double r) {
    return fabs(r);
}

static double square(double r) {
    return r * r;
}

static void add(double (*error)(double), const nn_metric_spec *spec, size_t batch, const nn_real *z,
                const nn_target *target, double *state) {
    size_t width = spec->outputs;

    for (size_t i = 0; i < batch; i++) {
        double sum = 0, weight = (double)nn_target_weight(target, i);
        for (size_t k = i * width; k < (i + 1) * width; k++)
            sum += error((double)z[k] - (double)target->value[k]);
        if (weight > 0)
            state[ERROR] += weight * sum / (double)width;
        state[ALL] += weight;
    }
}

static void mae_add(const void *options, const nn_metric_spec *spec, size_t batch, const nn_real *z,
                    const nn_target *target, double *state) {
    (void)options;
    add(absolute, spec, batch, z, target, state);
}

static void rmse_add(const void *options, const nn_metric_spec *spec, size_t batch,
                     const nn_real *z, const nn_target *target, double *state) {
    (void)options;
    add(square, spec, batch, z, target, state);
}

static double mae_value(const void *options, const double *state) {
    (void)options;
    return state[ALL] > 0 ? state[ERROR] / state[ALL] : NAN;
}

static double rmse_value(const void *options, const double *state) {
    return sqrt(mae_value(options, state));
}

const nn_metric_ops nn_metric_mae = {
    .entry = {"mae",
              "mean absolute error: mean of |y - a| over samples and outputs, in the unit of y",
              NULL, 0},
    .plan = mae_plan,
    .add = mae_add,
    .value = mae_value,
};

const nn_metric_ops nn_metric_rmse = {
    .entry = {"rmse",
              "root mean squared error: square root of the mean of (y - a)^2 over samples and "
              "outputs, in the unit of y",
              NULL, 0},
    .plan = rmse_plan,
    .add = rmse_add,
    .value = rmse_value,
};
