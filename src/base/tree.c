#include "base/tree.h"

#include <stdbool.h>
#include <string.h>

static bool is_empty(nn_span s) {
    return s.begin >= s.end;
}

static nn_span left_of(nn_span node) {
    return (nn_span){node.begin, nn_span_middle(node)};
}

static nn_span right_of(nn_span node) {
    return (nn_span){nn_span_middle(node), node.end};
}

nn_span nn_even_span(size_t leaves, size_t holder, size_t size) {
    return (nn_span){leaves * holder / size, leaves * (holder + 1) / size};
}

static size_t cover_node(nn_span node, nn_span range, nn_span *cover) {
    size_t count;
    if (is_empty(node) || node.end <= range.begin || range.end <= node.begin)
        return 0;
    if (range.begin <= node.begin && node.end <= range.end) {
        *cover = node;
        return 1;
    }
    count = cover_node(left_of(node), range, cover);
    return count + cover_node(right_of(node), range, cover + count);
}

size_t nn_tree_cover(size_t leaves, nn_span range, nn_span *cover) {
    return is_empty(range) ? 0 : cover_node((nn_span){0, leaves}, range, cover);
}

/* Where a list of nodes has been read and a list of additions been written up to. */
struct cursor {
    const nn_span *cover;
    size_t read, written;
    nn_addition *out;
};

/* Which value holds the sum of `node` once the additions are done. */
static size_t add_node(struct cursor *c, nn_span node) {
    nn_span next = c->cover[c->read];
    if (next.begin == node.begin && next.end == node.end)
        return c->read++;
    size_t left = add_node(c, left_of(node)), right = add_node(c, right_of(node));
    c->out[c->written++] = (nn_addition){left, right};
    return left;
}

size_t nn_tree_additions(nn_span top, const nn_span *cover, nn_addition *out) {
    struct cursor c = {.cover = cover, .out = out};
    add_node(&c, top);
    return c.written;
}

void nn_tree_add(const nn_addition *list, size_t additions, size_t n, double *values) {
    for (size_t i = 0; i < additions; i++)
        for (size_t k = 0; k < n; k++)
            values[list[i].left * n + k] += values[list[i].right * n + k];
}

static void count_joins(nn_span node, size_t *joins) {
    if (node.end - node.begin == 1)
        return;
    count_joins(left_of(node), joins);
    count_joins(right_of(node), joins);
    joins[node.end - 1]++;
}

void nn_tree_joins(size_t leaves, size_t *joins) {
    memset(joins, 0, leaves * sizeof *joins);
    count_joins((nn_span){0, leaves}, joins);
}

/* ---- one holder's view ----------------------------------------------------------------------- */

static int allocate(nn_tree *t, nn_pool *pool, size_t most) {
    t->cover = nn_pool_alloc(pool, most * sizeof *t->cover);
    t->first = nn_pool_alloc(pool, (t->size + 1) * sizeof *t->first);
    t->join = nn_pool_alloc(pool, most * sizeof *t->join);
    t->within = nn_pool_alloc(pool, t->leaves * sizeof *t->within);
    return t->cover && t->first && t->join && t->within ? 0 : NN_EMEMORY;
}

/* The additions of one own subtree, by the numbers of the leaves. */
static void add_within(nn_tree *t, nn_span top) {
    if (top.end - top.begin == 1)
        return;
    add_within(t, left_of(top));
    add_within(t, right_of(top));
    t->within[t->additions++] = (nn_addition){top.begin, nn_span_middle(top)};
}

int nn_tree_init(nn_tree *t, nn_pool *pool, size_t leaves, size_t holder, size_t size) {
    size_t most = leaves < size * NN_TREE_COVER ? leaves : size * NN_TREE_COVER;
    *t = (nn_tree){.leaves = leaves, .holder = holder, .size = size};
    if (size == 0 || holder >= size || size > leaves)
        return nn_fail(NN_EUSAGE, "%zu leaves for holder %zu of %zu", leaves, holder, size);
    NN_TRY(allocate(t, pool, most));
    for (size_t h = 0; h < size; h++) {
        t->first[h] = t->covers;
        t->covers += nn_tree_cover(leaves, nn_even_span(leaves, h, size), t->cover + t->covers);
    }
    t->first[size] = t->covers;
    t->local = nn_even_span(leaves, holder, size);
    nn_tree_additions((nn_span){0, leaves}, t->cover, t->join);
    for (size_t i = 0; i < nn_tree_subtrees(t); i++)
        add_within(t, nn_tree_subtree(t, i));
    return 0;
}

void nn_tree_sum_subtrees(const nn_tree *t, size_t n, double *leaves, double *subtrees) {
    nn_tree_add(t->within, t->additions, n, leaves);
    for (size_t i = 0; i < nn_tree_subtrees(t); i++)
        memcpy(subtrees + i * n, leaves + nn_tree_subtree(t, i).begin * n, n * sizeof *subtrees);
}
