/* Convolution of images (cross-correlation, LeCun et al. 1989):
 * z_ijo = b_o + sum over u, v, c of w_ocuv a_{i+u, j+v, c}. In memory images are channels-last. */
#include "math/conv/conv.h"
#include "nn/layers/image/window.h"
#include "nn/layers/layers.h"

#include <string.h>

#define MOST 10000

struct conv2d {
    int64_t filters, groups;
    const nn_node *kernel, *stride, *padding, *dilation;
    bool bias;
    nn_conv conv; /* not an option: what they come to */
};

static const nn_option conv2d_options[] = {
    {"filters", NN_OPT_INT, offsetof(struct conv2d, filters), NULL, "[1, 1e6]", "output channels"},
    {"kernel", NN_OPT_NODE, offsetof(struct conv2d, kernel), NULL, NULL,
     "rows and columns of the kernel: a number, or [rows, columns]"},
    {"stride", NN_OPT_NODE, offsetof(struct conv2d, stride), "1", NULL,
     "step of the kernel: a number, or [rows, columns]"},
    {"padding", NN_OPT_NODE, offsetof(struct conv2d, padding), "0", NULL,
     "zeros around the image: a number, [rows, columns], or `same` for an output as large as the "
     "input"},
    {"dilation", NN_OPT_NODE, offsetof(struct conv2d, dilation), "1", NULL,
     "distance of the kernel's points: a number, or [rows, columns]"},
    {"groups", NN_OPT_INT, offsetof(struct conv2d, groups), "1", "[1, 1e6]",
     "groups of channels, each convolved by itself; as many groups as channels: depthwise"},
    {"bias", NN_OPT_BOOL, offsetof(struct conv2d, bias), "true", NULL,
     "add a bias to every filter"},
    NN_OPTION_END};

enum { WEIGHT, BIAS };

/* PyTorch's `same`: where the padding is odd, the larger half comes behind. */
static int pad_same(const nn_layer *layer, const struct conv2d *o, nn_window *w) {
    for (int d = 0; d < 2; d++) {
        if (w->stride[d] != 1)
            return nn_node_fail(o->padding, "padding = same of layer '%s' needs stride 1",
                                layer->name);
        int64_t total = w->dilation[d] * (w->size[d] - 1);
        w->before[d] = total / 2;
        w->after[d] = total - total / 2;
    }
    return 0;
}

static int read_window(const nn_layer *layer, const struct conv2d *o, nn_window *w) {
    NN_TRY(nn_window_pair(layer, o->kernel, "kernel", 1, MOST, w->size));
    NN_TRY(nn_window_pair(layer, o->stride, "stride", 1, MOST, w->stride));
    NN_TRY(nn_window_pair(layer, o->dilation, "dilation", 1, MOST, w->dilation));
    if (o->padding->kind == NN_NODE_SCALAR && strcmp(o->padding->text, "same") == 0)
        return pad_same(layer, o, w);
    NN_TRY(nn_window_pair(layer, o->padding, "padding", 0, MOST, w->before));
    memcpy(w->after, w->before, sizeof w->after);
    return 0;
}

static int check_groups(const nn_layer *layer, const struct conv2d *o, int64_t channels) {
    if (channels % o->groups)
        return nn_layer_fail(layer, "groups = %lld does not divide its %lld input channels",
                             (long long)o->groups, (long long)channels);
    if (o->filters % o->groups)
        return nn_layer_fail(layer, "groups = %lld does not divide its %lld filters",
                             (long long)o->groups, (long long)o->filters);
    return 0;
}

static void set_conv(const nn_layer *layer, const nn_shape *image, const nn_window *w,
                     struct conv2d *o) {
    o->conv = (nn_conv){.channels = (size_t)image->dim[2],
                        .filters = (size_t)o->filters,
                        .groups = (size_t)o->groups};
    for (int d = 0; d < 2; d++) {
        o->conv.in[d] = (size_t)image->dim[d];
        o->conv.out[d] = (size_t)layer->out.dim[1 + d];
    }
    nn_window_set_kernel(w, &o->conv);
}

static int conv2d_plan(nn_layer *layer) {
    struct conv2d *o = layer->options;
    nn_window w = {0};
    nn_shape image;
    NN_TRY(nn_window_image(layer, &image));
    NN_TRY(read_window(layer, o, &w));
    NN_TRY(check_groups(layer, o, image.dim[2]));
    layer->out = (nn_shape){3, {o->filters}};
    NN_TRY(nn_window_count(layer, &w, &image, layer->out.dim + 1));
    layer->flags = NN_LAYER_READS_X;
    set_conv(layer, &image, &w, o);

    int64_t area = w.size[0] * w.size[1], inputs = image.dim[2] / o->groups;
    int64_t fan_in = inputs * area, fan_out = o->filters * area;
    NN_TRY(nn_layer_add_param(layer, "weight", NN_PARAM_WEIGHT, 4,
                              (int64_t[]){o->filters, inputs, w.size[0], w.size[1]}, fan_in,
                              fan_out));
    nn_param_reorder(&layer->param[WEIGHT], (int[]){2, 3, 1, 0});
    if (o->bias)
        NN_TRY(nn_layer_add_param(layer, "bias", NN_PARAM_BIAS, 1, &o->filters, fan_in, fan_out));
    return 0;
}

static int conv2d_prepare(nn_layer *layer, size_t batch, bool training) {
    struct conv2d *o = layer->options;
    nn_conv_prepare(&o->conv, layer->compute, batch, training);
    layer->scratch_bytes = o->conv.scratch_bytes;
    layer->group = layer->group_dx = layer->microbatches; /* rows do not depend on each other */
    return 0;
}

static double conv2d_work(const nn_layer *layer) {
    const struct conv2d *o = layer->options;
    return (double)nn_shape_count(&layer->out) / (double)o->filters * nn_layer_weights(layer);
}

static void conv2d_forward(const nn_layer *layer, const nn_io *io) {
    const struct conv2d *o = layer->options;
    nn_conv_forward(&o->conv, io->batch, io->x[0], io->w[WEIGHT], o->bias ? io->w[BIAS] : NULL,
                    io->y, io->scratch);
}

static void conv2d_backward(const nn_layer *layer, const nn_io *io) {
    const struct conv2d *o = layer->options;
    if (io->dx[0])
        nn_conv_backward_data(&o->conv, io->batch, io->dy, io->w[WEIGHT], io->dx[0], io->scratch);
    if (!io->g[WEIGHT])
        return;
    nn_conv_backward_weights(&o->conv, io->batch, io->x[0], io->dy, io->g_beta, io->g[WEIGHT],
                             o->bias ? io->g[BIAS] : NULL, io->scratch);
}

const nn_layer_ops nn_layer_conv2d = {
    .entry = {"conv2d",
              "convolution of images: z_ijo = b_o + sum over u, v, c of w_ocuv a_i+u,j+v,c",
              conv2d_options, sizeof(struct conv2d)},
    .images = true,
    .plan = conv2d_plan,
    .prepare = conv2d_prepare,
    .work = conv2d_work,
    .forward = conv2d_forward,
    .backward = conv2d_backward,
};
