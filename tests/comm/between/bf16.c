/* ranks: 1 2 3 4 */
/* nodes: 2 3 */
/* bfloat16 by its definition, sums in it, and that what rounding takes away comes back. */
#include "comm/between/bf16.h"

#include "sum_trial.h"

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

enum { N = SUM_TRIAL_N, STEPS = 200 };

static nn_real part(int rank, int step, size_t i) {
    (void)step;
    return (nn_real)sin(1.0 + (double)i + 17 * rank) / 3;
}

/* The same vector, summed many times in several parts: the sum of the sums is right to one
 * rounding, the same on all ranks, and no single sum is exact. */
static void test_feedback(nn_comm *comm) {
    static struct sum_trial t;
    nn_reduce_spec spec = {.comm = comm,
                           .choice = NN_REDUCE_NODE,
                           .n = N,
                           .vectors = 1,
                           .bucket = 333,
                           .compress = true,
                           .ops = &sum_trial_ops,
                           .ctx = &t};
    nn_real first[N];
    size_t different = 0, rounded = 0;
    t.comm = comm;
    if (!CHECK_EQ_INT(nn_reducer_new(&spec, &t.reducer), 0))
        return;
    for (int i = 0; i < STEPS; i++)
        sum_trial_step(&t, part, i);
    const nn_real *sum = nn_reducer_vector(t.reducer, 0);
    memcpy(first, sum, sizeof first);
    CHECK_EQ_INT(nn_comm_bcast(comm, first, sizeof first), 0);
    for (size_t i = 0; i < N; i++) {
        double want = 0, most = 0;
        for (int r = 0; r < nn_comm_size(comm); r++) {
            want += (double)part(r, 0, i);
            most += fabs((double)part(r, 0, i));
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
