/* The bound on the norm of the weights into each unit (train.max_norm). */
#ifndef NN_TRAIN_STEP_MAX_NORM_H
#define NN_TRAIN_STEP_MAX_NORM_H

#include "nn/model.h"

/* Scales the weights w, all of a parameter, of each of the units [first, last) whose norm is above
 * the bound down to it. A unit is an index of dimension 0, whose weights stand in runs; those of
 * neighbours are next to each other. Local. */
void nn_limit_norms(const nn_param *param, double bound, size_t first, size_t last, nn_real *w);

#endif
