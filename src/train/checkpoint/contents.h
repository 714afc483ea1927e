/* What a checkpoint file holds. */
#ifndef NN_TRAIN_CHECKPOINT_CONTENTS_H
#define NN_TRAIN_CHECKPOINT_CONTENTS_H

#include "io/digest.h"
#include "io/hdf5/h5.h"
#include "train/checkpoint/snapshot.h"

typedef struct nn_contents {
    nn_h5 *file;   /* the caller's, open */
    nn_pool *pool; /* owns the paths */
    char **path;   /* [count] of every data set, in the order of their names */
    size_t count, capacity;
    const char *group; /* being listed, "" for the root */
    int depth;         /* of it */
    int64_t visited;   /* paths so far, also of groups */
} nn_contents;

/* Fills the paths. NN_EFORMAT where the file is no checkpoint, or one of a later version. */
int nn_contents_list(nn_contents *contents);
/* Adds the residuals of all nodes in the file to those of the nodes that there are, node i to node
 * i % state->nodes; what a file does not have is zero. `state` is that of `into`, changed.
 * NN_EFORMAT where some are of no parameter of the model, have another shape, or NaN or Inf. */
int nn_contents_read_residuals(const nn_contents *contents, const nn_snapshot *into,
                               nn_residual_state *state);
/* Adds the parameters, which are the data sets below /model. */
int nn_contents_hash(const nn_contents *contents, nn_digest *digest);

#endif
