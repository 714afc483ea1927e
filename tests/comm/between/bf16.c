/* ranks: 1 2 3 4 */
/* nodes: 2 3 */
/* bfloat16 by its definition, sums in it, and that what rounding takes away comes back. */
#include "comm/between/bf16.h"

#include "check.h"
#include "comm/reduce/reduce.h"

static void test_rounding(void) {
    static const float exact[] = {0, 1, -1.5F, 256, 1e-38F, 3.3895314e38F, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
        float back = nn_bf16_value(nn_bf16_of(exact[i]));
        CHECK(back == exact[i] || fabsf(back - exact[i]) <= fabsf(exact[i]) / 256);
    }
    CHECK(isnan(nn_bf16_value(nn_bf16_of(NAN))));
    CHECK_NEAR(nn_bf16_value(nn_bf16_of(1 + 1.0F / 256)), 1, 0);             /* ties to even ... */
    CHECK_NEAR(nn_bf16_value(nn_bf16_of(1 + 3.0F / 256)), 1 + 4.0 / 256, 0); /* ... both ways */
    CHECK_NEAR(nn_bf16_value(nn_bf16_of(1 + 1.1F / 256)), 1 + 2.0 / 256, 0);
    CHECK(signbit(nn_bf16_value(nn_bf16_of(-0.0F))));
}

enum { N = 1000, STEPS = 200 };

struct trial {
    nn_comm *comm;
    nn_reducer *reducer;
    double total[N]; /* of all steps */
};

static bool accept(void *ctx, const nn_step_sums *sums) {
    (void)ctx, (void)sums;
    return true;
}

static void take_step(void *ctx, const nn_slice *slice, const nn_real *g) {
    const struct trial *t = ctx;
    nn_real *w = nn_reducer_vector(t->reducer, 0);
    memcpy(w + slice->begin, g, (slice->end - slice->begin) * sizeof *g);
}

static nn_real part(int rank, size_t i) {
    return (nn_real)sin(1.0 + (double)i + 17 * rank) / 3;
}

static void step(struct trial *t) {
    nn_step_sums sums = {0};
    nn_real *g = nn_reducer_grads(t->reducer);
    nn_reducer_open(t->reducer, 0);
    for (size_t i = 0; i < N; i++)
        g[i] = part(nn_comm_rank(t->comm), i);
    nn_reducer_begin(t->reducer, &sums);
    CHECK_EQ_INT(nn_reducer_finish(t->reducer), 0);
    for (size_t i = 0; i < N; i++)
        t->total[i] += (double)nn_reducer_vector(t->reducer, 0)[i];
    CHECK_EQ_INT(nn_comm_agree(t->comm, 0), 0); /* all have read */
}

/* The same vector, summed many times in several parts: the sum of the sums is right to one
 * rounding, the same on all ranks, and no single sum is exact. */
static void test_feedback(nn_comm *comm) {
    static struct trial t;
    static const nn_reduce_ops ops = {.accept = accept, .step = take_step};
    nn_reduce_spec spec = {.comm = comm,
                           .choice = NN_REDUCE_NODE,
                           .n = N,
                           .vectors = 1,
                           .bucket = 333,
                           .compress = true,
                           .ops = &ops,
                           .ctx = &t};
    nn_real first[N];
    size_t different = 0, rounded = 0;
    t.comm = comm;
    if (!CHECK_EQ_INT(nn_reducer_new(&spec, &t.reducer), 0))
        return;
    for (int i = 0; i < STEPS; i++)
        step(&t);
    const nn_real *sum = nn_reducer_vector(t.reducer, 0);
    memcpy(first, sum, sizeof first);
    CHECK_EQ_INT(nn_comm_bcast(comm, first, sizeof first), 0);
    for (size_t i = 0; i < N; i++) {
        double want = 0, most = 0;
        for (int r = 0; r < nn_comm_size(comm); r++) {
            want += (double)part(r, i);
            most += fabs((double)part(r, i));
        }
        CHECK_NEAR(t.total[i], (double)STEPS * want, most / 64 + 1e-4);
        different += first[i] != sum[i];
        rounded += fabs((double)sum[i] - want) > 1e-5;
    }
    CHECK_EQ_INT(different, 0);
    CHECK_EQ_INT(rounded > N / 2, nn_comm_nodes(comm) > 1);
    nn_reducer_free(t.reducer);
}

int main(void) {
    nn_comm *comm;
    test_rounding();
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    test_feedback(comm);
    nn_comm_free(comm);
    return check_done();
}
