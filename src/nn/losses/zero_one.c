/* The zero-one loss: flat wherever it has a slope, so it is reported and never trained on. */
#include "nn/losses/losses.h"

#include <stddef.h>
#include <string.h>

struct zero_one {
    double threshold;
};

static const nn_option zero_one_options[] = {{"threshold", NN_OPT_REAL,
                                              offsetof(struct zero_one, threshold), "0",
                                              "(-inf, inf)", "one output: above it means class 1"},
                                             NN_OPTION_END};

static void zero_one_eval(const void *options, size_t batch, size_t width, const nn_real *z,
                          const nn_target *target, nn_real *loss, nn_real *dz) {
    const struct zero_one *o = options;

    memset(dz, 0, batch * width * sizeof *dz);
    for (size_t i = 0; i < batch; i++) {
        bool right = target->label ? nn_argmax(width, z + i * width) == (size_t)target->label[i]
                                   : ((double)z[i] > o->threshold) == (target->value[i] > 0);
        loss[i] = right ? 0 : 1;
    }
}

const nn_loss_ops nn_loss_zero_one = {
    .entry = {"zero_one",
              "0 when the class is right, else 1; it has no gradient, so it is reported and cannot "
              "be trained on",
              zero_one_options, sizeof(struct zero_one)},
    .forms = NN_TARGET_SIGN | NN_TARGET_LABEL,
    .metric_only = true,
    .eval = zero_one_eval,
};
