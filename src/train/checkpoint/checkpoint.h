/* Checkpoints in HDF5: everything a run needs to go on as if nothing had happened. */
#ifndef NN_TRAIN_CHECKPOINT_CHECKPOINT_H
#define NN_TRAIN_CHECKPOINT_CHECKPOINT_H

#include "base/mem.h"
#include "base/real.h"
#include "data/naming.h"
#include "io/digest.h"
#include "nn/model.h"
#include "nn/optimizers/optimizer.h"
#include "nn/schedules/schedule.h"

#include <nnmpi/checkpoint.h>

/* Where the run stands; no ranks, no threads. Every member is an attribute of /state. */
typedef struct nn_state {
    int64_t step, epoch,
        batch; /* steps taken; epoch under way (from 0) and minibatches of it taken */
    int64_t batch_size, steps_per_epoch; /* of global minibatches; what `batch` counts up to */
    int64_t shuffle_buffer;              /* samples that are shuffled together; 0: all */
    int64_t seed;
    int64_t best_step;               /* of the best validation; -1: none yet */
    double best_value;               /* of the stopping metric */
    int64_t since_best;              /* validations without improvement */
    double epoch_loss, epoch_weight; /* sums over the epoch under way */
    int64_t epoch_mistakes;          /* train.stop_when: of the epoch under way ... */
    int64_t last_epoch_mistakes;     /* ... and of the last whole one; -1: none yet */
    double last_epoch_loss;          /* mean over the last whole epoch; NaN: none yet */
    nn_schedule_memory schedule;
} nn_state;

/* What the data look like to the model: enough to predict without the data set. */
typedef struct nn_data_traits {
    nn_shape x;               /* of one sample, as files hold it: images [C, H, W] */
    bool labels;              /* y are class indices */
    size_t target_width;      /* numbers of y a sample */
    int64_t classes;          /* 0: no labels */
    const char **class_names; /* [classes] or NULL */
    int64_t first_label;      /* the number of class 0 where classes have no names */
    size_t features;          /* names of the columns of x; 0: none */
    const char **feature_names;
    nn_affine affine; /* how x becomes floats */
    nn_normal normal; /* and these what the model sees */
} nn_data_traits;

/* Points into the traits. */
nn_naming nn_data_naming(const nn_data_traits *data);

/* What a checkpoint holds, for writing, and where to put it, for reading. */
typedef struct nn_snapshot {
    const nn_model *model;
    nn_real *params; /* [nn_model_size] */
    size_t slots;    /* optimiser state vectors, 0 when only the parameters matter */
    const char *const *slot_names;
    nn_real *slot[NN_MAX_SLOTS]; /* [nn_model_size] each */
    nn_state state;
    const char *config;    /* YAML text */
    const char *optimizer; /* its name */
    nn_data_traits data;
    const char *kernels; /* what its bits depend on besides; NULL where that does not matter */
    const char *history; /* JSON lines of the epochs so far, "" when none */
} nn_snapshot;

/* Writes durably: temporary name, fsync, rename. NN_EIO. Local (rank 0 calls it). */
int nn_checkpoint_write(const char *path, const nn_snapshot *snapshot);

/* Reads and verifies the file's digest, then copies into the snapshot's vectors. Parameters must
 * match the model by name and shape: NN_EFORMAT says which does not. `pool` owns config and history
 * texts. Nothing is changed on failure but the vectors. Local. */
int nn_checkpoint_read(const char *path, nn_pool *pool, nn_snapshot *snapshot);

/* Verifies the file, then copies parameters into `params` [nn_model_size]: those of the layers that
 * the list names, or with `layers` NULL of every layer that is in the file by name and shape.
 * NN_EFORMAT when a named layer is not in the file or has another shape, NN_EUSAGE when the model
 * has no such layer or nothing was taken. Local. */
int nn_checkpoint_read_layers(const char *path, const nn_model *model, const nn_node *layers,
                              nn_real *params);

/* Verifies the digest and hands out only the texts and the state (for inspect, eval, predict). */
int nn_checkpoint_peek(const char *path, nn_pool *pool, nn_snapshot *snapshot);

/* The digest of parameters in memory, as nn_checkpoint_digest gives for their checkpoint. */
int nn_params_digest(const nn_model *model, const nn_real *params, char hex[NN_DIGEST_HEX]);

#endif
