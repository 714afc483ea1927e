/* Drawing of tokens: which ones can come, and how often they do. */
#include "train/generate/sample.h"

#include "check.h"

#include <math.h>

#define TOKENS 5
#define DRAWS 1000

/* probabilities 0.1, 0.4, 0.05, 0.4, 0.05 */
static const double probability[TOKENS] = {0.1, 0.4, 0.05, 0.4, 0.05};

/* Shares of the tokens among evenly distributed draws. */
static void share(nn_sampling how, double out[TOKENS]) {
    nn_candidate room[TOKENS];
    nn_real z[TOKENS];
    for (size_t i = 0; i < TOKENS; i++) {
        z[i] = (nn_real)log(probability[i]) + 3;
        out[i] = 0;
    }
    for (int d = 0; d < DRAWS; d++)
        out[nn_sample(&how, TOKENS, z, (d + 0.5) / DRAWS, room)] += 1.0 / DRAWS;
}

static void check_shares(nn_sampling how, const double want[TOKENS]) {
    double found[TOKENS];
    share(how, found);
    for (size_t i = 0; i < TOKENS; i++)
        CHECK_NEAR(found[i], want[i], 1.5 / DRAWS);
}

static void test_shares(void) {
    check_shares((nn_sampling){1, 0, 1}, probability);
    check_shares((nn_sampling){1, TOKENS, 1}, probability);
    check_shares((nn_sampling){0, 0, 1}, (double[]){0, 1, 0, 0, 0}); /* the first of equal ones */
    check_shares((nn_sampling){1, 1, 1}, (double[]){0, 1, 0, 0, 0});
    check_shares((nn_sampling){1, 2, 1}, (double[]){0, 0.5, 0, 0.5, 0});
    check_shares((nn_sampling){1, 0, 0.3}, (double[]){0, 1, 0, 0, 0});
    check_shares((nn_sampling){1, 0, 0.85}, (double[]){1.0 / 9, 4.0 / 9, 0, 4.0 / 9, 0});
    check_shares((nn_sampling){1, 3, 0.6}, (double[]){0, 0.5, 0, 0.5, 0}); /* 0.6 of 0.9 */
    double squares = 2 * 0.16 + 0.01 + 2 * 0.0025;
    check_shares((nn_sampling){0.5, 0, 1},
                 (double[]){0.01 / squares, 0.16 / squares, 0.0025 / squares, 0.16 / squares,
                            0.0025 / squares});
}

static void test_barred(void) {
    nn_candidate room[3];
    nn_sampling plain = {1, 0, 1};
    nn_real z[3] = {-(nn_real)INFINITY, 0, -(nn_real)INFINITY};
    for (int i = 0; i < 4; i++)
        CHECK_EQ_INT(nn_sample(&plain, 3, z, i / 4.0, room), 1);
    z[0] = (nn_real)NAN;
    CHECK_EQ_INT(nn_sample(&plain, 3, z, 0, room), -1);
    z[0] = (nn_real)INFINITY;
    CHECK_EQ_INT(nn_sample(&plain, 3, z, 0, room), -1);
}

int main(void) {
    test_shares();
    test_barred();
    return check_done();
}
