/* The window of an epoch that minibatches are taken from, and the next one that is read meanwhile.
 * Windows are numbered on from epoch to epoch. */
#ifndef NN_DATA_LOADER_SHUFFLE_BUFFER_H
#define NN_DATA_LOADER_SHUFFLE_BUFFER_H

#include "data/loader/field.h"

#define NN_MAX_COLUMNS 4

typedef struct nn_windows {
    nn_order order; /* goes ahead of the loader's */
    size_t columns;
    nn_column *column[NN_MAX_COLUMNS];
    int64_t held[2];       /* number of the window in each half of the columns' memory; -1: none */
    int64_t loading, next; /* the window under way, -1: none, and its next chunk */
} nn_windows;

/* Allocates two windows of each column. NN_EMEMORY. */
int nn_windows_init(nn_windows *windows, const nn_order *order);

/* Row `row` of window `number` within the columns' memory. */
int64_t nn_windows_index(const nn_windows *windows, int64_t number, int64_t row);

/* Reads what is missing of window `number`; the one two before it is gone then. */
int nn_windows_need(nn_windows *windows, int64_t number);
/* Reads one chunk of it; *more: there is more to be read. */
int nn_windows_read(nn_windows *windows, int64_t number, bool *more);

#endif
