/* Sums of slices between nodes, one for each bucket in which this rank owns a slice: ranks of the
 * same place in their nodes own the same slices. They are begun while back-propagation completes
 * buckets, and go on beneath it (comm/between/wire.h).
 *
 * Between two nodes each sends the other its whole slice, and both add. Between few, where
 * numbers travel as bfloat16, or along a tree, every node gets all others' numbers for its own
 * part, adds them, and sends the sum to all (reduce-scatter, allgather). Between many
 * (NN_DIRECT_NODES) MPI_Iallreduce takes fewer messages, of which libraries have better ways where
 * the sum does not stand in the place of what is added. All nodes get the same bits.
 *
 * Where the optimiser's state is divided (parts.c), every node gets all others' numbers for its
 * part, adds them, and sends the parameters that the step has made of them, which come to stand in
 * the parameter vector itself. Sums have the same bits as without; between many nodes, those of
 * few.
 *
 * What rounding takes away is kept with the element (reduce/residuals.h): each node has that of the
 * numbers it sends, and for its own part that of the sum, to which its own numbers go unrounded. */
#ifndef NN_COMM_REDUCE_NODE_SUMS_H
#define NN_COMM_REDUCE_NODE_SUMS_H

#include "comm/between/node_tree.h"
#include "comm/between/wire.h"
#include "comm/reduce/backend.h"

typedef struct nn_node_sums nn_node_sums;

/* Gradients along a tree: what of it is on which node, and where the subtrees of this node stand.
 */
typedef struct nn_subtrees {
    const nn_node_tree *tree;
    nn_real *const *at; /* [covers] whole vectors */
} nn_subtrees;

/* For the slices of r that have to be summed over nodes; `owners` are the ranks with the same
 * slices, MPI_COMM_NULL where this one has none. `subtrees` (copied) NULL: there is no tree.
 * NN_EMEMORY. Collective. */
int nn_node_sums_new(nn_reducer *r, MPI_Comm owners, const nn_subtrees *subtrees,
                     nn_node_sums **out);
/* NULL is fine. Local. */
void nn_node_sums_free(nn_node_sums *between);

/* Bytes of the numbers as they are sent. Local. */
size_t nn_node_sums_bytes(const nn_node_sums *between);

/* Tags of messages that it takes, from 0 on. Local. */
static inline int nn_node_sums_tags(const nn_partition *partition) {
    return 2 * (int)partition->buckets;
}

/* A pass begins for bucket k: what others send may come. Local, as all below. */
void nn_node_sums_open(nn_node_sums *between, size_t k, size_t priority);
/* The node's sum of this rank's slice of bucket k is in the gradient vector (along a tree: what the
 * node can add of its subtrees is added), and goes out. It must not be touched before it has come
 * back. */
void nn_node_sums_start(nn_node_sums *between, size_t k);
/* The sum over all nodes is there. */
bool nn_node_sums_have(const nn_node_sums *between, size_t k);
/* Puts it into the gradient vector; where r->divided, that of this node's part. */
void nn_node_sums_take(nn_node_sums *between, size_t k);
/* Where r->divided: nn_reduce_backend.send_part, have_parts. */
void nn_node_sums_send_part(nn_node_sums *between, size_t k);
bool nn_node_sums_have_parts(const nn_node_sums *between, size_t k);

#endif
