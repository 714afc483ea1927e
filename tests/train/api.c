/* ranks: 1 2 3 */
/* The public headers, used as a program outside would: configure, train, stop, go on, evaluate,
 * predict, and what is said when something is wrong. */
#include "base/error.h"
#include "base/log.h"
#include "check.h"

#include <nnmpi/nnmpi.h>

#include <float.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

/* Training takes subnormal numbers for 0, where the processor can; its caller does not. */
#if defined(__x86_64__) || defined(__aarch64__)
#define CAN_FLUSH 1
#else
#define CAN_FLUSH 0
#endif

static bool flushes(void) {
    volatile float least = FLT_MIN;
    return least / 2 == 0;
}

static void check_works(int rc, const char *what) {
    if (!CHECK_EQ_INT(rc, 0))
        fprintf(stderr, "%s: %s\n", what, nn_error_message());
    CHECK(!flushes());
}
#define WORKS(call) check_works((call), #call)

#define FAILS(call, code, words)                                                                   \
    do {                                                                                           \
        nn_error_clear();                                                                          \
        CHECK_STR(nn_error_message(), "");                                                         \
        CHECK_EQ_INT((call), (code));                                                              \
        CHECK_CONTAINS(nn_error_message(), (words));                                               \
        CHECK(!flushes());                                                                         \
    } while (0)

struct seen {
    int reports, validations;
    int64_t stop_at, last_step;
};

static void watch(void *ctx, const nn_status *status) {
    struct seen *seen = ctx;
    seen->reports++;
    CHECK_EQ_INT(flushes(), CAN_FLUSH);
    seen->validations += status->validation != NULL;
    CHECK(status->step >= seen->last_step && status->step <= status->total_steps);
    CHECK(status->epoch >= 1 && status->epoch <= status->epochs);
    seen->last_step = status->step;
    if (seen->stop_at && status->step >= seen->stop_at)
        stop = 1;
}

static nn_config *configured(const char *const *overrides) {
    nn_config *config = NULL;
    WORKS(nn_config_default(&config));
    for (; *overrides; overrides++)
        WORKS(nn_config_override(config, *overrides));
    WORKS(nn_config_check(config));
    return config;
}

static const char *const plan[] = {"train.epochs=60", "train.lr=0.1", "validate.every_epochs=10",
                                   "checkpoint.every_epochs=50", NULL};

/* Stopped by the flag on one rank, and then gone on with, it ends as without. */
static void stop_and_go_on(nn_comm *comm, const nn_train_result *whole) {
    bool speaks = nn_comm_rank(comm) == 0;
    struct seen seen = {.stop_at = 130};
    nn_train_result result = {.size = sizeof result};
    nn_train_options options = {
        .size = sizeof options, .run_dir = "parts", .stop = &stop, .progress = watch, .ctx = &seen};
    nn_config *config = configured(plan);
    FAILS(nn_train(comm, config, &options, &result), NN_ESTOPPED, "stopped by a signal");
    CHECK_EQ_INT(nn_error_exit_code(NN_ESTOPPED), 75);
    CHECK_EQ_INT(stop, speaks);
    CHECK(!speaks || seen.last_step < whole->steps);
    stop = 0;
    seen.stop_at = 0;
    options.resume = true;
    WORKS(nn_train(comm, config, &options, &result));
    CHECK_EQ_INT(result.steps, whole->steps);
    CHECK_STR(result.digest, whole->digest);
    nn_train_result_release(&result);
    nn_config_free(config);
}

static void train(nn_comm *comm, nn_train_result *result) {
    bool speaks = nn_comm_rank(comm) == 0;
    struct seen seen = {0};
    char digest[65];
    nn_train_options options = {
        .size = sizeof options, .run_dir = "whole", .progress = watch, .ctx = &seen};
    nn_config *config = configured(plan);
    CHECK_STR(nn_config_name(config), "iris");
    CHECK_CONTAINS(nn_config_text(config), "epochs: 60");
    WORKS(nn_train(comm, config, &options, result));
    CHECK_EQ_INT(result->epochs, 60);
    CHECK_EQ_INT(result->steps, 60 * 4);
    CHECK_STR(result->why, "epochs");
    CHECK(result->loss > 0 && result->loss < 1);
    CHECK_EQ_INT(nn_evaluation_samples(result->test), 30);
    CHECK_EQ_INT(nn_evaluation_ignored(result->test), 0);
    CHECK_STR(nn_evaluation_split(result->test), "test");
    CHECK_EQ_INT(nn_evaluation_metrics(result->test), 1);
    CHECK_STR(nn_evaluation_metric(result->test, 0)->name, "accuracy");
    CHECK(!nn_evaluation_metric(result->test, 1));
    CHECK_EQ_INT(seen.validations, speaks ? 6 : 0);
    CHECK(speaks ? seen.reports >= 60 : seen.reports == 0);
    CHECK_STR(result->run_dir, "whole");
    WORKS(nn_checkpoint_digest("whole/last.h5", digest));
    CHECK_STR(digest, result->digest);
    FAILS(nn_train(comm, config, &options, result), NN_EUSAGE, "already holds a run");
    nn_config_free(config);
}

/* Products of bfloat16, where the processor has them, end elsewhere. */
static void train_in_bf16(nn_comm *comm, const nn_train_result *whole) {
    nn_train_result result = {.size = sizeof result};
    nn_train_options options = {.size = sizeof options, .run_dir = "bf16"};
    nn_config *config = configured(plan);
    WORKS(nn_config_override(config, "train.precision=bf16"));
    int rc = nn_train(comm, config, &options, &result);
    if (rc == NN_EUSAGE) {
        CHECK_CONTAINS(nn_error_message(), "bf16 wants a processor with AVX512_BF16");
    } else {
        check_works(rc, "nn_train in bfloat16");
        CHECK(strcmp(result.digest, whole->digest) != 0);
    }
    nn_train_result_release(&result);
    nn_config_free(config);
}

static void evaluate(nn_comm *comm, const nn_train_result *trained) {
    nn_evaluation *test, *mine;
    const nn_evaluation *known = trained->test;
    nn_comm *alone = NULL;
    const char *path = "whole/last.h5";
    WORKS(nn_evaluate(comm, path, NULL, "test", &test));
    CHECK_EQ_INT(nn_evaluation_samples(test), 30);
    CHECK_NEAR(nn_evaluation_loss(test), nn_evaluation_loss(known), 0);
    CHECK_NEAR(nn_evaluation_metric(test, 0)->value, nn_evaluation_metric(known, 0)->value, 0);
    nn_evaluation_free(test);
    WORKS(nn_evaluate(comm, path, NULL, "train", &test));
    CHECK_EQ_INT(nn_evaluation_samples(test), 120);
    WORKS(nn_comm_alone(&alone));
    WORKS(nn_evaluate(alone, path, NULL, "train", &mine));
    double loss = nn_evaluation_loss(test);
    CHECK_NEAR(nn_evaluation_loss(mine), loss, 1e-6 * loss);
    nn_evaluation_free(mine);
    nn_evaluation_free(test);
    nn_comm_free(alone);
    FAILS(nn_evaluate(comm, "none.h5", NULL, "test", &test), NN_EFORMAT, "none.h5");
    CHECK(!test);
    FAILS(nn_evaluate(comm, path, NULL, "valid", &test), NN_EUSAGE, "no split 'valid'");
    FAILS(nn_evaluate(comm, path, "none.h5", "test", &test), NN_EFORMAT, "none.h5");
}

static size_t largest(const float *y, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        best = y[i] > y[best] ? i : best;
    return best;
}

static void predict(void) {
    /* a flower of each species, unmistakable */
    static const float x[3][4] = {
        {5.0F, 3.5F, 1.3F, 0.3F}, {5.5F, 2.6F, 4.4F, 1.2F}, {6.7F, 3.1F, 5.6F, 2.4F}};
    static const char *const names[] = {"setosa", "versicolor", "virginica"};
    float y[3][3], one[3];
    nn_predictor *predictor = NULL;
    WORKS(nn_predictor_open("whole/last.h5", 3, &predictor));
    if (!CHECK(predictor))
        return;
    CHECK_EQ_INT(nn_predictor_inputs(predictor), 4);
    CHECK_EQ_INT(nn_predictor_outputs(predictor), 3);
    CHECK(!nn_predictor_class(predictor, 3));
    WORKS(nn_predict(predictor, 3, x[0], y[0]));
    for (size_t i = 0; i < 3; i++) {
        CHECK_STR(nn_predictor_class(predictor, i), names[i]);
        CHECK_EQ_INT(largest(y[i], 3), i);
        CHECK_NEAR(y[i][0] + y[i][1] + y[i][2], 1, 1e-6);
        WORKS(nn_predict(predictor, 1, x[i], one));
        CHECK(!flushes());
        CHECK_NEAR(one[i], y[i][i], 1e-6);
    }
    FAILS(nn_predict(predictor, 1, NULL, one), NN_EUSAGE, "NULL");
    FAILS(nn_predictor_set_threads(predictor, 0), NN_EUSAGE, "1 or more");
    nn_predictor_free(predictor);
    nn_predictor_free(NULL);
    FAILS(nn_predictor_open("whole/last.h5", 0, &predictor), NN_EUSAGE, "batch");
    FAILS(nn_predictor_open("none.h5", 3, &predictor), NN_EFORMAT, "none.h5");
}

/* More samples than fit into a call are computed a piece at a time. */
static void predict_many(void) {
    enum { MANY = 2001, BATCH = 4 };
    static float x[MANY][4], y[MANY][3];
    float one[3];
    nn_predictor *predictor = NULL;
    for (size_t i = 0; i < MANY; i++)
        for (size_t k = 0; k < 4; k++)
            x[i][k] = (float)(i % 7) + (float)k;
    WORKS(nn_predictor_open("whole/last.h5", BATCH, &predictor));
    if (!CHECK(predictor))
        return;
    WORKS(nn_predict(predictor, MANY, x[0], y[0]));
    for (size_t i = 0; i < MANY; i++) {
        WORKS(nn_predict(predictor, 1, x[i], one));
        for (size_t k = 0; k < 3; k++)
            CHECK_NEAR(y[i][k], one[k], 1e-6);
    }
    nn_predictor_free(predictor);
}

static void note(void *ctx, nn_log_level level, const char *line) {
    (void)level;
    snprintf(ctx, 128, "%s", line);
}

static void misuse(nn_comm *comm) {
    static const char bad[] = "data: {source: iris}\nmodel:\n  - dnse: {units: 3}\n"
                              "loss: cross_entropy\ntrain: {batch_size: 30}\n";
    nn_train_result result = {.size = sizeof result};
    nn_train_options options = {.size = sizeof options, .run_dir = "bad"};
    nn_config *config = NULL;
    char said[128] = "", hex[65];
    FAILS(nn_config_load("none.yaml", &config), NN_EUSAGE, "none.yaml");
    CHECK(!config);
    WORKS(nn_config_parse("bad.yaml", bad, strlen(bad), &config));
    FAILS(nn_train(comm, config, &options, &result), NN_EUSAGE,
          "bad.yaml:3:5: unknown layer 'dnse', did you mean 'dense'");
    CHECK_EQ_INT(nn_error_exit_code(NN_EUSAGE), 2);
    CHECK_CONTAINS(nn_error_trace(), "nn_train");
    options.size = 0;
    FAILS(nn_train(comm, config, &options, &result), NN_EUSAGE, "nn_train_options");
    options.size = sizeof options;
    result.size = sizeof result + 8;
    FAILS(nn_train(comm, config, &options, &result), NN_EUSAGE, "nn_train_result");
    FAILS(nn_train(comm, config, &options, NULL), NN_EUSAGE, "result is NULL");
    nn_train_result_release(NULL);
    FAILS(nn_config_override(config, "no equals sign"), NN_EUSAGE, "key=value");
    nn_config_free(config);
    FAILS(nn_checkpoint_digest("none.h5", hex), NN_EFORMAT, "none.h5");
    CHECK_EQ_INT(nn_comm_agree(comm, 0), 0);
    FAILS(nn_comm_agree(comm, nn_fail(NN_EIO, "disk %d", 7)), NN_EIO, "disk 7");
    nn_log_to(note, said, NN_LOG_WARNING);
    nn_info("not wanted");
    CHECK_STR(said, "");
    nn_warn("wanted %d", 1);
    CHECK_STR(said, "wanted 1");
    nn_log_to(NULL, NULL, NN_LOG_WARNING);
}

/* All ranks go to a folder that is named after what started them. */
static void enter_folder(nn_comm *comm, char path[256]) {
    const char *base = getenv("TMPDIR");
    snprintf(path, 256, "%s/nnmpi-api.%ld", base && *base ? base : "/tmp", (long)getppid());
    if (nn_comm_rank(comm) == 0)
        CHECK_EQ_INT(mkdir(path, 0700), 0);
    CHECK_EQ_INT(nn_comm_agree(comm, 0), 0);
    CHECK_EQ_INT(chdir(path), 0);
}

static void leave_folder(nn_comm *comm, const char *path) {
    char command[300];
    CHECK_EQ_INT(chdir("/"), 0);
    CHECK_EQ_INT(nn_comm_agree(comm, 0), 0);
    snprintf(command, sizeof command, "rm -r '%s'", path);
    if (nn_comm_rank(comm) == 0)
        CHECK_EQ_INT(system(command), 0);
}

int main(void) {
    char folder[256];
    nn_comm *comm = NULL;
    nn_train_result trained = {.size = sizeof trained};
    check_works(nn_comm_init(&comm), "nn_comm_init");
    if (!comm)
        return check_done();
    enter_folder(comm, folder);
    CHECK_STR(nn_version(), NNMPI_VERSION);
    train(comm, &trained);
    stop_and_go_on(comm, &trained);
    train_in_bf16(comm, &trained);
    evaluate(comm, &trained);
    nn_train_result_release(&trained);
    predict();
    predict_many();
    misuse(comm);
    leave_folder(comm, folder);
    nn_comm_free(comm);
    return check_done();
}
