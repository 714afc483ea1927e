/* Initialisers whose variance keeps signals at one size from layer to layer: Glorot and Bengio 2010
 * (xavier), He et al. 2015 (he), LeCun et al. 1998 (lecun). A uniform distribution in [-r, r) has
 * the standard deviation r / sqrt(3). */
#include "nn/initializers/initializers.h"

#include <math.h>
#include <stddef.h>

struct gain {
    double gain;
};

struct he {
    double slope;
    int fan;
};

enum { FAN_IN, FAN_OUT };

static double xavier_std(const void *options, const nn_fan *fan) {
    const struct gain *o = options;
    return o->gain * sqrt(2 / ((double)fan->in + (double)fan->out));
}

static double he_std(const void *options, const nn_fan *fan) {
    const struct he *o = options;
    int64_t n = o->fan == FAN_OUT ? fan->out : fan->in;
    return sqrt(2 / ((1 + o->slope * o->slope) * (double)n));
}

static double lecun_std(const void *options, const nn_fan *fan) {
    const struct gain *o = options;
    return o->gain * sqrt(1 / (double)fan->in);
}

static const nn_option gain_options[] = {{"gain", NN_OPT_REAL, offsetof(struct gain, gain), "1",
                                          "(0, 1e6]",
                                          "factor on the standard deviation, e.g. 5/3 before tanh"},
                                         NN_OPTION_END};

static const nn_option he_options[] = {
    {"slope", NN_OPT_REAL, offsetof(struct he, slope), "0", "[0, 1e6]",
     "slope for negative z of the activation that follows: 0 for relu, gamma for leaky_relu"},
    {"fan", NN_OPT_CHOICE, offsetof(struct he, fan), "in", "in|out",
     "keep the size of activations (in) or of gradients (out)"},
    NN_OPTION_END};

#define NORMAL(scheme)                                                                             \
    static int scheme##_normal_fill(const void *options, const nn_compute *compute,                \
                                    const nn_rng *rng, const nn_fan *fan, nn_real *w) {            \
        nn_fill_normal(compute, rng, fan->rows * fan->cols, 0, scheme##_std(options, fan), w);     \
        return 0;                                                                                  \
    }

#define UNIFORM(scheme)                                                                            \
    static int scheme##_uniform_fill(const void *options, const nn_compute *compute,               \
                                     const nn_rng *rng, const nn_fan *fan, nn_real *w) {           \
        nn_fill_uniform(compute, rng, fan->rows * fan->cols, sqrt(3) * scheme##_std(options, fan), \
                        w);                                                                        \
        return 0;                                                                                  \
    }

NORMAL(xavier)
UNIFORM(xavier)
NORMAL(he)
UNIFORM(he)
NORMAL(lecun)
UNIFORM(lecun)

#define INITIALIZER(name, help, options, type, function)                                           \
    const nn_initializer_ops nn_initializer_##name = {                                             \
        .entry = {#name, help, options, sizeof(type)},                                             \
        .fill = (function),                                                                        \
    };

INITIALIZER(xavier_uniform,
            "uniform in [-r, r), r = gain sqrt(6 / (fan_in + fan_out)); for tanh, "
            "sigmoid and linear layers",
            gain_options, struct gain, xavier_uniform_fill)
INITIALIZER(xavier_normal,
            "normal with variance gain^2 2 / (fan_in + fan_out); for tanh, sigmoid "
            "and linear layers",
            gain_options, struct gain, xavier_normal_fill)
INITIALIZER(glorot_uniform, "another name of xavier_uniform", gain_options, struct gain,
            xavier_uniform_fill)
INITIALIZER(glorot_normal, "another name of xavier_normal", gain_options, struct gain,
            xavier_normal_fill)
INITIALIZER(he_uniform,
            "uniform in [-r, r), r = sqrt(6 / ((1 + slope^2) fan)), fan = fan_in; for "
            "relu and its kin",
            he_options, struct he, he_uniform_fill)
INITIALIZER(he_normal,
            "normal with variance 2 / ((1 + slope^2) fan), fan = fan_in; for relu and "
            "its kin",
            he_options, struct he, he_normal_fill)
INITIALIZER(kaiming_uniform, "another name of he_uniform", he_options, struct he, he_uniform_fill)
INITIALIZER(kaiming_normal, "another name of he_normal", he_options, struct he, he_normal_fill)
INITIALIZER(lecun_uniform, "uniform in [-r, r), r = gain sqrt(3 / fan_in)", gain_options,
            struct gain, lecun_uniform_fill)
INITIALIZER(lecun_normal, "normal with variance gain^2 / fan_in", gain_options, struct gain,
            lecun_normal_fill)
