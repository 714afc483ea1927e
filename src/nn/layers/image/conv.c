/* Convolution of sequences, images and volumes (cross-correlation, LeCun et al. 1989), of images
 * z_ijo = b_o + sum over u, v, c of w_ocuv a_{i+u, j+v, c}. In memory channels are last. */
#include "math/conv/conv.h"

#include "nn/layers/image/window.h"
#include "nn/layers/layers.h"

#include <string.h>

#define MOST 10000

struct conv {
    int64_t filters, groups;
    const nn_node *kernel, *stride, *padding, *dilation;
    bool bias;
    nn_conv conv; /* not an option: what they come to */
};

/* `lengths`: how they are written; `zeros`: what padding is besides. */
#define CONV_OPTIONS(lengths, zeros)                                                               \
    {                                                                                              \
        {"filters", NN_OPT_INT, offsetof(struct conv, filters),                                    \
         NULL,      "[1, 1e6]", "output channels"},                                                \
            {"kernel", NN_OPT_NODE, offsetof(struct conv, kernel),                                 \
             NULL,     NULL,        "size of the kernel: " lengths},                               \
            {"stride", NN_OPT_NODE, offsetof(struct conv, stride),                                 \
             "1",      NULL,        "step of the kernel: " lengths},                               \
            {"padding",                                                                            \
             NN_OPT_NODE,                                                                          \
             offsetof(struct conv, padding),                                                       \
             "0",                                                                                  \
             NULL,                                                                                 \
             "zeros on each side: " lengths                                                        \
             ", or `same` for an output as large as the input" zeros},                             \
            {"dilation", NN_OPT_NODE, offsetof(struct conv, dilation),                             \
             "1",        NULL,        "distance of the kernel's points: " lengths},                \
            {"groups",                                                                             \
             NN_OPT_INT,                                                                           \
             offsetof(struct conv, groups),                                                        \
             "1",                                                                                  \
             "[1, 1e6]",                                                                           \
             "groups of channels, each convolved by itself; as many groups as channels: "          \
             "depthwise"},                                                                         \
            {"bias", NN_OPT_BOOL, offsetof(struct conv, bias),                                     \
             "true", NULL,        "add a bias to every filter"},                                   \
            NN_OPTION_END                                                                          \
    }

static const nn_option conv1d_options[] =
    CONV_OPTIONS(NN_WINDOW_1D, ", or `causal`: all in front, so that an output sees no later step");
static const nn_option conv2d_options[] = CONV_OPTIONS(NN_WINDOW_2D, "");
static const nn_option conv3d_options[] = CONV_OPTIONS(NN_WINDOW_3D, "");

enum { WEIGHT, BIAS };

static bool pads(const struct conv *o, const char *how) {
    return o->padding->kind == NN_NODE_SCALAR && strcmp(o->padding->text, how) == 0;
}

/* PyTorch's `same`: where the padding is odd, the larger half comes behind. */
static int pad_same(const nn_layer *layer, const struct conv *o, nn_sliding_window *w) {
    for (int d = 0; d < 3; d++) {
        if (w->stride[d] != 1)
            return nn_node_fail(o->padding, "padding = same of layer '%s' needs stride 1",
                                layer->name);
        int64_t total = w->dilation[d] * (w->size[d] - 1);
        w->before[d] = total / 2;
        w->after[d] = total - total / 2;
    }
    return 0;
}

static int read_window(const nn_layer *layer, const struct conv *o, nn_sliding_window *w) {
    int dims = w->dims;
    NN_TRY(nn_window_lengths(layer, o->kernel, "kernel", dims, 1, MOST, w->size));
    NN_TRY(nn_window_lengths(layer, o->stride, "stride", dims, 1, MOST, w->stride));
    NN_TRY(nn_window_lengths(layer, o->dilation, "dilation", dims, 1, MOST, w->dilation));
    if (pads(o, "same"))
        return pad_same(layer, o, w);
    if (dims == 1 && pads(o, "causal")) {
        w->before[2] = w->dilation[2] * (w->size[2] - 1);
        return 0;
    }
    NN_TRY(nn_window_lengths(layer, o->padding, "padding", dims, 0, MOST, w->before));
    memcpy(w->after, w->before, sizeof w->after);
    return 0;
}

static int check_groups(const nn_layer *layer, const struct conv *o, int64_t channels) {
    if (channels % o->groups)
        return nn_layer_fail(layer, "groups = %lld does not divide its %lld input channels",
                             (long long)o->groups, (long long)channels);
    if (o->filters % o->groups)
        return nn_layer_fail(layer, "groups = %lld does not divide its %lld filters",
                             (long long)o->groups, (long long)o->filters);
    return 0;
}

static int conv_plan(nn_layer *layer) {
    struct conv *o = layer->options;
    int dims = layer->ops->directions;
    nn_sliding_window w = nn_sliding_window_of(dims);
    nn_shape image;
    int64_t out[3];
    NN_TRY(nn_window_image(layer, dims, &image));
    int64_t channels = image.dim[3], inputs = channels / o->groups;
    NN_TRY(read_window(layer, o, &w));
    NN_TRY(check_groups(layer, o, channels));
    NN_TRY(nn_sliding_window_count(layer, &w, &image, out));
    layer->out = nn_window_output(layer, dims, o->filters, out);
    layer->flags = NN_LAYER_READS_X;
    o->conv = (nn_conv){
        .channels = (size_t)channels, .filters = (size_t)o->filters, .groups = (size_t)o->groups};
    for (int d = 0; d < 3; d++) {
        o->conv.in[d] = (size_t)image.dim[d];
        o->conv.out[d] = (size_t)out[d];
    }
    nn_sliding_window_set_kernel(&w, &o->conv);
    return nn_sliding_window_add_params(layer, &w, o->filters, inputs, inputs, o->filters, o->bias);
}

static int conv_prepare(nn_layer *layer, size_t batch, bool training) {
    struct conv *o = layer->options;
    nn_conv_prepare(&o->conv, layer->compute, batch, training);
    layer->scratch_bytes = o->conv.scratch_bytes;
    layer->group = layer->group_dx = layer->microbatches; /* rows do not depend on each other */
    return 0;
}

static double conv_work(const nn_layer *layer) {
    const struct conv *o = layer->options;
    return (double)nn_shape_count(&layer->out) / (double)o->filters * nn_layer_weights(layer);
}

static void conv_forward(const nn_layer *layer, const nn_io *io) {
    const struct conv *o = layer->options;
    nn_conv_forward(&o->conv, io->batch, io->x[0], io->w[WEIGHT], o->bias ? io->w[BIAS] : NULL,
                    io->y, io->scratch);
}

static void conv_backward(const nn_layer *layer, const nn_io *io) {
    const struct conv *o = layer->options;
    if (io->dx[0])
        nn_conv_backward_data(&o->conv, io->batch, io->dy, io->w[WEIGHT], io->dx[0], io->scratch);
    if (!io->g[WEIGHT])
        return;
    nn_conv_backward_weights(&o->conv, io->batch, io->x[0], io->dy, io->g_beta, io->g[WEIGHT],
                             o->bias ? io->g[BIAS] : NULL, io->scratch);
}

/* An output behind the end of a sequence does not count; one before it must not see what is
 * behind. */
static int conv1d_check_lengths(const nn_layer *layer) {
    const struct conv *o = layer->options;
    if (o->conv.stride[2] == 1 && (o->conv.kernel[2] == 1 || pads(o, "causal")))
        return 0;
    return nn_layer_fail(layer, "sequences with lengths (len) want padding: causal and stride: 1, "
                                "so that no output sees steps behind the end");
}

#define CONV_FUNCTIONS                                                                             \
    .plan = conv_plan, .prepare = conv_prepare, .work = conv_work, .forward = conv_forward,        \
    .backward = conv_backward

const nn_layer_ops nn_layer_conv1d = {
    .entry = {"conv1d",
              "convolution of sequences [steps, features] (PyTorch has [features, steps]): z_to = "
              "b_o + sum over u, c of w_ocu a_t+u,c",
              conv1d_options, sizeof(struct conv)},
    .directions = 1,
    .check_lengths = conv1d_check_lengths,
    CONV_FUNCTIONS,
};

const nn_layer_ops nn_layer_conv2d = {
    .entry = {"conv2d",
              "convolution of images: z_ijo = b_o + sum over u, v, c of w_ocuv a_i+u,j+v,c",
              conv2d_options, sizeof(struct conv)},
    .directions = 2,
    .images = true,
    CONV_FUNCTIONS,
};

const nn_layer_ops nn_layer_conv3d = {
    .entry = {"conv3d",
              "convolution of volumes [channels, planes, rows, columns]: z_hijo = b_o + sum over "
              "t, u, v, c of w_octuv a_h+t,i+u,j+v,c",
              conv3d_options, sizeof(struct conv)},
    .directions = 3,
    .images = true,
    CONV_FUNCTIONS,
};
