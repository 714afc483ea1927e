/* Metrics that count by class: confusion, precision, recall and f1. */
#include "nn/metrics/metrics.h"

#include <math.h>
#include <string.h>

/* ---- confusion ------------------------------------------------------------------------------ */

struct confusion {
    int threshold;
};

static const nn_option confusion_options[] = {NN_METRIC_THRESHOLD(struct confusion), NN_OPTION_END};

static int confusion_plan(const void *options, const nn_metric_spec *spec,
                          nn_metric_layout *layout) {
    (void)options;
    layout->rows = layout->columns = nn_loss_classes(spec->outputs);
    layout->state = layout->rows * layout->columns;
    return 0;
}

static void confusion_add(const void *options, const nn_metric_spec *spec, size_t batch,
                          const nn_real *z, const nn_target *target, double *state) {
    const struct confusion *o = options;
    double threshold = nn_metric_threshold(o->threshold, spec);
    size_t classes = nn_loss_classes(spec->outputs);

    for (size_t i = 0; i < batch; i++) {
        double weight = (double)nn_target_weight(target, i);
        if (weight > 0)
            state[nn_metric_actual(spec, target, i) * classes +
                  nn_metric_predicted(spec, threshold, z + i * spec->outputs)] += weight;
    }
}

static double confusion_value(const void *options, const nn_metric_spec *spec, double *state,
                              double *table) {
    size_t classes = nn_loss_classes(spec->outputs);

    (void)options;
    memcpy(table, state, classes * classes * sizeof *table);
    return NAN;
}

const nn_metric_ops nn_metric_confusion = {
    .entry = {"confusion",
              "samples, or their weight where they have weights, of each class (rows) by the class "
              "that was predicted (columns); with one output of classes 0 and 1",
              confusion_options, sizeof(struct confusion)},
    .plan = confusion_plan,
    .add = confusion_add,
    .value = confusion_value,
    .table_only = true,
};

/* ---- precision, recall, f1 ------------------------------------------------------------------ */

enum average { AUTO, MACRO, POSITIVE };

struct scores {
    int threshold, average;
    bool multilabel, per_class;
};

/* Of each class; the weight of all samples comes last. */
enum { BOTH, PREDICTED, ACTUAL, COUNTS };

static const nn_option scores_options[] = {
    {"average", NN_OPT_CHOICE, offsetof(struct scores, average), "auto", "auto|macro|positive",
     "macro: the mean over the classes that occur or are predicted, with multilabel over all "
     "outputs; positive: class 1 of two; auto: positive for a model with one output, else macro"},
    {"per_class", NN_OPT_BOOL, offsetof(struct scores, per_class), "false", NULL,
     "report every class as well"},
    NN_METRIC_THRESHOLD(struct scores),
    NN_METRIC_MULTILABEL(struct scores),
    NN_OPTION_END};

static size_t scores_classes(const struct scores *o, const nn_metric_spec *spec) {
    return o->multilabel ? spec->outputs : nn_loss_classes(spec->outputs);
}

static int scores_plan(const void *options, const nn_metric_spec *spec, nn_metric_layout *layout) {
    const struct scores *o = options;
    size_t classes = scores_classes(o, spec);

    if (o->average == POSITIVE && (classes != 2 || o->multilabel))
        return nn_fail(NN_EUSAGE,
                       "metric option 'average: positive' is for two classes, but the model tells "
                       "%zu apart: take macro",
                       classes);
    layout->state = classes * COUNTS + 1;
    layout->rows = o->per_class;
    layout->columns = o->per_class ? classes : 0;
    return nn_metric_check_multilabel(o->multilabel, spec);
}

static void count_class(double *state, double weight, size_t predicted, size_t actual) {
    state[predicted * COUNTS + PREDICTED] += weight;
    state[actual * COUNTS + ACTUAL] += weight;
    if (predicted == actual)
        state[actual * COUNTS + BOTH] += weight;
}

static void count_outputs(double *state, double weight, double threshold, size_t width,
                          const nn_real *z, const nn_real *y) {
    for (size_t j = 0; j < width; j++) {
        bool predicted = (double)z[j] > threshold, actual = nn_target_positive(y[j]);
        state[j * COUNTS + PREDICTED] += predicted ? weight : 0;
        state[j * COUNTS + ACTUAL] += actual ? weight : 0;
        state[j * COUNTS + BOTH] += predicted && actual ? weight : 0;
    }
}

static void scores_add(const void *options, const nn_metric_spec *spec, size_t batch,
                       const nn_real *z, const nn_target *target, double *state) {
    const struct scores *o = options;
    double threshold = nn_metric_threshold(o->threshold, spec);
    size_t width = spec->outputs;

    for (size_t i = 0; i < batch; i++, z += width) {
        double weight = (double)nn_target_weight(target, i);
        if (weight > 0 && o->multilabel)
            count_outputs(state, weight, threshold, width, z, target->value + i * width);
        else if (weight > 0)
            count_class(state, weight, nn_metric_predicted(spec, threshold, z),
                        nn_metric_actual(spec, target, i));
        state[scores_classes(o, spec) * COUNTS] += weight;
    }
}

static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

static double precision_of(const double *count) {
    return ratio(count[BOTH], count[PREDICTED]);
}

static double recall_of(const double *count) {
    return ratio(count[BOTH], count[ACTUAL]);
}

static double f1_of(const double *count) {
    return ratio(2 * count[BOTH], count[PREDICTED] + count[ACTUAL]);
}

static double scores_value(double (*score)(const double *count), const struct scores *o,
                           const nn_metric_spec *spec, const double *state, double *table) {
    size_t classes = scores_classes(o, spec);
    bool positive =
        o->average == POSITIVE || (o->average == AUTO && spec->outputs == 1 && !o->multilabel);
    double sum = 0, seen = 0;

    for (size_t c = 0; c < classes; c++) {
        const double *count = state + c * COUNTS;
        bool counts = o->multilabel || count[PREDICTED] + count[ACTUAL] > 0;
        if (o->per_class)
            table[c] = score(count);
        sum += counts ? score(count) : 0;
        seen += counts;
    }
    if (state[classes * COUNTS] <= 0)
        return NAN;
    return positive ? score(state + COUNTS) : sum / seen;
}

static double precision_value(const void *options, const nn_metric_spec *spec, double *state,
                              double *table) {
    return scores_value(precision_of, options, spec, state, table);
}

static double recall_value(const void *options, const nn_metric_spec *spec, double *state,
                           double *table) {
    return scores_value(recall_of, options, spec, state, table);
}

static double f1_value(const void *options, const nn_metric_spec *spec, double *state,
                       double *table) {
    return scores_value(f1_of, options, spec, state, table);
}

#define SCORES(name_, help_)                                                                       \
    {                                                                                              \
        .entry = {#name_, help_, scores_options, sizeof(struct scores)}, .plan = scores_plan,      \
        .add = scores_add, .value = name_##_value, .larger_is_better = true,                       \
    }

const nn_metric_ops nn_metric_precision =
    SCORES(precision, "of the samples that were predicted to be of a class, the share that is; 0 "
                      "where there is none");

const nn_metric_ops nn_metric_recall =
    SCORES(recall, "of the samples of a class, the share that was predicted to be; 0 where there "
                   "is none");

const nn_metric_ops nn_metric_f1 =
    SCORES(f1, "harmonic mean of precision and recall of a class, 2 * both / (predicted + actual)");
