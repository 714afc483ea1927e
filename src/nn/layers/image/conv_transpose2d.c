/* Transposed convolution of images (Zeiler et al. 2010): what back-propagation makes of the
 * gradients of a convolution's outputs, so its forward is that one's backward and the other way
 * round. The images that come in are that convolution's output, those that go out its input. */
#include "math/conv/conv.h"
#include "math/kernels.h"
#include "nn/layers/image/window.h"
#include "nn/layers/layers.h"

#define MOST 10000

struct transpose {
    int64_t filters, groups;
    const nn_node *kernel, *stride, *padding, *output_padding, *dilation;
    bool bias;
    nn_conv conv; /* not an option: what they come to */
};

static const nn_option transpose_options[] = {
    {"filters", NN_OPT_INT, offsetof(struct transpose, filters), NULL, "[1, 1e6]",
     "output channels"},
    {"kernel", NN_OPT_NODE, offsetof(struct transpose, kernel), NULL, NULL,
     "rows and columns of the kernel: a number, or [rows, columns]"},
    {"stride", NN_OPT_NODE, offsetof(struct transpose, stride), "1", NULL,
     "factor by which images grow: a number, or [rows, columns]"},
    {"padding", NN_OPT_NODE, offsetof(struct transpose, padding), "0", NULL,
     "pixels cut off from each side of the output: a number, or [rows, columns]"},
    {"output_padding", NN_OPT_NODE, offsetof(struct transpose, output_padding), "0", NULL,
     "rows and columns more at the end of the output, less than stride or dilation: a number, or "
     "[rows, columns]"},
    {"dilation", NN_OPT_NODE, offsetof(struct transpose, dilation), "1", NULL,
     "distance of the kernel's points: a number, or [rows, columns]"},
    {"groups", NN_OPT_INT, offsetof(struct transpose, groups), "1", "[1, 1e6]",
     "groups of channels, each convolved by itself"},
    {"bias", NN_OPT_BOOL, offsetof(struct transpose, bias), "true", NULL,
     "add a bias to every filter"},
    NN_OPTION_END};

enum { WEIGHT, BIAS };

static int check_groups(const nn_layer *layer, const struct transpose *o, int64_t channels) {
    if (channels % o->groups || o->filters % o->groups)
        return nn_layer_fail(layer,
                             "groups = %lld does not divide its %lld input channels and %lld "
                             "filters",
                             (long long)o->groups, (long long)channels, (long long)o->filters);
    return 0;
}

/* Rows [0] or columns [1] of the output. */
static int set_size(nn_layer *layer, const struct transpose *o, const nn_window *w,
                    const int64_t more[2], int64_t in, int d) {
    static const char *const what[] = {"rows", "columns"};
    int64_t reach = w->dilation[d] * (w->size[d] - 1) + 1;
    int64_t size = reach + more[d] - 2 * w->before[d], grown;
    if (more[d] >= w->stride[d] && more[d] >= w->dilation[d])
        return nn_node_fail(o->output_padding,
                            "output_padding of layer '%s': %lld %s are not less than stride or "
                            "dilation",
                            layer->name, (long long)more[d], what[d]);
    if (__builtin_mul_overflow(in - 1, w->stride[d], &grown) ||
        __builtin_add_overflow(size, grown, &size))
        return nn_layer_fail(layer, "its output would have too many %s", what[d]);
    if (size < 1)
        return nn_layer_fail(layer, "padding leaves no %s of the output; make it smaller", what[d]);
    layer->out.dim[1 + d] = size;
    return 0;
}

static int transpose_plan(nn_layer *layer) {
    struct transpose *o = layer->options;
    nn_window w = {0};
    nn_shape image;
    int64_t more[2];
    NN_TRY(nn_window_image(layer, &image));
    NN_TRY(nn_window_pair(layer, o->kernel, "kernel", 1, MOST, w.size));
    NN_TRY(nn_window_pair(layer, o->stride, "stride", 1, MOST, w.stride));
    NN_TRY(nn_window_pair(layer, o->padding, "padding", 0, MOST, w.before));
    NN_TRY(nn_window_pair(layer, o->output_padding, "output_padding", 0, MOST, more));
    NN_TRY(nn_window_pair(layer, o->dilation, "dilation", 1, MOST, w.dilation));
    NN_TRY(check_groups(layer, o, image.dim[2]));
    layer->out = (nn_shape){3, {o->filters}};
    layer->flags = NN_LAYER_READS_X;
    o->conv = (nn_conv){.channels = (size_t)o->filters,
                        .filters = (size_t)image.dim[2],
                        .groups = (size_t)o->groups};
    for (int d = 0; d < 2; d++) {
        NN_TRY(set_size(layer, o, &w, more, image.dim[d], d));
        o->conv.in[d] = (size_t)layer->out.dim[1 + d];
        o->conv.out[d] = (size_t)image.dim[d];
    }
    nn_window_set_kernel(&w, &o->conv);
    int64_t area = w.size[0] * w.size[1], outputs = o->filters / o->groups;
    int64_t fan_in = image.dim[2] / o->groups * area, fan_out = o->filters * area;
    NN_TRY(nn_layer_add_param(layer, "weight", NN_PARAM_WEIGHT, 4,
                              (int64_t[]){image.dim[2], outputs, w.size[0], w.size[1]}, fan_in,
                              fan_out));
    nn_param_reorder(&layer->param[WEIGHT], (int[]){2, 3, 1, 0});
    if (o->bias)
        NN_TRY(nn_layer_add_param(layer, "bias", NN_PARAM_BIAS, 1, &o->filters, fan_in, fan_out));
    return 0;
}

/* Forward is the convolution's backward, which is prepared for training alone. */
static int transpose_prepare(nn_layer *layer, size_t batch, bool training) {
    struct transpose *o = layer->options;
    (void)training;
    nn_conv_prepare(&o->conv, layer->compute, batch, true);
    layer->scratch_bytes = o->conv.scratch_bytes;
    layer->group = layer->group_dx = layer->microbatches; /* rows do not depend on each other */
    return 0;
}

static double transpose_work(const nn_layer *layer) {
    nn_shape image = nn_image_in_memory(&layer->in[0]);
    return (double)(image.dim[0] * image.dim[1]) * nn_layer_weights(layer);
}

static size_t pixels_of(const nn_layer *layer) {
    return (size_t)(layer->out.dim[1] * layer->out.dim[2]);
}

static void transpose_forward(const nn_layer *layer, const nn_io *io) {
    const struct transpose *o = layer->options;
    nn_conv_backward_data(&o->conv, io->batch, io->x[0], io->w[WEIGHT], io->y, io->scratch);
    if (o->bias)
        nn_kernels_get()->add_bias(io->batch * pixels_of(layer), (size_t)o->filters, io->w[BIAS],
                                   io->y);
}

static void transpose_backward(const nn_layer *layer, const nn_io *io) {
    const struct transpose *o = layer->options;
    if (io->dx[0])
        nn_conv_forward(&o->conv, io->batch, io->dy, io->w[WEIGHT], NULL, io->dx[0], io->scratch);
    if (!io->g[WEIGHT])
        return;
    nn_conv_backward_weights(&o->conv, io->batch, io->dy, io->x[0], io->g_beta, io->g[WEIGHT], NULL,
                             io->scratch);
    if (o->bias)
        nn_kernels_get()->sum_rows(io->batch * pixels_of(layer), (size_t)o->filters, io->dy,
                                   io->g_beta, io->g[BIAS]);
}

const nn_layer_ops nn_layer_conv_transpose2d = {
    .entry = {"conv_transpose2d",
              "transposed convolution of images: each pixel adds a multiple of the kernel to the "
              "output",
              transpose_options, sizeof(struct transpose)},
    .images = true,
    .plan = transpose_plan,
    .prepare = transpose_prepare,
    .work = transpose_work,
    .forward = transpose_forward,
    .backward = transpose_backward,
};
