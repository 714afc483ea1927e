/* ranks: 1 2 3 4 */
/* nodes: 2 */
/* Collectives of the communicator, and what the ranks make of each other's failures. */
#include "comm/comm.h"

#include "base/error.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_collectives(nn_comm *comm) {
    int rank = nn_comm_rank(comm), size = nn_comm_size(comm);
    double sum[2] = {rank + 1, 0.5};
    char text[8] = "other";
    int all[16] = {0};
    if (rank == 0)
        strcpy(text, "zero");
    CHECK_EQ_INT(nn_comm_sum(comm, sum, 2), 0);
    CHECK_NEAR(sum[0], size * (size + 1) / 2.0, 0);
    CHECK_NEAR(sum[1], 0.5 * size, 0);
    CHECK_EQ_INT(nn_comm_bcast(comm, text, sizeof text), 0);
    CHECK_STR(text, "zero");
    CHECK_EQ_INT(nn_comm_gather(comm, &rank, sizeof rank, all), 0);
    for (int i = 0; i < size; i++)
        CHECK_EQ_INT(all[i], i);
    CHECK(strlen(nn_comm_host(comm)) > 0);
    CHECK(nn_comm_threads(comm) >= 1);
}

/* Ranks of a node follow each other, and nodes have the same number, or one less. */
static void test_nodes(nn_comm *comm) {
    const char *played = getenv("NNMPI_TEST_NODES");
    int nodes = played ? atoi(played) : 1, size = nn_comm_size(comm), first;
    int where[2] = {nn_comm_node_rank(comm), nn_comm_node_size(comm)}, all[32];
    CHECK_EQ_INT(nn_comm_nodes(comm), nodes);
    CHECK(where[1] == size / nodes || where[1] == size / nodes + 1);
    CHECK_EQ_INT(nn_comm_gather(comm, where, sizeof where, all), 0);
    for (int i = first = 0; i < size; i++) {
        first = all[2 * i] == 0 ? i : first;
        CHECK_EQ_INT(all[2 * i], i - first);
        CHECK_EQ_INT(all[2 * i + 1], all[2 * first + 1]);
    }
}

static void test_success(nn_comm *comm) {
    CHECK_EQ_INT(nn_comm_agree(comm, 0), 0);
    CHECK_EQ_INT(nn_comm_agree(comm, 17), 0);
}

static void test_same_failure(nn_comm *comm) {
    int rc = nn_fail(NN_EUSAGE, "train.lr = -1 is out of range");
    CHECK_EQ_INT(nn_comm_agree(comm, rc), NN_EUSAGE);
    CHECK_STR(nn_error_message(), "train.lr = -1 is out of range");
}

/* One rank fails: the others must neither hang nor stay ignorant. */
static void test_one_fails(nn_comm *comm, int who) {
    char expected[512];
    int rc = 0, rank = nn_comm_rank(comm), size = nn_comm_size(comm);
    nn_error_clear();
    if (rank == who)
        rc = nn_fail(NN_EFORMAT, "data.h5 is damaged");
    rc = nn_comm_agree(comm, rc);
    CHECK_EQ_INT(rc, NN_EFORMAT);
    snprintf(expected, sizeof expected, "rank %d on %s: data.h5 is damaged", who,
             nn_comm_host(comm));
    CHECK_STR(nn_error_message(), size == 1 ? "data.h5 is damaged" : expected);
}

/* Different failures: the worst code wins, and among equals the lowest rank. */
static void test_worst_wins(nn_comm *comm) {
    char expected[512];
    int rank = nn_comm_rank(comm), size = nn_comm_size(comm);
    int rc = rank == 0 ? nn_fail(NN_EUSAGE, "usage") : nn_fail(NN_EIO, "disk %d", rank);
    rc = nn_comm_agree(comm, rc);
    CHECK_EQ_INT(rc, size == 1 ? NN_EUSAGE : NN_EIO);
    snprintf(expected, sizeof expected, "rank 1 on %s: disk 1", nn_comm_host(comm));
    CHECK_STR(nn_error_message(), size == 1 ? "usage" : expected);
}

static void test_long_message(nn_comm *comm) {
    char text[1500];
    int rc = 0;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    if (nn_comm_rank(comm) == nn_comm_size(comm) - 1)
        rc = nn_fail(NN_EIO, "%s", text);
    CHECK_EQ_INT(nn_comm_agree(comm, rc), NN_EIO);
    CHECK(strstr(nn_error_message(), "xxxxxxxx") != NULL);
}

static void test_alone(void) {
    nn_comm *alone;
    double one = 1;
    CHECK_EQ_INT(nn_comm_alone(&alone), 0);
    CHECK_EQ_INT(nn_comm_rank(alone), 0);
    CHECK_EQ_INT(nn_comm_size(alone), 1);
    CHECK_EQ_INT(nn_comm_sum(alone, &one, 1), 0);
    CHECK_NEAR(one, 1, 0);
    CHECK_EQ_INT(nn_comm_agree(alone, NN_EIO), NN_EIO);
    CHECK(nn_comm_threads(alone) >= 1);
    nn_comm_free(alone);
    nn_comm_free(NULL);
}

int main(void) {
    nn_comm *comm;
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    test_collectives(comm);
    test_nodes(comm);
    test_success(comm);
    test_same_failure(comm);
    test_one_fails(comm, 0);
    test_one_fails(comm, nn_comm_size(comm) - 1);
    test_worst_wins(comm);
    test_long_message(comm);
    test_success(comm);
    test_alone();
    nn_comm_free(comm);
    CHECK_EQ_INT(nn_comm_init(&comm), NN_EUSAGE); /* MPI does not start twice */
    return check_done();
}
