/* Learning-rate schedules, against PyTorch's where it has them. */
#include "nn/schedules/schedule.h"

#include "check.h"
#include "golden/schedules.h"
#include "rows.h"

static double factor(const char *yaml, int64_t step, int64_t epoch) {
    nn_pool pool = {0};
    const nn_entry *row = NULL;
    union row_options options;
    nn_schedule_at progress = {.step = step, .epoch = epoch, .steps_per_epoch = 10};
    double value = -1;

    if (row_take(&pool, &nn_schedules, yaml, &row, &options))
        value = ((const nn_schedule_ops *)row)->factor(&options, &progress);
    nn_pool_release(&pool);
    return value;
}

/* Bound and checked, for a run of GOLDEN_TIMES epochs of 10 steps. */
struct setup {
    nn_pool pool;
    const nn_schedule_ops *ops;
    union row_options options;
    nn_schedule_memory memory;
};

static bool set_up(struct setup *s, const char *yaml) {
    const nn_entry *row = NULL;

    *s = (struct setup){.memory = {.factor = 1, .best = NAN}};
    if (!row_take(&s->pool, &nn_schedules, yaml, &row, &s->options))
        return false;
    s->ops = (const nn_schedule_ops *)row;
    return !s->ops->check || CHECK_EQ_INT(s->ops->check(&s->options, NULL), 0);
}

static double factor_at(const struct setup *s, int64_t epoch, int64_t step) {
    nn_schedule_at progress = {.step = step,
                               .epoch = epoch,
                               .steps_per_epoch = 10,
                               .total_steps = 10 * GOLDEN_TIMES,
                               .memory = &s->memory};
    return s->ops->factor(&s->options, &progress);
}

static void check_golden(const struct golden_schedule *g) {
    int before = check_failures;
    struct setup s;

    if (set_up(&s, g->yaml))
        for (int t = 0; t < GOLDEN_TIMES; t++) {
            CHECK_NEAR(factor_at(&s, t, 10 * t), g->factor[t], 1e-12);
            CHECK_NEAR(factor_at(&s, t, 10 * t + 9), g->factor[t], 1e-12);
        }
    if (check_failures > before)
        fprintf(stderr, "... for %s\n", g->yaml);
    nn_pool_release(&s.pool);
}

/* The same by steps: ten times as slow, or as fast where the time is given. */
static void check_by_step(void) {
    struct setup s;

    if (set_up(&s, "{cosine: {per: step}}")) {
        CHECK_NEAR(factor_at(&s, 3, 5 * GOLDEN_TIMES), 0.5, 1e-12);
        CHECK_NEAR(factor_at(&s, GOLDEN_TIMES, 10 * GOLDEN_TIMES), 0, 1e-12);
    }
    nn_pool_release(&s.pool);
    if (set_up(&s, "{exponential: {gamma: 0.5, per: step}}"))
        CHECK_NEAR(factor_at(&s, 0, 3), 0.125, 0);
    nn_pool_release(&s.pool);
}

static void check_plateau(const struct golden_plateau *g) {
    int before = check_failures;
    struct setup s;

    if (set_up(&s, g->yaml))
        for (int t = 0; t < GOLDEN_TIMES; t++) {
            double value = g->larger ? -golden_values[t] : golden_values[t];
            CHECK_NEAR(factor_at(&s, t, 10 * t), g->factor[t], 1e-12);
            s.ops->observe(&s.options, &s.memory, value, g->larger, 1);
        }
    if (check_failures > before)
        fprintf(stderr, "... for %s\n", g->yaml);
    nn_pool_release(&s.pool);
}

/* min_lr is a learning rate, not a factor. */
static void check_least_rate(void) {
    struct setup s;

    if (set_up(&s, "{reduce_on_plateau: {patience: 0, min_lr: 0.05, metric: accuracy}}")) {
        CHECK_STR(s.ops->watches(&s.options), "accuracy");
        for (int t = 0; t < 4; t++)
            s.ops->observe(&s.options, &s.memory, 0.5, true, 2);
        CHECK_NEAR(factor_at(&s, 4, 40), 0.025, 1e-15);
    }
    nn_pool_release(&s.pool);
}

static void check_misuse(const char *yaml, const char *part) {
    nn_pool pool = {0};
    const nn_entry *row = NULL;
    union row_options options;

    CHECK_EQ_INT(row_bind(&pool, &nn_schedules, yaml, &row, &options), 0);
    if (CHECK(row != NULL))
        CHECK_EQ_INT(((const nn_schedule_ops *)row)->check(&options, NULL), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), part);
    nn_pool_release(&pool);
}

/* Every row has numbers of PyTorch's to be compared with, or is `constant`. */
static void check_table(void) {
    for (const nn_entry *const *row = nn_schedules.rows; *row; row++) {
        bool found = strcmp((*row)->name, "constant") == 0;
        for (size_t i = 0; i < sizeof golden_schedule / sizeof *golden_schedule; i++)
            found = found || strstr(golden_schedule[i].yaml, (*row)->name);
        CHECK(found || strcmp((*row)->name, "reduce_on_plateau") == 0);
    }
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
    for (size_t i = 0; i < sizeof golden_schedule / sizeof *golden_schedule; i++)
        check_golden(&golden_schedule[i]);
    for (size_t i = 0; i < sizeof golden_plateau / sizeof *golden_plateau; i++)
        check_plateau(&golden_plateau[i]);
    check_by_step();
    check_least_rate();
    check_table();
    check_misuse("{multistep: {at: [3, 3]}}", "numbers that rise");
    check_misuse("{multistep: {at: [3, x]}}", "numbers that rise");
    check_misuse("{multistep: {at: {}}}", "numbers that rise");
    check_misuse("{cosine: {restarts: true}}", "restarts want `over`");
    check_misuse("{cosine: {grow: 2}}", "restarts: true only");
    return check_done();
}
