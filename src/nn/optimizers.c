/* The table of optimisers. */
#include "nn/optimizers.h"

static const nn_entry *const rows[] = {&nn_optimizer_sgd.entry, &nn_optimizer_momentum.entry,
                                       &nn_optimizer_nesterov.entry, NULL};

const nn_family nn_optimizers = {"optimizer", rows};
