/* The order of an epoch is a bijection, and no place is preferred. */
#include "base/numbers/rng.h"
#include "check.h"

#include <stdlib.h>

enum { MAX_N = 25 }; /* of the uniformity test */

static void check_bijection(uint64_t n, uint64_t seed, uint64_t epoch, unsigned char *seen) {
    nn_permutation p = nn_permutation_of(seed, epoch, n);
    size_t distinct = 0;

    memset(seen, 0, n);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = nn_permutation_at(&p, i);
        if (!CHECK(at < n))
            return;
        distinct += !seen[at];
        seen[at] = 1;
    }
    CHECK_EQ_INT(distinct, n);
}

static void check_bijections(void) {
    static const uint64_t large[] = {1023, 1024, 1025, 4095, 4096, 4097, 60000, 65536, 65537};
    unsigned char *seen = malloc(65537);

    if (!CHECK(seen != NULL))
        return;
    for (uint64_t n = 1; n < 260; n++)
        check_bijection(n, n, 3, seen);
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        check_bijection(large[i], 1, i, seen);
    free(seen);
}

static double chi_square(const int *count, size_t cells, double expected) {
    double chi = 0;

    for (size_t i = 0; i < cells; i++)
        chi += (count[i] - expected) * (count[i] - expected) / expected;
    return chi;
}

/* Over the epochs each index comes to each place equally often, and so does each pair of indices to
 * each two places in a row. */
static void check_uniformity(uint64_t n, int epochs) {
    static int place[MAX_N * MAX_N], pair[MAX_N * MAX_N];
    size_t cells = (size_t)(n * n);
    double freedom = (double)((n - 1) * (n - 1)), pairs = (double)(n * (n - 1));

    memset(place, 0, sizeof place);
    memset(pair, 0, sizeof pair);
    for (int e = 0; e < epochs; e++) {
        nn_permutation p = nn_permutation_of(11, (uint64_t)e, n);
        for (uint64_t i = 0; i < n; i++)
            place[i * n + nn_permutation_at(&p, i)]++;
        pair[nn_permutation_at(&p, 0) * n + nn_permutation_at(&p, 1)]++;
    }
    CHECK_NEAR(chi_square(place, cells, epochs / (double)n), freedom, 6 * sqrt(2 * freedom));
    for (uint64_t i = 0; i < n; i++)
        CHECK_EQ_INT(pair[i * n + i], 0);
    /* the n diagonal cells, empty, bring epochs / pairs each */
    CHECK_NEAR(chi_square(pair, cells, epochs / pairs) - (double)n * epochs / pairs, pairs,
               6 * sqrt(2 * pairs));
}

/* All orders of n items come up equally often. */
static void check_all_orders(uint64_t n, int factorial) {
    static int count[6 * 6 * 6 * 6 * 6];
    const int epochs = 300 * factorial;
    const size_t codes = sizeof count / sizeof *count;
    int orders = 0;
    double chi = 0;

    memset(count, 0, sizeof count);
    for (int e = 0; e < epochs; e++) {
        nn_permutation p = nn_permutation_of(5, (uint64_t)e, n);
        size_t code = 0;
        for (uint64_t i = 0; i < n; i++)
            code = 6 * code + nn_permutation_at(&p, i);
        count[code % codes]++;
    }
    for (size_t i = 0; i < codes; i++) {
        orders += count[i] > 0;
        chi += count[i] > 0 ? (count[i] - 300) * (count[i] - 300) / 300.0 : 0;
    }
    CHECK_EQ_INT(orders, factorial);
    CHECK_NEAR(chi, factorial - 1, 6 * sqrt(2.0 * (factorial - 1)));
}

static void check_reproducible(void) {
    nn_permutation a = nn_permutation_of(1, 2, 60000), b = nn_permutation_of(1, 2, 60000);
    nn_permutation other_epoch = nn_permutation_of(1, 3, 60000);
    nn_permutation other_seed = nn_permutation_of(2, 2, 60000);
    int epoch_equal = 0, seed_equal = 0, fixed = 0, neighbours = 0;

    for (uint64_t i = 0; i < 60000; i++) {
        uint64_t at = nn_permutation_at(&a, i);
        if (at != nn_permutation_at(&b, i))
            CHECK(at == nn_permutation_at(&b, i));
        epoch_equal += at == nn_permutation_at(&other_epoch, i);
        seed_equal += at == nn_permutation_at(&other_seed, i);
        fixed += at == i;
        neighbours += i > 0 && at == nn_permutation_at(&a, i - 1) + 1;
    }
    CHECK(epoch_equal < 9 && seed_equal < 9 && fixed < 9 && neighbours < 9); /* 1 is expected */
}

int main(void) {
    check_bijections();
    check_uniformity(7, 14000);
    check_uniformity(16, 16000);
    check_uniformity(25, 25000);
    check_all_orders(2, 2);
    check_all_orders(3, 6);
    check_all_orders(4, 24);
    check_all_orders(5, 120);
    check_reproducible();
    return check_done();
}
