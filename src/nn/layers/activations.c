/* Elementwise activations. The kernels compute a = f(z) and dz = da f'; the derivative
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

#define NOTHING 0
#define OUTPUT NN_LAYER_READS_Y
#define INPUT NN_LAYER_READS_X

#define ROW(name, kernel_, reads_, rectifier_, options_, warning_, help_)                          \
    const nn_activation nn_activation_##name = {                                                   \
        .ops = {.entry = {#name, help_, options_, sizeof(struct parameter)},                       \
                .activation = true,                                                                \
                .rectifier = rectifier_,                                                           \
                .plan = activation_plan,                                                           \
                .check_steps = nn_layer_each_step,                                                 \
                .forward = activation_forward,                                                     \
                .backward = activation_backward},                                                  \
        .kernel = offsetof(nn_kernels, kernel_),                                                   \
        .reads = reads_,                                                                           \
        .warning = warning_};

#define PLAIN(name, reads, rectifier, warning, help)                                               \
    ROW(name, name, reads, rectifier, NULL, warning, help)

#define PARAMETRIC(name, reads, rectifier, key, fallback, range, key_help, help)                   \
    static const nn_option name##_options[] = {                                                    \
        {key, NN_OPT_REAL, offsetof(struct parameter, value), fallback, range, key_help},          \
        NN_OPTION_END};                                                                            \
    ROW(name, name, reads, rectifier, name##_options, NULL, help)

NN_ACTIVATIONS(PLAIN, PARAMETRIC)
ROW(logistic, sigmoid, OUTPUT, false, NULL, NULL, "another name of sigmoid")
