/* The loader turns a split into minibatches: global order of the epoch, this rank's rows, floats.
 */
#ifndef NN_DATA_LOADER_LOADER_H
#define NN_DATA_LOADER_LOADER_H

#include "base/target.h"
#include "base/tree.h"
#include "data/dataset.h"

typedef struct nn_loader nn_loader;

typedef struct nn_loader_spec {
    const nn_dataset *dataset;
    const char *split;
    int rank, size;     /* this shard and how many there are */
    int64_t batch_size; /* of the GLOBAL minibatch; 0: the whole split. Larger than the split:
                           NN_EUSAGE when shuffling (training), the whole split otherwise */
    int64_t parts;  /* microbatches that a global minibatch is divided into, of which shards hold
                       whole ones; at least `size`, or 0: divided at any row */
    int64_t passes; /* a minibatch is computed in so many, each a range of its rows that all
                       ranks share, so that no sample changes its pass with the number of
                       ranks; 0 counts as 1 */
    bool shuffle;   /* a new order of the whole split each epoch, else stored order */
    bool drop_last; /* leave an uneven last minibatch out */
    bool training;  /* samples are augmented as the data set says */
    int64_t vocabulary; /* x is indices: whole numbers below this; 0: any numbers */
    bool x_only;        /* no targets wanted (predict): a split without y will do */
    uint64_t seed;
    uint64_t memory_limit; /* bytes the split may take in memory; 0: half of the machine's memory
                              divided by `sharers` */
    bool shuffle_buffer;   /* what does not fit memory_limit is shuffled in buffers of half of it */
    bool prefetch;         /* a thread makes the next minibatch, and reads ahead */
    bool shared;           /* the caller calls nn_loader_fill */
    const nn_compute *compute; /* for augmentation; outlives the loader, NULL: one thread */
    int sharers;               /* processes of this node that load data; 0 counts as 1 */
} nn_loader_spec;

typedef struct nn_batch {
    size_t count;          /* rows of this rank's shard; may be 0 */
    const size_t *pass;    /* [passes + 1]: pass i has the rows [pass[i], pass[i + 1]) */
    int64_t global;        /* rows of the global minibatch */
    const nn_real *x;      /* [count][row] */
    nn_target target;      /* label or value, weight: [count * positions] */
    size_t positions;      /* targets a sample: more than 1 where each position has a label */
    const int32_t *length; /* [count] steps of each sequence that count; NULL: all of them */
    const int64_t *sample; /* [count] index in the split */
} nn_batch;

/* Rows of the batch's target. */
static inline size_t nn_batch_targets(const nn_batch *batch) {
    return batch->count * batch->positions;
}

/* The split is read once, in order, and kept in memory as it is stored; an array that does not fit
 * memory_limit stays in the file and its rows are read for each minibatch: slow, and warned about.
 *
 * Opens the split, checks every value it will hand out (NaN and Inf in x and y, indices,
 * labels and lengths in range) and allocates buffers. The messages name file, split and row. Local:
 * failures are agreed by the caller. */
int nn_loader_new(const nn_loader_spec *spec, nn_loader **out);
void nn_loader_free(nn_loader *loader);

/* Bytes that are kept in memory of the whole split. */
size_t nn_loader_bytes(const nn_loader *loader);
/* Reads the split into `memory` [nn_loader_bytes], which outlives the loader, and checks it: part
 * `part` of `parts`, the others being those of processes that share the memory. NULL: all of it,
 * into memory of the loader's own. Local. */
int nn_loader_fill(nn_loader *loader, void *memory, int part, int parts);

int64_t nn_loader_samples(const nn_loader *loader);
int64_t nn_loader_batches(const nn_loader *loader); /* minibatches an epoch */
/* Samples that are shuffled together; 0: all. */
int64_t nn_loader_shuffle_buffer(const nn_loader *loader);

/* Where microbatch `part` of `parts` begins in a minibatch of `global` rows: rows, microbatches and
 * passes are dealt as nn_tree_share deals leaves, which those who share the work rely on. */
static inline int64_t nn_part_begin(int64_t global, int64_t parts, int64_t part) {
    return (int64_t)nn_tree_share((size_t)global, (size_t)part, (size_t)parts).begin;
}

/* Minibatch `index` of `epoch`, this rank's shard of it: rows floor(global * rank / size) up to
 * floor(global * (rank + 1) / size) of the minibatch (of each pass, where there are several), or
 * microbatches floor(parts * rank / size) up to floor(parts * (rank + 1) / size); the minibatch is
 * rows index * batch_size ... of the epoch's order. Valid until the next call. Reading may fail
 * (NN_EIO). */
int nn_loader_batch(nn_loader *loader, int64_t epoch, int64_t index, nn_batch *batch);

/* Nothing is read from the data set from now until the next minibatch: HDF5 is for one thread at a
 * time. */
void nn_loader_rest(nn_loader *loader);

#endif
