/* More rows and columns around images: zeros, or pixels of the image. A gradient goes to the pixel
 * that was copied. */
#include "math/parallel.h"
#include "nn/layers/image/window.h"
#include "nn/layers/layers.h"

#include <string.h>

#define MOST 10000

enum { ZEROS, REFLECT, EDGE };

struct pad {
    const nn_node *padding;
    int64_t mode;
    int64_t by[3];  /* not an option: what `padding` comes to */
    nn_shape image; /* [1, rows, columns, channels] */
};

static const nn_option pad_options[] = {
    {"padding", NN_OPT_NODE, offsetof(struct pad, padding), NULL, NULL,
     "pixels on each side: a number, or [rows, columns]"},
    {"mode", NN_OPT_CHOICE, offsetof(struct pad, mode), "zeros", "zeros|reflect|edge",
     "zeros, the image mirrored at its outermost pixels, or these repeated"},
    NN_OPTION_END};

static int pad_plan(nn_layer *layer) {
    struct pad *o = layer->options;
    int64_t out[3];
    NN_TRY(nn_window_image(layer, 2, &o->image));
    NN_TRY(nn_window_lengths(layer, o->padding, "padding", 2, 0, MOST, o->by));
    for (int d = 0; d < 3; d++) {
        if (o->mode == REFLECT && o->by[d] >= o->image.dim[d])
            return nn_node_fail(o->padding,
                                "padding of layer '%s': %lld is not less than the %lld %s that "
                                "mode: reflect mirrors",
                                layer->name, (long long)o->by[d], (long long)o->image.dim[d],
                                nn_window_direction(2, d));
        out[d] = o->image.dim[d] + 2 * o->by[d];
    }
    layer->out = nn_window_output(layer, 2, 0, out);
    return 0;
}

/* The row [1] or column [2] of the image that stands at `at` of the padded one; -1: zeros. */
static int64_t source_of(const struct pad *o, int d, int64_t at) {
    int64_t last = o->image.dim[d] - 1, from = at - o->by[d];
    if (from >= 0 && from <= last)
        return from;
    if (o->mode == ZEROS)
        return -1;
    if (o->mode == EDGE)
        return from < 0 ? 0 : last;
    return from < 0 ? -from : 2 * last - from;
}

struct call {
    const struct pad *options;
    const nn_io *io;
    /* of a pixel of the image, or NULL, and its place in the padded one */
    void (*pixel)(const struct call *c, size_t image, bool inside, size_t padded);
};

static void run_sample(void *ctx, size_t sample) {
    const struct call *c = ctx;
    const struct pad *o = c->options;
    int64_t rows = o->image.dim[1] + 2 * o->by[1], cols = o->image.dim[2] + 2 * o->by[2];
    size_t channels = (size_t)o->image.dim[3], padded = sample * (size_t)(rows * cols) * channels;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++, padded += channels) {
            int64_t row = source_of(o, 1, i), col = source_of(o, 2, j);
            bool inside = row >= 0 && col >= 0;
            size_t at = inside ? (size_t)(row * o->image.dim[2] + col) * channels : 0;
            c->pixel(c, sample * nn_shape_count(&o->image) + at, inside, padded);
        }
}

static void copy_pixel(const struct call *c, size_t image, bool inside, size_t padded) {
    size_t bytes = (size_t)c->options->image.dim[3] * sizeof(nn_real);
    if (inside)
        memcpy(c->io->y + padded, c->io->x[0] + image, bytes);
    else
        memset(c->io->y + padded, 0, bytes);
}

static void add_pixel(const struct call *c, size_t image, bool inside, size_t padded) {
    for (size_t i = 0; inside && i < (size_t)c->options->image.dim[3]; i++)
        c->io->dx[0][image + i] += c->io->dy[padded + i];
}

static void pad_forward(const nn_layer *layer, const nn_io *io) {
    struct call c = {layer->options, io, copy_pixel};
    nn_parallel_for(layer->compute, io->batch, run_sample, &c);
}

static void pad_backward(const nn_layer *layer, const nn_io *io) {
    struct call c = {layer->options, io, add_pixel};
    if (!io->dx[0])
        return;
    memset(io->dx[0], 0, io->batch * nn_shape_count(&layer->in[0]) * sizeof(nn_real));
    nn_parallel_for(layer->compute, io->batch, run_sample, &c);
}

const nn_layer_ops nn_layer_pad = {
    .entry = {"pad", "more rows and columns around images", pad_options, sizeof(struct pad)},
    .images = true,
    .plan = pad_plan,
    .forward = pad_forward,
    .backward = pad_backward,
};
