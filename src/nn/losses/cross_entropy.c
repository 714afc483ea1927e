/* Cross-entropy fused with softmax: -sum_j y_j log p_j, p = softmax(z).
 *
 * In log-sum-exp form with m = max z: log sum exp z = m + log sum exp(z - m), and the softmax has
 * already computed that sum, for its largest p is 1 / sum exp(z - m). So one softmax over the
 * minibatch and one logarithm a row give both loss and gradient, and p never underflows in it. */
#include "base/numbers/elementary.h"
#include "math/kernels.h"
#include "nn/losses/losses.h"

/* log sum exp(z) - z[best], from p = softmax(z) and best = argmax z. */
static double log_sum_above(const nn_real *p, size_t best) {
    return -nn_logarithm((double)p[best]);
}

/* p becomes p - y. */
static double label_row(size_t width, const nn_real *z, int32_t label, nn_real *p) {
    size_t best = nn_argmax(width, z);
    double loss = log_sum_above(p, best) + ((double)z[best] - (double)z[label]);

    p[label] -= 1;
    return loss;
}

/* The same for a row of probabilities; p becomes p sum(y) - y, which is p - y when they add to 1.
 */
static double value_row(size_t width, const nn_real *z, const nn_real *y, nn_real *p) {
    size_t best = nn_argmax(width, z);
    double above = log_sum_above(p, best), loss = 0, mass = 0;

    for (size_t j = 0; j < width; j++) {
        loss += (double)y[j] * (above + ((double)z[best] - (double)z[j]));
        mass += (double)y[j];
    }
    for (size_t j = 0; j < width; j++)
        p[j] = p[j] * (nn_real)mass - y[j];
    return loss;
}

static void cross_entropy_eval(const void *options, size_t batch, size_t width, const nn_real *z,
                               const nn_target *target, nn_real *loss, nn_real *dz) {
    (void)options;
    nn_kernels_get()->softmax(batch, width, z, dz);
    for (size_t i = 0; i < batch; i++, z += width, dz += width) {
        double row = target->label ? label_row(width, z, target->label[i], dz)
                                   : value_row(width, z, target->value + i * width, dz);
        loss[i] = (nn_real)row;
    }
}

static void softmax_activation(size_t batch, size_t width, const nn_real *z, nn_real *y) {
    nn_kernels_get()->softmax(batch, width, z, y);
}

#define CROSS_ENTROPY(name_, help_)                                                                \
    {                                                                                              \
        .entry = {name_, help_, nn_loss_smoothing_options, sizeof(nn_loss_smoothing)},             \
        .forms = NN_TARGET_LABEL | NN_TARGET_ONE_HOT, .smooths = true, .fuses = "softmax",         \
        .activation = softmax_activation, .eval = cross_entropy_eval,                              \
    }

const nn_loss_ops nn_loss_cross_entropy =
    CROSS_ENTROPY("cross_entropy",
                  "-sum y log p with p = softmax(z) of the model's last layer, so that a softmax "
                  "layer is not needed; for class labels or rows of probabilities");

const nn_loss_ops nn_loss_log = CROSS_ENTROPY("log", "another name of cross_entropy");
