/* ranks: 1 2 3 4 */
/* nodes: 2 */
/* Sums along the fixed tree have the same bits on any number of ranks. */
#include "comm/tree_sum.h"

#include "check.h"

#include <math.h>
#include <string.h>

enum { LEAVES = 8, WIDTH = 300 };

static double leaf(size_t i, size_t k) {
    return sin((double)(i * WIDTH + k) * 12.9898) * pow(10, (double)((i + k) % 9));
}

/* What one rank that held all leaves would get. */
static int reference(double *out) {
    static double values[LEAVES * WIDTH];
    nn_pool pool = {0};
    nn_tree tree;
    NN_TRY(nn_tree_init(&tree, &pool, LEAVES, 0, 1));
    for (size_t i = 0; i < LEAVES; i++)
        for (size_t k = 0; k < WIDTH; k++)
            values[i * WIDTH + k] = leaf(i, k);
    for (size_t a = 0; a < tree.additions; a++)
        for (size_t k = 0; k < WIDTH; k++)
            values[tree.within[a].left * WIDTH + k] += values[tree.within[a].right * WIDTH + k];
    memcpy(out, values, WIDTH * sizeof *out);
    nn_pool_release(&pool);
    return 0;
}

static void test_sum(nn_tree_sum *sum, const nn_tree *tree, size_t n) {
    static double values[LEAVES * WIDTH], want[WIDTH];
    CHECK(reference(want) == 0);
    for (size_t i = tree->local.begin; i < tree->local.end; i++)
        for (size_t k = 0; k < n; k++)
            values[(i - tree->local.begin) * n + k] = leaf(i, k);
    CHECK(nn_tree_sum_doubles(sum, n, values) == 0);
    CHECK(memcmp(values, want, n * sizeof *want) == 0);
}

/* Memory is taken when a sum is planned: one that is larger is refused before any rank waits. */
static void test_too_many(nn_tree_sum *sum) {
    static double values[LEAVES * (WIDTH + 1)];
    CHECK_EQ_INT(nn_tree_sum_doubles(sum, WIDTH + 1, values), NN_EUSAGE);
}

int main(void) {
    nn_comm *comm;
    nn_tree_sum *sum = NULL;
    nn_pool pool = {0};
    nn_tree tree;
    if (!CHECK(nn_comm_init(&comm) == 0))
        return check_done();
    CHECK(nn_tree_init(&tree, &pool, LEAVES, (size_t)nn_comm_rank(comm),
                       (size_t)nn_comm_size(comm)) == 0);
    if (CHECK(nn_tree_sum_new(comm, &tree, WIDTH, &sum) == 0)) {
        test_sum(sum, &tree, 1);
        test_sum(sum, &tree, WIDTH);
        test_sum(sum, &tree, 7);
        test_too_many(sum);
    }
    nn_tree_sum_free(sum);
    nn_pool_release(&pool);
    nn_comm_free(comm);
    return check_done();
}
