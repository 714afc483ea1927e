/* double: yes */
/* A loss and the model and data set around it: what does not fit is refused, class weights, the
 * threshold and the range of targets, and the link from outputs to predictions. */
#include "base/log.h"
#include "check.h"
#include "loss_trial.h"
#include "nn/losses/class_weights.h"
#include "nn/losses/loss.h"

#include <math.h>
#include <string.h>

static void check_refused(const char *yaml, nn_loss_spec spec, const char *part) {
    loss_trial s;

    spec.batch = 6;
    CHECK_EQ_INT(loss_trial_new(&s, yaml, &spec), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), part);
    loss_trial_release(&s);
}

static void check_misfits(void) {
    nn_loss_spec labels3 = {.labels = true, .classes = 3};

    labels3.outputs = 2;
    check_refused("cross_entropy", labels3,
                  "the data set has 3 classes but the model ends with 2 outputs: end it with "
                  "dense: {units: 3}");
    labels3.outputs = 1;
    check_refused("binary_cross_entropy", labels3, "dense: {units: 3}");
    check_refused("squared", labels3, "3 classes but the model ends with 1 output:");
    check_refused("perceptron", labels3, "tells two classes apart, but the data set has 3");
    labels3.outputs = 3;
    check_refused("perceptron", (nn_loss_spec){.outputs = 3, .labels = true, .classes = 2},
                  "wants one output, but the model ends with 3");
    check_refused("exponential", (nn_loss_spec){.outputs = 2, .target_width = 2},
                  "dense: {units: 1}");
    check_refused("cross_entropy", (nn_loss_spec){.outputs = 1, .labels = true, .classes = 2},
                  "binary_cross_entropy");
    check_refused("squared", (nn_loss_spec){.outputs = 2, .target_width = 3},
                  "a target of the data set has 3 numbers but the model ends with 2 outputs: end "
                  "it with dense: {units: 3}");
    check_refused("crossentropy", labels3, "did you mean 'cross_entropy'?");
    check_refused("{huber: {delta: 0}}", labels3, "out of range (0, inf)");
    check_refused("{squared: {delta: 1}}", labels3, "unknown key 'delta'");
    check_refused("{hinge: {label_smoothing: 0.1}}", labels3, "unknown key 'label_smoothing'");
    check_refused("{cross_entropy: {label_smoothing: 1}}", labels3, "out of range [0, 1)");
    check_refused("{hinge: {class_weights: [1, 2]}}", labels3, "test:1:25: class_weights has 2");
    check_refused("{hinge: {class_weights: [1, 2, -1]}}", labels3, "is a number >= 0");
    check_refused("{hinge: {class_weights: [1, 2, .inf]}}", labels3, "is a number >= 0");
    check_refused("{hinge: {class_weights: [0, 0, 0]}}", labels3, "are all 0");
    check_refused("{hinge: {class_weights: even}}", labels3, "map {class: weight} or balanced");
    check_refused("{hinge: {class_weights: {3: 1}}}", labels3,
                  "'3' is no class; classes are 0 to 2");
    check_refused("{squared: {class_weights: [1, 2]}}",
                  (nn_loss_spec){.outputs = 2, .target_width = 2}, "want class labels");
}

/* The loss of one sample of each of three classes, of which squared makes 1/2 |z - one-hot|^2. */
static void check_class_weights(const char *value, double a, double b, double c) {
    static const char *const names[] = {"setosa", "1", "virginica"};
    static const nn_real z[9] = {0};
    char yaml[128];
    loss_trial s;
    nn_loss_spec spec = {3, 3, true, 3, 0, names, NULL};
    nn_target target = {.label = (const int32_t[]){0, 1, 2}};
    double weight[] = {a, b, c};

    snprintf(yaml, sizeof yaml, "{squared: {class_weights: %s}}", value);
    if (CHECK(loss_trial_new(&s, yaml, &spec) == 0)) {
        nn_loss_sum sum = {0};
        nn_real dz[9];
        nn_loss_eval(s.loss, 3, z, &target, &sum, dz);
        CHECK_NEAR(sum.loss, (a + b + c) / 2, 1e-15);
        CHECK_NEAR(sum.weight, a + b + c, 1e-15);
        for (int i = 0; i < 3; i++)
            CHECK_NEAR(dz[3 * i + i], -weight[i], 1e-15);
    }
    loss_trial_release(&s);
}

/* 6 samples of 2 classes that occur, and one that does not. */
static void check_balance(void) {
    nn_pool pool = {0};
    nn_node *node = nn_node_scalar(&pool, "balanced");
    const int64_t count[] = {4, 0, 2};
    nn_real weight[3];

    CHECK(nn_class_weights_are_balanced(node));
    CHECK(!nn_class_weights_are_balanced(NULL));
    CHECK(nn_class_weights_balance(node, 3, count) == 0);
    CHECK(!nn_class_weights_are_balanced(node));
    CHECK(nn_class_weights_read(node, 3, NULL, weight) == 0);
    CHECK_NEAR(weight[0], 0.75, 1e-15);
    CHECK_NEAR(weight[1], 1, 0);
    CHECK_NEAR(weight[2], 1.5, 1e-15);
    nn_pool_release(&pool);
}

static void count_warning(void *ctx, nn_log_level level, const char *line) {
    (void)level;
    CHECK_CONTAINS(line, "the data set has 3 classes but the model ends with 4 outputs");
    ++*(int *)ctx;
}

/* Harmless, and usual when a rare class is missing from a small data set. */
static void check_spare_outputs(void) {
    loss_trial s;
    int warnings = 0;

    nn_log_to(count_warning, &warnings, NN_LOG_WARNING);
    CHECK(loss_trial_new(&s, "cross_entropy", &(nn_loss_spec){4, 1, true, 3, 0, NULL, NULL}) == 0);
    CHECK_EQ_INT(warnings, 1);
    nn_log_to(NULL, NULL, NN_LOG_WARNING);
    loss_trial_release(&s);
}

static void check_threshold(const char *yaml, double expected) {
    loss_trial s;

    CHECK(loss_trial_new(&s, yaml, &(nn_loss_spec){1, 1, true, 2, 0, NULL, NULL}) == 0);
    CHECK_NEAR(nn_loss_threshold(s.loss), expected, 0);
    loss_trial_release(&s);
}

static void check_range(const char *yaml, size_t outputs, bool labels, bool expected,
                        double least) {
    loss_trial s;
    double low = 0, high = 0;
    nn_loss_spec spec = {outputs, 1, labels, labels ? 2 : 0, labels ? 0 : outputs, NULL, NULL};

    if (CHECK(loss_trial_new(&s, yaml, &spec) == 0) &&
        CHECK(nn_loss_target_range(s.loss, &low, &high) == expected) && expected) {
        CHECK_NEAR(low, least, 0);
        CHECK_NEAR(high, 1, 0);
    }
    loss_trial_release(&s);
}

static void check_ranges(void) {
    check_range("binary_cross_entropy", 1, false, true, 0);
    check_range("binary_cross_entropy", 3, false, true, 0);
    check_range("cross_entropy", 3, false, true, 0);
    check_range("hinge", 2, false, true, 0);
    check_range("hinge", 1, false, true, -1);
    check_range("perceptron", 1, false, true, -1);
    check_range("squared", 2, false, false, 0);
    check_range("cross_entropy", 2, true, false, 0);
}

static void check_link(void) {
    loss_trial s;
    nn_real z[2] = {0, log(3)}, y[2];

    CHECK(loss_trial_new(&s, "cross_entropy", &(nn_loss_spec){2, 1, true, 2, 0, NULL, NULL}) == 0);
    CHECK_STR(nn_loss_ops_of(s.loss)->fuses, "softmax");
    nn_loss_activation(s.loss, 1, z, y);
    CHECK_NEAR(y[1], 0.75, 1e-15);
    loss_trial_release(&s);
    CHECK(loss_trial_new(&s, "binary_cross_entropy",
                         &(nn_loss_spec){1, 2, true, 2, 0, NULL, NULL}) == 0);
    nn_loss_activation(s.loss, 2, z, y);
    CHECK_NEAR(y[0], 0.5, 1e-15);
    CHECK_NEAR(y[1], 0.75, 1e-15);
    loss_trial_release(&s);
    CHECK(loss_trial_new(&s, "squared", &(nn_loss_spec){1, 2, true, 2, 0, NULL, NULL}) == 0);
    nn_loss_activation(s.loss, 2, z, y);
    CHECK_NEAR(y[1], z[1], 0);
    nn_loss_activation(s.loss, 2, z, z);
    CHECK_NEAR(y[1], z[1], 0);
    loss_trial_release(&s);
}

int main(void) {
    check_misfits();
    check_class_weights("[0.5, 2, 0]", 0.5, 2, 0);
    check_class_weights("{virginica: 3}", 1, 1, 3);
    check_class_weights("{0: 2, 1: 4, setosa: 5}", 5, 4, 1);
    check_class_weights("balanced", 1, 1, 1);
    check_balance();
    check_spare_outputs();
    check_threshold("binary_cross_entropy", 0);
    check_threshold("hinge", 0);
    check_threshold("squared", 0.5);
    check_threshold("huber", 0.5);
    check_ranges();
    check_link();
    return check_done();
}
