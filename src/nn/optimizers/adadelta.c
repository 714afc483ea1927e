/* Adadelta (Zeiler 2012) as torch.optim.Adadelta has it:
 *
 *   s <- rho s + (1 - rho) g^2
 *   d = sqrt(u + eps) / sqrt(s + eps) g
 *   u <- rho u + (1 - rho) d^2
 *   w <- w - lr d */
#include "nn/optimizers/optimizers.h"

#include <stddef.h>

struct adadelta {
    double lr, rho, eps, weight_decay;
};

static size_t adadelta_slots(const void *options, const char *name[NN_MAX_SLOTS]) {
    (void)options;
    name[0] = "square_avg";
    name[1] = "acc_delta";
    return 2;
}

static void adadelta_step(const void *options, const nn_update *update, size_t n, const nn_real *g,
                          nn_real *w, nn_real *const *slot) {
    const struct adadelta *o = options;
    nn_adadelta_args args = {.gradient = nn_update_gradient(update, o->weight_decay),
                             .lr = (nn_real)update->lr,
                             .rho = (nn_real)o->rho,
                             .fresh = (nn_real)(1 - o->rho),
                             .eps = (nn_real)o->eps};
    nn_kernels_get()->adadelta(n, &args, g, w, slot[0], slot[1]);
}

static const nn_option adadelta_options[] = {
    NN_LR(struct adadelta, "1"),
    {"rho", NN_OPT_REAL, offsetof(struct adadelta, rho), "0.9", "[0, 1)",
     "share of the running means that is kept each step"},
    NN_EPS(struct adadelta, "1e-6", "added to both running means before the root is taken"),
    NN_WEIGHT_DECAY(struct adadelta, "0", "before its square is taken"),
    NN_OPTION_END};

const nn_optimizer_ops nn_optimizer_adadelta = {
    .entry = {"adadelta",
              "Adadelta: w <- w - lr sqrt(u + eps) / sqrt(s + eps) g, s and u running means of the "
              "squares of gradients and steps",
              adadelta_options, sizeof(struct adadelta)},
    .slots = adadelta_slots,
    .step = adadelta_step,
};
