/* The model of what sums over the ranks cost: the fit finds the numbers it was made with, and
 * efficiency goes where it must. */
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

static void test_efficiency(void) {
    const nn_step_cost step = {.compute = 0.1, .bytes = 1e6, .ranks = 2};
    const nn_message_cost slow = {1e-5, 1e8}, fast = {1e-6, 1e11};
    CHECK_NEAR(nn_efficiency(&step, &slow, 2, true), nn_efficiency(&step, &slow, 2, false), 1e-12);
    CHECK(nn_efficiency(&step, &fast, 2, true) > 0.999);
    for (int fewer = 2; fewer < 4096; fewer *= 2) {
        double strong = nn_efficiency(&step, &slow, 2 * fewer, true);
        double weak = nn_efficiency(&step, &slow, 2 * fewer, false);
        CHECK(strong > 0 && strong < weak && weak < 1);
        CHECK(strong < nn_efficiency(&step, &slow, fewer, true));
        CHECK(weak < nn_efficiency(&step, &fast, 2 * fewer, false));
    }
}

int main(void) {
    test_fit(2);
    test_fit(8);
    test_two_ranks();
    test_efficiency();
    return check_done();
}
