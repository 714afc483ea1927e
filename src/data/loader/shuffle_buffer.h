/* The window of an epoch that minibatches are taken from, and the next one that is read meanwhile.
 * Windows are numbered on from epoch to epoch. */
#ifndef NN_DATA_LOADER_SHUFFLE_BUFFER_H
#define NN_DATA_LOADER_SHUFFLE_BUFFER_H

#include "data/loader/field_reader.h"

#define NN_MAX_COLUMNS 4

typedef struct nn_shuffle_buffer {
    nn_order order; /* goes ahead of the loader's */
    size_t columns;
    nn_field_reader *column[NN_MAX_COLUMNS];
    int64_t held[2];       /* number of the window in each half of the columns' memory; -1: none */
    int64_t loading, next; /* the window under way, -1: none, and its next chunk */
} nn_shuffle_buffer;

/* Allocates two windows of each column. NN_EMEMORY. */
int nn_shuffle_buffer_init(nn_shuffle_buffer *windows, const nn_order *order);

/* Row `row` of window `number` within the columns' memory. */
int64_t nn_shuffle_buffer_index(const nn_shuffle_buffer *windows, int64_t number, int64_t row);

/* Reads what is missing of window `number`; the one two before it is gone then. */
int nn_shuffle_buffer_need(nn_shuffle_buffer *windows, int64_t number);
/* Reads one chunk of it; *more: there is more to be read. */
int nn_shuffle_buffer_read(nn_shuffle_buffer *windows, int64_t number, bool *more);

#endif
