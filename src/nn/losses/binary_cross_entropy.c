/* Binary cross-entropy fused with sigmoid, summed over the outputs of a sample: with a =
 * sigmoid(z), -y log a - (1 - y) log(1 - a) = log(1 + exp(-|z|)) + max(z, 0) - y z. */
#include "math/kernels.h"
#include "nn/losses/losses.h"

#include <math.h>

/* max(z, 0) - y z, without cancellation when y is 0 or 1. */
static double linear_part(double z, double y) {
    return z > 0 ? (1 - y) * z : -y * z;
}

static void binary_cross_entropy_eval(const void *options, size_t batch, size_t width,
                                      const nn_real *z, const nn_target *target, nn_real *loss,
                                      nn_real *dz) {
    const nn_kernels *kernels = nn_kernels_get();
    const nn_real *y = target->value;
    size_t n = batch * width;

    (void)options;
    for (size_t k = 0; k < n; k++)
        dz[k] = z[k] > 0 ? -z[k] : z[k];
    kernels->softplus.forward(n, dz, dz, 0);
    for (size_t i = 0; i < batch; i++) {
        double sum = 0;
        for (size_t k = i * width; k < (i + 1) * width; k++)
            sum += (double)dz[k] + linear_part((double)z[k], (double)y[k]);
        loss[i] = (nn_real)sum;
    }
    kernels->sigmoid.forward(n, z, dz, 0);
    for (size_t k = 0; k < n; k++)
        dz[k] -= y[k];
}

static void sigmoid_activation(size_t batch, size_t width, const nn_real *z, nn_real *y) {
    nn_kernels_get()->sigmoid.forward(batch * width, z, y, 0);
}

const nn_loss_ops nn_loss_binary_cross_entropy = {
    .entry =
        {"binary_cross_entropy",
         "-y log a - (1 - y) log(1 - a) with a = sigmoid(z) of the model's last layer, so that "
         "a sigmoid layer is not needed, summed over the outputs; targets in [0, 1], class "
         "labels become 0 and 1, or one-hot rows for a model with several outputs",
         nn_loss_smoothing_options, sizeof(nn_loss_smoothing)},
    .forms = NN_TARGET_BIT,
    .smooths = true,
    .fuses = "sigmoid",
    .activation = sigmoid_activation,
    .eval = binary_cross_entropy_eval,
};
