/* The fixed tree (base/tree.h) where its subtrees are on several nodes: what a node can add by
 * itself, and what is left to be added between nodes. In both orders together the additions are
 * those of the tree, so that the bits are, too. */
#ifndef NN_COMM_BETWEEN_NODE_TREE_H
#define NN_COMM_BETWEEN_NODE_TREE_H

#include "base/tree.h"
#include "comm/mpi_comm.h"

typedef struct nn_node_tree {
    const nn_tree *tree;
    int *node;           /* [covers] the first rank of the node that has this subtree */
    nn_addition *within; /* of this node's subtrees ... */
    nn_addition *across; /* ... and then those of what is left on all nodes, to subtree 0 */
    size_t withins, acrosses;
    size_t *root; /* what is left of all nodes' subtrees, in their order */
    size_t roots;
} nn_node_tree;

/* Memory is the pool's. NN_EMEMORY. Local. */
int nn_node_tree_init(nn_node_tree *t, nn_pool *pool, const nn_comm *comm, const nn_tree *tree);

#endif
