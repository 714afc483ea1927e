/* Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019) as torch.optim has them:
 *
 *   m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2
 *   w <- w - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
 *
 * Weight decay joins g in Adam; in AdamW w is multiplied by 1 - lr weight_decay first. With amsgrad
 * (Reddi et al. 2018) the largest v so far takes the place of v. */
#include "nn/optimizers/adam.h"

#include "base/numbers/elementary.h"

#include <math.h>

nn_adam_args nn_adam_args_of(const nn_adam *options, const nn_update *update, bool coupled) {
    double t = (double)update->step, decay = coupled ? options->weight_decay : 0;
    return (nn_adam_args){.gradient = nn_update_gradient(update, decay),
                          .lr = (nn_real)update->lr,
                          .beta1 = (nn_real)options->beta1,
                          .fresh1 = (nn_real)(1 - options->beta1),
                          .beta2 = (nn_real)options->beta2,
                          .fresh2 = (nn_real)(1 - options->beta2),
                          .first = (nn_real)(1 / (1 - nn_power(options->beta1, t))),
                          .second = (nn_real)(1 / sqrt(1 - nn_power(options->beta2, t))),
                          .eps = (nn_real)options->eps,
                          .keep = 1};
}

static size_t adam_slots(const void *options, const char *name[NN_MAX_SLOTS]) {
    const nn_adam *o = options;
    name[0] = "exp_avg";
    name[1] = "exp_avg_sq";
    name[2] = "max_exp_avg_sq";
    return o->amsgrad ? 3 : 2;
}

static void run(const nn_adam *o, const nn_update *update, bool coupled, size_t n, const nn_real *g,
                nn_real *w, nn_real *const *slot) {
    nn_adam_args args = nn_adam_args_of(o, update, coupled);
    args.lr = (nn_real)(update->lr / (1 - nn_power(o->beta1, (double)update->step)));
    if (!coupled)
        args.keep = (nn_real)(1 - update->lr * update->decay * o->weight_decay);
    nn_kernels_get()->adam(n, &args, g, w, slot[0], slot[1], o->amsgrad ? slot[2] : NULL);
}

static void adam_step(const void *options, const nn_update *update, size_t n, const nn_real *g,
                      nn_real *w, nn_real *const *slot) {
    run(options, update, true, n, g, w, slot);
}

static void adamw_step(const void *options, const nn_update *update, size_t n, const nn_real *g,
                       nn_real *w, nn_real *const *slot) {
    run(options, update, false, n, g, w, slot);
}

#define AMSGRAD                                                                                    \
    {                                                                                              \
        "amsgrad", NN_OPT_BOOL, offsetof(nn_adam, amsgrad), "false", NULL,                         \
            "divide by the root of the largest v so far instead of v"                              \
    }
#define EPS NN_EPS(nn_adam, "1e-8", "added to the root of v")

static const nn_option adam_options[] = {
    NN_LR(nn_adam, "0.001"),
    NN_BETAS,
    EPS,
    NN_WEIGHT_DECAY(nn_adam, "0", "before the means are taken (adamw decays apart from them)"),
    AMSGRAD,
    NN_OPTION_END};

static const nn_option adamw_options[] = {
    NN_LR(nn_adam, "0.001"),
    NN_BETAS,
    EPS,
    NN_DECOUPLED_DECAY(nn_adam, "0.01", "w is multiplied by 1 - lr lambda before each step"),
    AMSGRAD,
    NN_OPTION_END};

const nn_optimizer_ops nn_optimizer_adam = {
    .entry = {"adam",
              "Adam: w <- w - lr m / (sqrt(v) + eps), m and v running means of the gradient and of "
              "its square, corrected for having started at 0",
              adam_options, sizeof(nn_adam)},
    .slots = adam_slots,
    .step = adam_step,
};

const nn_optimizer_ops nn_optimizer_adamw = {
    .entry = {"adamw", "Adam with decoupled weight decay: w <- (1 - lr lambda) w, then Adam's step",
              adamw_options, sizeof(nn_adam)},
    .slots = adam_slots,
    .step = adamw_step,
};
