/* What a checkpoint file holds, and whether it is what was written. */
#ifndef NN_TRAIN_CHECKPOINT_CONTENTS_H
#define NN_TRAIN_CHECKPOINT_CONTENTS_H

#include "io/digest.h"
#include "io/h5.h"
#include "train/checkpoint/snapshot.h"

typedef struct nn_contents {
    nn_h5 *file;   /* the caller's, open */
    nn_pool *pool; /* owns the paths */
    char **path;   /* [count] of every data set but /digest, in the order of the digest */
    size_t count, capacity;
    const char *group; /* being listed, "" for the root */
    int depth;         /* of it */
} nn_contents;

/* Fills the paths. NN_EFORMAT where the file is no checkpoint, or one of a later version. */
int nn_contents_list(nn_contents *contents);
/* Adds the data sets whose path begins with `prefix`. */
int nn_contents_hash(const nn_contents *contents, const char *prefix, nn_digest *digest);
/* Compares the file's digest with what it holds; `read` has the attributes. NN_EFORMAT: damaged. */
int nn_contents_verify(const nn_contents *contents, const nn_snapshot *read);

#endif
