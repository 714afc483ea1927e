/* Elementwise activations (SPEC 2). The kernels compute a = f(z) and dz = da f'; the derivative
 * comes from the output where that is enough, because then the layer runs in place. */
#include "base/log.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/layers.h"

/* Work that is worth a fork and join: a few microseconds of one core. */
#define GRAIN 16384

/* The options of every parametric activation: one number. */
struct parameter {
    double value;
};

struct range {
    nn_act_fn *forward;
    nn_act_grad_fn *backward;
    const nn_io *io;
    nn_real p;
};

static struct range range_of(const nn_layer *layer, const nn_io *io) {
    const nn_activation *row = (const nn_activation *)layer->ops;
    const struct parameter *o = layer->options;
    struct range r = {.io = io, .p = (nn_real)o->value};
    const char *pair = (const char *)nn_kernels_get() + row->kernel;
    r.forward = *(nn_act_fn *const *)(const void *)pair;
    r.backward = *(nn_act_grad_fn *const *)(const void *)(pair + sizeof r.forward);
    return r;
}

static int activation_plan(nn_layer *layer) {
    const nn_activation *row = (const nn_activation *)layer->ops;
    layer->out = layer->in[0];
    layer->flags = NN_LAYER_IN_PLACE | row->reads;
    if (row->warning)
        nn_warn("layer '%s': %s", layer->name, row->warning);
    return 0;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const struct range *r = ctx;
    r->forward(end - begin, r->io->x[0] + begin, r->io->y + begin, r->p);
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const struct range *r = ctx;
    const nn_io *io = r->io;
    r->backward(end - begin, io->x[0] + begin, io->y + begin, io->dy + begin, io->dx[0] + begin,
                r->p);
}

static void activation_forward(const nn_layer *layer, const nn_io *io) {
    struct range r = range_of(layer, io);
    nn_parallel(layer->compute, io->batch * nn_shape_count(&layer->out), GRAIN, forward_range, &r);
}

static void activation_backward(const nn_layer *layer, const nn_io *io) {
    struct range r = range_of(layer, io);
    if (io->dx[0])
        nn_parallel(layer->compute, io->batch * nn_shape_count(&layer->out), GRAIN, backward_range,
                    &r);
}

static const nn_option leaky_options[] = {{"gamma", NN_OPT_REAL, offsetof(struct parameter, value),
                                           "0.01", "[0, 1]", "slope for negative z"},
                                          NN_OPTION_END};
static const nn_option elu_options[] = {{"gamma", NN_OPT_REAL, offsetof(struct parameter, value),
                                         "1", "[0, 1e3]", "limit -gamma for z towards -infinity"},
                                        NN_OPTION_END};
static const nn_option swish_options[] = {{"beta", NN_OPT_REAL, offsetof(struct parameter, value),
                                           "1", "[-1e3, 1e3]", "steepness of the gate"},
                                          NN_OPTION_END};

#define ZERO_GRADIENT                                                                              \
    "its gradient is 0 everywhere, so back-propagation teaches no layer before it anything"

/* ACTIVATION(row, name, kernel, reads, rectifier, options, warning, help) */
#define ACTIVATION(id, kernel_, reads_, rectifier_, options_, warning_, help_)                     \
    const nn_activation nn_activation_##id = {                                                     \
        .ops = {.entry = {#id, help_, options_, sizeof(struct parameter)},                         \
                .activation = true,                                                                \
                .rectifier = rectifier_,                                                           \
                .plan = activation_plan,                                                           \
                .forward = activation_forward,                                                     \
                .backward = activation_backward},                                                  \
        .kernel = offsetof(nn_kernels, kernel_),                                                   \
        .reads = reads_,                                                                           \
        .warning = warning_};

#define X_ NN_LAYER_READS_X
#define Y_ NN_LAYER_READS_Y

ACTIVATION(identity, identity, 0, false, NULL, NULL, "a = z")
ACTIVATION(sign, sign, 0, false, NULL, ZERO_GRADIENT, "a = 1 for z > 0, -1 for z < 0, 0 at 0")
ACTIVATION(step, step, 0, false, NULL, ZERO_GRADIENT, "a = 1 for z > 0, else 0")
ACTIVATION(sigmoid, sigmoid, Y_, false, NULL, NULL, "a = 1 / (1 + exp(-z))")
ACTIVATION(logistic, sigmoid, Y_, false, NULL, NULL, "another name of sigmoid")
ACTIVATION(tanh, tanh, Y_, false, NULL, NULL, "a = tanh(z)")
ACTIVATION(relu, relu, Y_, true, NULL, NULL, "a = max(0, z)")
ACTIVATION(leaky_relu, leaky_relu, Y_, true, leaky_options, NULL, "a = z for z > 0, else gamma z")
ACTIVATION(elu, elu, Y_, true, elu_options, NULL, "a = z for z > 0, else gamma (exp(z) - 1)")
ACTIVATION(softplus, softplus, Y_, true, NULL, NULL, "a = log(1 + exp(z))")
ACTIVATION(swish, swish, X_, true, swish_options, NULL, "a = z sigmoid(beta z)")
ACTIVATION(gelu, gelu, X_, true, NULL, NULL, "a = z Phi(z), Phi the normal distribution function")
ACTIVATION(gelu_tanh, gelu_tanh, X_, true, NULL, NULL,
           "a = 0.5 z (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3)))")
ACTIVATION(gelu_sigmoid, gelu_sigmoid, X_, true, NULL, NULL, "a = z sigmoid(1.702 z)")
