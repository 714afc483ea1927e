/* Larger images by a whole factor: pixels repeated, or interpolated between the four pixels around
 * the place where a point of the output would stand, as PyTorch's Upsample does with
 * align_corners=False. */
#include "math/parallel.h"
#include "nn/layers/image/window.h"
#include "nn/layers/layers.h"

#include <string.h>

#define MOST 1000

enum { NEAREST, BILINEAR };

struct upsample {
    const nn_node *scale;
    int64_t mode;
    int64_t by[2];  /* not an option: what `scale` comes to */
    nn_shape image; /* [rows, columns, channels] */
};

static const nn_option upsample_options[] = {
    {"scale", NN_OPT_NODE, offsetof(struct upsample, scale), NULL, NULL,
     "factor of rows and columns: a whole number, or [rows, columns]"},
    {"mode", NN_OPT_CHOICE, offsetof(struct upsample, mode), "nearest", "nearest|bilinear",
     "pixels repeated, or interpolated (PyTorch's align_corners=False)"},
    NN_OPTION_END};

static int upsample_plan(nn_layer *layer) {
    struct upsample *o = layer->options;
    NN_TRY(nn_window_image(layer, &o->image));
    NN_TRY(nn_window_pair(layer, o->scale, "scale", 1, MOST, o->by));
    layer->out = layer->in[0];
    for (int d = 0; d < 2; d++)
        if (__builtin_mul_overflow(o->image.dim[d], o->by[d],
                                   &layer->out.dim[layer->out.rank - 2 + d]))
            return nn_node_fail(o->scale, "scale of layer '%s' makes its images too large",
                                layer->name);
    return 0;
}

/* Two neighbouring rows or columns of the image, and the share of the second. */
struct between {
    size_t first, second;
    nn_real share;
};

/* Where the row [0] or column [1] `at` of the output stands. */
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
static void run_pixel(const struct call *c, size_t out, size_t sample, struct between row,
                      struct between col) {
    const nn_shape *image = &c->options->image;
    const size_t rows[] = {row.first, row.second}, cols[] = {col.first, col.second};
    const nn_real down[] = {1 - row.share, row.share}, right[] = {1 - col.share, col.share};
    for (int i = 0; i < (row.share > 0 ? 2 : 1); i++)
        for (int j = 0; j < (col.share > 0 ? 2 : 1); j++)
            c->pixel(c, out, down[i] * right[j],
                     sample * nn_shape_count(image) +
                         (rows[i] * (size_t)image->dim[1] + cols[j]) * (size_t)image->dim[2]);
}

static void run_sample(void *ctx, size_t sample) {
    const struct call *c = ctx;
    const struct upsample *o = c->options;
    size_t channels = (size_t)o->image.dim[2];
    size_t rows = (size_t)(o->image.dim[0] * o->by[0]), cols = (size_t)(o->image.dim[1] * o->by[1]);
    size_t out = sample * rows * cols * channels;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++, out += channels)
            run_pixel(c, out, sample, between_of(o, 0, i), between_of(o, 1, j));
}

static void add_forward(const struct call *c, size_t out, nn_real share, size_t image) {
    const nn_real *x = c->io->x[0] + image;
    for (size_t i = 0; i < (size_t)c->options->image.dim[2]; i++)
        c->io->y[out + i] += share * x[i];
}

static void add_backward(const struct call *c, size_t out, nn_real share, size_t image) {
    const nn_real *dy = c->io->dy + out;
    for (size_t i = 0; i < (size_t)c->options->image.dim[2]; i++)
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

const nn_layer_ops nn_layer_upsample = {
    .entry = {"upsample", "larger images: each pixel repeated, or interpolated between pixels",
              upsample_options, sizeof(struct upsample)},
    .images = true,
    .plan = upsample_plan,
    .forward = upsample_forward,
    .backward = upsample_backward,
};
