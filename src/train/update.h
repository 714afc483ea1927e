/* The optimiser's step on the parameter vector, with what training habits add to it: clipping, L1,
 * L2, max-norm, frozen layers, and the running average of the parameters.
 *
 * It works on any part of this rank's share of the vector; only what depends on norms has to see
 * all of the gradient first. */
#ifndef NN_TRAIN_UPDATE_H
#define NN_TRAIN_UPDATE_H

#include "train/session.h"

typedef struct nn_updater nn_updater;

/* Most numbers that ranks tell each other of a vector of n elements in so many tensors: `values` of
 * nn_reduce_spec. */
size_t nn_updater_values(size_t n, size_t params, size_t ranks);

/* For the session's vectors, which outlive it. NN_EMEMORY. Local. */
int nn_updater_new(nn_session *session, nn_updater **out);
void nn_updater_free(nn_updater *updater);

/* Begins step `step` (1 for the first) with this learning rate; the gradient is a sum of `weight`
 * samples' (0: there were none). */
void nn_updater_begin(nn_updater *updater, double lr, double weight, int64_t step);

/* Whether steps depend on norms, and takes those of the whole gradient, of which this rank has its
 * share. Collective. */
bool nn_updater_needs_norms(const nn_settings *settings);
void nn_updater_take_norms(nn_updater *updater);

/* Whether each of several passes over a minibatch is summed over the ranks by itself: with
 * microbatches, which no pass may add to those of another before all are added along their tree. */
bool nn_updater_accumulates(const nn_settings *settings);
/* The sum g of such a pass for a part of this rank's share, which begins with the slice: kept with
 * those of the passes before, but for the first one; after the last one all of them are in g.
 * Statistics stay those of the pass. Threads call it on disjoint slices. */
void nn_updater_accumulate(nn_updater *updater, const nn_slice *slice, bool first, bool last,
                           nn_real *g);

/* The step on a part of this rank's share; g begins with the slice. Threads call it on disjoint
 * slices. */
void nn_updater_step(nn_updater *updater, const nn_slice *slice, const nn_real *g);

/* Whether something has to see all new parameters, and does it: max-norm, and the average after it.
 * Collective. */
bool nn_updater_has_constraint(const nn_settings *settings);
void nn_updater_constrain(nn_updater *updater);

/* NaN or Inf has come into gradient or parameters of the share in this step. */
bool nn_updater_nonfinite(const nn_updater *updater);
/* NN_EDIVERGED with the layer where it came in first, after a step in which a rank was bad.
 * Collective. */
int nn_updater_explain_nonfinite(nn_updater *updater);

#endif
