/* A loader of the split train, as the data tests want it. */
#ifndef NN_TESTS_TRAIN_LOADER_H
#define NN_TESTS_TRAIN_LOADER_H

#include "data/loader/loader.h"
#include "data_files.h"

/* `memory`: bytes for shuffle buffers; 0: all rows are kept. `training` shuffles. */
static inline nn_loader *open_train_loader(const nn_dataset *ds, int rank, const nn_shards *shards,
                                           int64_t batch_size, uint64_t memory, bool training,
                                           bool prefetch) {
    nn_loader_spec spec = {.dataset = ds,
                           .split = "train",
                           .rank = rank,
                           .shards = shards,
                           .batch_size = batch_size,
                           .shuffle = training,
                           .training = training,
                           .seed = 9,
                           .memory_limit = memory,
                           .shuffle_buffer = memory > 0,
                           .prefetch = prefetch};
    nn_loader *loader = NULL;

    CHECK_WORKS(nn_loader_new(&spec, &loader));
    return loader;
}

#endif
