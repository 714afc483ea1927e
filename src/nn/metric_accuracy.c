/* accuracy, the share of right decisions, and zero_one, the share of wrong ones. */
#include "nn/metrics.h"

#include <math.h>
#include <stddef.h>

/* All zero is the default: what NULL options stand for. */
struct decision {
    int threshold; /* index into "auto|0|0.5" */
    bool multilabel;
};

enum { RIGHT, ALL, STATE };

static const nn_option decision_options[] = {
    {"threshold", NN_OPT_CHOICE, offsetof(struct decision, threshold), "auto", "auto|0|0.5",
     "what an output must exceed to mean class 1, where one output stands for a class; auto: 0 for "
     "losses of a logit or a score, 0.5 for squared, absolute and huber, whose outputs are "
     "compared with 0 and 1; take 0 with them when the targets are -1 and +1"},
    {"multilabel", NN_OPT_BOOL, offsetof(struct decision, multilabel), "false", NULL,
     "decide on each output by itself, instead of taking the largest one"},
    NN_OPTION_END};

static int decision_plan(const void *options, const nn_metric_spec *spec, size_t *state) {
    const struct decision *o = options;

    if (o && o->multilabel && spec->labels)
        return nn_fail(NN_EUSAGE, "metric option 'multilabel' wants rows of 0 and 1, but the data "
                                  "set has one class label a sample");
    *state = STATE;
    return 0;
}

static double threshold_of(const struct decision *o, const nn_metric_spec *spec) {
    static const double chosen[] = {0, 0, 0.5};
    return o && o->threshold ? chosen[o->threshold] : spec->threshold;
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
    double threshold = threshold_of(o, spec);
    const nn_real *row = z + i * width;

    if (target->label && width == 1)
        return ((double)*row > threshold) == (target->label[i] == 1);
    if (target->label)
        return nn_argmax(width, row) == (size_t)target->label[i];
    if (width == 1 || (o && o->multilabel))
        return share_right(width, row, target->value + i * width, threshold);
    return nn_argmax(width, row) == nn_argmax(width, target->value + i * width);
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

static double accuracy_value(const void *options, const double *state) {
    (void)options;
    return state[ALL] > 0 ? state[RIGHT] / state[ALL] : NAN;
}

static double zero_one_value(const void *options, const double *state) {
    return 1 - accuracy_value(options, state);
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
