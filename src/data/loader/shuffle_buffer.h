/* The shuffle buffer that minibatches are taken from, and the next one, which is read meanwhile.
 * Buffers are numbered on from epoch to epoch. */
#ifndef NN_DATA_LOADER_SHUFFLE_BUFFER_H
#define NN_DATA_LOADER_SHUFFLE_BUFFER_H

#include "data/loader/field_reader.h"

#define NN_MAX_READERS 4

typedef struct nn_shuffle_buffer {
    nn_order order; /* goes ahead of the loader's */
    int64_t first;  /* sample of the split that is number 0 of the order */
    int64_t begin;  /* row of the readers' memory where the two buffers begin */
    size_t readers;
    nn_field_reader *reader[NN_MAX_READERS];
    int64_t held[2];       /* number of the buffer in each half of the readers' memory; -1: none */
    int64_t loading, next; /* the buffer that is being read, -1: none, and its next chunk */
} nn_shuffle_buffer;

/* Nothing is held yet. What it reads goes to the readers' memory, which the caller allocates:
 * nn_shuffle_buffer_rows of them. */
void nn_shuffle_buffer_init(nn_shuffle_buffer *buffer, const nn_order *order);
int64_t nn_shuffle_buffer_rows(const nn_shuffle_buffer *buffer);

/* Row `row` of buffer `number` within the readers' memory. */
int64_t nn_shuffle_buffer_index(const nn_shuffle_buffer *buffer, int64_t number, int64_t row);

/* Reads what is missing of buffer `number`; the one two before it is gone then. */
int nn_shuffle_buffer_need(nn_shuffle_buffer *buffer, int64_t number);
/* Reads one chunk of it; *more: there is more to be read. */
int nn_shuffle_buffer_read(nn_shuffle_buffer *buffer, int64_t number, bool *more);

#endif
