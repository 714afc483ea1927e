/* Transposed convolution of sequences, images and volumes (Zeiler et al. 2010): what
 * back-propagation makes of the gradients of a convolution's outputs, so its forward is that one's
 * backward and the other way round. The images that come in are that convolution's output, those
 * that go out its input. */
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

/* `lengths`: how they are written. */
#define TRANSPOSE_OPTIONS(lengths)                                                                 \
    {                                                                                              \
        {"filters", NN_OPT_INT, offsetof(struct transpose, filters),                               \
         NULL,      "[1, 1e6]", "output channels"},                                                \
            {"kernel", NN_OPT_NODE, offsetof(struct transpose, kernel),                            \
             NULL,     NULL,        "size of the kernel: " lengths},                               \
            {"stride", NN_OPT_NODE, offsetof(struct transpose, stride),                            \
             "1",      NULL,        "factor by which the output is larger: " lengths},             \
            {"padding", NN_OPT_NODE, offsetof(struct transpose, padding),                          \
             "0",       NULL,        "what is cut off from each side of the output: " lengths},    \
            {"output_padding",                                                                     \
             NN_OPT_NODE,                                                                          \
             offsetof(struct transpose, output_padding),                                           \
             "0",                                                                                  \
             NULL,                                                                                 \
             "what is added at the end of the output, less than stride or dilation: " lengths},    \
            {"dilation", NN_OPT_NODE, offsetof(struct transpose, dilation),                        \
             "1",        NULL,        "distance of the kernel's points: " lengths},                \
            {"groups", NN_OPT_INT, offsetof(struct transpose, groups),                             \
             "1",      "[1, 1e6]", "groups of channels, each convolved by itself"},                \
            {"bias", NN_OPT_BOOL, offsetof(struct transpose, bias),                                \
             "true", NULL,        "add a bias to every filter"},                                   \
            NN_OPTION_END                                                                          \
    }

static const nn_option transpose1d_options[] = TRANSPOSE_OPTIONS(NN_WINDOW_1D);
static const nn_option transpose2d_options[] = TRANSPOSE_OPTIONS(NN_WINDOW_2D);
static const nn_option transpose3d_options[] = TRANSPOSE_OPTIONS(NN_WINDOW_3D);

enum { WEIGHT, BIAS };

static int check_groups(const nn_layer *layer, const struct transpose *o, int64_t channels) {
    if (channels % o->groups || o->filters % o->groups)
        return nn_layer_fail(layer,
                             "groups = %lld does not divide its %lld input channels and %lld "
                             "filters",
                             (long long)o->groups, (long long)channels, (long long)o->filters);
    return 0;
}

/* The output's length in one direction. */
static int set_size(const nn_layer *layer, const struct transpose *o, const nn_sliding_window *w,
                    int64_t more, int64_t in, int d, int64_t *out) {
    const char *what = nn_window_direction(w->dims, d);
    int64_t reach = w->dilation[d] * (w->size[d] - 1) + 1, grown;
    *out = reach + more - 2 * w->before[d];
    if (more >= w->stride[d] && more >= w->dilation[d])
        return nn_node_fail(o->output_padding,
                            "output_padding of layer '%s': %lld %s are not less than stride or "
                            "dilation",
                            layer->name, (long long)more, what);
    if (__builtin_mul_overflow(in - 1, w->stride[d], &grown) ||
        __builtin_add_overflow(*out, grown, out))
        return nn_layer_fail(layer, "its output would have too many %s", what);
    if (*out < 1)
        return nn_layer_fail(layer, "padding leaves no %s of the output; make it smaller", what);
    return 0;
}

static int transpose_plan(nn_layer *layer) {
    struct transpose *o = layer->options;
    int dims = layer->ops->directions;
    nn_sliding_window w = nn_sliding_window_of(dims);
    nn_shape image;
    int64_t out[3], more[3] = {0};
    NN_TRY(nn_window_image(layer, dims, &image));
    int64_t channels = image.dim[3];
    NN_TRY(nn_window_lengths(layer, o->kernel, "kernel", dims, 1, MOST, w.size));
    NN_TRY(nn_window_lengths(layer, o->stride, "stride", dims, 1, MOST, w.stride));
    NN_TRY(nn_window_lengths(layer, o->padding, "padding", dims, 0, MOST, w.before));
    NN_TRY(nn_window_lengths(layer, o->output_padding, "output_padding", dims, 0, MOST, more));
    NN_TRY(nn_window_lengths(layer, o->dilation, "dilation", dims, 1, MOST, w.dilation));
    NN_TRY(check_groups(layer, o, channels));
    layer->flags = NN_LAYER_READS_X;
    o->conv = (nn_conv){
        .channels = (size_t)o->filters, .filters = (size_t)channels, .groups = (size_t)o->groups};
    for (int d = 0; d < 3; d++) {
        NN_TRY(set_size(layer, o, &w, more[d], image.dim[d], d, &out[d]));
        o->conv.in[d] = (size_t)out[d];
        o->conv.out[d] = (size_t)image.dim[d];
    }
    layer->out = nn_window_output(layer, dims, o->filters, out);
    nn_sliding_window_set_kernel(&w, &o->conv);
    return nn_sliding_window_add_params(layer, &w, channels, o->filters / o->groups,
                                        channels / o->groups, o->filters, o->bias);
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

/* Each number of the input meets its weights once. */
static double transpose_work(const nn_layer *layer) {
    const nn_conv *conv = &((const struct transpose *)layer->options)->conv;
    return (double)nn_shape_count(&layer->in[0]) / (double)conv->filters * nn_layer_weights(layer);
}

static size_t pixels_of(const nn_layer *layer) {
    const nn_conv *conv = &((const struct transpose *)layer->options)->conv;
    return nn_shape_count(&layer->out) / conv->channels;
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

#define TRANSPOSE_FUNCTIONS                                                                        \
    .plan = transpose_plan, .prepare = transpose_prepare, .work = transpose_work,                  \
    .forward = transpose_forward, .backward = transpose_backward

const nn_layer_ops nn_layer_conv_transpose1d = {
    .entry = {"conv_transpose1d",
              "transposed convolution of sequences [steps, features]: each step adds a multiple of "
              "the kernel to the output",
              transpose1d_options, sizeof(struct transpose)},
    .directions = 1,
    .check_lengths = nn_window_refuse_lengths,
    TRANSPOSE_FUNCTIONS,
};

const nn_layer_ops nn_layer_conv_transpose2d = {
    .entry = {"conv_transpose2d",
              "transposed convolution of images: each pixel adds a multiple of the kernel to the "
              "output",
              transpose2d_options, sizeof(struct transpose)},
    .directions = 2,
    .images = true,
    TRANSPOSE_FUNCTIONS,
};

const nn_layer_ops nn_layer_conv_transpose3d = {
    .entry = {"conv_transpose3d",
              "transposed convolution of volumes [channels, planes, rows, columns]: each pixel "
              "adds a multiple of the kernel to the output",
              transpose3d_options, sizeof(struct transpose)},
    .directions = 3,
    .images = true,
    TRANSPOSE_FUNCTIONS,
};
