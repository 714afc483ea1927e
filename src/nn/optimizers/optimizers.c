/* The table of optimisers. */
#include "nn/optimizers/optimizers.h"

static const nn_entry *const rows[] = {&nn_optimizer_sgd.entry,
                                       &nn_optimizer_momentum.entry,
                                       &nn_optimizer_nesterov.entry,
                                       &nn_optimizer_adagrad.entry,
                                       &nn_optimizer_adadelta.entry,
                                       &nn_optimizer_rmsprop.entry,
                                       &nn_optimizer_adam.entry,
                                       &nn_optimizer_adamw.entry,
                                       &nn_optimizer_lars.entry,
                                       &nn_optimizer_lamb.entry,
                                       NULL};

const nn_family nn_optimizers = {"optimizer", rows};
