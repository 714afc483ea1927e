/* What adam, adamw and lamb share: running means m and v of the gradient and of its square, and
 * their corrections for having started at 0. */
#ifndef NN_NN_OPTIMIZERS_ADAM_H
#define NN_NN_OPTIMIZERS_ADAM_H

#include "nn/optimizers/optimizers.h"

#include <stddef.h>

typedef struct nn_adam {
    double lr, beta1, beta2, eps, weight_decay;
    bool amsgrad; /* adam, adamw */
} nn_adam;

/* The arguments of the kernels, `coupled` weight decay joining the gradient. */
nn_adam_args nn_adam_args_of(const nn_adam *options, const nn_update *update, bool coupled);

#define NN_BETAS                                                                                   \
    {"beta1", NN_OPT_REAL, offsetof(nn_adam, beta1),                                               \
     "0.9",   "[0, 1)",    "share of the running mean of gradients that is kept each step"},       \
    {                                                                                              \
        "beta2", NN_OPT_REAL, offsetof(nn_adam, beta2), "0.999", "[0, 1)",                         \
            "share of the running mean of their squares that is kept each step"                    \
    }

#endif
