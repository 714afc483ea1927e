/* Every metric of the table and every option against numpy, whole and cut into shards; and what
 * holds for all of them: extreme outputs, nothing that counts. A row or an option without numbers
 * fails the test. */
#include "check.h"
#include "golden/metrics.h"
#include "nn/metrics/metric.h"
#include "rows.h"

#include <math.h>

enum { GOLDEN = sizeof golden_metrics / sizeof *golden_metrics, STATE = 2 * 4 * GOLDEN_BATCH };

static double table[16];
/* Not in order, as a loader may return them. */
static const int64_t sample[GOLDEN_BATCH] = {5, 3, 0, 11, 1, 2, 4, 10, 9, 6, 8, 7};

/* Adds rows [begin, end) of a minibatch to `state`. */
static void add_rows(const nn_metric_ops *ops, const void *options, const nn_metric_spec *spec,
                     size_t begin, size_t end, const nn_real *z, const nn_target *whole,
                     double *state) {
    nn_target part = *whole;

    part.label = part.label ? part.label + begin : NULL;
    part.value = part.value ? part.value + begin * spec->outputs : NULL;
    part.weight = part.weight ? part.weight + begin : NULL;
    part.sample += begin;
    ops->add(options, spec, end - begin, z + begin * spec->outputs, &part, state);
}

/* The value of a metric on a minibatch whose `shards` parts are summed up apart, as ranks do. */
static double value_of(const char *yaml, const nn_metric_spec *spec, size_t batch, const nn_real *z,
                       const nn_target *target, size_t shards) {
    static double state[STATE], part[STATE];
    nn_pool pool = {0};
    const nn_entry *row = NULL;
    union row_options options;
    nn_metric_layout layout = {0};
    double value = NAN;

    memset(state, 0, sizeof state);
    if (row_take(&pool, &nn_metrics, yaml, &row, &options)) {
        const nn_metric_ops *ops = (const nn_metric_ops *)row;
        CHECK(ops->plan(&options, spec, &layout) == 0);
        for (size_t i = 0; CHECK(layout.state <= STATE) && i < shards; i++) {
            memset(part, 0, sizeof part);
            add_rows(ops, &options, spec, batch * i / shards, batch * (i + 1) / shards, z, target,
                     part);
            for (size_t k = 0; k < layout.state; k++)
                state[k] += part[k];
        }
        value = ops->value(&options, spec, state, table);
    }
    nn_pool_release(&pool);
    return value;
}

static const double class_bytes[] = {1, 2, 3, 4};

static void round_all(size_t n, const double *from, nn_real *to) {
    for (size_t i = 0; i < n; i++)
        to[i] = (nn_real)from[i];
}

static void check_golden(const struct golden_metric *g, size_t shards) {
    nn_real z[48], y[48], weight[GOLDEN_BATCH];
    nn_metric_spec spec = {g->outputs, g->labels,    g->threshold,
                           g->fuses,   GOLDEN_BATCH, class_bytes};
    nn_target target = {.weight = weight, .sample = sample};
    int before = check_failures;

    round_all(48, g->z, z);
    round_all(48, g->y, y);
    round_all(GOLDEN_BATCH, g->weight, weight);
    if (g->labels)
        target.label = g->label;
    else
        target.value = y;
    double value = value_of(g->yaml, &spec, GOLDEN_BATCH, z, &target, shards);
    if (isnan(g->value))
        CHECK(isnan(value));
    else
        CHECK_NEAR(value, g->value, g->tolerance);
    for (size_t k = 0; k < g->rows * g->columns; k++)
        CHECK_NEAR(table[k], g->table[k], g->tolerance);
    if (check_failures > before)
        fprintf(stderr, "... for metric %s of %zu outputs in %zu shards\n", g->yaml, g->outputs,
                shards);
}

static bool has_golden(const char *row, const char *option) {
    for (size_t i = 0; i < GOLDEN; i++) {
        const char *name = golden_metrics[i].yaml + (golden_metrics[i].yaml[0] == '{');
        size_t length = strlen(row);
        if (strncmp(name, row, length) == 0 && (!name[length] || name[length] == ':') &&
            (!option || strstr(name, option)))
            return true;
    }
    return false;
}

static void check_table(void) {
    for (const nn_entry *const *row = nn_metrics.rows; *row; row++) {
        CHECK(has_golden((*row)->name, NULL));
        for (const nn_option *o = (*row)->options; o && o->key; o++)
            if (!CHECK(has_golden((*row)->name, o->key)))
                fprintf(stderr, "option '%s' of metric '%s' has no case\n", o->key, (*row)->name);
    }
}

/* Outputs and values of 1e4 and more give numbers; samples that do not count give NaN. */
static void check_extremes(const struct golden_metric *g) {
    static const nn_real extremes[] = {-1e4F, 1e4F, 0, 1e4F, -1e4F, 89, -89, 1e30F};
    nn_real z[48], y[48], none[GOLDEN_BATCH] = {0};
    nn_metric_spec spec = {g->outputs, g->labels,    g->threshold,
                           g->fuses,   GOLDEN_BATCH, class_bytes};
    nn_target target = {
        .label = g->labels ? g->label : NULL, .value = g->labels ? NULL : y, .sample = sample};
    bool has_value = !isnan(g->value);

    round_all(48, g->y, y);
    for (size_t k = 0; k < 48; k++)
        z[k] = extremes[(k + k / 8) % 8];
    double value = value_of(g->yaml, &spec, GOLDEN_BATCH, z, &target, 1);
    if (!CHECK(isfinite(value) == has_value))
        fprintf(stderr, "... for metric %s\n", g->yaml);
    for (size_t k = 0; k < g->rows * g->columns; k++)
        CHECK(isfinite(table[k]));
    target.weight = none;
    CHECK(isnan(value_of(g->yaml, &spec, GOLDEN_BATCH, z, &target, 1)));
}

/* A score that is no number makes no order. */
static void check_nan(void) {
    nn_real z[] = {1, NAN, 3};
    nn_metric_spec spec = {.outputs = 1, .labels = true, .samples = 12};
    nn_target target = {.label = (const int32_t[]){0, 1, 1}, .sample = sample};

    CHECK(isnan(value_of("auc", &spec, 3, z, &target, 1)));
    z[1] = 0;
    CHECK_NEAR(value_of("auc", &spec, 3, z, &target, 1), 0.5, 0);
    target.label = (const int32_t[]){1, 1, 1};
    CHECK(isnan(value_of("auc", &spec, 3, z, &target, 1)));
}

int main(void) {
    check_table();
    for (size_t i = 0; i < GOLDEN; i++) {
        for (size_t shards = 1; shards <= 5; shards++)
            check_golden(&golden_metrics[i], shards);
        check_extremes(&golden_metrics[i]);
    }
    check_nan();
    return check_done();
}
