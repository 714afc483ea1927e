/* train.trace: what each rank does in some steps, as a file in the format of Chrome's traces, which
 * Perfetto shows as rows of a rank's threads. */
#ifndef NN_TRAIN_TIMELINE_TIMELINE_H
#define NN_TRAIN_TIMELINE_TIMELINE_H

#include "base/system/trace.h"
#include "train/session/session.h"

typedef struct nn_timeline nn_timeline;

/* Memory for the steps of train.trace, and session->trace, where it will be; *out is NULL where it
 * is not asked for. The session is planned, and has no loaders yet. NN_EMEMORY. Local. */
int nn_timeline_new(nn_session *session, nn_timeline **out);
void nn_timeline_free(nn_timeline *timeline);

/* Step number `step` is about to begin: at the first one of the window the clocks of the ranks are
 * compared, and all begin to note what they do. NULL is fine. NN_ERANK. Collective. */
int nn_timeline_before(nn_timeline *timeline, int64_t step);
/* Whether that step, which has been taken, was the last one of the window. The same on every rank.
 * Local. */
bool nn_timeline_ends(const nn_timeline *timeline, int64_t step);
/* Where the window is open, closes it: rank 0 writes <dir>/trace.json at once; `dir` is NULL on
 * other ranks. NULL is fine. NN_EIO, NN_ERANK. Collective. */
int nn_timeline_end(nn_timeline *timeline, const char *dir);

#endif
