/* Checkpoints in HDF5: everything a run needs to go on as if nothing had happened. */
#ifndef NN_TRAIN_CHECKPOINT_CHECKPOINT_H
#define NN_TRAIN_CHECKPOINT_CHECKPOINT_H

#include "base/mem.h"
#include "io/digest.h"
#include "train/checkpoint/snapshot.h"

#include <nnmpi/checkpoint.h>

/* Writes durably: temporary name, fsync, rename. NN_EIO. Local (rank 0 calls it). */
int nn_checkpoint_write(const char *path, const nn_snapshot *snapshot);

/* Verifies the file's checksum, then copies into the snapshot's vectors. Parameters must
 * match the model by name and shape: NN_EFORMAT says which does not. `pool` owns config and history
 * texts. Nothing is changed on failure but the vectors. Local. */
int nn_checkpoint_read(const char *path, nn_pool *pool, nn_snapshot *snapshot);

/* The same of a file that this process has verified already. Local. */
int nn_checkpoint_load(const char *path, nn_pool *pool, nn_snapshot *snapshot);

/* Verifies the file, then copies parameters into `params` [nn_model_size]: those of the layers that
 * the list names, or with `layers` NULL of every layer that is in the file by name and shape.
 * NN_EFORMAT when a named layer is not in the file or has another shape, NN_EUSAGE when the model
 * has no such layer or nothing was taken. Local. */
int nn_checkpoint_read_layers(const char *path, const nn_model *model, const nn_node *layers,
                              nn_real *params);

/* Verifies the checksum and returns only the texts and the state (for inspect, eval, predict). */
int nn_checkpoint_peek(const char *path, nn_pool *pool, nn_snapshot *snapshot);

/* The digest of parameters in memory, as nn_checkpoint_digest gives for their checkpoint. */
int nn_params_digest(const nn_model *model, const nn_real *params, char hex[NN_DIGEST_HEX]);

#endif
