/* Parametric relu (He et al. 2015): a = z for z > 0, else gamma_c z with a learned gamma for each
 * channel c (C of an image [C, H, W], else the last dimension), or one for all. */
#include "nn/layers/layers.h"

#include <string.h>

struct prelu {
    double gamma;
    bool shared;
};

static const nn_option prelu_options[] = {
    {"gamma", NN_OPT_REAL, offsetof(struct prelu, gamma), "0.25", "[-1, 1]", "initial slope"},
    {"shared", NN_OPT_BOOL, offsetof(struct prelu, shared), "false", NULL,
     "one slope for all channels instead of one for each"},
    NN_OPTION_END};

static int prelu_plan(nn_layer *layer) {
    const struct prelu *o = layer->options;
    const nn_shape *in = &layer->in[0];
    int64_t slopes = o->shared ? 1 : nn_shape_channels(in);
    layer->out = *in;
    layer->flags = NN_LAYER_IN_PLACE | NN_LAYER_READS_X;
    NN_TRY(nn_layer_add_param(layer, "weight", NN_PARAM_OTHER, 1, &slopes, 1, 1));
    layer->param[0].value = (nn_real)o->gamma;
    return 0;
}

/* Channels, and the distance in gamma between them: 0 when they share one. */
static size_t channels_of(const nn_layer *layer, size_t *stride) {
    *stride = layer->param[0].count > 1;
    return (size_t)nn_shape_channels(&layer->in[0]);
}

static void prelu_forward(const nn_layer *layer, const nn_io *io) {
    size_t stride, channels = channels_of(layer, &stride);
    size_t rows = io->batch * nn_shape_count(&layer->out) / channels;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < channels; c++) {
            nn_real z = io->x[0][r * channels + c];
            io->y[r * channels + c] = z > 0 ? z : io->w[0][c * stride] * z;
        }
}

static void prelu_backward(const nn_layer *layer, const nn_io *io) {
    size_t stride, channels = channels_of(layer, &stride);
    size_t rows = io->batch * nn_shape_count(&layer->out) / channels;
    if (io->g[0] && io->g_beta == 0)
        memset(io->g[0], 0, layer->param[0].count * sizeof(nn_real));
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < channels; c++) {
            nn_real z = io->x[0][r * channels + c], da = io->dy[r * channels + c];
            if (io->g[0])
                io->g[0][c * stride] += z > 0 ? 0 : da * z;
            if (io->dx[0])
                io->dx[0][r * channels + c] = z > 0 ? da : io->w[0][c * stride] * da;
        }
}

const nn_layer_ops nn_layer_prelu = {
    .entry =
        {"prelu",
         "a = z for z > 0, else gamma z with a learned gamma for each channel (C of [C, H, W], "
         "else the last dimension)",
         prelu_options, sizeof(struct prelu)},
    .activation = true,
    .rectifier = true,
    .plan = prelu_plan,
    .check_steps = nn_layer_each_step,
    .forward = prelu_forward,
    .backward = prelu_backward,
};
