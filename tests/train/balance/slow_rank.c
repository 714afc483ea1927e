/* ranks: 1 2 3 4 */
/* Which rank is slow, and since when, from made-up seconds. */
#include "check.h"
#include "train/balance/balance.h"

#include <nnmpi/comm.h>
#include <nnmpi/log.h>

struct trial {
    nn_comm *comm;
    nn_balance *balance;
    int rank, size;
    int warnings;
    char text[512];
};

static void count(void *ctx, nn_log_level level, const char *line) {
    struct trial *t = ctx;
    CHECK_EQ_INT(level, NN_LOG_WARNING);
    t->warnings++;
    snprintf(t->text, sizeof t->text, "%s", line);
}

static void begin(struct trial *t) {
    nn_balance_free(t->balance);
    CHECK_EQ_INT(nn_balance_new(t->comm, NULL, &t->balance), 0);
    t->warnings = 0;
}

/* Rank `slow` works `factor` times as long as the others, which take a second for 10 rows and wait
 * for it. */
static nn_slowest look(struct trial *t, int slow, double factor, double rows) {
    nn_rank_work mine = {.rows = 10, .computing = 0.75, .updating = 0.25, .waiting = factor - 0.5};
    nn_slowest found;
    if (t->rank == slow)
        mine = (nn_rank_work){rows, 0.75 * factor, 0.25 * factor, 0.5};
    CHECK_EQ_INT(nn_balance_look(t->balance, &mine, &found), 0);
    return found;
}

static void test_found(struct trial *t) {
    for (int slow = 0; slow < t->size; slow++) {
        begin(t);
        nn_slowest found = look(t, slow, 3, 10);
        CHECK_EQ_INT(found.rank, slow);
        CHECK(found.host[0] != '\0');
        CHECK_NEAR(found.seconds, 3, 1e-12);
        CHECK_NEAR(found.factor, 3, 1e-12);
        CHECK_NEAR(found.waited, 2, 1e-12);
    }
}

/* The median of an even and of an odd number of others. */
static void test_median(struct trial *t) {
    nn_rank_work mine = {.rows = 1, .computing = 1 << t->rank};
    nn_slowest found;
    const double median[] = {0, 0, 1, 1.5, 2};
    begin(t);
    CHECK_EQ_INT(nn_balance_look(t->balance, &mine, &found), 0);
    CHECK_EQ_INT(found.rank, t->size - 1);
    CHECK_NEAR(found.factor, found.seconds / median[t->size], 1e-12);
}

static void test_warned_once(struct trial *t) {
    char expected[32];
    int slow = t->size - 1;
    begin(t);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ_INT(t->warnings, i > 2 && t->rank == 0);
        look(t, slow, 1.5, 10);
    }
    CHECK_EQ_INT(t->warnings, t->rank == 0);
    snprintf(expected, sizeof expected, "rank %d on ", slow);
    if (t->rank == 0) {
        CHECK_CONTAINS(t->text, expected);
        CHECK_CONTAINS(t->text, "1.5 times");
    }
}

/* Not always the same one, by too little, because of its rows, or of nothing to speak of. */
static void test_not_warned(struct trial *t) {
    nn_rank_work brief = {.rows = 10, .computing = t->rank == 0 ? 0.03 : 0.01};
    nn_slowest found;
    begin(t);
    for (int i = 0; i < 9; i++)
        look(t, i % 3 == 2 ? 1 : 0, 1.5, 10);
    for (int i = 0; i < 9; i++)
        look(t, 0, 1.1, 10);
    for (int i = 0; i < 9; i++)
        look(t, 0, 1.5, 14);
    for (int i = 0; i < 30; i++)
        CHECK_EQ_INT(nn_balance_look(t->balance, &brief, &found), 0);
    CHECK_EQ_INT(t->warnings, 0);
}

int main(void) {
    struct trial t = {0};
    if (!CHECK(nn_comm_init(&t.comm) == 0))
        return check_done();
    t.rank = nn_comm_rank(t.comm);
    t.size = nn_comm_size(t.comm);
    nn_log_to(count, &t, NN_LOG_WARNING);
    if (t.size > 1) {
        test_found(&t);
        test_median(&t);
        test_warned_once(&t);
        test_not_warned(&t);
    } else {
        begin(&t);
        CHECK(t.balance == NULL);
        CHECK_EQ_INT(look(&t, 0, 3, 10).rank, -1);
    }
    nn_balance_free(t.balance);
    nn_comm_free(t.comm);
    return check_done();
}
