/* The sums of a step over the ranks of a node, and over the nodes. */
#include "comm/reduce/node/node.h"

#include <string.h>

void node_send_sums(nn_reducer *r, nn_step_sums *sums) {
    const struct node *node = r->state;
    nn_step_sums *mine = node->posted[node->me];
    if (r->spec.tree)
        nn_tree_sum_subtrees(r->spec.tree, NN_STEP_SUMS, nn_step_sums_array(sums),
                             nn_step_sums_array(mine));
    else
        *mine = *sums;
    node_publish(r, POSTED, r->passes_ended + 1);
}

/* Of the node's ranks; others' are zero. */
static void take_posted(const nn_reducer *r) {
    const struct node *node = r->state;
    const nn_tree *t = r->spec.tree;
    memset(node->subtree_sums, 0, t->covers * sizeof *node->subtree_sums);
    for (size_t p = 0; p < node->ranks; p++) {
        size_t rank = node->rank[p];
        memcpy(node->subtree_sums + t->first[rank], node->posted[p],
               nn_reduce_copies(r, rank) * sizeof r->sums);
    }
}

static void add_tree_sums(nn_reducer *r) {
    const struct node *node = r->state;
    const nn_tree *t = r->spec.tree;
    take_posted(r);
    nn_tree_add(t->join, t->covers - 1, NN_STEP_SUMS, nn_step_sums_array(node->subtree_sums));
    r->sums = node->subtree_sums[0];
}

/* What is left to be added between the nodes: what has been added already is zero, so that sums
 * over the nodes change no bit of it. */
static nn_values add_within_node(nn_reducer *r) {
    const struct node *node = r->state;
    const nn_node_tree *t = &node->tree;
    nn_step_sums *sums = node->subtree_sums;
    take_posted(r);
    nn_tree_add(t->within, t->withins, NN_STEP_SUMS, nn_step_sums_array(sums));
    for (size_t i = 0; i < t->withins; i++)
        sums[t->within[i].right] = (nn_step_sums){0};
    return (nn_values){sums,   NN_STEP_SUMS * t->tree->covers, sizeof(double), MPI_DOUBLE, NULL,
                       MPI_SUM};
}

/* In the order of the ranks, so that all of a node get the same bits. */
static void add_sums(nn_reducer *r) {
    const struct node *node = r->state;
    if (r->spec.tree) {
        add_tree_sums(r);
        return;
    }
    r->sums = (nn_step_sums){0};
    for (size_t p = 0; p < node->ranks; p++)
        for (size_t i = 0; i < NN_STEP_SUMS; i++)
            nn_step_sums_array(&r->sums)[i] += nn_step_sums_array(node->posted[p])[i];
}

/* Of several nodes' first ranks: the sum over the nodes begins when those of the node have come,
 * and is looked for. */
static bool sum_over_nodes(nn_reducer *r) {
    struct node *node = r->state;
    if (!node->sums_begun) {
        nn_values values = {&r->sums, NN_STEP_SUMS, sizeof(double), MPI_DOUBLE, NULL, MPI_SUM};
        if (r->spec.tree)
            values = add_within_node(r);
        else
            add_sums(r);
        node->sums_begun = true;
        nn_wire_sum(r->wire, &node->sums, node->first_ranks, &values);
    }
    nn_wire_poll(r->wire);
    return node->sums.coming == 0;
}

/* Those of the node have come; where there are several nodes, those of all: to other ranks than the
 * first through that one. */
bool node_have_sums(nn_reducer *r) {
    const struct node *node = r->state;
    if (r->wire && node->me > 0)
        return node_reached(node, 0, BROADCAST, r->passes_ended + 1);
    return node_all_reached(node, POSTED, r->passes_ended + 1) && (!r->wire || sum_over_nodes(r));
}

void node_take_sums(nn_reducer *r) {
    struct node *node = r->state;
    struct flags *first = node->flags[0];
    if (!r->wire) {
        add_sums(r);
        return;
    }
    if (node->me > 0) {
        r->sums = first->total;
        return;
    }
    node->sums_begun = false;
    if (r->spec.tree) {
        nn_tree_add(node->tree.across, node->tree.acrosses, NN_STEP_SUMS,
                    nn_step_sums_array(node->subtree_sums));
        r->sums = node->subtree_sums[0];
    }
    first->total = r->sums;
    node_publish(r, BROADCAST, r->passes_ended + 1);
}
