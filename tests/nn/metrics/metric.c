/* Metrics: decisions with labels, rows, one output and thresholds; sums that add up over shards. */
#include "nn/metrics/metric.h"

#include "check.h"
#include "rows.h"

#include <math.h>

enum { MOST_STATE = 16, MOST_TABLE = 16 };
static double table[MOST_TABLE]; /* of the last value_of */

/* A metric with its options on one minibatch, cut into two shards after `cut` rows. */
struct run {
    const char *yaml;
    nn_metric_spec spec;
    size_t batch, cut;
    const nn_real *z;
    nn_target target;
};

/* The value, and the table into table[]. */
static double value_of(const struct run *r) {
    nn_pool pool = {0};
    const nn_entry *row = NULL;
    union row_options options;
    static double state[MOST_STATE];
    double value = NAN;
    nn_metric_layout layout = {0};
    size_t rows[2] = {r->cut, r->batch - r->cut};

    if (!row_take(&pool, &nn_metrics, r->yaml, &row, &options))
        return NAN;
    const nn_metric_ops *ops = (const nn_metric_ops *)row;
    memset(state, 0, sizeof state);
    if (CHECK(ops->plan(&options, &r->spec, &layout) == 0) && CHECK(layout.state <= MOST_STATE) &&
        CHECK(layout.rows * layout.columns <= MOST_TABLE)) {
        for (size_t i = 0, at = 0; i < 2; at += rows[i++]) {
            nn_target t = r->target;
            t.label = t.label ? t.label + at : NULL;
            t.value = t.value ? t.value + at * r->spec.outputs : NULL;
            t.weight = t.weight ? t.weight + at : NULL;
            ops->add(&options, &r->spec, rows[i], r->z + at * r->spec.outputs, &t, state);
        }
        value = ops->value(&options, &r->spec, state, table);
    }
    nn_pool_release(&pool);
    return value;
}

static const nn_real three[] = {1, 2, 3, /**/ 5, 5, 0, /**/ 0, 1, 0, /**/ 9, 8, 7};

static void check_classes(void) {
    struct run r = {"accuracy", {.outputs = 3, .labels = true}, 4, 1, three, {0}};

    r.target.label = (const int32_t[]){2, 0, 0, -1}; /* the tie goes to the first */
    CHECK_NEAR(value_of(&r), 2.0 / 3, 1e-15);
    r.target.weight = (const nn_real[]){1, 2, 5, 100};
    CHECK_NEAR(value_of(&r), 3.0 / 8, 1e-15);
    r.yaml = "zero_one";
    CHECK_NEAR(value_of(&r), 5.0 / 8, 1e-15);
    r.target.label = (const int32_t[]){-1, -1, -1, -1};
    CHECK(isnan(value_of(&r)));
    r.yaml = "accuracy";
    r.spec.labels = false;
    r.target =
        (nn_target){.value = (const nn_real[]){0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0}, .width = 3};
    CHECK_NEAR(value_of(&r), 0.75, 1e-15);
    r.yaml = "{accuracy: {multilabel: true, threshold: 0.5}}";
    CHECK_NEAR(value_of(&r), (1 + 2 + 3 + 1) / 12.0, 1e-15);
}

/* One output: labels 0/1, values 0/1 and -1/+1, thresholds of logits and of probabilities. */
static void check_one_output(void) {
    static const nn_real z[] = {0.2F, 0.7F, -0.3F, 0};
    struct run r = {"accuracy", {.outputs = 1, .labels = true, .threshold = 0}, 4, 2, z, {0}};

    r.target.label = (const int32_t[]){1, 1, 0, 0};
    CHECK_NEAR(value_of(&r), 1, 0);
    r.spec.threshold = 0.5;
    CHECK_NEAR(value_of(&r), 0.75, 0);
    r.yaml = "{accuracy: {threshold: 0}}";
    CHECK_NEAR(value_of(&r), 1, 0);
    r.spec.labels = false;
    r.target = (nn_target){.value = (const nn_real[]){1, 1, -1, -1}, .width = 1};
    CHECK_NEAR(value_of(&r), 1, 0);
    r.yaml = "{zero_one: {threshold: 0.5}}";
    r.target.value = (const nn_real[]){1, 1, 0, 0};
    CHECK_NEAR(value_of(&r), 0.25, 0);
}

/* Without options a metric works with its defaults. */
static void check_default_options(void) {
    const nn_metric_ops *accuracy = (const nn_metric_ops *)nn_family_find(&nn_metrics, "accuracy");
    nn_metric_spec spec = {.outputs = 3, .labels = true};
    nn_target target = {.label = (const int32_t[]){2, 1, 1, 0}};
    double state[4] = {0};
    nn_metric_layout layout = {0};

    CHECK(accuracy->larger_is_better);
    CHECK(accuracy->plan(NULL, &spec, &layout) == 0);
    accuracy->add(NULL, &spec, 4, three, &target, state);
    CHECK_NEAR(accuracy->value(NULL, &spec, state, NULL), 0.75, 0);
}

static void check_regression(void) {
    static const nn_real z[] = {1, 2, 3, 4, 5, 6};
    struct run r = {"mae", {.outputs = 2}, 3, 2, z, {0}};

    r.target = (nn_target){.value = (const nn_real[]){1, 4, 3, 3, 5, 2}, .width = 2};
    CHECK_NEAR(value_of(&r), 7.0 / 6, 1e-15);
    r.yaml = "rmse";
    CHECK_NEAR(value_of(&r), sqrt(21.0 / 6), 1e-15);
    r.target.weight = (const nn_real[]){0, 3, 1};
    CHECK_NEAR(value_of(&r), sqrt((3 * 0.5 + 8) / 4), 1e-15);
    r.yaml = "mae";
    CHECK_NEAR(value_of(&r), (3 * 0.5 + 2) / 4, 1e-15);
}

/* Five values around their mean 3, of which the model says 2, 2, 3, 4, 4. */
static void check_r2(void) {
    static const nn_real z[] = {2, 2, 3, 4, 4};
    struct run r = {"r2", {.outputs = 1}, 5, 3, z, {0}};

    r.target = (nn_target){.value = (const nn_real[]){1, 2, 3, 4, 5}, .width = 1};
    CHECK_NEAR(value_of(&r), 1 - 2.0 / 10, 1e-15);
    /* nothing to explain, but for rounding */
    r.target.value = (const nn_real[]){0.1F, 0.1F, 0.1F, 0.1F, 0.1F};
    r.target.weight = (const nn_real[]){3.3F, 0.1F, 3.4F, 0.2F, 2.9F};
    CHECK_NEAR(value_of(&r), 0, 0);
    r.z = r.target.value;
    CHECK_NEAR(value_of(&r), 1, 0);
}

/* Classes 2, 0, 0 where 2, 0, 1 are predicted, and one that is ignored. */
static void check_counts(void) {
    struct run r = {"confusion", {.outputs = 3, .labels = true}, 4, 1, three, {0}};
    static const double counts[9] = {1, 1, 0, 0, 0, 0, 0, 0, 1};

    r.target.label = (const int32_t[]){2, 0, 0, -1};
    CHECK(isnan(value_of(&r)));
    for (int i = 0; i < 9; i++)
        CHECK_NEAR(table[i], counts[i], 0);
    r.yaml = "{recall: {per_class: true}}"; /* 1/2, 0 (predicted, but none there), 1 */
    CHECK_NEAR(value_of(&r), 0.5, 1e-15);
    CHECK_NEAR(table[0], 0.5, 0);
    r.yaml = "precision";
    CHECK_NEAR(value_of(&r), 2.0 / 3, 1e-15);
    r.yaml = "f1"; /* 2/3, 0, 1 */
    CHECK_NEAR(value_of(&r), 5.0 / 9, 1e-15);
    r.yaml = "{top_k: {k: 2}}"; /* the last one's class is second by the tie */
    r.target.label = (const int32_t[]){1, 1, 0, -1};
    CHECK_NEAR(value_of(&r), 1, 0);
    r.target.label = (const int32_t[]){0, 2, 2, -1};
    CHECK_NEAR(value_of(&r), 0, 0);
}

static void check_refused(const char *yaml, nn_metric_spec spec, const char *part) {
    nn_pool pool = {0};
    const nn_entry *row = NULL;
    union row_options options;
    nn_metric_layout layout = {0};

    if (row_take(&pool, &nn_metrics, yaml, &row, &options)) {
        CHECK_EQ_INT(((const nn_metric_ops *)row)->plan(&options, &spec, &layout), NN_EUSAGE);
        CHECK_CONTAINS(nn_error_message(), part);
    }
    nn_pool_release(&pool);
}

/* The spec that a loss gives: the threshold that goes with it and what it fuses. */
static void check_spec(const char *loss_name, double threshold, const char *fuses) {
    nn_pool pool = {0};
    nn_loss *loss = NULL;
    nn_loss_spec spec = {.outputs = 1, .batch = 1, .labels = true, .classes = 2};

    if (CHECK(nn_loss_new(nn_node_scalar(&pool, loss_name), &spec, &loss) == 0)) {
        nn_metric_spec m = nn_metric_spec_of(loss);
        CHECK_EQ_INT(m.outputs, 1);
        CHECK(m.labels);
        CHECK_NEAR(m.threshold, threshold, 0);
        CHECK_STR(m.fuses, fuses);
    }
    nn_loss_free(loss);
    nn_pool_release(&pool);
}

int main(void) {
    check_classes();
    check_one_output();
    check_default_options();
    check_regression();
    check_r2();
    check_counts();
    check_refused("mae", (nn_metric_spec){.outputs = 3, .labels = true}, "has class labels");
    check_refused("rmse", (nn_metric_spec){.outputs = 1, .fuses = "sigmoid"}, "applies sigmoid");
    check_refused("{accuracy: {multilabel: true}}", (nn_metric_spec){.outputs = 3, .labels = true},
                  "multilabel");
    check_refused("r2", (nn_metric_spec){.outputs = 3, .labels = true}, "has class labels");
    check_refused("{f1: {multilabel: true}}", (nn_metric_spec){.outputs = 3, .labels = true},
                  "multilabel");
    check_refused("{f1: {average: positive}}", (nn_metric_spec){.outputs = 3, .labels = true},
                  "tells 3 apart: take macro");
    check_refused("top_k", (nn_metric_spec){.outputs = 3, .labels = true},
                  "k = 5 is always 1 for a model with 3 outputs");
    check_refused("perplexity", (nn_metric_spec){.outputs = 3, .labels = true}, "probabilities");
    check_refused("bits_per_byte",
                  (nn_metric_spec){.outputs = 3, .labels = true, .fuses = "softmax"}, "bytes");
    check_spec("squared", 0.5, NULL);
    check_spec("binary_cross_entropy", 0, "sigmoid");
    check_spec("perceptron", 0, NULL);
    return check_done();
}
