/* accuracy, the share of right decisions, and zero_one, the share of wrong ones. */
#include "nn/metrics/metrics.h"

#include <math.h>

/* All zero is the default: what NULL options stand for. */
struct decision {
    int threshold;
    bool multilabel;
};

enum { RIGHT, ALL, STATE };

static const nn_option decision_options[] = {NN_METRIC_THRESHOLD(struct decision),
                                             NN_METRIC_MULTILABEL(struct decision), NN_OPTION_END};

static int decision_plan(const void *options, const nn_metric_spec *spec,
                         nn_metric_layout *layout) {
    const struct decision *o = options;

    layout->state = STATE;
    return nn_metric_check_multilabel(o && o->multilabel, spec);
}

/* Share of a row's outputs that are on the right side of the threshold. */
static double share_right(size_t width, const nn_real *z, const nn_real *y, double threshold) {
    size_t right = 0;

    for (size_t j = 0; j < width; j++)
        right += ((double)z[j] > threshold) == nn_target_positive(y[j]);
    return (double)right / (double)width;
}

/* How right row i is: 0 or 1, with multilabel a share. */
static double rightness(const struct decision *o, const nn_metric_spec *spec, const nn_real *z,
                        const nn_target *target, size_t i) {
    size_t width = spec->outputs;
    double threshold = nn_metric_threshold(o ? o->threshold : 0, spec);
    const nn_real *row = z + i * width;

    if (o && o->multilabel)
        return share_right(width, row, target->value + i * width, threshold);
    return nn_metric_predicted(spec, threshold, row) == nn_metric_actual(spec, target, i);
}

static void decision_add(const void *options, const nn_metric_spec *spec, size_t batch,
                         const nn_real *z, const nn_target *target, double *state) {
    for (size_t i = 0; i < batch; i++) {
        nn_real weight = nn_target_weight(target, i);
        if (weight > 0)
            state[RIGHT] += (double)weight * rightness(options, spec, z, target, i);
        state[ALL] += (double)weight;
    }
}

static double accuracy_value(const void *options, const nn_metric_spec *spec, double *state,
                             double *table) {
    (void)options, (void)spec, (void)table;
    return state[ALL] > 0 ? state[RIGHT] / state[ALL] : NAN;
}

static double zero_one_value(const void *options, const nn_metric_spec *spec, double *state,
                             double *table) {
    return 1 - accuracy_value(options, spec, state, table);
}

const nn_metric_ops nn_metric_accuracy = {
    .entry =
        {"accuracy",
         "share of samples, in [0, 1], whose class is right: the largest output, the first one "
         "on a tie; with one output, whether it exceeds the threshold",
         decision_options, sizeof(struct decision)},
    .plan = decision_plan,
    .add = decision_add,
    .value = accuracy_value,
    .larger_is_better = true,
};

const nn_metric_ops nn_metric_zero_one = {
    .entry = {"zero_one", "share of samples, in [0, 1], whose class is wrong: 1 - accuracy",
              decision_options, sizeof(struct decision)},
    .plan = decision_plan,
    .add = decision_add,
    .value = zero_one_value,
};
