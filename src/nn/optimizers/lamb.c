/* LAMB (You et al. 2020, algorithm 2): Adam's direction with decoupled decay, its length in each
 * tensor in proportion to that of the tensor:
 *
 *   r = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay w
 *   w <- w - lr |w| / |r| r
 *
 * The ratio is 1 where a norm is 0, and for biases and normalisation parameters. */
#include "nn/optimizers/adam.h"

#include <math.h>

enum { WEIGHTS, DIRECTION }; /* squares of norms */

static size_t lamb_slots(const void *options, const char *name[NN_MAX_SLOTS]) {
    (void)options;
    name[0] = "exp_avg";
    name[1] = "exp_avg_sq";
    return 2;
}

static nn_adam_args args_of(const nn_adam *o, const nn_update *update) {
    nn_adam_args args = nn_adam_args_of(o, update, false);
    args.decay = (nn_real)(update->decay * o->weight_decay);
    return args;
}

static void lamb_norms(const void *options, const nn_update *update, size_t n, const nn_real *g,
                       const nn_real *w, nn_real *const *slot, double *sums) {
    const nn_kernels *k = nn_kernels_get();
    nn_adam_args args = args_of(options, update);
    sums[WEIGHTS] += k->sum_squares(n, w);
    sums[DIRECTION] += k->lamb_moments(n, &args, g, w, slot[0], slot[1]);
}

static void lamb_step(const void *options, const nn_update *update, size_t n, const nn_real *g,
                      nn_real *w, nn_real *const *slot) {
    const double *sums = update->sums;
    nn_adam_args args = args_of(options, update);
    (void)g;
    if (update->adapt && sums[WEIGHTS] > 0 && sums[DIRECTION] > 0)
        args.lr = (nn_real)(update->lr * sqrt(sums[WEIGHTS] / sums[DIRECTION]));
    nn_kernels_get()->lamb(n, &args, w, slot[0], slot[1]);
}

static const nn_option lamb_options[] = {
    NN_LR(nn_adam, "0.001"), NN_BETAS, NN_EPS(nn_adam, "1e-6", "added to the root of v"),
    NN_DECOUPLED_DECAY(nn_adam, "0", "lambda w is added to Adam's direction"), NN_OPTION_END};

const nn_optimizer_ops nn_optimizer_lamb = {
    .entry = {"lamb",
              "LAMB: w <- w - lr |w| / |r| r, r = Adam's direction + lambda w; the ratio is taken "
              "by tensor, of weights, and is 1 for biases and normalisation parameters",
              lamb_options, sizeof(nn_adam)},
    .slots = lamb_slots,
    .norms = lamb_norms,
    .step = lamb_step,
};
