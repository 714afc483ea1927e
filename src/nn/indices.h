/* Which numbers of a sample a model reads as indices. */
#ifndef NN_NN_INDICES_H
#define NN_NN_INDICES_H

#include "nn/model.h"

/* *limit, in memory of `pool`, has for each number of a sample, as samples stand in memory, below
 * what it has to be, a whole number from 0 on, because a layer reads it as an index: right from the
 * data, or behind layers that only choose and move numbers (slice, flatten, reshape, transpose). 0:
 * it may be any number. *limit NULL: all may. NN_EMEMORY. Local. */
int nn_model_indices(const nn_model *model, nn_pool *pool, const int32_t **limit);

#endif
