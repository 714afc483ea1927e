/* checkpoint.stage: checkpoints are first written to a disk of the node, and copied from there into
 * the run folder, which may be far away. A job that is killed during the copy goes on, on the same
 * node, from what is on the node's disk. */
#ifndef NN_TRAIN_RUN_SCRATCH_H
#define NN_TRAIN_RUN_SCRATCH_H

#include "base/mem.h"

/* The folder below `stage` for the checkpoints of one run folder; made where it is not there. It is
 * this user's alone: NN_EIO also where somebody else has one of that name. Owned by `pool`. Local.
 */
int nn_scratch_open(nn_pool *pool, const char *stage, const char *dir, const char **scratch);

/* Copies the file `name` durably from the scratch folder into the run folder `dir`, and deletes it
 * there. NN_EIO. Local. */
int nn_scratch_move(const char *scratch, const char *dir, const char *name);

/* The path of what nn_scratch_recover would move; NULL: nothing. Owned by `pool`. NN_EIO. Local. */
int nn_scratch_find(nn_pool *pool, const char *scratch, const char *dir, const char **path);

/* Moves a whole checkpoint that is newer than all of the run folder, in steps and in time, into it,
 * with last.h5; deletes all others. NN_EIO. Local. */
int nn_scratch_recover(const char *scratch, const char *dir);

#endif
