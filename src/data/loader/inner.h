/* The inside of a loader, shared by loader.c (what it consists of), minibatch.c (the making of a
 * minibatch) and supplied.c (minibatches of rows that the program supplies). */
#ifndef NN_DATA_LOADER_INNER_H
#define NN_DATA_LOADER_INNER_H

#include "data/loader/batch.h"
#include "data/loader/mixture.h"
#include "data/loader/prefetch.h"
#include "data/loader/shuffle_buffer.h"
#include "data/loader/spec.h"

/* The memory of this rank's shard of one minibatch. */
typedef struct nn_batch_memory {
    nn_batch batch;
    int64_t *sample;             /* [shard_max] */
    size_t *pass;                /* [passes + 1] */
    nn_real *x, *value, *weight; /* [shard_max][row] */
    int32_t *label, *length;
    nn_real *position_weight; /* [shard_max][positions]: that of the sample */
    int64_t *position;        /* [shard_max][positions] index among those of the split */
} nn_batch_memory;

/* Samples that have an order of their own: all of the split, or those of a part of a mixture. It is
 * gone through pass after pass; a pass over all of the split is an epoch. */
typedef struct nn_loader_stream {
    int64_t first; /* sample of the split that is number 0 of the order */
    double weight; /* of all streams 1 */
    nn_order order;
    nn_shuffle_buffer shuffle;
    int64_t buffer; /* number of the last one in use; -1: none yet */
} nn_loader_stream;

struct nn_loader {
    nn_loader_spec spec;
    const nn_split *split;
    nn_pool pool;
    int64_t batch_size, batches;
    size_t shard_max;
    uint64_t memory_left;
    bool labels, values, weights, lengths;
    size_t positions; /* labels a sample */
    nn_field_reader x, y, w, length;
    size_t readers;
    nn_field_reader *reader[NN_MAX_READERS]; /* those in use */
    size_t buffered;                         /* readers whose rows are in shuffle buffers, */
    nn_field_reader *in_buffer[NN_MAX_READERS];
    size_t streams;
    nn_loader_stream *stream;
    nn_mixture mixture;           /* of the streams, where there are several */
    nn_sample_location *drawn;    /* [shard_max] from one of them */
    int64_t *occurrence;          /* [shard_max] what augmentation takes for the sample */
    nn_prefetch_task chosen;      /* the minibatch that `location` is about */
    nn_sample_location *location; /* [shard_max] */
    int64_t *buffer_row;          /* [shard_max] its rows in the shuffle buffer */
    nn_real *x_plain;             /* before augmentation; NULL: nothing moves pixels */
    nn_real *fill;                /* [row] what a stored 0 becomes; NULL: no augmentation */
    int depth;                    /* 1 without a thread */
    nn_batch_memory memory[NN_PREFETCH_MAX_DEPTH];
    nn_prefetch *prefetch; /* NULL: no thread */
};

/* The streams of the split, with their shuffle buffers for the readers that need some, once these
 * are known. NN_EUSAGE where data.memory is too little. */
int nn_loader_open_streams(nn_loader *loader);

/* A minibatch in this memory, but for its passes, whatever its samples are. */
nn_batch nn_loader_batch_of(const nn_loader *loader, const nn_batch_memory *memory, size_t count,
                            int64_t global);
/* Where the rows of x are converted to, and what is done with them when all fields are there. */
nn_real *nn_loader_x(const nn_loader *loader, const nn_batch_memory *memory);
void nn_loader_complete(nn_loader *loader, nn_batch_memory *memory, int64_t epoch);

/* For the prefetching thread, or without one for nn_loader_batch: makes a minibatch, and says which
 * one comes after it. The context is the loader. */
int nn_loader_make(void *ctx, const nn_prefetch_task *task, int entry);
nn_prefetch_task nn_loader_after(void *ctx, const nn_prefetch_task *task);
/* Reads a chunk of the shuffle buffer after the last one in use, which takes the place of the one
 * before; false: there is no more to be read. */
bool nn_loader_read_ahead(void *loader);

#endif
