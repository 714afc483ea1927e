/* double: yes */
/* Every loss of the table, in every form of target and with every option, against central
 * differences. A row or an option without a case fails the test. */
#include "nn/losses/loss.h"

#include "base/log.h"
#include "base/numbers/rng.h"
#include "check.h"
#include "io/yaml.h"
#include "math/parallel.h"
#include "nn/losses/class_weights.h"

#include <math.h>
#include <string.h>

static nn_compute compute;

#define BATCH 6
#define WIDTH 4
#define STEP 1e-6

/* Of four classes and of two. */
#define FOUR "class_weights: [2, 0.5, 0, 0.25]"
#define TWO "class_weights: [0.5, 3]"
static const double four[] = {2, 0.5, 0, 0.25}, two[] = {0.5, 3};

/* What the data set holds. */
enum kind { LABELS, BITS, SIGNS, NUMBERS, ONE_HOT, PROBABILITIES };

static const struct loss_case {
    const char *yaml;
    size_t outputs;
    enum kind kind;
} cases[] = {
    {"squared", WIDTH, NUMBERS},
    {"squared", 1, NUMBERS},
    {"squared", WIDTH, LABELS},
    {"squared", 1, LABELS},
    {"absolute", WIDTH, NUMBERS},
    {"absolute", 1, LABELS},
    {"huber", WIDTH, NUMBERS},
    {"{huber: {delta: 0.3}}", WIDTH, LABELS},
    {"cross_entropy", WIDTH, LABELS},
    {"cross_entropy", WIDTH, ONE_HOT},
    {"cross_entropy", WIDTH, PROBABILITIES},
    {"cross_entropy", WIDTH, NUMBERS}, /* rows that do not add to 1 */
    {"log", WIDTH, LABELS},
    {"binary_cross_entropy", WIDTH, BITS},
    {"binary_cross_entropy", WIDTH, LABELS},
    {"binary_cross_entropy", 1, LABELS},
    {"binary_cross_entropy", 1, BITS},
    {"hinge", WIDTH, LABELS},
    {"hinge", WIDTH, ONE_HOT},
    {"hinge", 1, LABELS},
    {"hinge", 1, SIGNS},
    {"hinge", 1, BITS},
    {"exponential", 1, LABELS},
    {"exponential", 1, SIGNS},
    {"perceptron", 1, LABELS},
    {"perceptron", 1, SIGNS},
    {"zero_one", WIDTH, LABELS},
    {"zero_one", 1, SIGNS},
    {"{zero_one: {threshold: 0.5, " TWO "}}", 1, LABELS},
    {"{squared: {" FOUR "}}", WIDTH, LABELS},
    {"{squared: {" TWO "}}", 1, LABELS},
    {"{absolute: {" FOUR "}}", WIDTH, LABELS},
    {"{huber: {" FOUR "}}", WIDTH, LABELS},
    {"{cross_entropy: {" FOUR "}}", WIDTH, LABELS},
    {"{cross_entropy: {" FOUR "}}", WIDTH, PROBABILITIES},
    {"{cross_entropy: {label_smoothing: 0.3}}", WIDTH, LABELS},
    {"{cross_entropy: {label_smoothing: 0.3}}", WIDTH, PROBABILITIES},
    {"{cross_entropy: {label_smoothing: 0.3, " FOUR "}}", WIDTH, LABELS},
    {"{cross_entropy: {label_smoothing: 0.3, " FOUR "}}", WIDTH, PROBABILITIES},
    {"{log: {label_smoothing: 0.1, " FOUR "}}", WIDTH, ONE_HOT},
    {"{binary_cross_entropy: {label_smoothing: 0.3}}", WIDTH, BITS},
    {"{binary_cross_entropy: {label_smoothing: 0.3, " FOUR "}}", WIDTH, LABELS},
    {"{binary_cross_entropy: {label_smoothing: 0.3, " TWO "}}", 1, LABELS},
    {"{hinge: {" FOUR "}}", WIDTH, LABELS},
    {"{hinge: {" TWO "}}", 1, LABELS},
    {"{exponential: {" TWO "}}", 1, LABELS},
    {"{perceptron: {" TWO "}}", 1, LABELS},
};

/* A minibatch and the loss on it. */
struct setup {
    nn_pool pool;
    nn_loss *loss;
    size_t outputs;
    int32_t label[BATCH];
    nn_real z[BATCH * WIDTH], y[BATCH * WIDTH], dz[BATCH * WIDTH], weight[BATCH];
    nn_target target;
};

static int try_loss(struct setup *s, const char *yaml, const nn_loss_spec *spec) {
    nn_node *node;

    *s = (struct setup){.outputs = spec->outputs};
    NN_TRY(nn_yaml_parse(&s->pool, "test", yaml, strlen(yaml), &node));
    return nn_loss_new(node, spec, &s->loss);
}

static void release(struct setup *s) {
    nn_loss_free(s->loss);
    nn_pool_release(&s->pool);
}

static void fill_row(enum kind kind, size_t width, int32_t label, nn_real *y) {
    double sum = 0;

    for (size_t j = 0; j < width; j++) {
        switch (kind) {
        case BITS:
            y[j] = y[j] > 0;
            break;
        case SIGNS:
            y[j] = y[j] > 0 ? 1 : -1;
            break;
        case ONE_HOT:
            y[j] = (size_t)label == j;
            break;
        case PROBABILITIES:
            sum += y[j] = fabs(y[j]);
            break;
        default:
            break;
        }
    }
    for (size_t j = 0; kind == PROBABILITIES && j < width; j++)
        y[j] /= sum;
}

/* Random outputs and targets of the case's kind; the second sample weighs 0 and, where there are
 * labels, the fourth is ignored. */
static bool set_up(struct setup *s, const struct loss_case *c) {
    nn_rng rng = nn_rng_stream(3, NN_RNG_TEST, c->outputs, c->kind);
    int classes = c->outputs == 1 ? 2 : (int)c->outputs;
    nn_loss_spec spec = {.outputs = c->outputs,
                         .batch = BATCH,
                         .labels = c->kind == LABELS,
                         .classes = classes,
                         .target_width = c->outputs};
    if (!CHECK(try_loss(s, c->yaml, &spec) == 0)) {
        fprintf(stderr, "%s: %s\n", c->yaml, nn_error_message());
        return false;
    }
    nn_rng_normal(&rng, 0, BATCH * WIDTH, s->z);
    nn_rng_normal(&rng, 1000, BATCH * WIDTH, s->y);
    for (int i = 0; i < BATCH; i++) {
        s->label[i] = c->kind == LABELS && i == 3 ? -1 : (2 * i + 1) % 5 % classes;
        s->weight[i] = i == 1 ? 0 : 0.5 + 0.25 * i;
        fill_row(c->kind, c->outputs, s->label[i], s->y + (size_t)i * c->outputs);
    }
    s->target = (nn_target){.weight = s->weight};
    if (c->kind == LABELS) {
        s->target.label = s->label;
    } else {
        s->target.value = s->y;
        s->target.width = c->outputs;
    }
    return true;
}

static double sum_of(struct setup *s) {
    nn_loss_sum sum = {0};
    nn_loss_eval(s->loss, BATCH, s->z, &s->target, &sum, NULL);
    return sum.loss;
}

/* Sum of what the samples weigh: those of a label the more, the more their class does. */
static double weight_of(const struct setup *s, const struct loss_case *c) {
    const double *class_weight = c->outputs == 1 ? two : four;
    bool weighted = strstr(c->yaml, "class_weights") && c->kind == LABELS;
    double sum = 0;

    for (int i = 0; i < BATCH; i++)
        if (s->label[i] >= 0 || c->kind != LABELS)
            sum += s->weight[i] * (weighted ? class_weight[s->label[i]] : 1);
    return sum;
}

static void check_gradient(const struct loss_case *c) {
    struct setup s;
    nn_loss_sum sum = {.loss = 10, .weight = 20};

    if (set_up(&s, c)) {
        int before = check_failures;
        nn_loss_eval(s.loss, BATCH, s.z, &s.target, &sum, s.dz);
        CHECK_NEAR(sum.loss - 10, sum_of(&s), 1e-12);
        CHECK_NEAR(sum.weight - 20, weight_of(&s, c), 1e-12);
        for (size_t k = 0; k < BATCH * c->outputs; k++) {
            double middle = s.z[k], up, down;
            s.z[k] = middle + STEP;
            up = sum_of(&s);
            s.z[k] = middle - STEP;
            down = sum_of(&s);
            s.z[k] = middle;
            CHECK_NEAR(s.dz[k], (up - down) / (2 * STEP), 2e-8);
        }
        if (check_failures > before)
            fprintf(stderr, "... for loss %s, %zu outputs, kind %d\n", c->yaml, c->outputs,
                    (int)c->kind);
    }
    release(&s);
}

/* Whether a case names the row and, unless it is NULL, this option. */
static bool has_case(const char *row, const char *option) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = cases[i].yaml + (cases[i].yaml[0] == '{');
        size_t length = strlen(row);
        if (strncmp(name, row, length) == 0 && (!name[length] || name[length] == ':') &&
            (!option || strstr(name, option)))
            return true;
    }
    return false;
}

static void check_options(const char *row, const nn_option *options) {
    for (; options && options->key; options++)
        if (!CHECK(has_case(row, options->key)))
            fprintf(stderr, "option '%s' of loss '%s' has no case\n", options->key, row);
}

static void check_table(void) {
    for (const nn_entry *const *row = nn_losses.rows; *row; row++) {
        if (!CHECK(has_case((*row)->name, NULL)))
            fprintf(stderr, "loss '%s' has no case\n", (*row)->name);
        check_options((*row)->name, (*row)->options);
        check_options((*row)->name, nn_loss_options);
    }
}

/* A sample of weight 0 or label -1 adds nothing, whatever the model makes of it. */
static void check_ignored(const struct loss_case *c) {
    struct setup s;

    if (set_up(&s, c)) {
        double before = sum_of(&s);
        nn_loss_sum sum = {0};
        for (size_t j = 0; j < c->outputs; j++) {
            s.z[c->outputs + j] = NAN;
            if (c->kind == LABELS)
                s.z[3 * c->outputs + j] = INFINITY;
        }
        nn_loss_eval(s.loss, BATCH, s.z, &s.target, &sum, s.dz);
        CHECK_NEAR(sum.loss, before, 0);
        CHECK_NEAR(s.dz[c->outputs], 0, 0);
        if (c->kind == LABELS)
            CHECK_NEAR(s.dz[3 * c->outputs], 0, 0);
    }
    release(&s);
}

/* Divergence must show: a NaN in a sample that counts reaches the loss. */
static void check_nan(const struct loss_case *c) {
    struct setup s;

    if (set_up(&s, c) && !nn_loss_ops_of(s.loss)->metric_only) {
        s.z[2 * c->outputs] = NAN;
        if (!CHECK(isnan(sum_of(&s))))
            fprintf(stderr, "... for loss %s, kind %d\n", c->yaml, (int)c->kind);
    }
    release(&s);
}

/* Worked by hand: z = (1, 2, -1) of class 0, z = 0 at the kink of the perceptron. */
static void check_by_hand(void) {
    struct setup s;
    nn_loss_sum sum = {0};
    nn_real z[3] = {1, 2, -1}, dz[3] = {0}, score = 0, up = 0;
    nn_target target = {.label = (const int32_t[]){0}};

    CHECK(try_loss(&s, "hinge", &(nn_loss_spec){3, 1, true, 3, 0, NULL, NULL}) == 0);
    nn_loss_eval(s.loss, 1, z, &target, &sum, dz);
    CHECK_NEAR(sum.loss, 2, 0); /* 1 - 1 + 2 = 2 and 1 - 1 - 1 < 0 */
    CHECK_NEAR(dz[0], -1, 0);
    CHECK_NEAR(dz[1], 1, 0);
    CHECK_NEAR(dz[2], 0, 0);
    release(&s);
    CHECK(try_loss(&s, "perceptron", &(nn_loss_spec){1, 1, true, 2, 0, NULL, NULL}) == 0);
    nn_loss_eval(s.loss, 1, &score, &target, &sum, &up);
    CHECK_NEAR(up, 1, 0); /* class 0 is -1: the score must fall */
    release(&s);
}

/* Targets that say the same in different forms give the same. */
static void check_same(const char *yaml, size_t outputs, const nn_target *a, const nn_target *b) {
    const nn_target *target[2] = {a, b};
    nn_real z[12], dz[2][12] = {{0}};
    nn_loss_sum sum[2] = {{0, 0}, {0, 0}};
    nn_rng rng = nn_rng_stream(5, NN_RNG_TEST, 0, 0);

    nn_rng_normal(&rng, 0, 12, z);
    for (int i = 0; i < 2; i++) {
        struct setup s;
        bool labels = target[i]->label;
        nn_loss_spec spec = {outputs, 3,   labels, outputs == 1 ? 2 : 4, labels ? 0 : outputs,
                             NULL,    NULL};
        if (CHECK(try_loss(&s, yaml, &spec) == 0))
            nn_loss_eval(s.loss, 3, z, target[i], &sum[i], dz[i]);
        release(&s);
    }
    CHECK_NEAR(sum[0].loss, sum[1].loss, 1e-12);
    for (size_t k = 0; k < 3 * outputs; k++)
        CHECK_NEAR(dz[0][k], dz[1][k], 1e-12);
}

static void check_forms(void) {
    nn_target label = {.label = (const int32_t[]){1, 0, 1}};
    nn_target bit = {.value = (const nn_real[]){1, 0, 1}, .width = 1};
    nn_target sign = {.value = (const nn_real[]){1, -1, 1}, .width = 1};
    nn_target row = {.value = (const nn_real[]){0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0}, .width = 4};

    check_same("hinge", 1, &label, &bit);
    check_same("hinge", 1, &label, &sign);
    check_same("perceptron", 1, &sign, &bit);
    check_same("exponential", 1, &label, &sign);
    check_same("binary_cross_entropy", 1, &label, &bit);
    check_same("squared", 1, &label, &bit);
    check_same("squared", 4, &label, &row);
    check_same("binary_cross_entropy", 4, &label, &row);
    check_same("cross_entropy", 4, &label, &row);
    check_same("log", 4, &label, &row);
    check_same("hinge", 4, &label, &row);
}

static void check_refused(const char *yaml, nn_loss_spec spec, const char *part) {
    struct setup s;

    spec.batch = BATCH;
    CHECK_EQ_INT(try_loss(&s, yaml, &spec), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), part);
    release(&s);
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
    struct setup s;
    nn_loss_spec spec = {3, 3, true, 3, 0, names, NULL};
    nn_target target = {.label = (const int32_t[]){0, 1, 2}};
    double weight[] = {a, b, c};

    snprintf(yaml, sizeof yaml, "{squared: {class_weights: %s}}", value);
    if (CHECK(try_loss(&s, yaml, &spec) == 0)) {
        nn_loss_sum sum = {0};
        nn_real dz[9];
        nn_loss_eval(s.loss, 3, z, &target, &sum, dz);
        CHECK_NEAR(sum.loss, (a + b + c) / 2, 1e-15);
        CHECK_NEAR(sum.weight, a + b + c, 1e-15);
        for (int i = 0; i < 3; i++)
            CHECK_NEAR(dz[3 * i + i], -weight[i], 1e-15);
    }
    release(&s);
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
    struct setup s;
    int warnings = 0;

    nn_log_to(count_warning, &warnings, NN_LOG_WARNING);
    CHECK(try_loss(&s, "cross_entropy", &(nn_loss_spec){4, 1, true, 3, 0, NULL, NULL}) == 0);
    CHECK_EQ_INT(warnings, 1);
    nn_log_to(NULL, NULL, NN_LOG_WARNING);
    release(&s);
}

static void check_threshold(const char *yaml, double expected) {
    struct setup s;

    CHECK(try_loss(&s, yaml, &(nn_loss_spec){1, 1, true, 2, 0, NULL, NULL}) == 0);
    CHECK_NEAR(nn_loss_threshold(s.loss), expected, 0);
    release(&s);
}

static void check_range(const char *yaml, size_t outputs, bool labels, bool expected,
                        double least) {
    struct setup s;
    double low = 0, high = 0;
    nn_loss_spec spec = {outputs, 1, labels, labels ? 2 : 0, labels ? 0 : outputs, NULL, NULL};

    if (CHECK(try_loss(&s, yaml, &spec) == 0) &&
        CHECK(nn_loss_target_range(s.loss, &low, &high) == expected) && expected) {
        CHECK_NEAR(low, least, 0);
        CHECK_NEAR(high, 1, 0);
    }
    release(&s);
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
    struct setup s;
    nn_real z[2] = {0, log(3)}, y[2];

    CHECK(try_loss(&s, "cross_entropy", &(nn_loss_spec){2, 1, true, 2, 0, NULL, NULL}) == 0);
    CHECK_STR(nn_loss_ops_of(s.loss)->fuses, "softmax");
    nn_loss_link(s.loss, 1, z, y);
    CHECK_NEAR(y[1], 0.75, 1e-15);
    release(&s);
    CHECK(try_loss(&s, "binary_cross_entropy", &(nn_loss_spec){1, 2, true, 2, 0, NULL, NULL}) == 0);
    nn_loss_link(s.loss, 2, z, y);
    CHECK_NEAR(y[0], 0.5, 1e-15);
    CHECK_NEAR(y[1], 0.75, 1e-15);
    release(&s);
    CHECK(try_loss(&s, "squared", &(nn_loss_spec){1, 2, true, 2, 0, NULL, NULL}) == 0);
    nn_loss_link(s.loss, 2, z, y);
    CHECK_NEAR(y[1], z[1], 0);
    nn_loss_link(s.loss, 2, z, z);
    CHECK_NEAR(y[1], z[1], 0);
    release(&s);
}

/* Large enough to be shared among threads: the bits must not depend on how many there are. */
static void check_threads(void) {
    enum { ROWS = 8000, COLS = 10 };
    static nn_real z[ROWS * COLS], dz[2][ROWS * COLS];
    static int32_t label[ROWS];
    nn_rng rng = nn_rng_stream(1, NN_RNG_TEST, 0, 0);
    nn_loss_sum sum[2] = {{0, 0}, {0, 0}};
    nn_target target = {.label = label};
    struct setup s;

    nn_rng_normal(&rng, 0, (size_t)ROWS * COLS, z);
    for (int i = 0; i < ROWS; i++)
        label[i] = i % 11 - 1;
    CHECK(try_loss(&s, "cross_entropy",
                   &(nn_loss_spec){COLS, ROWS, true, COLS, 0, NULL, &compute}) == 0);
    for (int i = 0; i < 2; i++) {
        compute.threads = i == 0 ? 1 : 3;
        nn_loss_eval(s.loss, ROWS, z, &target, &sum[i], dz[i]);
    }
    compute.threads = 1;
    CHECK(memcmp(&sum[0], &sum[1], sizeof sum[0]) == 0);
    CHECK(memcmp(dz[0], dz[1], sizeof dz[0]) == 0);
    release(&s);
}

/* A rank whose shard is empty. */
static void check_empty(void) {
    nn_loss_sum sum = {.loss = 1, .weight = 2};
    nn_target target = {0};
    struct setup s;

    CHECK(try_loss(&s, "cross_entropy", &(nn_loss_spec){3, 0, true, 3, 0, NULL, NULL}) == 0);
    nn_loss_eval(s.loss, 0, s.z, &target, &sum, s.dz);
    CHECK_NEAR(sum.loss, 1, 0);
    CHECK_NEAR(sum.weight, 2, 0);
    release(&s);
}

int main(void) {
    check_table();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_gradient(&cases[i]);
        check_ignored(&cases[i]);
        check_nan(&cases[i]);
    }
    check_by_hand();
    check_forms();
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
    check_threads();
    check_empty();
    return check_done();
}
