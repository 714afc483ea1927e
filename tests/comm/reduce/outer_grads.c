/* ranks: 1 2 3 4 */
/* nodes: 2 3 */
/* Gradients as outer products: what owners get of them is the product of the rows of all ranks,
 * wherever slices begin and end; along a tree, bit by bit. */
#include "check.h"
#include "comm/reduce/reduce.h"
#include "math/gemm/outer.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 61
#define LEAVES 8

/* The vector: some that are added, a matrix, more that are added, a matrix that is too small, one
 * that follows it at once, and the rest. */
enum { SMALL, WIDE, TALL, MATRICES };
#define BEFORE 100
#define BETWEEN 70000
static const nn_outer_matrix matrix[MATRICES] = {{BEFORE, 3, 5},
                                                 {BEFORE + 64 + BETWEEN, 131, 203},
                                                 {BEFORE + 64 + BETWEEN + 131 * 203 + 7, 700, 43}};
#define N (BEFORE + 64 + BETWEEN + 131 * 203 + 7 + 700 * 43 + 45)

struct trial {
    nn_comm *comm;
    nn_reducer *reducer;
    nn_tree tree;
    nn_shards moving, leaves; /* without and with the tree */
    nn_pool pool;
    nn_real *a[MATRICES], *b[MATRICES]; /* [BATCH][m], [BATCH][n] of all ranks */
    nn_real *expected, *got;
    bool took_norms;
};

static bool accept(void *ctx, const nn_step_sums *sums) {
    (void)ctx, (void)sums;
    return true;
}

static void take_step(void *ctx, const nn_slice *slice, const nn_real *g) {
    struct trial *t = ctx;
    memcpy(t->got + slice->begin, g, (slice->end - slice->begin) * sizeof *g);
}

/* All sums are there before the first step. */
static void take_norms(void *ctx, nn_reducer *reducer) {
    struct trial *t = ctx;
    for (size_t i = 0; i < nn_reducer_slices(reducer); i++) {
        nn_slice s = nn_reducer_slice(reducer, i);
        for (size_t k = s.begin; k < s.end; k++)
            if (!CHECK_NEAR(nn_reducer_grads(reducer)[k], t->expected[k], 1e-4))
                return;
    }
    t->took_norms = true;
}

static const nn_reduce_ops eager = {.values = 1, .accept = accept, .step = take_step},
                           late = {.values = 1,
                                   .accept = accept,
                                   .take_norms = take_norms,
                                   .step = take_step};

/* Rows of this rank in a minibatch. */
static nn_span own_rows(const struct trial *t, size_t rows, bool tree) {
    return nn_shards_rows(tree ? &t->leaves : &t->moving, rows, (size_t)nn_comm_rank(t->comm));
}

/* The first rank gets as many rows as it may, or as few, and the others share the rest evenly. */
static void move_borders(struct trial *t, bool many) {
    size_t size = t->moving.holders, first = many ? t->moving.most : 1;
    for (size_t r = 1; r < size; r++)
        t->moving.border[r] =
            (int64_t)(first + nn_tree_share(BATCH - first, r - 1, size - 1).begin);
    CHECK(nn_shards_fit(&t->moving, size + 1, t->moving.border));
}

/* Products of rows [first, last), as a microbatch's or all. */
static void multiply(const struct trial *t, size_t parts, const size_t *row, nn_real *g) {
    for (size_t i = 0; i < MATRICES; i++)
        nn_outer_product(NULL, &(nn_outer_rows){parts, row}, matrix[i].m, matrix[i].n,
                         t->a[i] + row[0] * matrix[i].m, matrix[i].m,
                         t->b[i] + row[0] * matrix[i].n, matrix[i].n, g + matrix[i].begin,
                         matrix[i].n);
}

/* What a rank adds to element k of the rest. */
static nn_real part(int rank, size_t k) {
    return (nn_real)(rank + 1) * (nn_real)(k % 17);
}

static void expect(struct trial *t, size_t rows, bool tree) {
    size_t row[LEAVES + 1];
    for (size_t i = 0; i <= LEAVES; i++)
        row[i] = nn_tree_share(rows, i, LEAVES).begin;
    for (size_t k = 0; k < N; k++) {
        t->expected[k] = 0;
        for (int r = 0; r < nn_comm_size(t->comm); r++)
            t->expected[k] += part(r, k);
    }
    if (tree)
        multiply(t, LEAVES, row, t->expected);
    else
        multiply(t, 1, (size_t[]){0, rows}, t->expected);
}

/* This rank's gradients: the first of its subtrees has all, or, for matrices, each its own. */
static void give(struct trial *t, size_t rows, bool tree) {
    size_t copies = tree ? nn_tree_own(&t->tree) : 1, stride = nn_reducer_stride(t->reducer);
    nn_span own = own_rows(t, rows, tree);
    nn_real *g = nn_reducer_grads(t->reducer);
    memset(g, 0, copies * stride * sizeof *g);
    for (size_t k = 0; k < N; k++)
        g[k] = part(nn_comm_rank(t->comm), k);
    for (size_t c = 0; c < copies; c++) {
        size_t row[LEAVES + 1] = {own.begin, own.end};
        nn_span leaves = tree ? nn_tree_own_span(&t->tree, c) : (nn_span){0, 1};
        for (size_t i = leaves.begin; tree && i <= leaves.end; i++)
            row[i - leaves.begin] = nn_tree_share(rows, t->tree.share.begin + i, LEAVES).begin;
        multiply(t, leaves.end - leaves.begin, row, g + c * stride);
    }
    for (size_t i = 0; i < MATRICES; i++) {
        if (!nn_reducer_wants_rows(t->reducer, i))
            continue;
        for (size_t c = 0; c < copies; c++)
            for (size_t k = 0; k < matrix[i].m * matrix[i].n; k++)
                g[c * stride + matrix[i].begin + k] = 1e30F; /* not to be looked at */
        nn_reducer_put_rows(t->reducer, i, NN_OUTER_A, t->a[i] + own.begin * matrix[i].m);
        nn_reducer_put_rows(t->reducer, i, NN_OUTER_B, t->b[i] + own.begin * matrix[i].n);
    }
}

static void step(struct trial *t, size_t rows, bool tree) {
    nn_step_sums sums[LEAVES] = {{0}};
    size_t wrong = 0;
    for (size_t k = 0; k < N; k++)
        t->got[k] = -1;
    expect(t, rows, tree);
    nn_reducer_open(t->reducer, rows);
    nn_reducer_begin(t->reducer, sums);
    give(t, rows, tree);
    nn_reducer_ready(t->reducer, BEFORE + 64 + BETWEEN);
    nn_reducer_ready(t->reducer, 0);
    CHECK_EQ_INT(nn_reducer_finish(t->reducer), 0);
    for (size_t i = 0; i < nn_reducer_slices(t->reducer); i++) {
        nn_slice s = nn_reducer_slice(t->reducer, i);
        for (size_t k = s.begin; k < s.end; k++)
            if (tree)
                wrong += t->got[k] != t->expected[k];
            else if (!CHECK_NEAR(t->got[k], t->expected[k], 1e-4))
                return;
    }
    CHECK_EQ_INT(wrong, 0);
}

static void test_way(struct trial *t, nn_reduce_choice way, bool tree, nn_between_choice between,
                     const nn_reduce_ops *ops) {
    static const size_t rows[] = {BATCH, 60, 1, 8, BATCH, 3};
    nn_reduce_spec spec = {.comm = t->comm,
                           .choice = way,
                           .n = N,
                           .vectors = 1,
                           .tree = tree ? &t->tree : NULL,
                           .outer = matrix,
                           .outer_count = MATRICES,
                           .rows = BATCH,
                           .shards = tree ? &t->leaves : &t->moving,
                           .between = between,
                           .ops = ops,
                           .ctx = t};
    bool alone = nn_comm_nodes(t->comm) == 1;
    nn_reduce_plan plan = nn_reduce_plan_of(&spec);
    bool everywhere = plan.choice == NN_REDUCE_NODE && !alone && between == NN_BETWEEN_ROWS;
    bool node = (plan.owners > 1 && (alone || !tree)) || everywhere;
    t->took_norms = false;
    if (!CHECK_EQ_INT(nn_reducer_new(&spec, &t->reducer), 0))
        return;
    CHECK_EQ_INT(nn_reducer_wants_rows(t->reducer, SMALL), everywhere);
    CHECK_EQ_INT(nn_reducer_wants_rows(t->reducer, WIDE), node);
    CHECK_EQ_INT(nn_reducer_wants_rows(t->reducer, TALL), node);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        step(t, rows[i], tree);
        move_borders(t, i % 2 == 0);
    }
    CHECK_EQ_INT(t->took_norms, ops->take_norms != NULL);
    nn_reducer_free(t->reducer);
}

/* Many rows of few numbers are more than their product. */
static void test_choice(struct trial *t) {
    nn_reduce_spec spec = {.comm = t->comm,
                           .choice = NN_REDUCE_NODE,
                           .n = N,
                           .vectors = 1,
                           .outer = matrix,
                           .outer_count = MATRICES,
                           .rows = 5000,
                           .shards = &t->leaves,
                           .ops = &eager,
                           .ctx = t};
    if (!CHECK_EQ_INT(nn_reducer_new(&spec, &t->reducer), 0))
        return;
    for (size_t i = 0; i < MATRICES; i++)
        CHECK(!nn_reducer_wants_rows(t->reducer, i));
    nn_reducer_free(t->reducer);
}

static nn_real *numbers(size_t count, unsigned seed) {
    nn_real *x = malloc(count * sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = (nn_real)((double)((i * 2654435761U + seed) % 1000) / 1000 - 0.5);
    return x;
}

int main(void) {
    struct trial t = {0};
    CHECK_EQ_INT(nn_comm_init(&t.comm), 0);
    if (!t.comm)
        return check_done();
    size_t rank = (size_t)nn_comm_rank(t.comm), size = (size_t)nn_comm_size(t.comm);
    CHECK_EQ_INT(nn_tree_init(&t.tree, &t.pool, LEAVES, rank, size), 0);
    CHECK_EQ_INT(nn_shards_init(&t.leaves, &t.pool, LEAVES, size), 0);
    CHECK_EQ_INT(nn_shards_init(&t.moving, &t.pool, BATCH, size), 0);
    t.moving.most = size > 1 ? 2 * BATCH / size : BATCH;
    if (t.moving.most > BATCH - size + 1)
        t.moving.most = BATCH - size + 1;
    for (unsigned i = 0; i < MATRICES; i++) {
        t.a[i] = numbers(BATCH * matrix[i].m, 2 * i);
        t.b[i] = numbers(BATCH * matrix[i].n, 2 * i + 1);
    }
    t.expected = malloc(N * sizeof *t.expected);
    t.got = malloc(N * sizeof *t.got);
    for (nn_reduce_choice way = NN_REDUCE_ALLREDUCE; way <= NN_REDUCE_NODE; way++)
        for (int tree = 0; tree < 2; tree++) {
            test_way(&t, way, tree, NN_BETWEEN_ROWS, &eager);
            test_way(&t, way, tree, NN_BETWEEN_GRADIENTS, &eager);
            test_way(&t, way, tree, NN_BETWEEN_ROWS, &late);
        }
    test_choice(&t);
    for (size_t i = 0; i < MATRICES; i++) {
        free(t.a[i]);
        free(t.b[i]);
    }
    free(t.expected);
    free(t.got);
    nn_pool_release(&t.pool);
    nn_comm_free(t.comm);
    return check_done();
}
