/* What is asked of a loader. */
#ifndef NN_DATA_LOADER_SPEC_H
#define NN_DATA_LOADER_SPEC_H

#include "base/shards.h"
#include "base/system/trace.h"
#include "data/dataset.h"

typedef struct nn_loader nn_loader;

typedef struct nn_loader_spec {
    const nn_dataset *dataset;
    const char *split;
    int rank;                /* whose shard this is ... */
    const nn_shards *shards; /* ... of the shards that they have of a minibatch (of each pass, where
                                there are several); outlives the loader. NULL: it has all rows */
    int64_t batch_size;      /* of the GLOBAL minibatch; 0: the whole split. Larger than the split:
                                NN_EUSAGE when shuffling (training), the whole split otherwise */
    int64_t passes;         /* a minibatch is computed in so many, each a range of its rows that all
                               ranks share, so that no sample changes its pass with the number of
                               ranks; 0 counts as 1 */
    bool shuffle;           /* a new order of the whole split each epoch, else stored order */
    bool drop_last;         /* leave an uneven last minibatch out */
    bool training;          /* samples are augmented as the data set says */
    const int32_t *indices; /* [row of x] numbers of it that are whole and below this; 0: any are.
                               Outlives the loader; NULL: all may be any */
    bool x_only;            /* no targets wanted (predict): a split without y will do */
    uint64_t seed;
    uint64_t memory_limit; /* bytes the split may take in memory; 0: half of what this process may
                              take, which is the machine's memory divided by `sharers`, or the
                              process's own limit where that is less */
    bool shuffle_buffer;   /* what does not fit memory_limit is shuffled in buffers of half of it */
    bool prefetch;         /* a thread makes the next minibatch, and reads ahead */
    nn_trace *trace;       /* where that thread notes what it does; NULL: nowhere */
    bool shared;           /* the caller calls nn_loader_fill */
    bool supplied;         /* it makes minibatches of rows that nn_loader_supply gets, up to
                            batch_size of them in this rank's shard, and of no others */
    int sharers;           /* processes of this node that load data; 0 counts as 1 */
    const nn_compute *compute; /* for augmentation; outlives the loader, NULL: one thread */
    size_t classes;            /* of supplied targets, where they are labels; else */
    double low, high;          /* they are numbers of this interval */
} nn_loader_spec;

#endif
