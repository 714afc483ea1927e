/* top_k: is the right class among the k largest outputs? */
#include "nn/metrics/metrics.h"

#include <math.h>

struct top_k {
    int64_t k;
};

enum { RIGHT, ALL, STATE };

static const nn_option top_k_options[] = {{"k", NN_OPT_INT, offsetof(struct top_k, k), "5",
                                           "[1, inf)",
                                           "outputs that may be as large; less than there are"},
                                          NN_OPTION_END};

static int top_k_plan(const void *options, const nn_metric_spec *spec, nn_metric_layout *layout) {
    const struct top_k *o = options;

    if ((size_t)o->k >= spec->outputs)
        return nn_fail(NN_EUSAGE,
                       "metric 'top_k' with k = %lld is always 1 for a model with %zu output%s: "
                       "take a smaller k, or accuracy",
                       (long long)o->k, spec->outputs, spec->outputs == 1 ? "" : "s");
    layout->state = STATE;
    return 0;
}

/* Outputs that go before output `class`: larger ones, and on a tie those with a lower index; a NaN
 * goes before all. */
static size_t rank_of(size_t width, const nn_real *z, size_t class) {
    size_t before = 0;

    for (size_t j = 0; j < class; j++)
        before += !(z[j] < z[class]);
    for (size_t j = class + 1; j < width; j++)
        before += !(z[j] <= z[class]);
    return before;
}

static void top_k_add(const void *options, const nn_metric_spec *spec, size_t batch,
                      const nn_real *z, const nn_target *target, double *state) {
    const struct top_k *o = options;
    size_t width = spec->outputs;

    for (size_t i = 0; i < batch; i++) {
        double weight = (double)nn_target_weight(target, i);
        if (weight > 0 &&
            rank_of(width, z + i * width, nn_metric_actual(spec, target, i)) < (size_t)o->k)
            state[RIGHT] += weight;
        state[ALL] += weight;
    }
}

static double top_k_value(const void *options, const nn_metric_spec *spec, double *state,
                          double *table) {
    (void)options, (void)spec, (void)table;
    return state[ALL] > 0 ? state[RIGHT] / state[ALL] : NAN;
}

const nn_metric_ops nn_metric_top_k = {
    .entry = {"top_k",
              "share of samples, in [0, 1], whose class is among the k largest outputs; on a tie "
              "the first one is the larger",
              top_k_options, sizeof(struct top_k)},
    .plan = top_k_plan,
    .add = top_k_add,
    .value = top_k_value,
    .larger_is_better = true,
};
