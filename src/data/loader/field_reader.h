/* One array of a split as a loader keeps it: in memory, in the shuffle buffer, or in the file. */
#ifndef NN_DATA_LOADER_FIELD_READER_H
#define NN_DATA_LOADER_FIELD_READER_H

#include "data/dataset.h"
#include "data/loader/order.h"
#include "data/values/convert.h"

typedef struct nn_field_reader {
    const nn_dataset *ds;
    const nn_split *split;
    char name; /* 'x', 'y', 'w', NN_FIELD_LENGTH */
    size_t row_bytes;
    const int32_t *indices; /* [row] as nn_loader_spec's */
    nn_converter convert;
    bool in_memory;             /* all of it: */
    bool borrowed;              /* memory of the caller's */
    unsigned char *stored;      /* [samples][row_bytes]; or */
    const unsigned char *there; /* the same where the data set has them in memory; or */
    unsigned char *buffer;      /* [2][rows of a shuffle buffer][row_bytes]; or */
    unsigned char *piece;       /* [rows][row_bytes]: read from the file for each minibatch */
} nn_field_reader;

/* How rows become floats comes from `pool`. NN_EMEMORY. */
int nn_field_reader_init(nn_field_reader *reader, const nn_dataset *ds, const nn_split *split,
                         char name, nn_pool *pool);
void nn_field_reader_release(nn_field_reader *reader);

/* Bytes of the whole array. */
uint64_t nn_field_reader_bytes(const nn_field_reader *reader);

/* Reads rows [first, first + count) once, in order, into memory where all is kept, and checks every
 * value. The messages name file, split and row. */
int nn_field_reader_scan(const nn_field_reader *reader, int64_t first, int64_t count);

/* The same for rows in the caller's memory, at most as many as `value` [rows][width] has room for.
 */
int nn_field_reader_check(const nn_field_reader *reader, int64_t first, int64_t rows,
                          const unsigned char *stored, nn_real *value);

/* Asks for a row that is wanted soon, for a line in `step` bytes: shuffled rows are cache misses.
 * No more than a hint. */
void nn_field_reader_fetch(const nn_field_reader *reader, int64_t row, size_t step);

/* out[count][width of a row]: rows index[0 .. count) of what is kept, as floats or integers. From
 * the file reading may fail. */
int nn_field_reader_floats(const nn_field_reader *reader, const int64_t *index, size_t count,
                           nn_real *out);
int nn_field_reader_integers(const nn_field_reader *reader, const int64_t *index, size_t count,
                             int32_t *out);

#endif
