/* Saving: the state is copied (staging.h) while training goes on, and written by a thread of rank
 * 0. What that thread failed at ends the run at the next step. */
#ifndef NN_TRAIN_SAVE_SAVER_H
#define NN_TRAIN_SAVE_SAVER_H

#include "train/run/run.h"
#include "train/save/staging.h"

typedef struct nn_saver nn_saver;

/* For a session that is allocated for training, and outlives it; `run` is that of rank 0, NULL
 * elsewhere. NN_EMEMORY. Collective. */
int nn_saver_new(nn_session *session, nn_run *run, nn_saver **out);
/* Waits for the checkpoint under way, unless MPI is `broken` and a part of it may never come. NULL
 * is fine. Local. */
void nn_saver_free(nn_saver *saver, bool broken);

/* In both of these a snapshot's state and the text of its kernels are copied; vectors are those of
 * the session, and the history that of the run; other texts outlive the saver.
 *
 * Begins a checkpoint, first of the kept best state where there is one; last.h5, and for the `best`
 * parameters so far best.h5, move to it. Waits for the one before. Training stands still for it
 * since `since` seconds (nn_seconds). NN_ERANK. The same calls in the same order on every rank;
 * Collective. */
int nn_saver_save(nn_saver *saver, const nn_snapshot *snapshot, bool best, double since);
/* Keeps the best parameters so far, to be written before the next checkpoint. *kept false: they are
 * too large for that, and nothing was done. NN_ERANK. As above; Collective. */
int nn_saver_keep_best(nn_saver *saver, const nn_snapshot *snapshot, bool *kept);
/* Whether what was kept was begun to be written with the last checkpoint, for which
 * nn_saver_keep_best waits; the same on every rank. Local. */
bool nn_saver_writes_best(const nn_saver *saver);
/* What is kept will not be written. As above; Local. */
void nn_saver_forget_best(nn_saver *saver);
/* Waits until everything that was begun is written. NN_EIO ...: what the thread failed at. Local.
 */
int nn_saver_wait(nn_saver *saver);
/* Rank 0, for a run that cannot go on: writes what is kept as its last checkpoint. NN_EIO. Local.
 */
int nn_saver_rescue(nn_saver *saver);

bool nn_saver_busy(const nn_saver *saver);
/* The failure of the thread, as nn_saver_wait, but 0 while it is busy. Local. */
int nn_saver_failure(nn_saver *saver);

/* The checkpoint that was written last; rank 0 alone knows. */
typedef struct nn_saved {
    int64_t step, epoch; /* step -1: none yet */
    int64_t bytes;       /* of the file */
    double wait_s;       /* for which training stood still */
    double write_s;      /* from then until it was on the disk */
} nn_saved;
/* Not before the thread has ended: all is of one checkpoint. Local. */
nn_saved nn_saver_saved(nn_saver *saver);

#endif
