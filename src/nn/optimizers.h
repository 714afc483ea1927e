/* The rows of the optimiser table. */
#ifndef NN_NN_OPTIMIZERS_H
#define NN_NN_OPTIMIZERS_H

#include "nn/optimizer.h"

extern const nn_optimizer_ops nn_optimizer_sgd, nn_optimizer_momentum, nn_optimizer_nesterov;

#endif
