/* Stochastic gradient descent in the form that PyTorch documents for torch.optim.SGD:
 *
 *   g <- scale g + lambda w                    (lambda: weight_decay)
 *   v <- mu v + (1 - tau) g, at first v <- g   (mu: momentum, tau: dampening)
 *   w <- w - lr d, d = g without momentum, v with it, g + mu v with Nesterov's
 *
 * `momentum` and `nesterov` are the same with other defaults. */
#include "math/kernels.h"
#include "nn/optimizers/optimizers.h"

#include <stddef.h>

struct sgd {
    double lr, momentum, dampening, weight_decay;
    bool nesterov;
};

static size_t sgd_slots(const void *options, const char *name[NN_MAX_SLOTS]) {
    const struct sgd *o = options;
    name[0] = "momentum_buffer";
    return o->momentum > 0 ? 1 : 0;
}

static int sgd_check(const void *options, const nn_node *node) {
    const struct sgd *o = options;
    nn_node nowhere = {.file = NULL};

    if (o->momentum > 0)
        return o->nesterov && o->dampening > 0
                   ? nn_node_fail(node ? node : &nowhere,
                                  "nesterov: true wants dampening: 0, not %g", o->dampening)
                   : 0;
    if (!o->nesterov && o->dampening <= 0)
        return 0;
    return nn_node_fail(node ? node : &nowhere,
                        "%s does nothing without momentum: set it, e.g. 0.9",
                        o->nesterov ? "nesterov: true" : "dampening");
}

static void run(const struct sgd *o, bool nesterov, const nn_update *update, size_t n,
                const nn_real *g, nn_real *w, nn_real *const *slot) {
    nn_sgd_args args = {.gradient = nn_update_gradient(update, o->weight_decay),
                        .lr = (nn_real)update->lr,
                        .momentum = (nn_real)o->momentum,
                        .dampening = (nn_real)o->dampening,
                        .nesterov = nesterov,
                        .first = update->step == 1};
    nn_kernels_get()->sgd(n, &args, g, w, o->momentum > 0 ? slot[0] : NULL);
}

static void sgd_step(const void *options, const nn_update *update, size_t n, const nn_real *g,
                     nn_real *w, nn_real *const *slot) {
    const struct sgd *o = options;
    run(o, o->nesterov, update, n, g, w, slot);
}

static void nesterov_step(const void *options, const nn_update *update, size_t n, const nn_real *g,
                          nn_real *w, nn_real *const *slot) {
    run(options, true, update, n, g, w, slot);
}

#define LR                                                                                         \
    {                                                                                              \
        "lr", NN_OPT_REAL, offsetof(struct sgd, lr), "0.01", "(0, inf)",                           \
            "learning rate: w <- w - lr d, before the schedule's factor"                           \
    }
#define MOMENTUM(fallback, range)                                                                  \
    {                                                                                              \
        "momentum", NN_OPT_REAL, offsetof(struct sgd, momentum), fallback, range,                  \
            "mu, the share of the velocity v that is kept each step: v <- mu v + (1 - dampening) " \
            "g"                                                                                    \
    }
#define DAMPENING                                                                                  \
    {                                                                                              \
        "dampening", NN_OPT_REAL, offsetof(struct sgd, dampening), "0", "[0, 1]",                  \
            "share of the gradient that does not enter the velocity (the first one enters whole)"  \
    }
#define WEIGHT_DECAY                                                                               \
    NN_WEIGHT_DECAY(struct sgd, "0", "so that they shrink by the factor 1 - lr lambda a step")

static const nn_option sgd_options[] = {
    LR,
    MOMENTUM("0", "[0, 1)"),
    DAMPENING,
    {"nesterov", NN_OPT_BOOL, offsetof(struct sgd, nesterov), "false", NULL,
     "step along g + momentum v instead of v; wants momentum > 0 and dampening 0"},
    WEIGHT_DECAY,
    NN_OPTION_END};

static const nn_option momentum_options[] = {LR, MOMENTUM("0.9", "(0, 1)"), DAMPENING, WEIGHT_DECAY,
                                             NN_OPTION_END};

static const nn_option nesterov_options[] = {LR, MOMENTUM("0.9", "(0, 1)"), WEIGHT_DECAY,
                                             NN_OPTION_END};

const nn_optimizer_ops nn_optimizer_sgd = {
    .entry = {"sgd",
              "stochastic gradient descent, w <- w - lr g; batch_size decides whether it is "
              "full-batch, one-sample or minibatch descent",
              sgd_options, sizeof(struct sgd)},
    .slots = sgd_slots,
    .check = sgd_check,
    .step = sgd_step,
};

const nn_optimizer_ops nn_optimizer_momentum = {
    .entry =
        {"momentum",
         "sgd with momentum: v <- momentum v + (1 - dampening) g, w <- w - lr v; v starts as g",
         momentum_options, sizeof(struct sgd)},
    .slots = sgd_slots,
    .step = sgd_step,
};

const nn_optimizer_ops nn_optimizer_nesterov = {
    .entry = {"nesterov",
              "sgd with Nesterov's momentum: v <- momentum v + g, w <- w - lr (g + momentum v); v "
              "starts as g",
              nesterov_options, sizeof(struct sgd)},
    .slots = sgd_slots,
    .step = nesterov_step,
};
