/* Stored numbers become floats. */
#ifndef NN_DATA_VALUES_CONVERT_H
#define NN_DATA_VALUES_CONVERT_H

#include "base/real.h"
#include "data/field.h"

/* The order in which the elements of a row come out. */
typedef enum nn_row_order {
    NN_AS_STORED,
    NN_CHANNELS_LAST /* as the model takes them: [C, H, W] becomes [H, W, C] */
} nn_row_order;

/* How the rows of one field become floats: stored * scale + offset, for each element of a row. */
typedef struct nn_converter {
    nn_dtype type;
    size_t width;                    /* elements of a row */
    size_t channels;                 /* planes of a stored row that become interleaved; 1: none */
    bool uniform;                    /* one scale and offset for all elements */
    nn_real *scale_row, *offset_row; /* [width]; NULL when uniform */
    double *scale, *offset;          /* [width], or [1] when uniform; in stored order */
} nn_converter;

/* `affine` NULL, or of no numbers: the identity. Memory comes from `pool`. NN_EMEMORY. */
int nn_converter_init(nn_converter *converter, const nn_field *field, const nn_affine *affine,
                      nn_row_order order, nn_pool *pool);

/* out[rows][width] from `rows` stored rows. */
void nn_converter_apply(const nn_converter *converter, size_t rows, const void *stored,
                        nn_real *out);

/* Subtracts from integers that are not -1; false when one is smaller: the first of them is *at. */
bool nn_stored_subtract(nn_dtype type, void *stored, size_t count, int64_t amount, size_t *at);

/* Element i of an array of integers. */
int64_t nn_stored_integer(nn_dtype type, const void *stored, size_t i);
/* Changes it; the value fits into the type. */
void nn_stored_set(nn_dtype type, void *stored, size_t i, int64_t value);

/* Rows to handle at a time so that a piece is about 1 MiB; at least 1. */
int64_t nn_chunk_rows(size_t row_bytes);

#endif
