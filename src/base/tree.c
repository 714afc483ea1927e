#include "base/tree.h"

#include <stdbool.h>

static bool is_empty(nn_span s) {
    return s.begin >= s.end;
}

static nn_span left_of(nn_span node) {
    return (nn_span){node.begin, nn_span_middle(node)};
}

static nn_span right_of(nn_span node) {
    return (nn_span){nn_span_middle(node), node.end};
}

nn_span nn_tree_share(size_t leaves, size_t holder, size_t size) {
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

size_t nn_tree_additions(size_t leaves, const nn_span *cover, nn_addition *out) {
    struct cursor c = {.cover = cover, .out = out};
    add_node(&c, (nn_span){0, leaves});
    return c.written;
}
