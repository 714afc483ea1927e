/* The optimiser's step on the parameter vector, with what training habits add to it: clipping, L1,
 * L2, max-norm, frozen layers, and the running average of the parameters.
 *
 * It works on any range of the vector, so that ranks may share the work; only what depends on norms
 * has to see all of the gradient first. */
#ifndef NN_TRAIN_UPDATE_H
#define NN_TRAIN_UPDATE_H

#include "train/job.h"

typedef struct nn_updater nn_updater;

/* For the job's vectors, which outlive it. NN_EMEMORY. Local. */
int nn_updater_new(nn_job *job, nn_updater **out);
void nn_updater_free(nn_updater *updater);

/* Begins step `step` (1 for the first) with this learning rate; the gradient is a sum of `weight`
 * samples' (0: there were none). */
void nn_updater_begin(nn_updater *updater, double lr, double weight, int64_t step);

/* Takes the norms that clipping and the optimiser ask for, of the whole gradient. */
void nn_updater_measure(nn_updater *updater);

/* The step on elements [begin, end) of the vector; g and each slot begin with element `begin`. With
 * max_norm the range is a whole number of blocks. Threads call it on disjoint ranges. */
void nn_updater_range(nn_updater *updater, size_t begin, size_t end, const nn_real *g,
                      nn_real *const *slot);

/* All of it, on the job's own vectors, with all threads. */
void nn_updater_all(nn_updater *updater);

/* NN_EDIVERGED when NaN or Inf has come into gradient or parameters in the step last taken: says
 * the layer where it came in first. */
int nn_updater_check(const nn_updater *updater);

#endif
