/* The fixed tree: the same bits whoever holds which leaves. */
#include "base/tree.h"

#include "check.h"

#include <math.h>

enum { MOST = 40 };

/* Numbers whose sum depends on the order of the additions. */
static float leaf(size_t i) {
    return (float)(sin((double)i * 12.9898) * pow(10, (double)(i % 7)));
}

static float sum_node(nn_span node) {
    if (node.end - node.begin == 1)
        return leaf(node.begin);
    nn_span left = {node.begin, nn_span_middle(node)}, right = {nn_span_middle(node), node.end};
    return sum_node(left) + sum_node(right);
}

/* What `size` holders make of `leaves` numbers; checks that covers tile the leaves. */
static float sum_of_holders(size_t leaves, size_t size) {
    nn_span cover[2 * MOST + NN_TREE_COVER];
    nn_addition add[2 * MOST];
    float value[2 * MOST] = {0};
    size_t count = 0, at = 0;
    for (size_t holder = 0; holder < size; holder++) {
        size_t n = nn_tree_cover(leaves, nn_even_span(leaves, holder, size), cover + count);
        for (size_t i = count; i < count + n; i++) {
            CHECK(cover[i].begin == at);
            at = cover[i].end;
            value[i] = sum_node(cover[i]);
        }
        count += n;
    }
    CHECK(at == leaves);
    size_t additions = nn_tree_additions((nn_span){0, leaves}, cover, add);
    CHECK(additions == count - 1);
    for (size_t i = 0; i < additions; i++)
        value[add[i].left] += value[add[i].right];
    return value[0];
}

static void test_any_holders(void) {
    size_t differ = 0;
    for (size_t leaves = 1; leaves <= MOST; leaves++) {
        float want = sum_of_holders(leaves, 1), in_order = 0;
        for (size_t size = 2; size <= leaves; size++)
            CHECK(sum_of_holders(leaves, size) == want);
        for (size_t i = 0; i < leaves; i++)
            in_order += leaf(i);
        differ += in_order != want;
    }
    CHECK(differ > MOST / 4); /* else any order would do, and the test would show nothing */
}

/* More holders than leaves: some hold nothing. */
static void test_idle_holders(void) {
    CHECK(sum_of_holders(3, 8) == sum_of_holders(3, 1));
    nn_span cover[NN_TREE_COVER];
    CHECK(nn_tree_cover(8, (nn_span){3, 3}, cover) == 0);
}

/* One holder's view: leaves to own subtrees, own subtrees to the sum. */
static void test_views(size_t leaves, size_t size) {
    nn_pool pool = {0};
    float value[MOST] = {0};
    size_t at = 0;
    nn_tree tree = {0};
    for (size_t holder = 0; holder < size; holder++) {
        float own[MOST];
        CHECK(nn_tree_init(&tree, &pool, leaves, holder, size) == 0);
        CHECK(tree.first[holder] == at);
        for (size_t i = tree.local.begin; i < tree.local.end; i++)
            own[i - tree.local.begin] = leaf(i);
        for (size_t i = 0; i < tree.additions; i++)
            own[tree.within[i].left] += own[tree.within[i].right];
        for (size_t s = 0; s < nn_tree_subtrees(&tree); s++)
            value[at++] = own[nn_tree_subtree(&tree, s).begin];
    }
    CHECK(at == tree.covers);
    for (size_t i = 0; i + 1 < tree.covers; i++)
        value[tree.join[i].left] += value[tree.join[i].right];
    CHECK(value[0] == sum_of_holders(leaves, 1));
    nn_pool_release(&pool);
}

static void test_cover(void) {
    nn_span cover[NN_TREE_COVER];
    CHECK(nn_tree_cover(8, (nn_span){2, 5}, cover) == 2);
    CHECK(cover[0].begin == 2 && cover[0].end == 4);
    CHECK(cover[1].begin == 4 && cover[1].end == 5);
    CHECK(nn_tree_cover(8, (nn_span){4, 8}, cover) == 1);
    CHECK(nn_tree_cover(8, (nn_span){1, 8}, cover) == 3);
}

int main(void) {
    test_any_holders();
    test_idle_holders();
    test_cover();
    test_views(8, 1);
    test_views(8, 3);
    test_views(8, 8);
    test_views(33, 5);
    return check_done();
}
