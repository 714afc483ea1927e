/* The run folder: configuration, metrics, checkpoints. Only rank 0 has one.
 *
 * checkpoint-<step>.h5 is published first, then last.h5 (and best.h5) move to it, then older ones
 * go; so whenever the program dies, last.h5 is a whole checkpoint or the folder has none yet. */
#ifndef NN_TRAIN_RUN_RUN_H
#define NN_TRAIN_RUN_RUN_H

#include "base/json.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/settings.h"

typedef struct nn_run nn_run;

/* Makes (`dir`, or runs/<config>-<time> when NULL) and locks the folder. NN_EUSAGE when it holds a
 * run and `resume` is not asked for, or when another process has it; NN_EIO when it cannot be
 * written. The configuration has been checked and outlives the run. Local. */
int nn_run_open(nn_config *config, const char *dir, bool resume, nn_run **out);
void nn_run_free(nn_run *run);

/* Owned by the run. */
const char *nn_run_dir(const nn_run *run);
/* Path of the checkpoint that the run goes on from, NULL when it began afresh. Owned by the run. */
const char *nn_run_from(const nn_run *run);

/* What the data looked like to the newest valid checkpoint in a folder, which need not be open;
 * zeros where there is none. `pool`, empty before, owns it. NN_EIO. Local. */
int nn_run_peek(const char *dir, nn_pool *pool, nn_data_traits *data);

/* Begins writing, once, right after nn_run_open. When resuming was asked for and the folder has a
 * checkpoint, fills the snapshot (texts owned by the run) from the newest valid one, cuts
 * metrics.jsonl back to its step and sets *resumed; warns when that is not the one last.h5 means.
 * NN_EFORMAT when there are checkpoints but none can be used. Local. */
int nn_run_resume(nn_run *run, nn_snapshot *snapshot, bool *resumed);

/* Begins a line of metrics.jsonl, an object with these keys, to which the caller adds others; then
 * nn_run_append writes it. Nothing is allocated. `event` is "train", "validate" or "end". Lines of
 * one step are written before its checkpoint, or they come twice after resuming from it. Local. */
nn_json *nn_run_event(nn_run *run, const char *event, int64_t step, int64_t epoch);
/* NN_EIO. Local. */
int nn_run_append(nn_run *run);

/* Publishes checkpoint-<state.step>.h5 and moves last.h5, for the `best` parameters so far also
 * best.h5, to it. Keeps the newest checkpoint.keep and that of state.best_step, deletes other
 * checkpoint-<number>.h5. The snapshot's history is the run's own. NN_EIO. Local. */
int nn_run_save(nn_run *run, const nn_snapshot *snapshot, bool best);

/* Keeps the best parameters so far in memory, to be written, with best.h5, just before the next
 * checkpoint; a snapshot too large for that is saved at once. NN_EIO. Local. */
int nn_run_keep_best(nn_run *run, const nn_snapshot *snapshot);
/* Writes what is kept, as the last checkpoint of a run that cannot go on. *step is its step, -1:
 * nothing was kept. NN_EIO. Local. */
int nn_run_flush(nn_run *run, int64_t *step);

/* Reads best.h5 into the snapshot. NN_EFORMAT. Local. */
int nn_run_load_best(nn_run *run, nn_snapshot *snapshot);

#endif
