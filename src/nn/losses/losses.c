/* The table of losses. */
#include "nn/losses/losses.h"

/* clang-format off */
static const nn_entry *const rows[] = {
    &nn_loss_squared.entry,
    &nn_loss_absolute.entry,
    &nn_loss_huber.entry,
    &nn_loss_cross_entropy.entry,
    &nn_loss_log.entry,
    &nn_loss_binary_cross_entropy.entry,
    &nn_loss_hinge.entry,
    &nn_loss_exponential.entry,
    &nn_loss_perceptron.entry,
    &nn_loss_zero_one.entry,
    NULL};
/* clang-format on */

const nn_family nn_losses = {"loss", rows};
