/* The order in which an epoch goes through a split: a function of (seed, epoch) and of the numbers
 * given here, the same on every rank. */
#ifndef NN_DATA_LOADER_ORDER_H
#define NN_DATA_LOADER_ORDER_H

#include "base/numbers/rng.h"

#include <stdbool.h>

/* What fits in memory is one buffer and shuffled as a whole. Else chunks of neighbouring samples
 * are shuffled, so many of them in a row are a buffer, and the samples within each buffer are
 * shuffled. */
typedef struct nn_order {
    uint64_t seed;
    int64_t samples;
    bool shuffle;           /* else as stored */
    int64_t chunk;          /* samples of a chunk; the last one of the split may be shorter */
    int64_t buffer;         /* chunks of a buffer; the last one of the epoch may have fewer */
    int64_t chunks, lacked; /* of the split; samples that the last chunk lacks */
    int64_t buffers;        /* of an epoch */
    int64_t epoch;          /* what follows is about: */
    nn_permutation of_chunks;
    int64_t last_at; /* where the last chunk of the split comes in the epoch */
} nn_order;

/* Samples of chunk and buffer: `samples` and 1 where all is one buffer. */
void nn_order_init(nn_order *order, uint64_t seed, bool shuffle, int64_t samples, int64_t chunk,
                   int64_t buffer);
/* Goes to an epoch. */
void nn_order_begin(nn_order *order, int64_t epoch);

/* What stands at a position of the epoch. */
typedef struct nn_sample_location {
    int64_t sample; /* in the split */
    int64_t buffer; /* of the epoch */
    int64_t row;    /* of the buffer, whose chunks stand one after the other */
    size_t stream;  /* the loader's: whose order it is */
    int64_t again;  /* passes over it that have begun in the epoch before this one; 0: the first */
} nn_sample_location;
/* Positions [from, from + count) of the epoch. */
void nn_order_locate(const nn_order *order, int64_t from, size_t count, nn_sample_location *out);

/* Chunks of a buffer of the epoch, and the samples of its i-th: [*first, *first + *count). */
int64_t nn_order_chunks(const nn_order *order, int64_t buffer);
void nn_order_chunk(const nn_order *order, int64_t buffer, int64_t i, int64_t *first,
                    int64_t *count);

#endif
