/* Fields: the arrays of a split as they are stored, and how they become floats. */
#ifndef NN_DATA_FIELD_H
#define NN_DATA_FIELD_H

#include "base/shape.h"
#include "io/hdf5/h5.h"

/* One stored array of a split; rows are samples. */
typedef struct nn_field {
    nn_dtype type;
    nn_shape shape;     /* of one row, images [C, H, W]; rank 0: one number */
    size_t row_bytes;   /* as stored */
    bool channels_last; /* images are stored as [H, W, C] all the same */
} nn_field;

/* The shape of a row in the file. */
static inline nn_shape nn_field_stored_shape(const nn_field *field) {
    return field->channels_last ? nn_channels_last(field->shape) : field->shape;
}
/* The element of [C, H, W] that stands at place `e` of a stored row. */
static inline size_t nn_field_element(const nn_field *field, size_t e) {
    size_t channels = field->channels_last ? (size_t)field->shape.dim[0] : 1;
    return e % channels * (nn_shape_count(&field->shape) / channels) + e / channels;
}

/* x as float = stored * scale + offset. One number of each for all elements of a row, one for each
 * channel, or one for each element of [C, H, W], as `count` says; 0: x is used as it is. */
typedef struct nn_affine {
    size_t count;
    const double *scale, *offset;
} nn_affine;

/* What numbers are made to have mean 0 and deviation 1 by: (x - mean) / std, after the affine map.
 * `count` as there. */
typedef struct nn_normal {
    size_t count;
    const double *mean, *std;
} nn_normal;

/* Channels of a row: the first dimension of an image [C, H, W] or volume [C, D, H, W], the last of
 * a vector [F] or a sequence [T, F]; 1 of one number. */
size_t nn_channels_of(const nn_shape *shape);
/* May an affine map for rows of this shape have so many numbers? */
bool nn_affine_fits(size_t count, const nn_shape *shape);
/* Which of its numbers belongs to element `e` of a row [C, H, W]. */
size_t nn_affine_index(size_t count, const nn_shape *shape, size_t e);

#endif
