/* The optimiser's step on the parameter vector, with what the training section adds to it:
 * clipping, L1, L2, max-norm, frozen layers, and the running average of the parameters.
 *
 * It works on any part of this rank's share of the vector; only what depends on norms has to see
 * all of the gradient first. */
#ifndef NN_TRAIN_STEP_UPDATE_H
#define NN_TRAIN_STEP_UPDATE_H

#include "train/session/session.h"

typedef struct nn_updater nn_updater;

/* What the reducer of a session calls, with the updater as context. The session is planned. */
nn_reduce_ops nn_updater_ops(const nn_session *session);

/* An updater, and the plan for the vectors of its session once they are allocated; the session
 * outlives it. NN_EUSAGE when nothing learns, NN_EMEMORY. Local. */
int nn_updater_new(nn_updater **out);
int nn_updater_plan(nn_updater *updater, nn_session *session);
void nn_updater_free(nn_updater *updater);

/* The next step that the reducer begins will be step `step` (1 for the first), with this learning
 * rate. The step before may still be taken with its own. */
void nn_updater_announce(nn_updater *updater, double lr, int64_t step);
/* Another learning rate for the step that the reducer has begun, before any of it is taken. */
void nn_updater_set_rate(nn_updater *updater, double lr);

/* NN_EDIVERGED with the layer where NaN or Inf came in first, after a step that was nonfinite on a
 * rank. Collective. */
int nn_updater_explain_nonfinite(nn_updater *updater);

#endif
