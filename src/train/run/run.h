/* The run folder: configuration, metrics, checkpoints. Only rank 0 has one.
 *
 * checkpoint-<step>.h5 is published first, then last.h5 (and best.h5) move to it, then older ones
 * go; so whenever the program dies, last.h5 is a whole checkpoint or the folder has none yet. */
#ifndef NN_TRAIN_RUN_RUN_H
#define NN_TRAIN_RUN_RUN_H

#include "base/json/json.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/settings.h"

typedef struct nn_run nn_run;

/* Makes (`dir`, or runs/<config>-<time> when NULL) and locks the folder, and to resume finds and
 * verifies the newest valid checkpoint in it. Where `dir` is "" there is no folder: lines of
 * metrics go nowhere, and nothing may be saved. NN_EUSAGE when it holds a run and `resume` is not
 * asked for; NN_EBUSY when another process has it; NN_EIO when it cannot be written. The
 * configuration has been checked and outlives the run. Local. */
int nn_run_open(nn_config *config, const char *dir, bool resume, nn_run **out);
void nn_run_free(nn_run *run);

/* Owned by the run. NULL: there is no folder. */
const char *nn_run_dir(const nn_run *run);
/* Path of the checkpoint that the run goes on from, NULL when it began afresh. Owned by the run. */
const char *nn_run_from(const nn_run *run);

/* What the data looked like to that checkpoint; zeros where there is none. Owned by the run. */
nn_data_traits nn_run_traits(const nn_run *run);

/* The snapshot's `link` of that checkpoint, NULL where it has none. Owned by the run. */
const char *nn_run_link(const nn_run *run);

/* When resuming was asked for and the folder has a checkpoint, fills the snapshot (texts owned by
 * the run) from the newest valid one and sets *resumed; warns when that is not the one last.h5
 * means. NN_EFORMAT when there are checkpoints but none can be used. Local. */
int nn_run_resume(nn_run *run, nn_snapshot *snapshot, bool *resumed);

/* Begins writing, once nothing speaks against going on, as a run that is refused leaves its folder
 * as it was but for the file `lock`: deletes what a killed run has left, sets best.h5 right, writes
 * the configuration, cuts metrics.jsonl back to the step of `from` (NULL: begins
 * it) and opens the logs. Local. */
int nn_run_begin(nn_run *run, const nn_snapshot *from);

/* For a run under way, of which nothing is being written: as nn_run_resume from the newest valid
 * checkpoint that there is now. Local. */
int nn_run_rewind(nn_run *run, nn_snapshot *snapshot, bool *rewound);

/* Begins a line of metrics.jsonl, an object with these keys, to which the caller adds others; then
 * nn_run_append writes it. `event` is "train", "validate", "weights",
 * "checkpoint" or "end". Lines of one step are written before its checkpoint, or they come twice
 * after resuming from it. Local. */
nn_json *nn_run_event(nn_run *run, const char *event, int64_t step, int64_t epoch);
/* NN_EIO. Local. */
int nn_run_append(nn_run *run);
/* log.tensorboard, log.weights: the parameters of the model after a step. NN_EIO. Local. */
int nn_run_parameters(nn_run *run, const nn_model *model, const nn_real *params, int64_t step,
                      int64_t epoch);
/* log.tensorboard: the first samples of a split, as nn_event_log_samples takes them. NN_EIO. Local.
 */
int nn_run_samples(nn_run *run, const char *split, const nn_shape *image, size_t count,
                   const nn_real *x, int64_t step);
/* The line that was appended last, until the next one begins; NULL without a run folder. Local. */
const char *nn_run_line(const nn_run *run);

/* At the end of an epoch: the page of the run is drawn anew where log.report asks for it, by a
 * thread. Local. */
void nn_run_refresh(nn_run *run);

/* The `validate` lines so far, "" when there are none; until the next line is appended. */
const char *nn_run_history(const nn_run *run);

/* Links that move to a checkpoint. */
enum { NN_SYMLINK_LAST = 1, NN_SYMLINK_BEST = 2 };

/* Brings the metrics to the disk, publishes checkpoint-<state.step>.h5 and moves the symlinks to
 * it. After last.h5 has moved, the newest checkpoint.keep and that of state.best_step are kept, and
 * other checkpoint-<number>.h5 deleted. From any one thread. NN_EIO. Local. */
int nn_run_save(nn_run *run, const nn_snapshot *snapshot, unsigned symlinks);

/* Reads best.h5 into the snapshot. NN_EFORMAT. Local. */
int nn_run_load_best(nn_run *run, nn_snapshot *snapshot);

#endif
