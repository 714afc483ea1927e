/* mae, rmse and r2: how far the outputs are from the values. */
#include "nn/metrics/metrics.h"

#include <math.h>

enum { ERROR, ALL, STATE };

static int plan(const char *name, const nn_metric_spec *spec, size_t state,
                nn_metric_layout *layout) {
    if (spec->labels)
        return nn_fail(NN_EUSAGE,
                       "metric '%s' compares numbers, but the data set has class labels: take "
                       "accuracy, or store y as floating-point numbers",
                       name);
    if (spec->fuses)
        return nn_fail(NN_EUSAGE,
                       "metric '%s' compares the model's outputs with the values, but the loss "
                       "applies %s to the outputs first: take a loss that compares the outputs "
                       "themselves, as squared does",
                       name, spec->fuses);
    layout->state = state;
    return 0;
}

static int mae_plan(const void *options, const nn_metric_spec *spec, nn_metric_layout *layout) {
    (void)options;
    return plan("mae", spec, STATE, layout);
}

static int rmse_plan(const void *options, const nn_metric_spec *spec, nn_metric_layout *layout) {
    (void)options;
    return plan("rmse", spec, STATE, layout);
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

static double mae_value(const void *options, const nn_metric_spec *spec, double *state,
                        double *table) {
    (void)options, (void)spec, (void)table;
    return state[ALL] > 0 ? state[ERROR] / state[ALL] : NAN;
}

static double rmse_value(const void *options, const nn_metric_spec *spec, double *state,
                         double *table) {
    return sqrt(mae_value(options, spec, state, table));
}

/* Sums over the samples for each output; their weight comes last. */
enum { RESIDUALS, VALUES, SQUARES, SUMS };

/* A spread of the values below this share of their mean square is rounding: they are all equal. */
#define EQUAL 1e-14

static int r2_plan(const void *options, const nn_metric_spec *spec, nn_metric_layout *layout) {
    (void)options;
    return plan("r2", spec, spec->outputs * SUMS + 1, layout);
}

static void r2_add(const void *options, const nn_metric_spec *spec, size_t batch, const nn_real *z,
                   const nn_target *target, double *state) {
    size_t width = spec->outputs;

    (void)options;
    for (size_t i = 0; i < batch; i++) {
        double weight = (double)nn_target_weight(target, i);
        for (size_t j = 0; weight > 0 && j < width; j++) {
            double y = (double)target->value[i * width + j];
            state[j * SUMS + RESIDUALS] += weight * square((double)z[i * width + j] - y);
            state[j * SUMS + VALUES] += weight * y;
            state[j * SUMS + SQUARES] += weight * y * y;
        }
        state[width * SUMS] += weight;
    }
}

static double r2_of(const double *sum, double weight) {
    double spread = sum[SQUARES] - sum[VALUES] * sum[VALUES] / weight;

    if (spread <= EQUAL * sum[SQUARES])
        return sum[RESIDUALS] > 0 ? 0 : 1;
    return 1 - sum[RESIDUALS] / spread;
}

static double r2_value(const void *options, const nn_metric_spec *spec, double *state,
                       double *table) {
    double sum = 0, weight = state[spec->outputs * SUMS];

    (void)options, (void)table;
    for (size_t j = 0; j < spec->outputs; j++)
        sum += r2_of(state + j * SUMS, weight);
    return weight > 0 ? sum / (double)spec->outputs : NAN;
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

const nn_metric_ops nn_metric_r2 = {
    .entry = {"r2",
              "coefficient of determination 1 - sum (y - a)^2 / sum (y - mean of y)^2, the mean "
              "over the outputs; where all y are equal, 1 if the outputs are as well, else 0",
              NULL, 0},
    .plan = r2_plan,
    .add = r2_add,
    .value = r2_value,
    .larger_is_better = true,
};
