/* Learning-rate schedules. */
#include "check.h"
#include "nn/schedule.h"
#include "rows.h"

static double factor(const char *yaml, int64_t step, int64_t epoch) {
    nn_pool pool = {0};
    const nn_entry *row = NULL;
    union row_options options;
    nn_progress progress = {.step = step, .epoch = epoch, .steps_per_epoch = 10};
    double value = -1;

    if (row_take(&pool, &nn_schedules, yaml, &row, &options))
        value = ((const nn_schedule_ops *)row)->factor(&options, &progress);
    nn_pool_release(&pool);
    return value;
}

static void check_refused(const char *yaml, const char *part) {
    nn_pool pool = {0};
    const nn_entry *row;
    union row_options options;

    CHECK_EQ_INT(row_bind(&pool, &nn_schedules, yaml, &row, &options), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), part);
    nn_pool_release(&pool);
}

int main(void) {
    const char *halved = "{step: {every: 3, gamma: 0.5}}";

    CHECK_NEAR(factor("constant", 0, 0), 1, 0);
    CHECK_NEAR(factor("constant", 12345, 99), 1, 0);
    CHECK_NEAR(factor(halved, 0, 0), 1, 0);
    CHECK_NEAR(factor(halved, 29, 2), 1, 0);
    CHECK_NEAR(factor(halved, 30, 3), 0.5, 0);
    CHECK_NEAR(factor(halved, 59, 5), 0.5, 0);
    CHECK_NEAR(factor(halved, 60, 6), 0.25, 0);
    CHECK_NEAR(factor("{step: {every: 5}}", 50, 5), 0.1, 0);
    CHECK_NEAR(factor("{step: {every: 5}}", 100, 10), 0.01, 1e-17);
    CHECK_NEAR(factor("{step: {every: 7, gamma: 0.5, per: step}}", 6, 0), 1, 0);
    CHECK_NEAR(factor("{step: {every: 7, gamma: 0.5, per: step}}", 7, 0), 0.5, 0);
    CHECK_NEAR(factor("{step: {every: 7, gamma: 0.5, per: step}}", 14, 1), 0.25, 0);
    check_refused("step", "every");
    check_refused("{step: {every: 0}}", "out of range [1, inf)");
    check_refused("{step: {every: 2, gamma: 0}}", "out of range (0, inf)");
    check_refused("{step: {every: 2, per: year}}", "epoch");
    check_refused("steps", "did you mean 'step'?");
    return check_done();
}
