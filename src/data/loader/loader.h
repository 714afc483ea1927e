/* The loader turns a split into minibatches: global order of the epoch, this rank's rows, floats.
 */
#ifndef NN_DATA_LOADER_LOADER_H
#define NN_DATA_LOADER_LOADER_H

#include "data/loader/batch.h"
#include "data/loader/spec.h"
#include "data/sources/memory.h"

/* The split is read once, in order, and kept in memory as it is stored. Of an array that does not
 * fit memory_limit, rows are read for each minibatch, through a shuffle buffer where one is asked
 * for; without one that is slow where samples are shuffled, and warned about.
 *
 * Opens the split, checks every value it will return (NaN and Inf in x and y, indices,
 * labels and lengths in range) and allocates buffers. The messages name file, split and row. Local:
 * failures are agreed by the caller. */
int nn_loader_new(const nn_loader_spec *spec, nn_loader **out);
void nn_loader_free(nn_loader *loader);

/* Bytes that are kept in memory of the whole split. */
size_t nn_loader_bytes(const nn_loader *loader);
/* Reads the split into `memory` [nn_loader_bytes], which outlives the loader, and checks it: part
 * `part` of `parts`, the others being those of processes that share the memory. NULL: into
 * memory of the loader's own. Local. */
int nn_loader_fill(nn_loader *loader, void *memory, int part, int parts);
/* Instead: `memory` is what another loader of the same split has filled. Checks it. Local. */
int nn_loader_attach(nn_loader *loader, const void *memory);

int64_t nn_loader_samples(const nn_loader *loader);
int64_t nn_loader_batches(const nn_loader *loader); /* minibatches an epoch */
/* Rows of global minibatch `index` of an epoch. */
int64_t nn_loader_global(const nn_loader *loader, int64_t index);
/* Samples that are shuffled together; 0: all, 1: none, they come as stored. */
int64_t nn_loader_shuffle_buffer(const nn_loader *loader);

/* Of a mixture with weights: how often each part has been gone through after so many samples of the
 * training, of all its epochs; returns how many parts there are, 0 where there is no mixture. */
size_t nn_loader_passes(const nn_loader *loader, int64_t samples, double passes[NN_MAX_PARTS]);

/* Minibatch `index` of `epoch`, this rank's shard of it by the present borders of the shards; the
 * minibatch is rows index * batch_size ... of the epoch's order. Valid until the next call. Reading
 * may fail (NN_EIO). */
int nn_loader_batch(nn_loader *loader, int64_t epoch, int64_t index, nn_batch *batch);

/* For a loader of supplied rows: this rank's rows of the next minibatch, x, y, w and len [rows,
 * ...] in the shape and type that the split has them in, but that floats may have either precision,
 * and labels any size; rank 0: none, where there are no rows, or the split has no such field. They
 * are checked and converted, and not looked at again. NN_EUSAGE, NN_EFORMAT. Local. */
int nn_loader_supply(nn_loader *loader, const nn_array array[NN_DATA_FIELDS], size_t *rows);
/* That minibatch, of which `first` rows on other ranks come before, `global` in all. `number`
 * makes what is drawn at random another one for each. Valid until the next call. Local. */
nn_batch nn_loader_make_supplied(nn_loader *loader, int64_t number, int64_t first, int64_t global);

/* Nothing is read from the data set from now until the next minibatch: HDF5 is for one thread at a
 * time. */
void nn_loader_rest(nn_loader *loader);
/* The same, and minibatches that were chosen or made ahead are so anew: before borders of the
 * shards move. */
void nn_loader_forget(nn_loader *loader);

#endif
