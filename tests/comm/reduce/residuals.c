/* ranks: 1 2 3 4 */
/* nodes: 2 3 */
/* Residuals of sums between nodes: with what was delivered they make up what was to be summed;
 * gathered and scattered again they go on as if nothing had happened; rows have none. */
#include "comm/reduce/residuals.h"

#include "comm/between/bf16.h"
#include "comm/node_buffer.h"
#include "sum_trial.h"

#include <stdlib.h>

enum { N = SUM_TRIAL_N, STEPS = 50, MATRIX = 256, ROWS = 20, COLUMNS = 30 };

struct trial {
    struct sum_trial sums;
    nn_pool pool;
    nn_shards shards;
};

static bool begin(struct trial *t, nn_comm *comm, bool compress, const nn_outer_matrix *outer) {
    size_t ranks = (size_t)nn_comm_size(comm);
    nn_reduce_spec spec = {.comm = comm,
                           .choice = NN_REDUCE_NODE,
                           .n = N,
                           .vectors = 1,
                           .bucket = 333,
                           .compress = compress,
                           .between = outer ? NN_BETWEEN_ROWS : NN_BETWEEN_GRADIENTS,
                           .outer = outer,
                           .outer_count = outer != NULL,
                           .rows = 8,
                           .shards = &t->shards,
                           .ops = &sum_trial_ops,
                           .ctx = &t->sums};
    *t = (struct trial){.sums = {.comm = comm}};
    CHECK_EQ_INT(nn_shards_init(&t->shards, &t->pool, ranks, ranks), 0);
    return CHECK_EQ_INT(nn_reducer_new(&spec, &t->sums.reducer), 0);
}

static void end(struct trial *t) {
    nn_reducer_free(t->sums.reducer);
    nn_pool_release(&t->pool);
}

static nn_real part(int rank, int step, size_t i) {
    return (nn_real)(sin(1.0 + (double)i + 17 * rank + 0.3 * step) / 3);
}

/* Delivered and owed are what was to be summed, but for what rounding takes from residuals: 2^-18
 * of what each node sent. */
static void check_owed(const struct trial *t, const uint16_t *all) {
    int ranks = nn_comm_size(t->sums.comm), nodes = nn_comm_nodes(t->sums.comm);
    size_t size = nn_reducer_residuals(t->sums.reducer), owed = 0;
    for (size_t i = 0; i < N; i++) {
        double want = 0, have = t->sums.total[i], most = 0;
        for (int r = 0; r < ranks; r++)
            for (int s = 0; s < STEPS; s++) {
                want += (double)part(r, s, i);
                most += fabs((double)part(r, s, i));
            }
        for (int node = 0; node < nodes; node++) {
            double rest = (double)nn_bf16_value(
                all[(size_t)node * size + nn_reducer_residual_at(t->sums.reducer, i)]);
            CHECK(fabs(rest) <= 1.0 / 128);
            owed += rest > 0 || rest < 0;
            have += rest;
        }
        CHECK_NEAR(have, want, most / 50000);
    }
    CHECK(owed > N * (size_t)nodes / 2);
}

static void go_on(nn_comm *comm, struct trial *first, const uint16_t *all) {
    struct trial second;
    if (!begin(&second, comm, true, NULL))
        return;
    CHECK_EQ_INT(nn_reducer_scatter_residuals(second.sums.reducer, all), 0);
    for (int i = STEPS; i < STEPS + 3; i++) {
        sum_trial_step(&first->sums, part, i);
        sum_trial_step(&second.sums, part, i);
        CHECK(memcmp(nn_reducer_vector(first->sums.reducer, 0),
                     nn_reducer_vector(second.sums.reducer, 0), N * sizeof(nn_real)) == 0);
    }
    end(&second);
}

static void test_state(nn_comm *comm) {
    static struct trial t;
    nn_node_buffer *buffer;
    if (!begin(&t, comm, true, NULL))
        return;
    size_t size = nn_reducer_residuals(t.sums.reducer), nodes = (size_t)nn_comm_nodes(comm);
    CHECK_EQ_INT(size, nodes > 1 ? N : 0);
    for (int i = 0; i < STEPS; i++)
        sum_trial_step(&t.sums, part, i);
    if (CHECK_EQ_INT(nn_node_buffer_new(comm, nodes * N * sizeof(uint16_t), &buffer), 0)) {
        uint16_t *all = nn_node_buffer_data(buffer);
        CHECK_EQ_INT(nn_reducer_gather_residuals(t.sums.reducer, all), 0);
        CHECK_EQ_INT(nn_comm_agree(comm, 0), 0);
        if (size > 0 && nn_comm_on_first_node(comm))
            check_owed(&t, all);
        if (size > 0)
            go_on(comm, &t, all);
        nn_node_buffer_free(buffer);
    }
    end(&t);
}

/* Those of what stands around a matrix whose rows go to all nodes stand one behind the other. */
static void test_rows(nn_comm *comm) {
    struct trial t;
    nn_outer_matrix matrix = {.begin = MATRIX, .m = ROWS, .n = COLUMNS, .steps = 1};
    size_t behind = MATRIX + ROWS * COLUMNS, wrong = 0;
    if (!begin(&t, comm, true, &matrix))
        return;
    bool there = nn_comm_nodes(comm) > 1;
    CHECK_EQ_INT(nn_reducer_residuals(t.sums.reducer), there ? N - ROWS * COLUMNS : 0);
    for (size_t i = 0; i < N; i++) {
        size_t want = i < behind ? i : i - ROWS * COLUMNS;
        if (!there || (i >= MATRIX && i < behind))
            want = NN_NO_RESIDUAL;
        wrong += nn_reducer_residual_at(t.sums.reducer, i) != want;
    }
    CHECK_EQ_INT(wrong, 0);
    end(&t);
}

static void test_none(nn_comm *comm) {
    struct trial t;
    if (!begin(&t, comm, false, NULL))
        return;
    CHECK_EQ_INT(nn_reducer_residuals(t.sums.reducer), 0);
    CHECK(nn_reducer_residual_at(t.sums.reducer, 7) == NN_NO_RESIDUAL);
    CHECK_EQ_INT(nn_reducer_gather_residuals(t.sums.reducer, NULL), 0);
    CHECK_EQ_INT(nn_reducer_scatter_residuals(t.sums.reducer, NULL), 0);
    end(&t);
}

int main(void) {
    nn_comm *comm;
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    test_state(comm);
    test_rows(comm);
    test_none(comm);
    nn_comm_free(comm);
    return check_done();
}
