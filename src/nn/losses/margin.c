/* Losses of the margin y s: a score s and a class y of -1 or +1; hinge also between classes. At a
 * kink the slope is the one that goes on correcting, so a perceptron learns from weights of 0. */
#include "base/numbers/elementary.h"
#include "nn/losses/losses.h"

/* Loss of one margin and its slope. Written so that NaN stays NaN. */
typedef double margin_fn(double margin, double *slope);

static inline void eval_margins(margin_fn *margin, size_t batch, const nn_real *s, const nn_real *y,
                                nn_real *loss, nn_real *ds) {
    for (size_t i = 0; i < batch; i++) {
        double slope;
        loss[i] = (nn_real)margin((double)y[i] * (double)s[i], &slope);
        ds[i] = (nn_real)((double)y[i] * slope);
    }
}

static inline double hinge(double margin, double *slope) {
    bool right = margin >= 1;
    *slope = right ? 0 : -1;
    return right ? 0 : 1 - margin;
}

static inline double perceptron(double margin, double *slope) {
    bool right = margin > 0;
    *slope = right ? 0 : -1;
    return right ? 0 : -margin;
}

/* exp(-margin) up to here and its tangent beyond, so that loss and gradient stay finite. */
#define EXPONENT_MAX 50.0

static inline double exponential(double margin, double *slope) {
    bool tangent = -margin > EXPONENT_MAX;
    double value = nn_exponential(tangent ? EXPONENT_MAX : -margin);
    *slope = -value;
    return tangent ? value * (1 - margin - EXPONENT_MAX) : value;
}

/* sum over j != label of max(0, 1 - z[label] + z[j]) */
static double hinge_row(size_t width, const nn_real *z, size_t label, nn_real *dz) {
    double sum = 0, slope, pull = 0;

    for (size_t j = 0; j < width; j++) {
        if (j == label)
            continue;
        sum += hinge((double)z[label] - (double)z[j], &slope);
        dz[j] = (nn_real)-slope;
        pull += slope;
    }
    dz[label] = (nn_real)pull;
    return sum;
}

static void hinge_eval(const void *options, size_t batch, size_t width, const nn_real *z,
                       const nn_target *target, nn_real *loss, nn_real *dz) {
    (void)options;
    if (!target->label)
        eval_margins(hinge, batch, z, target->value, loss, dz);
    for (size_t i = 0; target->label && i < batch; i++)
        loss[i] =
            (nn_real)hinge_row(width, z + i * width, (size_t)target->label[i], dz + i * width);
}

static void exponential_eval(const void *options, size_t batch, size_t width, const nn_real *z,
                             const nn_target *target, nn_real *loss, nn_real *dz) {
    (void)options, (void)width;
    eval_margins(exponential, batch, z, target->value, loss, dz);
}

static void perceptron_eval(const void *options, size_t batch, size_t width, const nn_real *z,
                            const nn_target *target, nn_real *loss, nn_real *dz) {
    (void)options, (void)width;
    eval_margins(perceptron, batch, z, target->value, loss, dz);
}

const nn_loss_ops nn_loss_hinge = {
    .entry = {"hinge",
              "one output: max(0, 1 - y s), y = -1 or +1 (class labels 0 and 1 become them); one "
              "output a class: sum over j != y of max(0, 1 - z_y + z_j), not divided by the number "
              "of classes",
              NULL, 0},
    .forms = NN_TARGET_SIGN | NN_TARGET_LABEL,
    .mistakes = true,
    .eval = hinge_eval,
};

const nn_loss_ops nn_loss_exponential = {
    .entry = {"exponential",
              "exp(-y s), y = -1 or +1 (class labels 0 and 1 become them); where -y s > 50, its "
              "tangent there, so that it stays finite",
              NULL, 0},
    .forms = NN_TARGET_SIGN,
    .eval = exponential_eval,
};

const nn_loss_ops nn_loss_perceptron = {
    .entry = {"perceptron",
              "max(0, -y s), y = -1 or +1 (class labels 0 and 1 become them); y s = 0 counts as "
              "wrong",
              NULL, 0},
    .forms = NN_TARGET_SIGN,
    .mistakes = true,
    .eval = perceptron_eval,
};
