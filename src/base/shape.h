/* The shape of one sample's tensor between two layers (the minibatch dimension is not part of it),
 * with the axes that the user and PyTorch see: an image is [C, H, W], a volume [C, D, H, W]. */
#ifndef NN_BASE_SHAPE_H
#define NN_BASE_SHAPE_H

#include <nnmpi/shape.h>

#include <stdbool.h>
#include <stddef.h>

/* Elements; SIZE_MAX, which nothing has room for, where they are more than a size_t counts. */
static inline size_t nn_shape_count(const nn_shape *s) {
    size_t n = 1;
    for (int i = 0; i < s->rank; i++)
        if (__builtin_mul_overflow(n, (size_t)s->dim[i], &n))
            return SIZE_MAX;
    return n;
}

/* No more elements, of a minibatch too, than a machine could hold: what is refused above this
 * cannot overflow where it is multiplied. */
#define NN_SHAPE_MOST ((size_t)1 << 48)

static inline bool nn_shape_fits(const nn_shape *s, size_t batch) {
    size_t n = batch;
    bool fits = n <= NN_SHAPE_MOST;
    for (int i = 0; fits && i < s->rank; i++)
        fits = s->dim[i] >= 0 && !__builtin_mul_overflow(n, (size_t)s->dim[i], &n) &&
               n <= NN_SHAPE_MOST;
    return fits;
}

static inline bool nn_shape_equal(const nn_shape *a, const nn_shape *b) {
    bool equal = a->rank == b->rank;
    for (int i = 0; equal && i < a->rank; i++)
        equal = a->dim[i] == b->dim[i];
    return equal;
}

/* Images [C, H, W] and volumes [C, D, H, W], whose channels are first to the user. */
static inline bool nn_shape_is_image(const nn_shape *s) {
    return s->rank >= 3;
}

/* How a tensor stands in memory: the channels of an image last, [H, W, C]; any other as the user
 * sees it. */
static inline nn_shape nn_channels_last(nn_shape s) {
    nn_shape last = s;
    for (int i = 0; nn_shape_is_image(&s) && i < s.rank; i++)
        last.dim[i] = s.dim[(i + 1) % s.rank];
    return last;
}

static inline nn_shape nn_channels_first(nn_shape s) {
    nn_shape first = s;
    for (int i = 0; nn_shape_is_image(&s) && i < s.rank; i++)
        first.dim[(i + 1) % s.rank] = s.dim[i];
    return first;
}

/* How an image stands in memory, [H, W, C]; one of [H, W] is grey. Rank 0: it is none. */
static inline nn_shape nn_image_in_memory(const nn_shape *s) {
    if (s->rank == 2)
        return (nn_shape){3, {s->dim[0], s->dim[1], 1}};
    return s->rank == 3 ? nn_channels_last(*s) : (nn_shape){0};
}

/* An image whose memory is not in the user's order already. */
static inline bool nn_shape_is_turned(const nn_shape *s) {
    int64_t pixels = 1;
    for (int i = 1; i < s->rank; i++)
        pixels *= s->dim[i];
    return nn_shape_is_image(s) && s->dim[0] > 1 && pixels > 1;
}

/* The dimension of the channels, which are innermost in memory: that of an image, else the last. */
static inline int nn_shape_channel_axis(const nn_shape *s) {
    return nn_shape_is_image(s) ? 0 : s->rank - 1;
}

static inline int64_t nn_shape_channels(const nn_shape *s) {
    return s->dim[nn_shape_channel_axis(s)];
}

/* "[1, 28, 28]"; `text` holds at least NN_SHAPE_TEXT bytes and is returned. */
#define NN_SHAPE_TEXT 96
const char *nn_shape_text(const nn_shape *s, char text[NN_SHAPE_TEXT]);

#endif
