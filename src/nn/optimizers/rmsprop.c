/* RMSprop (Hinton's lecture 6e; centred: Graves 2013) as torch.optim.RMSprop has it:
 *
 *   s <- alpha s + (1 - alpha) g^2
 *   centred: m <- alpha m + (1 - alpha) g, and s - m^2 takes the place of s below
 *   v <- mu v + g / (sqrt(s) + eps)                      (mu: momentum)
 *   w <- w - lr v */
#include "nn/optimizers/optimizers.h"

#include <stddef.h>

struct rmsprop {
    double lr, alpha, eps, weight_decay, momentum;
    bool centered;
};

static size_t rmsprop_slots(const void *options, const char *name[NN_MAX_SLOTS]) {
    const struct rmsprop *o = options;
    size_t used = 0;
    name[used++] = "square_avg";
    if (o->centered)
        name[used++] = "grad_avg";
    if (o->momentum > 0)
        name[used++] = "momentum_buffer";
    return used;
}

static void rmsprop_step(const void *options, const nn_update *update, size_t n, const nn_real *g,
                         nn_real *w, nn_real *const *slot) {
    const struct rmsprop *o = options;
    nn_rmsprop_args args = {.gradient = nn_update_gradient(update, o->weight_decay),
                            .lr = (nn_real)update->lr,
                            .alpha = (nn_real)o->alpha,
                            .fresh = (nn_real)(1 - o->alpha),
                            .eps = (nn_real)o->eps,
                            .momentum = (nn_real)o->momentum};
    nn_kernels_get()->rmsprop(n, &args, g, w, slot[0], o->centered ? slot[1] : NULL,
                              o->momentum > 0 ? slot[o->centered ? 2 : 1] : NULL);
}

static const nn_option rmsprop_options[] = {
    NN_LR(struct rmsprop, "0.01"),
    {"alpha", NN_OPT_REAL, offsetof(struct rmsprop, alpha), "0.99", "[0, 1)",
     "share of the running mean of squares that is kept each step"},
    NN_EPS(struct rmsprop, "1e-8", "added to the root of the mean"),
    NN_WEIGHT_DECAY(struct rmsprop, "0", "before its square is taken"),
    {"momentum", NN_OPT_REAL, offsetof(struct rmsprop, momentum), "0", "[0, 1)",
     "share of the last step that is added to the next one"},
    {"centered", NN_OPT_BOOL, offsetof(struct rmsprop, centered), "false", NULL,
     "divide by the root of the gradient's variance instead of its mean square"},
    NN_OPTION_END};

const nn_optimizer_ops nn_optimizer_rmsprop = {
    .entry = {"rmsprop", "RMSprop: s <- alpha s + (1 - alpha) g^2, w <- w - lr g / (sqrt(s) + eps)",
              rmsprop_options, sizeof(struct rmsprop)},
    .slots = rmsprop_slots,
    .step = rmsprop_step,
};
