/* A checkpoint in memory: that of the best validation so far, until there is reason to write. */
#ifndef NN_TRAIN_RUN_KEPT_H
#define NN_TRAIN_RUN_KEPT_H

#include "train/checkpoint/checkpoint.h"

/* Zero-initialise. Memory is kept from one checkpoint to the next. */
typedef struct nn_kept {
    bool full;
    nn_snapshot snapshot; /* without its history */
    nn_real *memory;      /* behind the snapshot's vectors */
    char kernels[160];    /* the snapshot's text */
} nn_kept;

/* Larger ones are better written at once than held in memory a second time. */
#define NN_KEPT_BYTES (64u << 20)

/* Whether the snapshot's vectors are small enough to be kept. */
bool nn_kept_fits(const nn_snapshot *snapshot);

/* Copies vectors, state and the text of the kernels, in place of what was kept; other texts and the
 * model stay the caller's. NN_EMEMORY. Local. */
int nn_kept_take(nn_kept *kept, const nn_snapshot *snapshot);
void nn_kept_release(nn_kept *kept);

#endif
