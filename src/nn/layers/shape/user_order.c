#include "nn/layers/shape/user_order.h"

#include "base/numbers/compare.h"
#include "math/kernels.h"
#include "math/parallel.h"

#define GRAIN 16384 /* elements worth a fork and join */
#define TILE 32     /* rows and columns that are copied together, for the sake of the caches */

/* Samples [rows][cols] that become [cols][rows]. */
struct transposition {
    size_t rows, cols;
    const nn_real *from;
    nn_real *to;
};

static void transpose_samples(void *ctx, size_t begin, size_t end) {
    const struct transposition *t = ctx;
    for (size_t i = begin * t->rows * t->cols; i < end * t->rows * t->cols; i += t->rows * t->cols)
        for (size_t row = 0; row < t->rows; row += TILE)
            for (size_t col = 0; col < t->cols; col += TILE)
                nn_kernels_get()->transpose(nn_smaller(TILE, t->rows - row),
                                            nn_smaller(TILE, t->cols - col),
                                            t->from + i + row * t->cols + col, t->cols,
                                            t->to + i + col * t->rows + row, t->rows);
}

void nn_transpose_samples(const nn_compute *compute, size_t batch, size_t rows, size_t cols,
                          const nn_real *from, nn_real *to) {
    struct transposition t = {rows, cols, from, to};
    nn_parallel(compute, batch, 1 + GRAIN / (rows * cols), transpose_samples, &t);
}

void nn_user_order_from_memory(const nn_compute *compute, const nn_shape *shape, size_t batch,
                               const nn_real *from, nn_real *to) {
    size_t channels = (size_t)nn_shape_channels(shape), pixels = nn_shape_count(shape) / channels;
    nn_transpose_samples(compute, batch, pixels, channels, from, to);
}

void nn_user_order_to_memory(const nn_compute *compute, const nn_shape *shape, size_t batch,
                             const nn_real *from, nn_real *to) {
    size_t channels = (size_t)nn_shape_channels(shape), pixels = nn_shape_count(shape) / channels;
    nn_transpose_samples(compute, batch, channels, pixels, from, to);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static bool is_copied(const nn_layer *layer, const nn_shape *shape) {
    return (layer->flags & NN_LAYER_USER_ORDER) && nn_shape_is_turned(shape);
}

static size_t room_of(const nn_shape *shape, size_t batch) {
    return nn_align_count(batch * nn_shape_count(shape), sizeof(nn_real));
}

/* A tensor and its gradient; forward needs the tensor alone. */
size_t nn_user_order_elements(const nn_layer *layer, size_t batch, bool training) {
    size_t elements = is_copied(layer, &layer->out) ? room_of(&layer->out, batch) : 0;
    for (size_t k = 0; k < layer->inputs; k++)
        if (is_copied(layer, &layer->in[k]))
            elements += room_of(&layer->in[k], batch);
    return training ? 2 * elements : elements;
}

/* Memory for a copy from the scratch that is left; `tensor` itself where none is made. */
static nn_real *take(const nn_layer *layer, const nn_shape *shape, nn_io *user, nn_real *tensor) {
    nn_real *at = user->scratch;
    if (!tensor || !is_copied(layer, shape))
        return tensor;
    user->scratch = at + room_of(shape, user->batch);
    return at;
}

/* The tensor in the user's order. */
static const nn_real *read(const nn_layer *layer, const nn_shape *shape, nn_io *user,
                           const nn_real *tensor) {
    nn_real *copy = take(layer, shape, user, (nn_real *)tensor);
    if (copy != tensor)
        nn_user_order_from_memory(layer->compute, shape, user->batch, tensor, copy);
    return copy;
}

static void write(const nn_layer *layer, const nn_shape *shape, size_t batch, const nn_real *copy,
                  nn_real *tensor) {
    if (copy != tensor)
        nn_user_order_to_memory(layer->compute, shape, batch, copy, tensor);
}

void nn_layer_forward(const nn_layer *layer, const nn_io *io) {
    nn_io user = *io;
    for (size_t k = 0; k < layer->inputs; k++)
        user.x[k] = read(layer, &layer->in[k], &user, io->x[k]);
    user.y = take(layer, &layer->out, &user, io->y);
    layer->ops->forward(layer, &user);
    write(layer, &layer->out, io->batch, user.y, io->y);
}

void nn_layer_backward(const nn_layer *layer, const nn_io *io) {
    nn_io user = *io;
    for (size_t k = 0; k < layer->inputs; k++) {
        if (layer->flags & NN_LAYER_READS_X)
            user.x[k] = read(layer, &layer->in[k], &user, io->x[k]);
        user.dx[k] = take(layer, &layer->in[k], &user, io->dx[k]);
    }
    if (layer->flags & NN_LAYER_READS_Y)
        user.y = (nn_real *)read(layer, &layer->out, &user, io->y);
    user.dy = read(layer, &layer->out, &user, io->dy);
    layer->ops->backward(layer, &user);
    for (size_t k = 0; k < layer->inputs; k++)
        write(layer, &layer->in[k], io->batch, user.dx[k], io->dx[k]);
}
