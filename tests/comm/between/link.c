/* ranks: 1 2 3 */
/* nodes: 2 */
/* The network between the nodes, and when rows take less time than sums. */
#include "comm/between/link.h"

#include "check.h"
#include "comm/comm.h"

#include <nnmpi/log.h>

#include <string.h>

static const nn_link gigabit = {.latency = 1e-4, .bandwidth = 1.25e8, .flops = 1e11, .alike = true};

/* 128 rows of 4096 + 4096 numbers are 2 MB from each of two nodes, the gradient 67 MB. */
static void test_costs(void) {
    nn_exchange_costs wide = {.nodes = 2, .ranks = 1, .rows = 256, .row_bytes = 2 * 4096 * 4};
    wide.work = 4096 * 4096;
    wide.bytes = 4 * wide.work;
    double half = 2.0 * 128 * 4096 * 4096 / 1e11;
    CHECK_NEAR(nn_rows_seconds(&gigabit, &wide), 1e-4 + 128.0 * 8192 * 4 / 1.25e8 + 2 * half, 1e-9);
    CHECK_NEAR(nn_sums_seconds(&gigabit, &wide), 1e-4 + 4096.0 * 4096 * 4 / 1.25e8 + half, 1e-9);
    CHECK(nn_rows_pay(&gigabit, &wide));
    nn_link fast = gigabit;
    fast.bandwidth = 1e11; /* multiplying costs more than it saves */
    CHECK(!nn_rows_pay(&fast, &wide));
    nn_exchange_costs many = wide;
    many.rows = 1e5; /* more numbers than the gradient has */
    CHECK(!nn_rows_pay(&gigabit, &many));
    nn_exchange_costs few = wide;
    few.row_bytes = (4096 + 10) * 4;
    few.work = 4096 * 10;
    few.bytes = 4 * few.work;
    CHECK(!nn_rows_pay(&gigabit, &few));
    wide.nodes = 64; /* everyone's rows to everyone, and as many rows a node as before */
    wide.rows = 64 * 128;
    CHECK(!nn_rows_pay(&gigabit, &wide));
}

/* A small matrix between many nodes: messages and the waits for them cost more than bytes. */
static void test_messages(void) {
    nn_exchange_costs small = {.nodes = 64, .ranks = 1, .rows = 64, .row_bytes = 4, .bytes = 4096};
    nn_link link = {.latency = 1e-5, .overhead = 1e-6, .bandwidth = 1e12, .flops = 1e15};
    const double bytes = 2 * 63.0 / 64 * 4096 / 1e12;
    small.buckets = 3;
    small.direct = true; /* to everyone, and back */
    CHECK_NEAR(nn_sums_seconds(&link, &small), bytes + 3 * 126e-6 + 2e-5, 1e-9);
    CHECK_NEAR(nn_rows_seconds(&link, &small), 63 * 4 / 1e12 + 126e-6 + 1e-5, 1e-9);
    CHECK(nn_rows_pay(&link, &small));
    small.direct = false; /* 6 halvings, and as many back */
    CHECK_NEAR(nn_sums_seconds(&link, &small), bytes + 3 * 12e-6 + 12e-5, 1e-9);
    link.latency = 1e-6;
    CHECK(!nn_rows_pay(&link, &small)); /* although they have a tenth of the bytes */
    CHECK(nn_sums_go_directly(64, 0, false, false) && !nn_sums_go_directly(65, 0, false, false));
    CHECK(nn_sums_go_directly(65, 0, true, false) && nn_sums_go_directly(65, 0, false, true));
    CHECK(!nn_sums_go_directly(3, 2, false, false));
}

static void test_text(void) {
    static const char *const bad[] = {"",          "1 2",        "1 2 x 2",    "1 1 1",
                                      "1 1 1 1",   "0 1 1 2",    "-1 1 1 2",   "inf 1 1 2",
                                      "nan 1 1 2", "1 1 1 2 -1", "1 1 1 2 inf"};
    char text[NN_LINK_TEXT];
    nn_link link = {.latency = 1.0 / 3, .bandwidth = 1e9 / 7, .flops = 1e300, .nodes = 3}, back;
    link.overhead = 1.0 / 7;
    CHECK(nn_link_read(nn_link_text(&link, text), &back));
    CHECK(back.latency == link.latency && back.bandwidth == link.bandwidth);
    CHECK(back.flops == link.flops && back.nodes == 3 && back.overhead == link.overhead);
    CHECK(nn_link_read("0x1p-1 1 1 2", &back) && back.overhead == 0); /* of older runs */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!nn_link_read(bad[i], &back));
}

static void note(void *ctx, nn_log_level level, const char *line) {
    int *warnings = ctx;
    *warnings += level == NN_LOG_WARNING && strstr(line, "remeasure chooses anew") != NULL;
}

/* What was measured stays, and who goes on by another network is told. */
static void test_far(nn_comm *comm, const nn_link *link) {
    nn_link before = *link;
    int warnings = 0, nodes = nn_comm_nodes(comm);
    before.bandwidth *= 1000;
    nn_log_to(note, &warnings, NN_LOG_WARNING);
    nn_link kept = before;
    CHECK_EQ_INT(nn_link_measure(comm, NULL, &kept), 0);
    CHECK(kept.bandwidth == before.bandwidth);
    CHECK_EQ_INT(warnings, nn_comm_rank(comm) == 0);
    before.nodes++; /* of more nodes: it is measured again */
    CHECK_EQ_INT(nn_link_measure(comm, NULL, &before), 0);
    CHECK(before.bandwidth < kept.bandwidth && before.nodes == nodes);
    CHECK_EQ_INT(warnings, nn_comm_rank(comm) == 0);
    nn_log_to(NULL, NULL, NN_LOG_WARNING);
}

/* It is measured once, and the same on all ranks. */
static void test_measuring(nn_comm *comm) {
    bool several = nn_comm_nodes(comm) > 1;
    nn_link link = {0}, again, first;
    CHECK_EQ_INT(nn_link_measure(comm, NULL, &link), 0);
    CHECK_EQ_INT(link.flops > 0, several);
    CHECK_EQ_INT(link.bandwidth > 0 && link.latency > 0, several);
    CHECK(link.overhead >= 0);
    CHECK_EQ_INT(link.alike, several);
    first = again = link;
    CHECK_EQ_INT(nn_comm_bcast(comm, &first, sizeof first), 0);
    CHECK(memcmp(&first, &link, sizeof link) == 0);
    CHECK_EQ_INT(nn_link_measure(comm, NULL, &again), 0);
    CHECK(memcmp(&again, &link, sizeof link) == 0);
    if (several)
        test_far(comm, &link);
}

int main(void) {
    nn_comm *comm;
    test_costs();
    test_messages();
    test_text();
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    test_measuring(comm);
    nn_comm_free(comm);
    return check_done();
}
