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

/* Columns of x that hold numbers of categories, 1, 2 ..., where 0 is none of them. */
typedef struct nn_categories {
    size_t columns;          /* as many as x has; 0: none of them is one */
    const double *count;     /* [columns] categories of each; 0: it holds other numbers */
    const char *const *name; /* of all of them, one column after the other */
} nn_categories;

/* The names of a column, [count[column]]. */
const char *const *nn_categories_of(const nn_categories *categories, size_t column);
size_t nn_categories_names(const nn_categories *categories); /* how many there are of all columns */
/* Has a column of one the same as one of the other? */
bool nn_categories_same(const nn_categories *a, size_t i, const nn_categories *b, size_t k);

/* As attributes of an object, of a data set whose x has so many columns, and of a checkpoint;
 * nothing where there are none. Read into memory of the pool. NN_EFORMAT. Local. */
int nn_categories_write(const nn_categories *categories, nn_h5 *file, const char *object);
int nn_categories_read(nn_categories *categories, nn_h5 *file, const char *object, size_t columns,
                       nn_pool *pool);

/* Channels of a row: the first dimension of an image [C, H, W] or volume [C, D, H, W], the last of
 * a vector [F] or a sequence [T, F]; 1 of one number. */
size_t nn_channels_of(const nn_shape *shape);
/* May an affine map for rows of this shape have so many numbers? */
bool nn_affine_fits(size_t count, const nn_shape *shape);
/* Which of its numbers belongs to element `e` of a row [C, H, W]. */
size_t nn_affine_index(size_t count, const nn_shape *shape, size_t e);

#endif
