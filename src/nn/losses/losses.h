/* The rows of the loss table. */
#ifndef NN_NN_LOSSES_LOSSES_H
#define NN_NN_LOSSES_LOSSES_H

#include "nn/losses/loss.h"

extern const nn_loss_ops nn_loss_squared, nn_loss_absolute, nn_loss_huber, nn_loss_cross_entropy,
    nn_loss_log, nn_loss_binary_cross_entropy, nn_loss_hinge, nn_loss_exponential,
    nn_loss_perceptron, nn_loss_zero_one;

#endif
