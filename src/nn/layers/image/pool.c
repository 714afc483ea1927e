/* Pooling over windows of sequences, images or volumes: the largest number of each channel (its
 * gradient goes to the first one on a tie), or the average (its gradient is spread evenly). Padding
 * never wins; in an average it counts as zeros, as in PyTorch, unless asked otherwise. */
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/image/window.h"
#include "nn/layers/layers.h"

#include <string.h>

#define MOST 10000
#define MOST_PIXELS 256 /* an index of a window's pixel is a byte */
/* Elements of the input that are worth a thread. */
#define GRAIN 32768

struct pool {
    const nn_node *size, *stride, *padding;
    bool ceil_mode, count_include_pad;
    /* what they come to */
    nn_sliding_window window;
    nn_shape image; /* [planes, rows, columns, channels] */
    int64_t out[3]; /* planes, rows, columns */
};

/* `lengths`: how they are written. */
#define SHARED_OPTIONS(lengths)                                                                    \
    {                                                                                              \
        "size", NN_OPT_NODE, offsetof(struct pool, size),                                          \
        NULL,   NULL,        "size of the window: " lengths},                                      \
        {"stride", NN_OPT_NODE, offsetof(struct pool, stride),                                     \
         "",       NULL,        "step of the window: " lengths "; default: its size"},             \
        {"padding", NN_OPT_NODE, offsetof(struct pool, padding),                                   \
         "0",       NULL,        "padding on each side, at most half the size: " lengths},         \
    {                                                                                              \
        "ceil_mode", NN_OPT_BOOL, offsetof(struct pool, ceil_mode), "false", NULL,                 \
            "a last window that is partly outside counts too"                                      \
    }

#define MAX_OPTIONS(lengths)                                                                       \
    { SHARED_OPTIONS(lengths), NN_OPTION_END }
#define AVG_OPTIONS(lengths)                                                                       \
    {                                                                                              \
        SHARED_OPTIONS(lengths),                                                                   \
            {"count_include_pad",                                                                  \
             NN_OPT_BOOL,                                                                          \
             offsetof(struct pool, count_include_pad),                                             \
             "true",                                                                               \
             NULL,                                                                                 \
             "padding counts as zeros in the average"},                                            \
            NN_OPTION_END                                                                          \
    }

static const nn_option max_pool1d_options[] = MAX_OPTIONS(NN_WINDOW_1D);
static const nn_option max_pool_options[] = MAX_OPTIONS(NN_WINDOW_2D);
static const nn_option max_pool3d_options[] = MAX_OPTIONS(NN_WINDOW_3D);
static const nn_option avg_pool1d_options[] = AVG_OPTIONS(NN_WINDOW_1D);
static const nn_option avg_pool_options[] = AVG_OPTIONS(NN_WINDOW_2D);
static const nn_option avg_pool3d_options[] = AVG_OPTIONS(NN_WINDOW_3D);

static int read_window(const nn_layer *layer, int dims, struct pool *o) {
    nn_sliding_window *w = &o->window;
    *w = nn_sliding_window_of(dims);
    w->ceil = o->ceil_mode;
    NN_TRY(nn_window_lengths(layer, o->size, "size", dims, 1, MOST, w->size));
    memcpy(w->stride, w->size, sizeof w->stride);
    NN_TRY(nn_window_lengths(layer, o->stride, "stride", dims, 1, MOST, w->stride));
    NN_TRY(nn_window_lengths(layer, o->padding, "padding", dims, 0, MOST, w->before));
    for (int d = 0; d < 3; d++)
        if (w->before[d] > w->size[d] / 2)
            return nn_node_fail(o->padding,
                                "padding of layer '%s' may be at most half the size of its window",
                                layer->name);
    memcpy(w->after, w->before, sizeof w->after);
    return 0;
}

static int pool_plan(nn_layer *layer) {
    struct pool *o = layer->options;
    int dims = layer->ops->directions;
    NN_TRY(nn_window_image(layer, dims, &o->image));
    NN_TRY(read_window(layer, dims, o));
    NN_TRY(nn_sliding_window_count(layer, &o->window, &o->image, o->out));
    layer->out = nn_window_output(layer, dims, 0, o->out);
    return 0;
}

/* ---- the windows ---------------------------------------------------------------------------- */

/* A pass over a minibatch. */
typedef struct pass {
    const nn_layer *layer;
    const nn_io *io;
    size_t parts;
    /* Neighbouring points whose windows have the same form: the first one's window begins at
     * element `in` of the minibatch, the point itself is number `point`. */
    void (*run)(const struct pass *pass, const nn_pool_row *row, size_t in, size_t point);
    bool clear; /* dx starts as zeros */
} pass;

/* The window's pixels [begin, end) that are in the image, for point `at` of direction d. */
static void clip(const struct pool *o, int d, int64_t at, int64_t *begin, int64_t *end) {
    int64_t start = at * o->window.stride[d] - o->window.before[d];
    int64_t stop = start + o->window.size[d];
    *begin = start < 0 ? 0 : start;
    *end = stop > o->image.dim[d] ? o->image.dim[d] : stop;
}

/* Pixels that an average divides by, of direction d: padding counts, what is behind it does not. */
static int64_t divisor(const struct pool *o, int d, int64_t at) {
    int64_t begin, end, start = at * o->window.stride[d] - o->window.before[d];
    int64_t stop = start + o->window.size[d], most = o->image.dim[d] + o->window.after[d];
    clip(o, d, at, &begin, &end);
    return o->count_include_pad ? (stop > most ? most : stop) - start : end - begin;
}

/* Points of a row from x on whose windows are whole, or the one whose window is not. */
static size_t same_form(const struct pool *o, int64_t x) {
    const nn_sliding_window *w = &o->window;
    int64_t begin, end, last = (o->image.dim[2] + w->before[2] - w->size[2]) / w->stride[2];
    clip(o, 2, x, &begin, &end);
    if (end - begin < w->size[2])
        return 1;
    return (size_t)((last < o->out[2] ? last + 1 : o->out[2]) - x);
}

static void run_row(const pass *p, size_t image, int64_t z, int64_t y) {
    const struct pool *o = p->layer->options;
    const nn_sliding_window *w = &o->window;
    const int64_t *in = o->image.dim, channels = in[3];
    int64_t at[3] = {z, y}, begin[3], end[3], inside[3];
    clip(o, 0, z, &begin[0], &end[0]);
    clip(o, 1, y, &begin[1], &end[1]);
    nn_pool_row row = {.channels = (size_t)channels,
                       .planes = (size_t)(end[0] - begin[0]),
                       .rows = (size_t)(end[1] - begin[1]),
                       .x_plane = (size_t)(in[1] * in[2] * channels),
                       .x_row = (size_t)(in[2] * channels),
                       .x_step = (size_t)(w->stride[2] * channels),
                       .first_plane = (size_t)(w->size[1] * w->size[2]),
                       .first_row = (size_t)w->size[2]};
    for (; at[2] < o->out[2]; at[2] += (int64_t)row.points) {
        clip(o, 2, at[2], &begin[2], &end[2]);
        for (int d = 0; d < 3; d++)
            inside[d] = begin[d] + w->before[d] - at[d] * w->stride[d];
        row.cols = (size_t)(end[2] - begin[2]);
        row.points = same_form(o, at[2]);
        row.first = (size_t)((inside[0] * w->size[1] + inside[1]) * w->size[2] + inside[2]);
        row.scale = 1 / (nn_real)(divisor(o, 0, z) * divisor(o, 1, y) * divisor(o, 2, at[2]));
        p->run(p, &row,
               image * nn_shape_count(&o->image) +
                   (size_t)(((begin[0] * in[1] + begin[1]) * in[2] + begin[2]) * channels),
               ((image * (size_t)o->out[0] + (size_t)z) * (size_t)o->out[1] + (size_t)y) *
                       (size_t)o->out[2] +
                   (size_t)at[2]);
    }
}

static bool covers_exactly(const struct pool *o) {
    const nn_sliding_window *w = &o->window;
    bool exact = true;
    for (int d = 0; d < 3; d++)
        exact &= w->stride[d] == w->size[d] && o->out[d] * w->size[d] == o->image.dim[d];
    return exact;
}

static bool overlaps(const struct pool *o) {
    const nn_sliding_window *w = &o->window;
    return w->stride[0] < w->size[0] || w->stride[1] < w->size[1] || w->stride[2] < w->size[2];
}

static void run_part(void *ctx, size_t part) {
    const pass *p = ctx;
    const struct pool *o = p->layer->options;
    size_t count = nn_shape_count(&o->image), end = p->io->batch * (part + 1) / p->parts;
    for (size_t image = p->io->batch * part / p->parts; image < end; image++) {
        if (p->clear)
            memset(p->io->dx[0] + image * count, 0, count * sizeof(nn_real));
        for (int64_t z = 0; z < o->out[0]; z++)
            for (int64_t y = 0; y < o->out[1]; y++)
                run_row(p, image, z, y);
    }
}

static void run_pass(pass *p) {
    const struct pool *o = p->layer->options;
    size_t images = p->io->batch, most = images * nn_shape_count(&o->image) / GRAIN;
    p->parts = (size_t)nn_compute_threads(p->layer->compute);
    p->parts = p->parts < most ? p->parts : most;
    p->parts = p->parts < images ? p->parts : images;
    p->parts = p->parts ? p->parts : 1;
    nn_parallel_for(p->layer->compute, p->parts, run_part, p);
}

static void run_backward(const nn_layer *layer, const nn_io *io,
                         void (*run)(const pass *, const nn_pool_row *, size_t, size_t)) {
    if (io->dx[0])
        run_pass(&(pass){
            .layer = layer, .io = io, .run = run, .clear = !covers_exactly(layer->options)});
}

/* ---- max_pool ------------------------------------------------------------------------------- */

static int max_pool_plan(nn_layer *layer) {
    const struct pool *o = layer->options;
    NN_TRY(pool_plan(layer));
    if (nn_sliding_window_points(&o->window) > MOST_PIXELS)
        return nn_node_fail(o->size, "size of layer '%s': a window may have %d pixels at most",
                            layer->name, MOST_PIXELS);
    layer->save_bytes = nn_shape_count(&layer->out) + NN_POOL_ARG_ROOM;
    return 0;
}

static uint8_t *arg_of(const pass *p, const nn_pool_row *row, size_t point) {
    return (uint8_t *)p->io->save + point * row->channels;
}

static void run_max(const pass *p, const nn_pool_row *row, size_t in, size_t point) {
    nn_kernels_get()->max_pool(row, p->io->x[0] + in, p->io->y + point * row->channels,
                               arg_of(p, row, point));
}

static void run_max_grad(const pass *p, const nn_pool_row *row, size_t in, size_t point) {
    nn_kernels_get()->max_pool_grad(row, p->io->dy + point * row->channels, arg_of(p, row, point),
                                    overlaps(p->layer->options), p->io->dx[0] + in);
}

static void max_pool_forward(const nn_layer *layer, const nn_io *io) {
    run_pass(&(pass){.layer = layer, .io = io, .run = run_max});
}

static void max_pool_backward(const nn_layer *layer, const nn_io *io) {
    run_backward(layer, io, run_max_grad);
}

const nn_layer_ops nn_layer_max_pool1d = {
    .entry = {"max_pool1d",
              "the largest number of each channel in windows of sequences [steps, features]",
              max_pool1d_options, sizeof(struct pool)},
    .directions = 1,
    .plan = max_pool_plan,
    .check_lengths = nn_window_refuse_lengths,
    .forward = max_pool_forward,
    .backward = max_pool_backward,
};

const nn_layer_ops nn_layer_max_pool = {
    .entry = {"max_pool", "the largest number of each channel in windows of images",
              max_pool_options, sizeof(struct pool)},
    .directions = 2,
    .images = true,
    .plan = max_pool_plan,
    .forward = max_pool_forward,
    .backward = max_pool_backward,
};

const nn_layer_ops nn_layer_max_pool3d = {
    .entry = {"max_pool3d",
              "the largest number of each channel in windows of volumes [channels, planes, rows, "
              "columns]",
              max_pool3d_options, sizeof(struct pool)},
    .directions = 3,
    .images = true,
    .plan = max_pool_plan,
    .forward = max_pool_forward,
    .backward = max_pool_backward,
};

/* ---- avg_pool ------------------------------------------------------------------------------- */

static void run_avg(const pass *p, const nn_pool_row *row, size_t in, size_t point) {
    nn_kernels_get()->avg_pool(row, p->io->x[0] + in, p->io->y + point * row->channels);
}

static void run_avg_grad(const pass *p, const nn_pool_row *row, size_t in, size_t point) {
    nn_kernels_get()->avg_pool_grad(row, p->io->dy + point * row->channels,
                                    overlaps(p->layer->options), p->io->dx[0] + in);
}

static void avg_pool_forward(const nn_layer *layer, const nn_io *io) {
    run_pass(&(pass){.layer = layer, .io = io, .run = run_avg});
}

static void avg_pool_backward(const nn_layer *layer, const nn_io *io) {
    run_backward(layer, io, run_avg_grad);
}

const nn_layer_ops nn_layer_avg_pool1d = {
    .entry = {"avg_pool1d", "the average of each channel in windows of sequences [steps, features]",
              avg_pool1d_options, sizeof(struct pool)},
    .directions = 1,
    .plan = pool_plan,
    .check_lengths = nn_window_refuse_lengths,
    .forward = avg_pool_forward,
    .backward = avg_pool_backward,
};

const nn_layer_ops nn_layer_avg_pool = {
    .entry = {"avg_pool", "the average of each channel in windows of images", avg_pool_options,
              sizeof(struct pool)},
    .directions = 2,
    .images = true,
    .plan = pool_plan,
    .forward = avg_pool_forward,
    .backward = avg_pool_backward,
};

const nn_layer_ops nn_layer_avg_pool3d = {
    .entry = {"avg_pool3d",
              "the average of each channel in windows of volumes [channels, planes, rows, columns]",
              avg_pool3d_options, sizeof(struct pool)},
    .directions = 3,
    .images = true,
    .plan = pool_plan,
    .forward = avg_pool_forward,
    .backward = avg_pool_backward,
};

/* ---- global_avg_pool ------------------------------------------------------------------------ */

static int global_plan(nn_layer *layer) {
    nn_shape image;
    NN_TRY(nn_window_image(layer, layer->in[0].rank == 4 ? 3 : 2, &image));
    layer->out = (nn_shape){1, {image.dim[3]}};
    return 0;
}

/* Each image as one window. */
static nn_pool_row whole_images(const nn_layer *layer, size_t images) {
    size_t channels = (size_t)layer->out.dim[0];
    size_t pixels = nn_shape_count(&layer->in[0]) / channels;
    return (nn_pool_row){.channels = channels,
                         .points = images,
                         .planes = 1,
                         .rows = 1,
                         .cols = pixels,
                         .x_step = pixels * channels,
                         .scale = 1 / (nn_real)pixels};
}

static void global_forward(const nn_layer *layer, const nn_io *io) {
    nn_pool_row row = whole_images(layer, io->batch);
    nn_kernels_get()->avg_pool(&row, io->x[0], io->y);
}

static void global_backward(const nn_layer *layer, const nn_io *io) {
    nn_pool_row row = whole_images(layer, io->batch);
    if (io->dx[0])
        nn_kernels_get()->avg_pool_grad(&row, io->dy, false, io->dx[0]);
}

const nn_layer_ops nn_layer_global_avg_pool = {
    .entry = {"global_avg_pool", "the average of each channel over the whole image or volume", NULL,
              0},
    .images = true,
    .plan = global_plan,
    .forward = global_forward,
    .backward = global_backward,
};
