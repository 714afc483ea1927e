/* auc: area under the receiver operating characteristic, the share of pairs of a positive and a
 * negative sample in which the positive one has the higher score; a tie counts half (Mann and
 * Whitney's U).
 *
 * It is exact, so it needs every score: each sample has its own place in the state, which the
 * shards that do not have the sample leave at 0, so that adding them up puts them together. That
 * takes 16 bytes a sample and output. */
#include "base/numbers/elementary.h"
#include "nn/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct auc {
    bool per_class;
};

/* One sample for one output, the state being [outputs][samples] of these. */
struct scored {
    double score;
    double weight; /* that of a negative sample has a minus; 0: the sample does not count */
};

static const nn_option auc_options[] = {{"per_class", NN_OPT_BOOL, offsetof(struct auc, per_class),
                                         "false", NULL, "report every output as well"},
                                        NN_OPTION_END};

static int auc_plan(const void *options, const nn_metric_spec *spec, nn_metric_layout *layout) {
    const struct auc *o = options;

    layout->state =
        spec->outputs * (size_t)spec->samples * (sizeof(struct scored) / sizeof(double));
    layout->exact = true; /* only one number of each sum is not 0 */
    layout->rows = o->per_class;
    layout->columns = o->per_class ? spec->outputs : 0;
    return 0;
}

/* Sum of exp(z[j] - max) over the outputs but the largest, which is `best`. */
static double sum_below(size_t width, const nn_real *z, size_t best) {
    double sum = 0;

    for (size_t j = 0; j < width; j++)
        sum += j == best ? 0 : nn_exponential((double)z[j] - (double)z[best]);
    return sum;
}

/* Logarithm of p / (1 - p) of output k, p = softmax(z): in the order of p, but where p is nearly 1
 * as well. `below` is sum_below. */
static double log_odds(const nn_real *z, size_t k, size_t best, double below) {
    double above = (double)z[k] - (double)z[best];

    return k == best ? -nn_logarithm(below)
                     : above - nn_logarithm(1 + below - nn_exponential(above));
}

static bool is_positive(const nn_target *target, size_t width, size_t i, size_t k) {
    if (target->label)
        return (size_t)target->label[i] == (width == 1 ? 1 : k);
    return nn_target_positive(target->value[i * width + k]);
}

static void auc_add(const void *options, const nn_metric_spec *spec, size_t batch, const nn_real *z,
                    const nn_target *target, double *state) {
    struct scored *scored = (struct scored *)state;
    size_t width = spec->outputs, samples = (size_t)spec->samples;
    bool softmax = spec->fuses && strcmp(spec->fuses, "softmax") == 0;

    (void)options;
    for (size_t i = 0; i < batch; i++, z += width) {
        double weight = (double)nn_target_weight(target, i);
        size_t best = softmax ? nn_argmax(width, z) : 0;
        double below = softmax ? sum_below(width, z, best) : 0;
        for (size_t k = 0; weight > 0 && k < width; k++) {
            struct scored *s = &scored[k * samples + (size_t)target->sample[i]];
            s->score = softmax ? log_odds(z, k, best, below) : (double)z[k];
            s->weight = is_positive(target, width, i, k) ? weight : -weight;
        }
    }
}

/* What counts first, then by score. */
static int compare(const void *a, const void *b) {
    const struct scored *x = a, *y = b;
    bool left = x->weight < 0 || x->weight > 0, right = y->weight < 0 || y->weight > 0;

    if (!left || !right)
        return right - left;
    return (x->score > y->score) - (x->score < y->score);
}

/* Adds the samples from `i` that have one score; returns the index behind them. */
static size_t take_equal(size_t samples, const struct scored *s, size_t i, double *negative,
                         double *positive) {
    size_t end = i;

    *negative = *positive = 0;
    for (; end < samples && s[end].score <= s[i].score; end++) {
        *negative += s[end].weight < 0 ? -s[end].weight : 0;
        *positive += s[end].weight > 0 ? s[end].weight : 0;
    }
    return end;
}

/* Samples that count, all of them at the front after sorting; 0 when a score is no number. */
static size_t sort_scores(size_t samples, struct scored *s) {
    size_t count = 0;

    for (size_t i = 0; i < samples; i++) {
        if (isnan(s[i].score))
            return 0;
        count += s[i].weight < 0 || s[i].weight > 0;
    }
    qsort(s, samples, sizeof *s, compare);
    return count;
}

/* NaN where one of the two kinds is missing. */
static double area(size_t samples, struct scored *s) {
    double pairs = 0, below = 0, above = 0, negative, positive;

    samples = sort_scores(samples, s);
    for (size_t i = 0; i < samples;) {
        i = take_equal(samples, s, i, &negative, &positive);
        pairs += positive * (below + negative / 2);
        below += negative;
        above += positive;
    }
    return below > 0 && above > 0 ? pairs / (below * above) : NAN;
}

static double auc_value(const void *options, const nn_metric_spec *spec, double *state,
                        double *table) {
    const struct auc *o = options;
    size_t samples = (size_t)spec->samples;
    double sum = 0, seen = 0;

    for (size_t k = 0; k < spec->outputs; k++) {
        double one = area(samples, (struct scored *)state + k * samples);
        if (o->per_class)
            table[k] = one;
        sum += isnan(one) ? 0 : one;
        seen += !isnan(one);
    }
    return seen > 0 ? sum / seen : NAN;
}

const nn_metric_ops nn_metric_auc = {
    .entry = {"auc",
              "area under the ROC curve, in [0, 1]: the share of pairs of a positive and a "
              "negative sample in which the positive one has the higher output (after softmax "
              "where the loss has it), ties half; for several outputs the mean over them, each "
              "class against the rest, leaving out those without both kinds; takes 16 bytes for "
              "each output of each sample of the largest split on every rank",
              auc_options, sizeof(struct auc)},
    .plan = auc_plan,
    .add = auc_add,
    .value = auc_value,
    .larger_is_better = true,
};
