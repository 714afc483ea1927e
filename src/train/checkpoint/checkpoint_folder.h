/* The checkpoints in a run folder: files called checkpoint-<step>.h5. */
#ifndef NN_TRAIN_CHECKPOINT_CHECKPOINT_FOLDER_H
#define NN_TRAIN_CHECKPOINT_CHECKPOINT_FOLDER_H

#include "base/mem.h"

#define NN_CHECKPOINT_NAME 48 /* bytes of "checkpoint-<step>.h5" */

const char *nn_checkpoint_name(int64_t step, char name[NN_CHECKPOINT_NAME]);
/* The step in such a name, -1 for any other name. */
int64_t nn_checkpoint_step(const char *name);

typedef struct nn_checkpoint_list {
    int64_t *step; /* falling; owned by the pool */
    size_t count, capacity;
} nn_checkpoint_list;

/* The checkpoints in `dir`: regular files only. NN_EIO. */
int nn_checkpoint_list_read(nn_pool *pool, const char *dir, nn_checkpoint_list *list);

/* The file that a checkpoint's path means: itself, or for a run folder its best.h5, else its
 * last.h5, which is said. Owned by `pool`. NN_EFORMAT when the folder holds neither. Local. */
int nn_checkpoint_pick(nn_pool *pool, const char *path, const char **file);

/* Deletes what is neither among the `keep` newest up to `step`, nor of step `best`. Checkpoints of
 * later steps are left from before the run was resumed at an earlier one. A file that cannot be
 * deleted is warned of. NN_EIO. */
int nn_checkpoint_folder_prune(const char *dir, int64_t step, int64_t best, int64_t keep);

/* Deletes the temporary files that a killed process left; for the one process that has the folder.
 * NN_EIO. */
int nn_checkpoint_folder_sweep(const char *dir);

#endif
