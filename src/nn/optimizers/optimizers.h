/* The rows of the optimiser table, and what they share. */
#ifndef NN_NN_OPTIMIZERS_OPTIMIZERS_H
#define NN_NN_OPTIMIZERS_OPTIMIZERS_H

#include "math/kernels.h"
#include "nn/optimizers/optimizer.h"

/* What the kernels make of the gradient, the optimiser's own weight decay being added to it. */
static inline nn_gradient_args nn_update_gradient(const nn_update *update, double weight_decay) {
    return (nn_gradient_args){.scale = (nn_real)update->scale,
                              .clip = (nn_real)update->clip,
                              .l1 = (nn_real)update->l1,
                              .l2 = (nn_real)(update->l2 + update->decay * weight_decay)};
}

/* Options that most optimisers have; `type` is the struct they bind to. */
#define NN_LR(type, fallback)                                                                      \
    {                                                                                              \
        "lr", NN_OPT_REAL, offsetof(type, lr), fallback, "(0, inf)",                               \
            "learning rate, before the schedule's factor"                                          \
    }
#define NN_EPS(type, fallback, help)                                                               \
    { "eps", NN_OPT_REAL, offsetof(type, eps), fallback, "[0, inf)", help }
#define NN_WEIGHT_DECAY(type, fallback, why)                                                       \
    {                                                                                              \
        "weight_decay", NN_OPT_REAL, offsetof(type, weight_decay), fallback, "[0, inf)",           \
            "lambda of L2 regularisation: lambda w is added to the gradient of weights, not of "   \
            "biases, " why                                                                         \
    }
#define NN_DECOUPLED_DECAY(type, fallback, where)                                                  \
    {                                                                                              \
        "weight_decay", NN_OPT_REAL, offsetof(type, weight_decay), fallback, "[0, inf)",           \
            "lambda: " where ", of weights, not of biases"                                         \
    }

extern const nn_optimizer_ops nn_optimizer_sgd, nn_optimizer_momentum, nn_optimizer_nesterov,
    nn_optimizer_adagrad, nn_optimizer_adadelta, nn_optimizer_rmsprop, nn_optimizer_adam,
    nn_optimizer_adamw, nn_optimizer_lars, nn_optimizer_lamb;

#endif
