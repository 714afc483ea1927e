/* ranks: 3 */
/* nodes: 2 */
/* The rows of a minibatch stay where they are until they have come to the other nodes: a rank whose
 * rows stand elsewhere in the next minibatch, as that is smaller, does not write over those that
 * another rank of its node still sends. */
#include "check.h"
#include "comm/reduce/reduce.h"

#include <stdlib.h>
#include <unistd.h>

enum { M = 1 << 16, COLUMNS = 4, BATCH = 48, SMALL = 6, PASSES = 24 };

struct trial {
    nn_comm *comm;
    nn_reducer *reducer;
    nn_shards shards;
    nn_pool pool;
    nn_real *a, *b; /* [BATCH][M], [BATCH][COLUMNS] */
    nn_real expected;
};

/* The last rank, which gets them, takes a step; the others are ready for the next pass at once. */
static bool begin_step(void *ctx, const nn_step_sums *sums) {
    const struct trial *t = ctx;
    (void)sums;
    return nn_comm_rank(t->comm) == nn_comm_size(t->comm) - 1;
}

static void take_step(void *ctx, const nn_slice *slice, const nn_real *g) {
    const struct trial *t = ctx;
    size_t wrong = 0;
    for (size_t k = slice->begin; k < slice->end; k++)
        wrong += g[k - slice->begin] != t->expected;
    CHECK_EQ_INT(wrong, 0);
}

static const nn_reduce_ops ops = {.begin_step = begin_step, .step = take_step};

/* Row r of pass p; small whole numbers, whose sums are exact. */
static nn_real value(size_t p, size_t r) {
    return (nn_real)(1 + (p * 7 + r * 3) % 61);
}

static void put_rows(struct trial *t, size_t p, size_t rows) {
    nn_span own = nn_shards_rows(&t->shards, rows, (size_t)nn_comm_rank(t->comm));
    size_t count = own.end - own.begin;
    for (size_t r = 0; r < count; r++)
        for (size_t k = 0; k < M; k++)
            t->a[r * M + k] = value(p, own.begin + r);
    if (nn_comm_rank(t->comm) == 0) /* the others' rows have gone when it sends its own */
        usleep(2000);
    nn_row_block a = {t->a, count, M}, b = {t->b, count, COLUMNS};
    nn_reducer_put_rows(t->reducer, 0, NN_OUTER_A, &a);
    nn_reducer_put_rows(t->reducer, 0, NN_OUTER_B, &b);
}

static void pass(struct trial *t, size_t p) {
    size_t rows = p % 2 ? SMALL : BATCH;
    nn_step_sums sums = {0};
    t->expected = 0;
    for (size_t r = 0; r < rows; r++)
        t->expected += value(p, r);
    nn_reducer_open(t->reducer, rows);
    nn_reducer_send_sums(t->reducer, &sums);
    put_rows(t, p, rows);
    nn_reducer_ready(t->reducer, 0);
    CHECK_EQ_INT(nn_reducer_finish(t->reducer), 0);
}

int main(void) {
    static const nn_outer_matrix matrix = {.m = M, .n = COLUMNS, .steps = 1};
    struct trial t = {0};
    CHECK_EQ_INT(nn_comm_init(&t.comm), 0);
    if (!t.comm)
        return check_done();
    CHECK_EQ_INT(nn_shards_init(&t.shards, &t.pool, BATCH, (size_t)nn_comm_size(t.comm)), 0);
    t.a = malloc(sizeof *t.a * BATCH * M);
    t.b = malloc(sizeof *t.b * BATCH * COLUMNS);
    for (size_t i = 0; i < BATCH * COLUMNS; i++)
        t.b[i] = 1;
    nn_reduce_spec spec = {.comm = t.comm,
                           .choice = NN_REDUCE_NODE,
                           .n = (size_t)M * COLUMNS,
                           .vectors = 1,
                           .outer = &matrix,
                           .outer_count = 1,
                           .rows = BATCH,
                           .shards = &t.shards,
                           .between = NN_BETWEEN_ROWS,
                           .ops = &ops,
                           .ctx = &t};
    if (nn_comm_nodes(t.comm) > 1 && CHECK_EQ_INT(nn_reducer_new(&spec, &t.reducer), 0)) {
        CHECK(nn_reducer_wants_rows(t.reducer, 0));
        for (size_t p = 0; p < PASSES; p++)
            pass(&t, p);
        nn_reducer_free(t.reducer);
    }
    free(t.a);
    free(t.b);
    nn_pool_release(&t.pool);
    nn_comm_free(t.comm);
    return check_done();
}
