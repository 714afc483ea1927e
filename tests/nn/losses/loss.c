/* double: yes */
/* Every loss of the table, in every form of target and with every option, against central
 * differences. A row or an option without a case fails the test. */
#include "nn/losses/loss.h"

#include "base/numbers/rng.h"
#include "check.h"
#include "loss_trial.h"
#include "math/parallel.h"

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
    loss_trial trial;
    int32_t label[BATCH];
    nn_real z[BATCH * WIDTH], y[BATCH * WIDTH], dz[BATCH * WIDTH], weight[BATCH];
    nn_target target;
};

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
    *s = (struct setup){0};
    if (!CHECK(loss_trial_new(&s->trial, c->yaml, &spec) == 0)) {
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
    nn_loss_eval(s->trial.loss, BATCH, s->z, &s->target, &sum, NULL);
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
        nn_loss_eval(s.trial.loss, BATCH, s.z, &s.target, &sum, s.dz);
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
    loss_trial_release(&s.trial);
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
        nn_loss_eval(s.trial.loss, BATCH, s.z, &s.target, &sum, s.dz);
        CHECK_NEAR(sum.loss, before, 0);
        CHECK_NEAR(s.dz[c->outputs], 0, 0);
        if (c->kind == LABELS)
            CHECK_NEAR(s.dz[3 * c->outputs], 0, 0);
    }
    loss_trial_release(&s.trial);
}

/* Divergence must show: a NaN in a sample that counts reaches the loss. */
static void check_nan(const struct loss_case *c) {
    struct setup s;

    if (set_up(&s, c) && !nn_loss_ops_of(s.trial.loss)->metric_only) {
        s.z[2 * c->outputs] = NAN;
        if (!CHECK(isnan(sum_of(&s))))
            fprintf(stderr, "... for loss %s, kind %d\n", c->yaml, (int)c->kind);
    }
    loss_trial_release(&s.trial);
}

/* Worked by hand: z = (1, 2, -1) of class 0, z = 0 at the kink of the perceptron. */
static void check_by_hand(void) {
    loss_trial s;
    nn_loss_sum sum = {0};
    nn_real z[3] = {1, 2, -1}, dz[3] = {0}, score = 0, up = 0;
    nn_target target = {.label = (const int32_t[]){0}};

    CHECK(loss_trial_new(&s, "hinge", &(nn_loss_spec){3, 1, true, 3, 0, NULL, NULL}) == 0);
    nn_loss_eval(s.loss, 1, z, &target, &sum, dz);
    CHECK_NEAR(sum.loss, 2, 0); /* 1 - 1 + 2 = 2 and 1 - 1 - 1 < 0 */
    CHECK_NEAR(dz[0], -1, 0);
    CHECK_NEAR(dz[1], 1, 0);
    CHECK_NEAR(dz[2], 0, 0);
    loss_trial_release(&s);
    CHECK(loss_trial_new(&s, "perceptron", &(nn_loss_spec){1, 1, true, 2, 0, NULL, NULL}) == 0);
    nn_loss_eval(s.loss, 1, &score, &target, &sum, &up);
    CHECK_NEAR(up, 1, 0); /* class 0 is -1: the score must fall */
    loss_trial_release(&s);
}

/* Targets that say the same in different forms give the same. */
static void check_same(const char *yaml, size_t outputs, const nn_target *a, const nn_target *b) {
    const nn_target *target[2] = {a, b};
    nn_real z[12], dz[2][12] = {{0}};
    nn_loss_sum sum[2] = {{0, 0}, {0, 0}};
    nn_rng rng = nn_rng_stream(5, NN_RNG_TEST, 0, 0);

    nn_rng_normal(&rng, 0, 12, z);
    for (int i = 0; i < 2; i++) {
        loss_trial s;
        bool labels = target[i]->label;
        nn_loss_spec spec = {outputs, 3,   labels, outputs == 1 ? 2 : 4, labels ? 0 : outputs,
                             NULL,    NULL};
        if (CHECK(loss_trial_new(&s, yaml, &spec) == 0))
            nn_loss_eval(s.loss, 3, z, target[i], &sum[i], dz[i]);
        loss_trial_release(&s);
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

/* Large enough to be shared among threads: the bits must not depend on how many there are. */
static void check_threads(void) {
    enum { ROWS = 8000, COLS = 10 };
    static nn_real z[ROWS * COLS], dz[2][ROWS * COLS];
    static int32_t label[ROWS];
    nn_rng rng = nn_rng_stream(1, NN_RNG_TEST, 0, 0);
    nn_loss_sum sum[2] = {{0, 0}, {0, 0}};
    nn_target target = {.label = label};
    loss_trial s;

    nn_rng_normal(&rng, 0, (size_t)ROWS * COLS, z);
    for (int i = 0; i < ROWS; i++)
        label[i] = i % 11 - 1;
    CHECK(loss_trial_new(&s, "cross_entropy",
                         &(nn_loss_spec){COLS, ROWS, true, COLS, 0, NULL, &compute}) == 0);
    for (int i = 0; i < 2; i++) {
        compute.threads = i == 0 ? 1 : 3;
        nn_loss_eval(s.loss, ROWS, z, &target, &sum[i], dz[i]);
    }
    compute.threads = 1;
    CHECK(memcmp(&sum[0], &sum[1], sizeof sum[0]) == 0);
    CHECK(memcmp(dz[0], dz[1], sizeof dz[0]) == 0);
    loss_trial_release(&s);
}

/* A rank whose shard is empty. */
static void check_empty(void) {
    nn_loss_sum sum = {.loss = 1, .weight = 2};
    nn_target target = {0};
    nn_real none[1];
    loss_trial s;

    CHECK(loss_trial_new(&s, "cross_entropy", &(nn_loss_spec){3, 0, true, 3, 0, NULL, NULL}) == 0);
    nn_loss_eval(s.loss, 0, none, &target, &sum, none);
    CHECK_NEAR(sum.loss, 1, 0);
    CHECK_NEAR(sum.weight, 2, 0);
    loss_trial_release(&s);
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
    check_threads();
    check_empty();
    return check_done();
}
