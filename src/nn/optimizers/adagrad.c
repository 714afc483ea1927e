/* Adagrad (Duchi et al. 2011) as torch.optim.Adagrad has it:
 *
 *   s <- s + g^2
 *   w <- w - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps) */
#include "nn/optimizers/optimizers.h"

#include <stddef.h>

struct adagrad {
    double lr, lr_decay, weight_decay, initial, eps;
};

static size_t adagrad_slots(const void *options, const char *name[NN_MAX_SLOTS]) {
    (void)options;
    name[0] = "sum";
    return 1;
}

static void adagrad_step(const void *options, const nn_update *update, size_t n, const nn_real *g,
                         nn_real *w, nn_real *const *slot) {
    const struct adagrad *o = options;
    double lr = update->lr / (1 + (double)(update->step - 1) * o->lr_decay);
    nn_adagrad_args args = {.gradient = nn_update_gradient(update, o->weight_decay),
                            .lr = (nn_real)lr,
                            .eps = (nn_real)o->eps,
                            .start = update->step == 1 ? (nn_real)o->initial : 0};
    nn_kernels_get()->adagrad(n, &args, g, w, slot[0]);
}

static const nn_option adagrad_options[] = {
    NN_LR(struct adagrad, "0.01"),
    {"lr_decay", NN_OPT_REAL, offsetof(struct adagrad, lr_decay), "0", "[0, inf)",
     "lr is divided by 1 + (t - 1) lr_decay at step t"},
    NN_WEIGHT_DECAY(struct adagrad, "0", "before its square is taken"),
    {"initial_accumulator_value", NN_OPT_REAL, offsetof(struct adagrad, initial), "0", "[0, inf)",
     "what the sum of squares starts with"},
    NN_EPS(struct adagrad, "1e-10", "added to the root of the sum"),
    NN_OPTION_END};

const nn_optimizer_ops nn_optimizer_adagrad = {
    .entry = {"adagrad", "Adagrad: s <- s + g^2, w <- w - lr g / (sqrt(s) + eps)", adagrad_options,
              sizeof(struct adagrad)},
    .slots = adagrad_slots,
    .step = adagrad_step,
};
