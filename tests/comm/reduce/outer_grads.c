/* ranks: 1 2 3 4 */
/* nodes: 2 3 */
/* timeout: 120 */
/* Gradients as outer products: what owners get of them is the product of the rows of all ranks,
 * wherever slices begin and end, also of several rows a sample and of indices; along a tree, bit by
 * bit. */
#include "check.h"
#include "comm/reduce/reduce.h"
#include "math/gemm/outer.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 61
#define LEAVES 8

/* The vector: some that are added, a matrix, more that are added, a matrix that is too small, one
 * that nearly follows it, two of several rows a sample that follow each other at once, and the
 * rest. */
enum { SMALL, WIDE, TALL, SEQUENCE, TABLE, MATRICES };
#define BEFORE 100
#define BETWEEN 70000
#define AT_WIDE (BEFORE + 64 + BETWEEN)
#define AT_TALL (AT_WIDE + 131 * 203 + 7)
#define AT_SEQUENCE (AT_TALL + 700 * 43 + 9)
#define AT_TABLE (AT_SEQUENCE + 37 * 29)
#define N (AT_TABLE + 500 * 40 + 45)
static const nn_outer_matrix matrix[MATRICES] = {
    {.begin = BEFORE, .m = 3, .n = 5, .steps = 1, .by_tree = true},
    {.begin = AT_WIDE, .m = 131, .n = 203, .steps = 1, .by_tree = true},
    {.begin = AT_TALL, .m = 700, .n = 43, .steps = 1, .by_tree = true},
    {.begin = AT_SEQUENCE, .m = 37, .n = 29, .steps = 3},
    {.begin = AT_TABLE, .m = 500, .n = 40, .steps = 2, .indexed = true}};

/* Elements from one row to the next; those of sequences stand apart. */
static size_t stride_of(size_t i, nn_outer_side side) {
    if (i == TABLE && side == NN_OUTER_A)
        return 1;
    return (side == NN_OUTER_A ? matrix[i].m : matrix[i].n) + (i == SEQUENCE ? 4 : 0);
}

struct trial {
    nn_comm *comm;
    nn_reducer *reducer;
    nn_tree tree;
    nn_shards moving, leaves; /* without and with the tree */
    nn_pool pool;
    nn_real *a[MATRICES], *b[MATRICES]; /* [BATCH * steps][stride] of all ranks */
    nn_real *expected, *got;
    bool computed_norms;
};

static bool begin_step(void *ctx, const nn_step_sums *sums) {
    (void)ctx, (void)sums;
    return true;
}

static void take_step(void *ctx, const nn_slice *slice, const nn_real *g) {
    struct trial *t = ctx;
    memcpy(t->got + slice->begin, g, (slice->end - slice->begin) * sizeof *g);
}

/* All sums are there before the first step. */
static void compute_norms(void *ctx, nn_reducer *reducer) {
    struct trial *t = ctx;
    for (size_t i = 0; i < nn_reducer_slices(reducer); i++) {
        nn_slice s = nn_reducer_slice(reducer, i);
        for (size_t k = s.begin; k < s.end; k++)
            if (!CHECK_NEAR(nn_reducer_grads(reducer)[k], t->expected[k], 1e-4))
                return;
    }
    t->computed_norms = true;
}

static const nn_reduce_ops eager = {.values = 1, .begin_step = begin_step, .step = take_step},
                           late = {.values = 1,
                                   .begin_step = begin_step,
                                   .compute_norms = compute_norms,
                                   .step = take_step};

/* Rows of this rank in a minibatch. */
static nn_span own_rows(const struct trial *t, size_t rows, bool tree) {
    return nn_shards_rows(tree ? &t->leaves : &t->moving, rows, (size_t)nn_comm_rank(t->comm));
}

/* The first rank gets as many rows as it may, or as few, and the others share the rest evenly. */
static void move_borders(struct trial *t, bool many) {
    size_t size = t->moving.holders, first = many ? t->moving.most : 1;
    for (size_t r = 1; r < size; r++)
        t->moving.border[r] = (int64_t)(first + nn_even_span(BATCH - first, r - 1, size - 1).begin);
    CHECK(nn_shards_fit(&t->moving, size + 1, t->moving.border));
}

/* Products of rows [first, last), as a microbatch's or all. */
static void multiply(const struct trial *t, size_t parts, const size_t *row, nn_real *g) {
    for (size_t i = 0; i <= TALL; i++)
        nn_outer_product(NULL, &(nn_outer_rows){parts, row}, matrix[i].m, matrix[i].n,
                         t->a[i] + row[0] * matrix[i].m, matrix[i].m,
                         t->b[i] + row[0] * matrix[i].n, matrix[i].n, g + matrix[i].begin,
                         matrix[i].n);
}

/* Of rows [first, first + count) of sequences, of which those behind two thirds are left out. */
static size_t given_rows(size_t i, size_t rows) {
    return i == SEQUENCE ? rows * 2 / 3 : rows;
}

static nn_row_block block_of(const struct trial *t, size_t i, nn_outer_side side, nn_span own) {
    size_t steps = matrix[i].steps, stride = stride_of(i, side);
    const nn_real *x = side == NN_OUTER_A ? t->a[i] : t->b[i];
    return (nn_row_block){x + own.begin * steps * stride,
                          given_rows(i, (own.end - own.begin) * steps), stride};
}

/* Adds the products of a rank's rows of sequences. */
static void add_sequences(const struct trial *t, nn_span own, nn_real *g) {
    for (size_t i = SEQUENCE; i < MATRICES; i++) {
        size_t m = matrix[i].m, n = matrix[i].n;
        nn_row_block a = block_of(t, i, NN_OUTER_A, own), b = block_of(t, i, NN_OUTER_B, own);
        for (size_t r = 0; r < a.count; r++)
            for (size_t k = 0; k < m * n; k++) {
                const nn_real *row = a.at + r * a.stride;
                nn_real x = matrix[i].indexed ? (int64_t)row[0] == (int64_t)(k / n) : row[k / n];
                g[matrix[i].begin + k] += x * b.at[r * b.stride + k % n];
            }
    }
}

/* What a rank adds to element k of the rest. */
static nn_real part(int rank, size_t k) {
    return (nn_real)(rank + 1) * (nn_real)(k % 17);
}

static void expect(struct trial *t, size_t rows, bool tree) {
    size_t row[LEAVES + 1];
    for (size_t i = 0; i <= LEAVES; i++)
        row[i] = nn_even_span(rows, i, LEAVES).begin;
    for (size_t k = 0; k < N; k++) {
        t->expected[k] = 0;
        for (int r = 0; r < nn_comm_size(t->comm); r++)
            t->expected[k] += part(r, k);
    }
    for (size_t i = SEQUENCE; i < MATRICES && !tree; i++)
        memset(t->expected + matrix[i].begin, 0, matrix[i].m * matrix[i].n * sizeof(nn_real));
    for (size_t r = 0; r < t->moving.holders && !tree; r++)
        add_sequences(t, nn_shards_rows(&t->moving, rows, r), t->expected);
    if (tree)
        multiply(t, LEAVES, row, t->expected);
    else
        multiply(t, 1, (size_t[]){0, rows}, t->expected);
}

/* This rank's gradients: the first of its subtrees has all, or, for matrices, each its own. */
static void give(struct trial *t, size_t rows, bool tree) {
    size_t copies = tree ? nn_tree_subtrees(&t->tree) : 1, stride = nn_reducer_stride(t->reducer);
    nn_span own = own_rows(t, rows, tree);
    nn_real *g = nn_reducer_grads(t->reducer);
    memset(g, 0, copies * stride * sizeof *g);
    for (size_t k = 0; k < N; k++)
        g[k] = part(nn_comm_rank(t->comm), k);
    for (size_t i = SEQUENCE; i < MATRICES && !tree; i++)
        memset(g + matrix[i].begin, 0, matrix[i].m * matrix[i].n * sizeof *g);
    if (!tree)
        add_sequences(t, own, g);
    for (size_t c = 0; c < copies; c++) {
        size_t row[LEAVES + 1] = {own.begin, own.end};
        nn_span leaves = tree ? nn_tree_subtree(&t->tree, c) : (nn_span){0, 1};
        for (size_t i = leaves.begin; tree && i <= leaves.end; i++)
            row[i - leaves.begin] = nn_even_span(rows, t->tree.local.begin + i, LEAVES).begin;
        multiply(t, leaves.end - leaves.begin, row, g + c * stride);
    }
    for (size_t i = 0; i < MATRICES; i++) {
        if (!nn_reducer_wants_rows(t->reducer, i))
            continue;
        for (size_t c = 0; c < copies; c++)
            for (size_t k = 0; k < matrix[i].m * matrix[i].n; k++)
                g[c * stride + matrix[i].begin + k] = 1e30F; /* not to be looked at */
        nn_row_block a = block_of(t, i, NN_OUTER_A, own), b = block_of(t, i, NN_OUTER_B, own);
        nn_reducer_put_rows(t->reducer, i, NN_OUTER_A, &a);
        nn_reducer_put_rows(t->reducer, i, NN_OUTER_B, &b);
    }
}

static void step(struct trial *t, size_t rows, bool tree) {
    nn_step_sums sums[LEAVES] = {{0}};
    size_t wrong = 0;
    for (size_t k = 0; k < N; k++)
        t->got[k] = -1;
    expect(t, rows, tree);
    nn_reducer_open(t->reducer, rows);
    nn_reducer_send_sums(t->reducer, sums);
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
    static const size_t rows[] = {BATCH, BATCH, 60, 1, 8, BATCH, 3};
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
    t->computed_norms = false;
    if (!CHECK_EQ_INT(nn_reducer_new(&spec, &t->reducer), 0))
        return;
    CHECK_EQ_INT(nn_reducer_wants_rows(t->reducer, SMALL), everywhere);
    CHECK_EQ_INT(nn_reducer_wants_rows(t->reducer, WIDE), node);
    CHECK_EQ_INT(nn_reducer_wants_rows(t->reducer, TALL), node);
    CHECK_EQ_INT(nn_reducer_wants_rows(t->reducer, SEQUENCE), everywhere && !tree);
    CHECK_EQ_INT(nn_reducer_wants_rows(t->reducer, TABLE), node && !tree);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        step(t, rows[i], tree);
        move_borders(t, i % 2 == 0);
    }
    CHECK_EQ_INT(t->computed_norms, ops->compute_norms != NULL);
    nn_reducer_free(t->reducer);
}

/* Many rows of few numbers are more than their product, over 1 Gbit/s as well. */
static void test_choice(struct trial *t) {
    nn_reduce_spec spec = {.comm = t->comm,
                           .choice = NN_REDUCE_NODE,
                           .n = N,
                           .vectors = 1,
                           .link = {.latency = 1e-6,
                                    .bandwidth = 1.25e8,
                                    .flops = 1e11,
                                    .nodes = nn_comm_nodes(t->comm)},
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

/* Over 1 Gbit/s, in a minibatch of 64: rows of a matrix travel where they are few, of samples and
 * of steps; rows of a table where they are fewer than those of the table; of a tensor in parts as
 * its first part does. */
static void test_steps(struct trial *t) {
    const nn_outer_matrix choice[] = {
        {.begin = 0, .m = 256, .n = 256, .steps = 1},
        {.begin = 1 << 16, .m = 256, .n = 256, .steps = 40},
        {.begin = 2 << 16, .m = 4096, .n = 16, .steps = 40, .indexed = true},
        {.begin = 3 << 16, .m = 2048, .n = 32, .steps = 90, .indexed = true},
        {.begin = 4 << 16, .m = 1024, .n = 256, .steps = 5},
        {.begin = 8 << 16, .m = 256, .n = 256, .steps = 5, .continued = true},
        {.begin = 9 << 16, .m = 256, .n = 256, .steps = 5},
        {.begin = 10 << 16, .m = 1024, .n = 256, .steps = 5, .continued = true}};
    static const bool travels[] = {true, false, true, false, true, true, false, false};
    nn_reduce_spec spec = {.comm = t->comm,
                           .choice = NN_REDUCE_NODE,
                           .n = 14 << 16,
                           .vectors = 1,
                           .link = {.latency = 1e-4,
                                    .bandwidth = 1.25e8,
                                    .flops = 1e11,
                                    .nodes = nn_comm_nodes(t->comm)},
                           .outer = choice,
                           .outer_count = sizeof travels,
                           .rows = 64,
                           .shards = &t->leaves,
                           .ops = &eager,
                           .ctx = t};
    if (nn_comm_nodes(t->comm) == 1 || !CHECK_EQ_INT(nn_reducer_new(&spec, &t->reducer), 0))
        return;
    for (size_t i = 0; i < sizeof travels; i++)
        CHECK_EQ_INT(nn_reducer_sends_rows(t->reducer, i), travels[i]);
    nn_reducer_free(t->reducer);
}

/* Ranks with different numbers of threads multiply the rows of all to the same bits. */
static void test_threads(struct trial *t) {
    nn_compute compute = {.threads = 1 + (nn_comm_rank(t->comm) == 0)};
    nn_reduce_spec spec = {.comm = t->comm,
                           .compute = &compute,
                           .choice = NN_REDUCE_NODE,
                           .n = N,
                           .vectors = 1,
                           .outer = matrix,
                           .outer_count = MATRICES,
                           .rows = BATCH,
                           .shards = &t->moving,
                           .between = NN_BETWEEN_ROWS,
                           .ops = &eager,
                           .ctx = t};
    size_t different = 0;
    if (nn_comm_nodes(t->comm) == 1 || !CHECK_EQ_INT(nn_reducer_new(&spec, &t->reducer), 0))
        return;
    CHECK(nn_reducer_sends_rows(t->reducer, WIDE));
    step(t, BATCH, false);
    nn_real *first = malloc(N * sizeof *first);
    memcpy(first, t->got, N * sizeof *first);
    CHECK_EQ_INT(nn_comm_bcast(t->comm, first, N * sizeof *first), 0);
    for (size_t i = 0; nn_comm_node_rank(t->comm) == 0 && i < nn_reducer_slices(t->reducer); i++) {
        nn_slice s = nn_reducer_slice(t->reducer, i);
        for (size_t k = s.begin; k < s.end; k++)
            different += t->got[k] != first[k];
    }
    CHECK_EQ_INT(different, 0);
    free(first);
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
        t.a[i] = numbers(BATCH * matrix[i].steps * stride_of(i, NN_OUTER_A), 2 * i);
        t.b[i] = numbers(BATCH * matrix[i].steps * stride_of(i, NN_OUTER_B), 2 * i + 1);
    }
    for (size_t r = 0; r < BATCH * matrix[TABLE].steps; r++) /* some of them nowhere */
        t.a[TABLE][r] = (nn_real)(r * 37 % matrix[TABLE].m) - (r % 7 == 0 ? 1000 : 0);
    t.expected = malloc(N * sizeof *t.expected);
    t.got = malloc(N * sizeof *t.got);
    for (nn_reduce_choice way = NN_REDUCE_ALLREDUCE; way <= NN_REDUCE_NODE; way++)
        for (int tree = 0; tree < 2; tree++) {
            test_way(&t, way, tree, NN_BETWEEN_ROWS, &eager);
            test_way(&t, way, tree, NN_BETWEEN_GRADIENTS, &eager);
            test_way(&t, way, tree, NN_BETWEEN_ROWS, &late);
        }
    test_choice(&t);
    test_steps(&t);
    test_threads(&t);
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
