/* Losses of the residual r = z - y, summed over the outputs of a sample. */
#include "nn/losses/losses.h"

#include <math.h>
#include <stddef.h>

/* Loss of one residual and its slope; p is the loss's parameter where it has one. */
typedef double point_fn(double r, double p, double *slope);

static inline void eval_residuals(point_fn *point, double p, size_t batch, size_t width,
                                  const nn_real *z, const nn_target *target, nn_real *loss,
                                  nn_real *dz) {
    for (size_t i = 0; i < batch; i++) {
        double sum = 0, slope;
        for (size_t k = i * width; k < (i + 1) * width; k++) {
            sum += point((double)z[k] - (double)target->value[k], p, &slope);
            dz[k] = (nn_real)slope;
        }
        loss[i] = (nn_real)sum;
    }
}

static inline double squared(double r, double p, double *slope) {
    (void)p;
    *slope = r;
    return 0.5 * r * r;
}

static inline double absolute(double r, double p, double *slope) {
    (void)p;
    *slope = (r > 0) - (r < 0);
    return fabs(r);
}

static inline double huber(double r, double delta, double *slope) {
    if (fabs(r) <= delta)
        return squared(r, 0, slope);
    *slope = r > 0 ? delta : -delta;
    return delta * (fabs(r) - 0.5 * delta);
}

static void squared_eval(const void *options, size_t batch, size_t width, const nn_real *z,
                         const nn_target *target, nn_real *loss, nn_real *dz) {
    (void)options;
    eval_residuals(squared, 0, batch, width, z, target, loss, dz);
}

static void absolute_eval(const void *options, size_t batch, size_t width, const nn_real *z,
                          const nn_target *target, nn_real *loss, nn_real *dz) {
    (void)options;
    eval_residuals(absolute, 0, batch, width, z, target, loss, dz);
}

struct huber {
    double delta;
};

static void huber_eval(const void *options, size_t batch, size_t width, const nn_real *z,
                       const nn_target *target, nn_real *loss, nn_real *dz) {
    const struct huber *o = options;
    eval_residuals(huber, o->delta, batch, width, z, target, loss, dz);
}

static const nn_option huber_options[] = {
    {"delta", NN_OPT_REAL, offsetof(struct huber, delta), "1", "(0, inf)",
     "size of the error, in units of the output, at which the square turns into a line"},
    NN_OPTION_END};

const nn_loss_ops nn_loss_squared = {
    .entry =
        {"squared",
         "1/2 ||y - a||^2, summed over the outputs; class labels become one-hot rows, or 0 and "
         "1 for a model with one output",
         NULL, 0},
    .forms = NN_TARGET_VALUE,
    .eval = squared_eval,
};

const nn_loss_ops nn_loss_absolute = {
    .entry = {"absolute", "|y - a|, summed over the outputs; targets as for squared", NULL, 0},
    .forms = NN_TARGET_VALUE,
    .eval = absolute_eval,
};

const nn_loss_ops nn_loss_huber = {
    .entry = {"huber",
              "1/2 (y - a)^2 where |y - a| <= delta, else delta (|y - a| - delta/2), summed over "
              "the outputs; targets as for squared",
              huber_options, sizeof(struct huber)},
    .forms = NN_TARGET_VALUE,
    .eval = huber_eval,
};
