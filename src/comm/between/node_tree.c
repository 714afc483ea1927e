#include "comm/between/node_tree.h"

static int allocate(nn_node_tree *t, nn_pool *pool) {
    size_t covers = t->tree->covers;
    t->node = nn_pool_alloc(pool, covers * sizeof *t->node);
    t->within = nn_pool_alloc(pool, covers * sizeof *t->within);
    t->across = nn_pool_alloc(pool, covers * sizeof *t->across);
    t->root = nn_pool_alloc(pool, covers * sizeof *t->root);
    return t->node && t->within && t->across && t->root ? 0 : NN_EMEMORY;
}

enum { SEVERAL = -1, ADDED = -2 }; /* instead of a node: the sum of more; part of another sum */

/* An addition of what one node has is that node's. `holder` [covers]: whose the values are. */
static void divide(nn_node_tree *t, const nn_comm *comm, int *holder) {
    int mine = comm->locality[comm->rank].leader;
    for (size_t i = 0; i + 1 < t->tree->covers; i++) {
        nn_addition a = t->tree->join[i];
        if (holder[a.left] != holder[a.right] || holder[a.left] == SEVERAL) {
            t->across[t->acrosses++] = a;
            holder[a.left] = SEVERAL;
            continue;
        }
        if (holder[a.left] == mine)
            t->within[t->withins++] = a;
        holder[a.right] = ADDED;
    }
}

int nn_node_tree_init(nn_node_tree *t, nn_pool *pool, const nn_comm *comm, const nn_tree *tree) {
    *t = (nn_node_tree){.tree = tree};
    int *holder = nn_pool_alloc(pool, tree->covers * sizeof *holder);
    if (!holder)
        return NN_EMEMORY;
    NN_TRY(allocate(t, pool));
    for (size_t rank = 0; rank < tree->size; rank++)
        for (size_t c = tree->first[rank]; c < tree->first[rank + 1]; c++)
            t->node[c] = holder[c] = comm->locality[rank].leader;
    divide(t, comm, holder);
    for (size_t c = 0; c < tree->covers; c++)
        if (holder[c] != ADDED)
            t->root[t->roots++] = c;
    return 0;
}
