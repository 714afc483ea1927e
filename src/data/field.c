#include "data/field.h"

size_t nn_channels_of(const nn_shape *shape) {
    return shape->rank ? (size_t)nn_shape_channels(shape) : 1;
}

bool nn_affine_fits(size_t count, const nn_shape *shape) {
    return count == 1 || count == nn_channels_of(shape) || count == nn_shape_count(shape);
}

size_t nn_affine_index(size_t count, const nn_shape *shape, size_t e) {
    size_t width = nn_shape_count(shape);

    if (count == width)
        return e;
    return nn_shape_is_image(shape) ? e / (width / count) : e % count;
}
