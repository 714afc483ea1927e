/* Sums whose bits do not depend on who adds them up: one fixed binary tree over numbered leaves, in
 * which the node over [begin, end) has its children on both sides of the middle. Whoever holds a
 * range of leaves adds up the complete subtrees in it; a list of additions says how what they hold
 * becomes the sum of all. */
#ifndef NN_BASE_TREE_H
#define NN_BASE_TREE_H

#include "base/mem.h"

#include <stddef.h>

/* Leaves [begin, end). */
typedef struct nn_span {
    size_t begin, end;
} nn_span;

/* Most subtrees that one range needs, `cover` of nn_tree_cover. */
#define NN_TREE_COVER 64

/* Where a node's left child ends and its right one begins. */
static inline size_t nn_span_middle(nn_span node) {
    return node.begin + (node.end - node.begin) / 2;
}

/* The leaves of one of `size` holders: as even a share as whole leaves allow. */
nn_span nn_even_span(size_t leaves, size_t holder, size_t size);

/* The fewest nodes of the tree over [0, leaves) that make up `range`, in order; their number. */
size_t nn_tree_cover(size_t leaves, nn_span range, nn_span *cover);

/* value[left] += value[right] */
typedef struct nn_addition {
    size_t left, right;
} nn_addition;

/* The additions, in order, by which the values of the nodes `cover`, which make up the node `top`
 * in order, become the sum of all in value[0]; one less than there are nodes. */
size_t nn_tree_additions(nn_span top, const nn_span *cover, nn_addition *out);

/* A node of `leaves` leaves as a stack sums it: after leaf i, so many sums are taken from the stack
 * and added, before the result is put onto it; joins[leaves]. */
void nn_tree_joins(size_t leaves, size_t *joins);

/* Does the additions on values [.][n]. */
void nn_tree_add(const nn_addition *list, size_t additions, size_t n, double *values);

/* The tree as one of several holders sees it. */
typedef struct nn_tree {
    size_t leaves, holder, size;
    nn_span local;       /* leaves of this holder */
    nn_span *cover;      /* subtrees of all holders, holder after holder ... */
    size_t covers;       /* ... so many ... */
    size_t *first;       /* [size + 1] ... those of holder h are [first[h], first[h + 1]) */
    nn_addition *join;   /* [covers - 1]: all subtrees to one sum */
    nn_addition *within; /* own leaves, numbered from 0, to own subtrees */
    size_t additions;    /* of `within`; subtree s then stands where its first leaf was */
} nn_tree;

/* At least one leaf a holder. Memory is the pool's. NN_EMEMORY. Local. */
int nn_tree_init(nn_tree *tree, nn_pool *pool, size_t leaves, size_t holder, size_t size);

/* leaves [own leaves][n], which are destroyed, become subtrees [own subtrees][n]. */
void nn_tree_sum_subtrees(const nn_tree *tree, size_t n, double *leaves, double *subtrees);

/* Subtrees of this holder, and the leaves of each, numbered from 0. */
static inline size_t nn_tree_subtrees(const nn_tree *tree) {
    return tree->first[tree->holder + 1] - tree->first[tree->holder];
}
static inline nn_span nn_tree_subtree(const nn_tree *tree, size_t i) {
    nn_span s = tree->cover[tree->first[tree->holder] + i];
    return (nn_span){s.begin - tree->local.begin, s.end - tree->local.begin};
}

#endif
