/* ranks: 1 2 3 4 */
/* bfloat16 by its definition, sums in it, and that what rounding takes away comes back. */
#include "comm/reduce/compress.h"

#include "check.h"
#include "comm/comm.h"

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

enum { SHARE = 1000, STEPS = 200 };

static float part(int rank, size_t i) {
    return (float)sin(1.0 + (double)i + 17 * rank) / 3;
}

/* The same vector, summed many times in two parts: the sum of the sums is right to one rounding. */
static void test_feedback(nn_comm *comm) {
    nn_compressor *c;
    double total[SHARE] = {0};
    float v[SHARE], first[SHARE];
    int size = nn_comm_size(comm);
    size_t partition = 333, different = 0;
    if (!CHECK_EQ_INT(nn_compressor_new(comm, comm->world, SHARE, SHARE, &c), 0))
        return;
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < SHARE; i++)
            v[i] = part(nn_comm_rank(comm), i);
        CHECK_EQ_INT(nn_compressor_sum(c, v + partition, SHARE - partition, partition),
                     MPI_SUCCESS);
        CHECK_EQ_INT(nn_compressor_sum(c, v, partition, 0), MPI_SUCCESS);
        for (size_t i = 0; i < SHARE; i++)
            total[i] += (double)v[i];
    }
    for (size_t i = 0; i < SHARE; i++) {
        double want = 0, most = 0;
        for (int r = 0; r < size; r++) {
            want += (double)part(r, i);
            most += fabs((double)part(r, i));
        }
        CHECK_NEAR(total[i], (double)STEPS * want, most / 64);
    }
    memcpy(first, v, sizeof first);
    CHECK_EQ_INT(nn_comm_bcast(comm, first, sizeof first), 0);
    for (size_t i = 0; i < SHARE; i++)
        different += first[i] != v[i];
    CHECK_EQ_INT(different, 0);
    v[5] = NAN;
    CHECK_EQ_INT(nn_compressor_sum(c, v, partition, 0), MPI_SUCCESS);
    CHECK(isnan(v[5]));
    nn_compressor_free(c);
    nn_compressor_free(NULL);
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
