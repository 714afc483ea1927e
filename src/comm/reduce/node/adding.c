#include "comm/reduce/node/adding.h"

#include "comm/between/bf16.h"
#include "math/kernels.h"

#include <string.h>

nn_span sum_part(const struct sum *s, size_t node) {
    const nn_node_sums *b = s->all;
    if (b->algorithm == WHOLE)
        return (nn_span){0, sum_length(s)};
    if (b->algorithm == DIVIDED) {
        nn_slice part = nn_reduce_part_of(b->r, (size_t)(s - b->sum), node);
        return (nn_span){part.begin - s->slice.begin, part.end - s->slice.begin};
    }
    return nn_even_span(sum_length(s), node, b->nodes);
}

size_t sums_vectors(const nn_node_sums *b) {
    return b->subtrees.tree ? b->subtrees.tree->roots : b->nodes;
}

size_t sums_node(const nn_node_sums *b, size_t i) {
    size_t node = 0;
    if (!b->subtrees.tree)
        return i;
    const nn_locality *place = b->r->spec.comm->locality;
    int leader = b->subtrees.tree->node[b->subtrees.tree->root[i]];
    while (place[b->rank[node]].leader != leader)
        node++;
    return node;
}

void *sum_own_number(const struct sum *s, size_t i, size_t at) {
    const nn_node_sums *b = s->all;
    if (b->subtrees.tree)
        return b->subtrees.at[b->subtrees.tree->root[i]] + s->slice.begin + at;
    return b->compress ? (void *)(s->rounded + at) : (void *)(sum_values(s) + at);
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* Two nodes have to add the same where both add, and so do where they take parts. */
static bool adds_rounded(const nn_node_sums *b) {
    return b->compress && b->nodes == 2;
}

/* sum[n] of what the nodes have, which begins at number `at` of the slice; this node's own first,
 * then the others' in their order. */
static void add_numbers(const struct sum *s, size_t at, size_t n, nn_real *sum) {
    const nn_node_sums *b = s->all;
    if (adds_rounded(b))
        nn_bf16_expand(n, s->rounded + at, sum);
    for (size_t i = 0; i + 1 < b->nodes; i++) {
        if (b->compress)
            nn_bf16_add(n, (const uint16_t *)s->others + i * n, sum);
        else
            nn_kernels_get()->add(n, (const nn_real *)s->others + i * n, sum);
    }
}

/* Where the numbers of a node for element `at` of this node's part stand. */
static nn_real *numbers_of(const struct sum *s, nn_span mine, size_t node, size_t at) {
    const nn_node_sums *b = s->all;
    if (node == b->me)
        return sum_values(s) + mine.begin + at;
    return (nn_real *)s->others + (node - (node > b->me)) * (mine.end - mine.begin) + at;
}

/* The same bits as without parts of the optimiser's state: the node that would have added an
 * element begins with its own number. */
static void add_in_order(const struct sum *s, nn_span mine) {
    const nn_node_sums *b = s->all;
    for (size_t first = 0; first < b->nodes; first++) {
        nn_span part = nn_even_span(sum_length(s), first, b->nodes);
        part.begin = part.begin > mine.begin ? part.begin : mine.begin;
        part.end = part.end < mine.end ? part.end : mine.end;
        if (part.begin >= part.end)
            continue;
        size_t at = part.begin - mine.begin, n = part.end - part.begin;
        nn_real *sum = numbers_of(s, mine, first, at);
        for (size_t node = 0; node < b->nodes; node++)
            if (node != first)
                nn_kernels_get()->add(n, numbers_of(s, mine, node, at), sum);
        if (first != b->me)
            memcpy(sum_values(s) + part.begin, sum, n * sizeof *sum);
    }
}

/* The same along the tree. */
static void add_subtrees(const struct sum *s, size_t at, size_t n, nn_real *sum) {
    const nn_node_sums *b = s->all;
    const nn_node_tree *t = b->subtrees.tree;
    size_t others = 0;
    for (size_t i = 0; i < t->roots; i++)
        b->value[t->root[i]] = sums_node(b, i) == b->me ? (nn_real *)sum_own_number(s, i, at)
                                                        : (nn_real *)s->others + others++ * n;
    for (size_t i = 0; i < t->acrosses; i++)
        nn_kernels_get()->add(n, b->value[t->across[i].right], b->value[t->across[i].left]);
    if (b->value[0] != sum)
        memcpy(sum, b->value[0], n * sizeof *sum);
}

/* As it would have come to all nodes. */
static void round_sum(const struct sum *s, nn_span part) {
    size_t n = part.end - part.begin;
    nn_bf16_round(n, sum_values(s) + part.begin, s->residual + part.begin, s->rounded + part.begin);
    nn_bf16_expand(n, s->rounded + part.begin, sum_values(s) + part.begin);
}

void sum_add_up(const struct sum *s) {
    const nn_node_sums *b = s->all;
    nn_span part = sum_part(s, b->me);
    nn_real *sum = sum_values(s) + part.begin;
    if (b->subtrees.tree)
        add_subtrees(s, part.begin, part.end - part.begin, sum);
    else if (b->algorithm == DIVIDED && !b->compress)
        add_in_order(s, part);
    else
        add_numbers(s, part.begin, part.end - part.begin, sum);
    if (b->algorithm == DIVIDED && b->compress && !adds_rounded(b))
        round_sum(s, part);
}

void sum_round_numbers(const struct sum *s) {
    const nn_node_sums *b = s->all;
    nn_span mine = adds_rounded(b) ? (nn_span){0, 0} : sum_part(s, b->me);
    nn_bf16_round(mine.begin, sum_values(s), s->residual, s->rounded);
    nn_bf16_round(sum_length(s) - mine.end, sum_values(s) + mine.end, s->residual + mine.end,
                  s->rounded + mine.end);
}
