/* Gradient sums along the fixed tree where ranks do not see each other's memory. */
#ifndef NN_COMM_REDUCE_EXCHANGE_H
#define NN_COMM_REDUCE_EXCHANGE_H

#include "comm/reduce/backend.h"

/* Sums along the tree by messages: each rank adds a part of a slice and tells all others. */
typedef struct nn_exchange nn_exchange;
/* NN_EMEMORY; *out is to be freed after a failure, too. Local. */
int nn_exchange_new(const nn_reducer *r, nn_exchange **out);
void nn_exchange_free(nn_exchange *exchange);
/* The slice of the gradient vector becomes the sum. Collective. */
void nn_exchange_sum(nn_exchange *exchange, nn_reducer *r, const nn_slice *slice);

#endif
