/* ranks: 1 2 3 4
 * timeout: 120
 * Every optimiser, schedule and habit: the training curve is the same on any number of ranks, and
 * a run that is stopped and gone on with ends with the same bits. */
#include "check.h"
#include "nn/optimizers/optimizer.h"
#include "nn/schedules/schedule.h"
#include "shared_folder.h"

#include <nnmpi/nnmpi.h>

#include <signal.h>

enum { STEPS = 100, STOP = 41, KEYS = 5 };

static const char base[] =
    "data: {source: iris}\n"
    "model: [dense: {name: a, units: 7, activation: tanh},\n"
    "        dropout: {rate: 0.2}, dense: {name: b, units: 3}]\n"
    "loss: cross_entropy\n"
    "train: {batch_size: 50, epochs: 40, max_steps: 100, log_every: 1}\n" /* 50 + 50 + 20 */
    "validate: {every_epochs: 5}\n"
    "checkpoint: {every_epochs: 0}\n";

static const struct habit {
    const char *set[KEYS];
} habits[] = {
    {{"train.optimizer={sgd: {lr: 0.1}}", "train.warmup={steps: 20, from: 0.1}",
      "train.clip_norm=0.5"}},
    {{"train.optimizer={momentum: {lr: 0.05}}", "train.schedule={step: {every: 4}}",
      "train.ema={decay: 0.9}", "model.1={batch_norm: {}}"}},
    {{"train.optimizer={nesterov: {lr: 0.05, weight_decay: 0.01}}",
      "train.schedule={multistep: {at: [3, 9]}}", "train.max_norm=1"}},
    {{"train.optimizer={adagrad: {lr: 0.05, initial_accumulator_value: 0.1}}",
      "train.schedule={linear: {per: step}}", "train.l1=0.001", "train.l2=0.001"}},
    {{"train.optimizer={adadelta: {eps: 1e-3}}", "train.schedule={inverse_time: {k: 0.1}}",
      "train.clip_value=0.01"}},
    {{"train.optimizer={rmsprop: {eps: 1e-2, centered: true, momentum: 0.5}}",
      "train.schedule={exponential: {gamma: 0.9}}", "train.warmup={epochs: 3}"}},
    {{"train.optimizer={adam: {lr: 0.01, eps: 1e-2, amsgrad: true}}",
      "train.schedule={polynomial: {power: 2}}", "train.decay_all=true", "train.l2=0.01"}},
    {{"train.optimizer={adamw: {lr: 0.01, eps: 1e-2}}",
      "train.schedule={cosine: {over: 4, restarts: true}}", "model.0.dense.lr_scale=0.5",
      "model.2.dense.decay_scale=3"}},
    {{"train.optimizer={lars: {lr: 0.05, trust: 0.02, weight_decay: 0.01}}",
      "train.schedule={cosine: {}}"}},
    {{"train.optimizer={lamb: {lr: 0.02, eps: 1e-2, weight_decay: 0.1}}",
      "train.schedule={reduce_on_plateau: {patience: 0, factor: 0.5, metric: accuracy}}",
      "validate.every_epochs=1", "model.0.dense.frozen=true"}},
};
#define HABITS (sizeof habits / sizeof *habits)

static volatile sig_atomic_t stop;

struct curve {
    int64_t stop_at;
    double loss[STEPS + 1], lr[STEPS + 1];
};

static void watch(void *ctx, const nn_status *status) {
    struct curve *curve = ctx;
    if (status->validation)
        return;
    if (status->step == curve->stop_at)
        stop = 1;
    curve->loss[status->step] = status->loss;
    curve->lr[status->step] = status->lr;
}

static nn_config *configured(const struct habit *habit, const char *more) {
    nn_config *config = NULL;
    int rc = nn_config_parse("habits.yaml", base, strlen(base), &config);
    for (size_t i = 0; rc == 0 && i < KEYS && habit->set[i]; i++)
        rc = nn_config_override(config, habit->set[i]);
    if (rc == 0 && more)
        rc = nn_config_override(config, more);
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", habit->set[0], nn_error_message());
    CHECK(rc == 0);
    return config;
}

static nn_train_result run(nn_comm *comm, const struct habit *habit, const char *more,
                           const char *dir, bool resume, struct curve *curve) {
    nn_config *config = configured(habit, more);
    nn_train_result result = {.size = sizeof result};
    nn_train_options options = {.size = sizeof options,
                                .run_dir = dir,
                                .resume = resume,
                                .stop = &stop,
                                .progress = watch,
                                .ctx = curve};
    int rc = nn_train(comm, config, &options, &result);
    stop = 0;
    if (!CHECK_EQ_INT(rc, curve->stop_at ? NN_ESTOPPED : 0))
        fprintf(stderr, "%s: %s\n", habit->set[0], nn_error_message());
    nn_train_result_release(&result);
    nn_config_free(config);
    return result;
}

static void check_curves(const struct habit *habit, const struct curve *a, const struct curve *b) {
    int before = check_failures;
    for (int i = 1; i <= STEPS; i++) {
        CHECK_NEAR(a->loss[i], b->loss[i], 1e-5 * fabs(b->loss[i]));
        CHECK_NEAR(a->lr[i], b->lr[i], 0);
    }
    CHECK(b->loss[1] > 0.1 && b->loss[STEPS] < 0.97 * b->loss[1]);
    if (check_failures > before)
        fprintf(stderr, "... for %s\n", habit->set[0]);
}

/* Stopped after STOP steps and gone on with. */
static void check_resumed(nn_comm *comm, const struct habit *habit, const char *dir,
                          const char *digest, const struct curve *whole) {
    struct curve parts = {.stop_at = STOP};
    run(comm, habit, NULL, dir, false, &parts);
    parts.stop_at = 0;
    nn_train_result result = run(comm, habit, NULL, dir, true, &parts);
    CHECK_STR(result.digest, digest);
    if (nn_comm_rank(comm) == 0)
        check_curves(habit, &parts, whole);
}

static void check_alone(const struct habit *habit, const char *dir, const struct curve *together) {
    struct curve curve = {0};
    nn_comm *alone = NULL;
    CHECK(nn_comm_alone(&alone) == 0);
    run(alone, habit, NULL, dir, false, &curve);
    check_curves(habit, together, &curve);
    nn_comm_free(alone);
}

static void check_habit(nn_comm *comm, size_t i) {
    char whole[32], parts[32], single[32];
    struct curve curve = {0};
    snprintf(whole, sizeof whole, "whole%zu", i);
    snprintf(parts, sizeof parts, "parts%zu", i);
    snprintf(single, sizeof single, "single%zu", i);
    nn_train_result result = run(comm, &habits[i], NULL, whole, false, &curve);
    if (nn_comm_size(comm) % 2 == 1)
        check_resumed(comm, &habits[i], parts, result.digest, &curve);
    if (nn_comm_size(comm) > 1 && nn_comm_rank(comm) == 0)
        check_alone(&habits[i], single, &curve);
}

/* Passes are a matter of memory only. */
static void check_accumulate(nn_comm *comm) {
    static const struct habit once = {
        {"train.ema={decay: 0.9}", "train.optimizer={adam: {lr: 0.01, eps: 1e-2}}"}};
    static const struct habit cut = {{"train.ema={decay: 0.9}",
                                      "train.optimizer={adam: {lr: 0.01, eps: 1e-2}}",
                                      "train.reproducible=true"}};
    struct curve one = {0}, three = {0}, cut_three = {0};
    run(comm, &once, NULL, "once", false, &one);
    run(comm, &once, "train.accumulate=3", "thrice", false, &three);
    run(comm, &cut, "train.accumulate=3", "cut", false, &cut_three);
    if (nn_comm_rank(comm) == 0) {
        check_curves(&once, &three, &one);
        check_curves(&cut, &cut_three, &one);
    }
}

/* The rule for ranks, and the line of the warm-up on top of it. */
static void check_rates(nn_comm *comm) {
    static const struct habit linear = {{"train.optimizer={sgd: {lr: 0.0625}}", "train.epochs=2",
                                         "train.scale_lr=linear",
                                         "train.warmup={steps: 4, from: 0.5}"}};
    struct curve curve = {0};
    run(comm, &linear, NULL, "rates", false, &curve);
    for (int i = 0; i < 6 && nn_comm_rank(comm) == 0; i++)
        CHECK_NEAR(curve.lr[i + 1], 0.0625 * nn_comm_size(comm) * (i < 4 ? 0.5 + i * 0.125 : 1), 0);
}

static void check_all_named(void) {
    const nn_family *families[] = {&nn_optimizers, &nn_schedules};
    for (size_t f = 0; f < 2; f++)
        for (const nn_entry *const *row = families[f]->rows; *row; row++) {
            bool named = strcmp((*row)->name, "constant") == 0;
            for (size_t i = 0; i < HABITS; i++)
                for (size_t k = 0; k < KEYS && habits[i].set[k]; k++)
                    named = named || strstr(habits[i].set[k], (*row)->name);
            if (!CHECK(named))
                fprintf(stderr, "%s\n", (*row)->name);
        }
}

int main(void) {
    nn_comm *comm = NULL;
    struct shared_folder folder;
    if (!CHECK(nn_comm_init(&comm) == 0))
        return check_done();
    if (shared_folder_enter(&folder, comm)) {
        check_all_named();
        for (size_t i = 0; i < HABITS; i++)
            check_habit(comm, i);
        check_accumulate(comm);
        check_rates(comm);
    }
    shared_folder_leave(&folder, comm);
    nn_comm_free(comm);
    return check_done();
}
