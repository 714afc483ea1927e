/* Longer sequences, larger images and volumes by a whole factor: points repeated, or interpolated
 * between those around the place where a point of the output would stand, as PyTorch's Upsample
 * does with align_corners=False. */
#include "math/parallel.h"
#include "nn/layers/image/window.h"
#include "nn/layers/layers.h"

#include <string.h>

#define MOST 1000

enum { NEAREST, LINEAR };

struct upsample {
    const nn_node *scale;
    int64_t mode;
    int64_t by[3];  /* not an option: what `scale` comes to */
    nn_shape image; /* [planes, rows, columns, channels] */
};

/* `lengths`: how they are written; `linear`: what PyTorch calls interpolation there. */
#define UPSAMPLE_OPTIONS(lengths, linear)                                                          \
    {                                                                                              \
        {"scale", NN_OPT_NODE, offsetof(struct upsample, scale),                                   \
         NULL,    NULL,        "whole factor: " lengths},                                          \
            {"mode",                                                                               \
             NN_OPT_CHOICE,                                                                        \
             offsetof(struct upsample, mode),                                                      \
             "nearest",                                                                            \
             "nearest|" linear,                                                                    \
             "points repeated, or interpolated (PyTorch's align_corners=False)"},                  \
            NN_OPTION_END                                                                          \
    }

static const nn_option upsample1d_options[] = UPSAMPLE_OPTIONS(NN_WINDOW_1D, "linear");
static const nn_option upsample_options[] = UPSAMPLE_OPTIONS(NN_WINDOW_2D, "bilinear");
static const nn_option upsample3d_options[] = UPSAMPLE_OPTIONS(NN_WINDOW_3D, "trilinear");

static int upsample_plan(nn_layer *layer) {
    struct upsample *o = layer->options;
    int dims = layer->ops->directions;
    nn_sliding_window w = nn_sliding_window_of(dims);
    int64_t out[3];
    NN_TRY(nn_window_image(layer, dims, &o->image));
    NN_TRY(nn_window_lengths(layer, o->scale, "scale", dims, 1, MOST, w.size));
    memcpy(o->by, w.size, sizeof o->by);
    for (int d = 0; d < 3; d++)
        if (__builtin_mul_overflow(o->image.dim[d], o->by[d], &out[d]))
            return nn_node_fail(o->scale, "scale of layer '%s' makes its output too large",
                                layer->name);
    layer->out = nn_window_output(layer, dims, 0, out);
    return 0;
}

/* Two neighbouring planes, rows or columns of the image, and the share of the second. */
struct between {
    size_t first, second;
    nn_real share;
};

/* Where the plane [0], row [1] or column [2] `at` of the output stands. */
static struct between between_of(const struct upsample *o, int d, size_t at) {
    size_t by = (size_t)o->by[d], last = (size_t)o->image.dim[d] - 1;
    if (o->mode == NEAREST)
        return (struct between){at / by, at / by, 0};
    size_t twice = 2 * at + 1; /* of the place + 1/2, in parts of `by` */
    if (twice < by)
        return (struct between){0, 0, 0};
    size_t first = (twice - by) / (2 * by), rest = (twice - by) % (2 * by);
    return (struct between){first, first < last ? first + 1 : last,
                            (nn_real)rest / (nn_real)(2 * by)};
}

struct call {
    const struct upsample *options;
    const nn_io *io;
    /* of a pixel of the output, and the share of one of the image in it */
    void (*pixel)(const struct call *c, size_t out, nn_real share, size_t image);
};

/* Of a pixel of the output, each of the image that has a share. */
static void run_pixel(const struct call *c, size_t out, size_t sample, const struct between at[3]) {
    const nn_shape *image = &c->options->image;
    int between = 0; /* a bit for each direction in which a second pixel has a share */
    for (int d = 0; d < 3; d++)
        between |= at[d].share > 0 ? 4 >> d : 0;
    for (int corner = 0; corner < 8; corner++) {
        nn_real share = 1;
        size_t pixel = sample;
        if (corner & ~between)
            continue;
        for (int d = 0; d < 3; d++) {
            bool second = corner & 4 >> d;
            share *= second ? at[d].share : 1 - at[d].share;
            pixel = pixel * (size_t)image->dim[d] + (second ? at[d].second : at[d].first);
        }
        c->pixel(c, out, share, pixel * (size_t)image->dim[3]);
    }
}

static void run_sample(void *ctx, size_t sample) {
    const struct call *c = ctx;
    const struct upsample *o = c->options;
    size_t channels = (size_t)o->image.dim[3], size[3];
    for (int d = 0; d < 3; d++)
        size[d] = (size_t)(o->image.dim[d] * o->by[d]);
    size_t out = sample * size[0] * size[1] * size[2] * channels;
    for (size_t h = 0; h < size[0]; h++)
        for (size_t i = 0; i < size[1]; i++)
            for (size_t j = 0; j < size[2]; j++, out += channels)
                run_pixel(c, out, sample,
                          (struct between[]){between_of(o, 0, h), between_of(o, 1, i),
                                             between_of(o, 2, j)});
}

static void add_forward(const struct call *c, size_t out, nn_real share, size_t image) {
    const nn_real *x = c->io->x[0] + image;
    for (size_t i = 0; i < (size_t)c->options->image.dim[3]; i++)
        c->io->y[out + i] += share * x[i];
}

static void add_backward(const struct call *c, size_t out, nn_real share, size_t image) {
    const nn_real *dy = c->io->dy + out;
    for (size_t i = 0; i < (size_t)c->options->image.dim[3]; i++)
        c->io->dx[0][image + i] += share * dy[i];
}

static void upsample_forward(const nn_layer *layer, const nn_io *io) {
    struct call c = {layer->options, io, add_forward};
    memset(io->y, 0, io->batch * nn_shape_count(&layer->out) * sizeof(nn_real));
    nn_parallel_for(layer->compute, io->batch, run_sample, &c);
}

static void upsample_backward(const nn_layer *layer, const nn_io *io) {
    struct call c = {layer->options, io, add_backward};
    if (!io->dx[0])
        return;
    memset(io->dx[0], 0, io->batch * nn_shape_count(&layer->in[0]) * sizeof(nn_real));
    nn_parallel_for(layer->compute, io->batch, run_sample, &c);
}

const nn_layer_ops nn_layer_upsample1d = {
    .entry =
        {"upsample1d",
         "longer sequences [steps, features]: each step repeated, or interpolated between steps",
         upsample1d_options, sizeof(struct upsample)},
    .directions = 1,
    .plan = upsample_plan,
    .check_lengths = nn_window_refuse_lengths,
    .forward = upsample_forward,
    .backward = upsample_backward,
};

const nn_layer_ops nn_layer_upsample = {
    .entry = {"upsample", "larger images: each pixel repeated, or interpolated between pixels",
              upsample_options, sizeof(struct upsample)},
    .directions = 2,
    .images = true,
    .plan = upsample_plan,
    .forward = upsample_forward,
    .backward = upsample_backward,
};

const nn_layer_ops nn_layer_upsample3d = {
    .entry = {"upsample3d",
              "larger volumes [channels, planes, rows, columns]: each pixel repeated, or "
              "interpolated between pixels",
              upsample3d_options, sizeof(struct upsample)},
    .directions = 3,
    .images = true,
    .plan = upsample_plan,
    .forward = upsample_forward,
    .backward = upsample_backward,
};
