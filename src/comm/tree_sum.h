/* Sums over the ranks whose bits do not depend on how many ranks there are: along the fixed tree of
 * base/tree.h, whose leaves (microbatches) the ranks hold. */
#ifndef NN_COMM_TREE_SUM_H
#define NN_COMM_TREE_SUM_H

#include "base/tree.h"
#include "comm/comm.h"

typedef struct nn_tree_sum nn_tree_sum;

/* For sums of up to `most` numbers. `tree` is this rank's view of it, and outlives the object.
 * NN_EMEMORY. Local. */
int nn_tree_sum_new(nn_comm *comm, const nn_tree *tree, size_t most, nn_tree_sum **out);
void nn_tree_sum_free(nn_tree_sum *sum);

/* values [own leaves][n] become in values[n] the sums over all leaves, the same on every rank; what
 * stands behind is lost. NN_ERANK; NN_EUSAGE, on every rank, where n is larger than planned.
 * Nothing is allocated. Collective. */
int nn_tree_sum_doubles(nn_tree_sum *sum, size_t n, double *values);

#endif
