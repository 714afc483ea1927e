/* perplexity and bits_per_byte: how well the right class is foreseen. They are of probabilities,
 * without what a loss adds to them, as label smoothing does. */
#include "base/numbers/elementary.h"
#include "nn/metrics/metrics.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { NATS, SIZE, STATE }; /* SIZE: weight of the samples, or bytes of text */

/* -log p of the class, of outputs before softmax. */
static double nats(size_t width, const nn_real *z, size_t class) {
    double largest = (double)z[nn_argmax(width, z)], sum = 0;

    for (size_t j = 0; j < width; j++)
        sum += nn_exponential((double)z[j] - largest);
    return nn_logarithm(sum) + largest - (double)z[class];
}

static int check(const char *name, const nn_metric_spec *spec, nn_metric_layout *layout) {
    layout->state = STATE;
    if (spec->labels && spec->outputs > 1 && spec->fuses && strcmp(spec->fuses, "softmax") == 0)
        return 0;
    return nn_fail(NN_EUSAGE,
                   "metric '%s' is for classes of which a model gives the probabilities: take the "
                   "loss cross_entropy",
                   name);
}

static int perplexity_plan(const void *options, const nn_metric_spec *spec,
                           nn_metric_layout *layout) {
    (void)options;
    return check("perplexity", spec, layout);
}

static int bits_plan(const void *options, const nn_metric_spec *spec, nn_metric_layout *layout) {
    (void)options;
    NN_TRY(check("bits_per_byte", spec, layout));
    if (spec->class_bytes)
        return 0;
    return nn_fail(NN_EUSAGE,
                   "metric 'bits_per_byte' is for texts whose tokens say of how many bytes they "
                   "are, as bytes, chars and bpe do, but not words: take perplexity");
}

/* Without class_bytes each sample is of size 1. */
static void add(const nn_metric_spec *spec, const double *size, size_t batch, const nn_real *z,
                const nn_target *target, double *state) {
    size_t width = spec->outputs;

    for (size_t i = 0; i < batch; i++) {
        double weight = (double)nn_target_weight(target, i);
        if (!(weight > 0))
            continue;
        size_t class = nn_metric_actual(spec, target, i);
        state[NATS] += weight * nats(width, z + i * width, class);
        state[SIZE] += weight * (size ? size[class] : 1);
    }
}

static void perplexity_add(const void *options, const nn_metric_spec *spec, size_t batch,
                           const nn_real *z, const nn_target *target, double *state) {
    (void)options;
    add(spec, NULL, batch, z, target, state);
}

static void bits_add(const void *options, const nn_metric_spec *spec, size_t batch,
                     const nn_real *z, const nn_target *target, double *state) {
    (void)options;
    add(spec, spec->class_bytes, batch, z, target, state);
}

static double perplexity_value(const void *options, const nn_metric_spec *spec, double *state,
                               double *table) {
    (void)options, (void)spec, (void)table;
    return state[SIZE] > 0 ? fmin(nn_exponential(state[NATS] / state[SIZE]), DBL_MAX) : NAN;
}

static double bits_value(const void *options, const nn_metric_spec *spec, double *state,
                         double *table) {
    (void)options, (void)spec, (void)table;
    return state[SIZE] > 0 ? state[NATS] / nn_logarithm(2) / state[SIZE] : NAN;
}

const nn_metric_ops nn_metric_perplexity = {
    .entry = {"perplexity",
              "exp of the mean of -log p, p being the probability of the right class: among how "
              "many equally likely ones a model would be as uncertain; the least is 1",
              NULL, 0},
    .plan = perplexity_plan,
    .add = perplexity_add,
    .value = perplexity_value,
};

const nn_metric_ops nn_metric_bits_per_byte = {
    .entry = {"bits_per_byte",
              "sum of -log2 p, p being the probability of the right token, over the bytes of these "
              "tokens: compares models of a text whatever its tokens are",
              NULL, 0},
    .plan = bits_plan,
    .add = bits_add,
    .value = bits_value,
};
