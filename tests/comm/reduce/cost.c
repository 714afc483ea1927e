/* The model of what sums over the ranks cost: the fit finds the numbers it was made with. */
#include "comm/reduce/cost.h"

#include "check.h"

static void test_fit(double ranks) {
    static const double bytes[] = {1e3, 1e4, 1e5, 1e6, 1e7};
    const nn_message_cost made = {3e-6, 2.5e9};
    double seconds[5];
    for (int i = 0; i < 5; i++)
        seconds[i] = nn_sum_seconds(&made, ranks, bytes[i]);
    nn_message_cost found = nn_fit_sums(ranks, 5, bytes, seconds);
    CHECK_NEAR(found.latency, made.latency, 1e-12);
    CHECK_NEAR(found.bandwidth / made.bandwidth, 1, 1e-9);
}

/* Two ranks: one exchange in each of two phases, each of half the bytes: 2 x (1 + 4 / 4). */
static void test_two_ranks(void) {
    CHECK_NEAR(nn_sum_seconds(&(nn_message_cost){1, 4}, 2, 8), 4, 1e-12);
}

/* Times that fall are noise. */
static void test_noise(void) {
    const double bytes[] = {1024, 65536}, seconds[] = {2e-4, 5e-5};
    nn_message_cost found = nn_fit_sums(2, 2, bytes, seconds);
    CHECK_NEAR(found.bandwidth, 65536 / 5e-5, 1);
    CHECK(found.latency >= 0);
}

int main(void) {
    test_fit(2);
    test_fit(8);
    test_noise();
    test_two_ranks();
    return check_done();
}
