/* LARS (You et al. 2017): sgd with momentum, its rate in each tensor in proportion to |w| / |g|:
 *
 *   v <- mu v + lr r (g + lambda w)
 *   w <- w - v,   r = trust |w| / (|g| + lambda |w| + eps)
 *
 * r is 1 where a norm is 0, and for biases and normalisation parameters. |g| is the norm of the
 * mean gradient as back-propagation gives it, before clip_value, l1 and l2. */
#include "nn/optimizers/optimizers.h"

#include <math.h>
#include <stddef.h>

struct lars {
    double lr, momentum, weight_decay, trust, eps;
};

enum { WEIGHTS, GRADIENTS }; /* squares of norms; the gradient's without `scale` */

static size_t lars_slots(const void *options, const char *name[NN_MAX_SLOTS]) {
    const struct lars *o = options;
    name[0] = "momentum_buffer";
    return o->momentum > 0 ? 1 : 0;
}

static void lars_norms(const void *options, const nn_update *update, size_t n, const nn_real *g,
                       const nn_real *w, nn_real *const *slot, double *sums) {
    const nn_kernels *k = nn_kernels_get();
    (void)options, (void)update, (void)slot;
    sums[WEIGHTS] += k->sum_squares(n, w);
    sums[GRADIENTS] += k->sum_squares(n, g);
}

static double trust_of(const struct lars *o, const nn_update *update) {
    double w = sqrt(update->sums[WEIGHTS]), g = update->scale * sqrt(update->sums[GRADIENTS]);
    if (!update->adapt || w <= 0 || g <= 0)
        return 1;
    return o->trust * w / (g + update->decay * o->weight_decay * w + o->eps);
}

/* The rate goes into the velocity, and so do all its terms: sgd's kernel with lr = 1. */
static void lars_step(const void *options, const nn_update *update, size_t n, const nn_real *g,
                      nn_real *w, nn_real *const *slot) {
    const struct lars *o = options;
    double rate = update->lr * trust_of(o, update);
    nn_sgd_args args = {
        .gradient = {.scale = (nn_real)(rate * update->scale),
                     .clip = (nn_real)(rate * update->clip),
                     .l1 = (nn_real)(rate * update->l1),
                     .l2 = (nn_real)(rate * (update->l2 + update->decay * o->weight_decay))},
        .lr = 1,
        .momentum = (nn_real)o->momentum};
    nn_kernels_get()->sgd(n, &args, g, w, o->momentum > 0 ? slot[0] : NULL);
}

static const nn_option lars_options[] = {
    NN_LR(struct lars, "0.1"),
    {"momentum", NN_OPT_REAL, offsetof(struct lars, momentum), "0.9", "[0, 1)",
     "share of the velocity that is kept each step"},
    NN_WEIGHT_DECAY(struct lars, "0", "and lambda |w| to its norm"),
    {"trust", NN_OPT_REAL, offsetof(struct lars, trust), "0.001", "(0, inf)",
     "how far a step may go, as a share of |w|"},
    NN_EPS(struct lars, "1e-8", "added to the divisor of the ratio"),
    NN_OPTION_END};

const nn_optimizer_ops nn_optimizer_lars = {
    .entry = {"lars",
              "LARS: sgd with momentum, lr times trust |w| / (|g| + lambda |w|) by tensor, of "
              "weights; the ratio is 1 for biases and normalisation parameters",
              lars_options, sizeof(struct lars)},
    .slots = lars_slots,
    .norms = lars_norms,
    .step = lars_step,
};
