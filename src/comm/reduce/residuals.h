/* Residuals of sums that travel between nodes as bfloat16 (comm/between/bf16.h): what rounding has
 * taken from the gradients that a node sent and from the sums it made, and what the next sum will
 * have more. A node has one for each element whose gradient travels as a sum; its ranks have those
 * of their slices. They are part of the state of a training.
 *
 * A residual is at most half a unit in the last place of what was sent, 2^-9 of it. It is kept as
 * bfloat16 itself, which takes at most 2^-18 of the number away for good, in either direction
 * alike: far less than what differs from one minibatch to the next. So it takes two bytes in
 * memory, in messages and in files. */
#ifndef NN_COMM_REDUCE_RESIDUALS_H
#define NN_COMM_REDUCE_RESIDUALS_H

#include "comm/reduce/spec.h"

#include <stdint.h>

/* Elements of a node that have one, the same number on every node; 0: nothing is rounded. Local. */
size_t nn_reducer_residuals(const nn_reducer *reducer);
/* Where among them element `i` of the parameter vector stands. Those of a tensor stand one behind
 * the other, or none of them has one: NN_NO_RESIDUAL. Local. */
#define NN_NO_RESIDUAL SIZE_MAX
size_t nn_reducer_residual_at(const nn_reducer *reducer, size_t i);

/* Between two steps: all[nodes][nn_reducer_residuals] becomes what the nodes have, that of rank 0
 * first; in memory that the ranks of that node share, others' `all` is not used. NN_ERANK.
 * Collective. */
int nn_reducer_gather_residuals(nn_reducer *reducer, uint16_t *all);
/* The nodes get what rank 0 has in all[nodes][nn_reducer_residuals]. NN_EMEMORY, NN_ERANK.
 * Collective. */
int nn_reducer_scatter_residuals(nn_reducer *reducer, const uint16_t *all);

/* ---- for the sums ---------------------------------------------------------------------------- */

typedef struct nn_residuals nn_residuals;

/* Zeros for a reducer that is divided into buckets. The messages have this tag. NN_EMEMORY. Local.
 */
int nn_residuals_new(nn_reducer *r, int tag, nn_residuals **out);
void nn_residuals_free(nn_residuals *residuals);
size_t nn_residuals_bytes(const nn_residuals *residuals);
/* Those of this rank's slice of bucket k, which travels as a sum. Local. */
uint16_t *nn_residuals_of(const nn_residuals *residuals, size_t k);

#endif
