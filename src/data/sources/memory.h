/* Data sets in the caller's memory (nnmpi/data.h), as the source `memory` reads them. */
#ifndef NN_DATA_SOURCES_MEMORY_H
#define NN_DATA_SOURCES_MEMORY_H

#include "data/dataset.h"

#include <nnmpi/data.h>

enum { NN_DATA_X, NN_DATA_Y, NN_DATA_W, NN_DATA_LENGTH, NN_DATA_FIELDS };

struct nn_data {
    nn_pool pool;
    nn_array array[NN_MAX_SPLITS][NN_DATA_FIELDS]; /* rank 0: none */
    nn_data_read_fn *read;                         /* of arrays without data */
    void *ctx;
    size_t classes, columns, scales; /* 0: not given */
    const char **class_name, **column_name;
    const char *tokens; /* their kind; NULL: x and y are none */
    double *scale, *offset;
    void
        *memory; /* behind the arrays, given back by `release`; NULL: the arrays are the caller's */
    void (*release)(void *memory);
};

/* The names of its splits and fields: "train" ..., "x" ... */
extern const char *const nn_data_splits[NN_MAX_SPLITS];
extern const char *const nn_data_fields[NN_DATA_FIELDS];

/* Its dimensions and type are such, and all of it can be addressed; `what` says in messages whose
 * array it is. NN_EUSAGE. */
int nn_array_check(const nn_array *array, const char *what);
/* Bytes of a row of an array. */
size_t nn_array_row_bytes(const nn_array *array);

/* Rows [first, first + count) of field f of split s, from the array or by the caller's function.
 * NN_EIO, NN_EUSAGE where there is neither. Local. */
int nn_data_read(const nn_data *data, size_t s, size_t f, int64_t first, int64_t count, void *out);

#endif
