/* ranks: 1 2 3 */
/* nodes: 2 */
/* timeout: 120 */
/* A training that its caller drives is the one that nn_train does; and what the caller does in
 * between. */
#include "train/training/training.h"

#include "comm/comm.h"
#include "io/files/file.h"
#include "io/hdf5/h5.h"
#include "shared_folder.h"

#include <nnmpi/nnmpi.h>

#include <math.h>
#include <string.h>
#include <unistd.h>

/* 18 steps; a kernel whose order in memory is not that of files. */
static const char text[] =
    "data: {source: synthetic, generator: {blobs: {features: 36, classes: 3, spread: 5}}, samples: "
    "96, valid: "
    "0.25, "
    "test: 0.25}\n"
    "model: [reshape: {shape: [1, 6, 6]}, conv2d: {name: c1, filters: 4, kernel: 3}, relu, "
    "flatten,\n"
    "        dense: {name: fc1, units: 3}]\n"
    "loss: cross_entropy\n"
    "train: {epochs: 3, batch_size: 8, lr: 0.05, optimizer: {sgd: {momentum: 0.9}}, log_every: 2}\n"
    "checkpoint: {every_epochs: 1}\n";

static nn_config *configured(const char *override) {
    nn_config *config;
    WORKS(nn_config_parse("net", text, strlen(text), &config));
    if (override)
        WORKS(nn_config_override(config, override));
    return config;
}

static nn_training *opened(nn_comm *comm, nn_config *config, const char *folder, bool resume) {
    nn_train_options options = {.size = sizeof options, .run_dir = folder, .resume = resume};
    nn_training *t = NULL;
    WORKS(nn_training_open(comm, config, &options, &t));
    return t;
}

static void take_step(nn_training *t) {
    WORKS(nn_training_step(t));
    WORKS(nn_training_attend(t));
}

static void finish(nn_training *t, char digest[65]) {
    nn_train_result result = {.size = sizeof result};
    while (nn_training_goes_on(t))
        take_step(t);
    WORKS(nn_training_finish(t, &result));
    memcpy(digest, result.digest, 65);
    nn_train_result_release(&result);
    nn_training_close(t);
}

static void train(nn_comm *comm, const char *override, const char *folder, char digest[65]) {
    nn_config *config = configured(override);
    nn_train_options options = {.size = sizeof options, .run_dir = folder};
    nn_train_result result = {.size = sizeof result};
    WORKS(nn_train(comm, config, &options, &result));
    memcpy(digest, result.digest, 65);
    nn_train_result_release(&result);
    nn_config_free(config);
}

/* With a look at everything after each step. */
static void test_same(nn_comm *comm, const char *wanted) {
    nn_config *config = configured(NULL);
    nn_training *t = opened(comm, config, "driven", false);
    char digest[65];
    float kernel[4 * 9];
    int64_t steps = 0;
    CHECK_EQ_INT(nn_training_steps(t), 0);
    CHECK_EQ_INT(nn_training_epoch(t), 1);
    CHECK(isnan(nn_training_loss(t)));
    CHECK_NEAR(nn_training_rate(t), 0.05, 1e-12);
    while (nn_training_goes_on(t)) {
        nn_evaluation *e;
        take_step(t);
        CHECK_EQ_INT(nn_training_steps(t), ++steps);
        CHECK(isfinite(nn_training_loss(t)));
        WORKS(nn_training_evaluate(t,
                                   steps % 3 == 0   ? "train"
                                   : steps % 3 == 1 ? "valid"
                                                    : "test",
                                   &e));
        CHECK_EQ_INT(nn_evaluation_samples(e), steps % 3 == 0 ? 48 : 24);
        nn_evaluation_free(e);
        WORKS(nn_training_get(t, "c1/weight", kernel));
        if (steps == 5)
            WORKS(nn_training_save(t));
    }
    CHECK_EQ_INT(steps, 18);
    finish(t, digest);
    CHECK_STR(digest, wanted);
    nn_config_free(config);
}

/* Without a folder nothing is written, and the numbers are the same; also where a run ends with
 * its best parameters. */
static void test_no_folder(nn_comm *comm, const char *wanted) {
    static const char best[] = "validate={every_epochs: 1, early_stopping: {metric: loss, "
                               "patience: 2}}";
    char digest[65], with_folder[65];
    nn_config *config = configured(NULL);
    const volatile sig_atomic_t save = 0;
    nn_train_options options = {.size = sizeof options, .run_dir = "", .resume = true};
    nn_training *t = NULL;
    FAILS(nn_training_open(comm, config, &options, &t), NN_EUSAGE, "--resume needs the folder");
    options.resume = false;
    options.save = &save;
    FAILS(nn_training_open(comm, config, &options, &t), NN_EUSAGE, "there is no run folder");
    t = opened(comm, config, "", false);
    FAILS(nn_training_save(t), NN_EUSAGE, "has no folder");
    WORKS(nn_training_advance(t, 4));
    CHECK_EQ_INT(nn_training_steps(t), 4);
    WORKS(nn_training_advance(t, 100)); /* no further than to the end of the epoch */
    CHECK_EQ_INT(nn_training_steps(t), 6);
    finish(t, digest);
    CHECK_STR(digest, wanted);
    WORKS(nn_config_override(config, best));
    WORKS(nn_config_override(config, "train.lr=0.3"));
    finish(opened(comm, config, "best", false), with_folder);
    finish(opened(comm, config, "", false), digest);
    CHECK_STR(digest, with_folder);
    WORKS(nn_config_override(config, "validate.early_stopping.restore_best=false"));
    finish(opened(comm, config, "", false), digest);
    CHECK(strcmp(digest, with_folder) != 0);
    CHECK(access("runs", F_OK) < 0);
    nn_config_free(config);
}

/* Left after some steps, and gone on with from what was saved. */
static void test_resumed(nn_comm *comm, const char *wanted) {
    nn_config *config = configured(NULL);
    nn_training *t = opened(comm, config, "resumed", false);
    char digest[65];
    for (int i = 0; i < 7; i++)
        take_step(t);
    WORKS(nn_training_save(t));
    nn_training_close(t);
    t = opened(comm, config, "resumed", true);
    CHECK_EQ_INT(nn_training_steps(t), 7);
    finish(t, digest);
    CHECK_STR(digest, wanted);
    nn_config_free(config);
}

/* Tensors have the names, shapes and order of a checkpoint's. */
static void test_tensors(nn_comm *comm) {
    nn_config *config = configured("train.max_steps=4");
    nn_training *t = opened(comm, config, "tensors", false);
    nn_h5 *file = NULL;
    take_step(t);
    WORKS(nn_training_save(t));
    CHECK_EQ_INT(nn_training_tensors(t), 4);
    WORKS(nn_h5_open("tensors/last.h5", &file));
    for (size_t i = 0; i < nn_training_tensors(t); i++) {
        float here[1024], there[1024];
        char path[64];
        nn_array shape;
        nn_h5_info info;
        size_t count = 1;
        const char *name = nn_training_tensor(t, i, &shape);
        snprintf(path, sizeof path, "/model/%s", name);
        WORKS(nn_h5_info_of(file, path, &info));
        CHECK_EQ_INT(info.rank, shape.rank);
        for (int k = 0; k < info.rank; k++) {
            CHECK_EQ_INT(info.dim[k], shape.dim[k]);
            count *= (size_t)shape.dim[k];
        }
        WORKS(nn_training_get(t, name, here));
        WORKS(nn_h5_read(file, path, 0, info.dim[0], NN_F32, there));
        CHECK(memcmp(here, there, count * sizeof *here) == 0);
    }
    nn_h5_close(file);
    FAILS(nn_training_get(t, "c1/wieght", (float[36]){0}), NN_EUSAGE, "did you mean 'c1/weight'?");
    nn_training_close(t);
    nn_config_free(config);
}

/* What one has learned is put into another one, which goes on from there: without momentum that is
 * all of the state. */
static void test_set(nn_comm *comm) {
    static const char plain[] = "train.optimizer={sgd: {momentum: 0}}";
    nn_config *config = configured(plain);
    nn_training *a = opened(comm, config, "set-a", false), *b;
    char digest[2][65];
    WORKS(nn_config_override(config, "train.seed=1"));
    b = opened(comm, config, "set-b", false);
    for (int i = 0; i < 4; i++) {
        take_step(a);
        take_step(b); /* two trainings in turns */
    }
    nn_array shape;
    for (size_t i = 0; i < nn_training_tensors(a); i++) {
        float values[1024];
        const char *name = nn_training_tensor(a, i, &shape);
        WORKS(nn_training_get(a, name, values));
        for (int k = 0; k < 5; k++)
            values[k] = (float)k;
        WORKS(nn_training_set(a, name, values));
        WORKS(nn_training_set(b, name, values));
        WORKS(nn_training_get(b, name, values));
        CHECK_NEAR(values[3], 3, 0);
    }
    finish(a, digest[0]);
    finish(b, digest[1]);
    CHECK_STR(digest[0], digest[1]);
    nn_config_free(config);
}

/* The bias in a checkpoint of the folder "moments". */
static void read_bias(int64_t step, float bias[3]) {
    char path[64];
    nn_h5 *file = NULL;
    snprintf(path, sizeof path, "moments/checkpoint-%d.h5", (int)step);
    WORKS(nn_h5_open(path, &file));
    WORKS(nn_h5_read(file, "/model/fc2/bias", 0, 3, NN_F32, bias));
    nn_h5_close(file);
}

/* A checkpoint that is still being copied is of the moment, whatever the program sets then. */
static void test_moments(nn_comm *comm) {
    enum { STEPS = 8 };
    nn_config *config = configured("checkpoint={every_steps: 1, keep: 100}");
    float bias[STEPS][3], found[3];
    WORKS(nn_config_override(config, "model=[flatten, dense: {name: fc1, units: 20000}, "
                                     "dense: {name: fc2, units: 3}]"));
    nn_training *t = opened(comm, config, "moments", false);
    for (int i = 0; i < STEPS; i++) {
        take_step(t);
        WORKS(nn_training_get(t, "fc2/bias", bias[i]));
        WORKS(nn_training_set(t, "fc2/bias", (float[3]){7, 8, (float)i}));
    }
    WORKS(nn_training_save(t));
    nn_training_close(t);
    for (int i = 0; i + 1 < STEPS; i++) {
        read_bias(i + 1, found);
        for (int k = 0; k < 3; k++)
            CHECK_NEAR(found[k], bias[i][k], 0);
    }
    read_bias(STEPS, found);
    CHECK_NEAR(found[0], 7, 0);
    nn_config_free(config);
}

/* A run that the program ends early is validated and saved as any other, before it ends. */
static void test_early(nn_comm *comm) {
    nn_config *config = configured("checkpoint={every_steps: 1}");
    char target[64] = "", *lines = "";
    size_t length;
    nn_pool pool = {0};
    WORKS(nn_config_override(config, "validate={every_steps: 3}"));
    nn_training *t = opened(comm, config, "early", false);
    nn_train_result result = {.size = sizeof result};
    for (int i = 0; i < 4; i++)
        take_step(t);
    WORKS(nn_training_finish(t, &result));
    CHECK_EQ_INT(result.steps, 4);
    nn_train_result_release(&result);
    WORKS(nn_file_read(&pool, "early/metrics.jsonl", &lines, &length));
    CHECK_CONTAINS(lines, "{\"event\":\"validate\",\"step\":4,");
    CHECK_CONTAINS(lines, "{\"event\":\"checkpoint\",\"step\":4,");
    CHECK(readlink("early/last.h5", target, sizeof target - 1) > 0);
    CHECK_STR(target, "checkpoint-4.h5");
    nn_pool_release(&pool);
    nn_training_close(t);
    nn_config_free(config);
}

/* Saved, and found to be the best only when the program ends the run: best.h5 is that one. */
static void test_best_at_end(nn_comm *comm) {
    nn_config *config = configured("checkpoint={every_epochs: 0}");
    char best[64] = "", last[64] = "";
    WORKS(nn_config_override(config, "validate={every_epochs: 0, every_steps: 100}"));
    nn_training *t = opened(comm, config, "best_at_end", false);
    nn_train_result result = {.size = sizeof result};
    take_step(t);
    WORKS(nn_training_save(t));
    WORKS(nn_training_finish(t, &result));
    CHECK_EQ_INT(result.best_step, 1);
    nn_train_result_release(&result);
    CHECK(readlink("best_at_end/best.h5", best, sizeof best - 1) > 0);
    CHECK(readlink("best_at_end/last.h5", last, sizeof last - 1) > 0);
    CHECK_STR(best, last);
    nn_training_close(t);
    nn_config_free(config);
}

/* Half of the rate is what train.lr would have made it. */
static void test_rate(nn_comm *comm) {
    nn_config *config = configured(NULL);
    nn_training *t = opened(comm, config, "rate", false);
    char wanted[65], digest[65];
    FAILS(nn_training_scale_rate(t, 0), NN_EUSAGE, "0 is no factor");
    WORKS(nn_training_scale_rate(t, 0.5));
    CHECK_NEAR(nn_training_rate(t), 0.025, 1e-12);
    finish(t, digest);
    train(comm, "train.lr=0.025", "half", wanted);
    CHECK_STR(digest, wanted);
    nn_config_free(config);
}

/* What comes at the wrong time is an error, and not the end. */
static void test_misuse(nn_comm *comm) {
    nn_config *config = configured("train.max_steps=3");
    nn_training *t = opened(comm, config, "misuse", false);
    nn_train_result result = {.size = sizeof result};
    nn_evaluation *e;
    float values[36];
    FAILS(nn_training_attend(t), NN_EUSAGE, "no step has been taken");
    WORKS(nn_training_step(t));
    FAILS(nn_training_step(t), NN_EUSAGE, "nn_training_attend comes first");
    FAILS(nn_training_finish(t, &result), NN_EUSAGE, "nn_training_attend comes first");
    FAILS(nn_training_get(t, "c1/weight", values), NN_EUSAGE, "nn_training_attend comes first");
    WORKS(nn_training_attend(t));
    FAILS(nn_training_evaluate(t, "tset", &e), NN_EUSAGE, "no split 'tset'");
    CHECK(!e);
    WORKS(nn_training_evaluate(t, NULL, &e));
    CHECK_STR(nn_evaluation_split(e), "test");
    nn_evaluation_free(e);
    FAILS(nn_training_advance(t, 0), NN_EUSAGE, "most is 0; it is 1 or more");
    WORKS(nn_training_advance(t, 5));
    CHECK(!nn_training_goes_on(t));
    FAILS(nn_training_step(t), NN_EUSAGE, "the run is over");
    FAILS(nn_training_advance(t, 1), NN_EUSAGE, "the run is over");
    result.size = 1;
    FAILS(nn_training_finish(t, &result), NN_EUSAGE, "nn_train_result");
    result.size = sizeof result;
    WORKS(nn_training_finish(t, &result));
    CHECK_EQ_INT(result.steps, 3);
    CHECK_STR(result.why, "max_steps");
    FAILS(nn_training_step(t), NN_EUSAGE, "is finished");
    FAILS(nn_training_finish(t, &result), NN_EUSAGE, "is finished");
    nn_train_result_release(&result);
    nn_training_close(t);
    nn_training_close(NULL);
    nn_config_free(config);
}

struct seen {
    const nn_training *training;
    int left; /* steps that left something to the next one, as rank 0 sees it */
};

static void note_left(void *ctx, const nn_status *status) {
    struct seen *seen = ctx;
    (void)status;
    seen->left += nn_reducer_has_left(seen->training->trainer.session.reducer);
}

/* On several nodes a step of nn_training_advance leaves sums to the next one, but nothing is left
 * when it returns; and all ranks return after the same step. */
static void test_ahead(nn_comm *comm, const char *wanted) {
    nn_config *config = configured(NULL);
    struct seen seen = {0};
    nn_train_options options = {.size = sizeof options,
                                .run_dir = "ahead",
                                .progress = note_left,
                                .progress_every = 1e-9,
                                .ctx = &seen};
    nn_training *t = NULL;
    char digest[65];
    WORKS(nn_training_open(comm, config, &options, &t));
    seen.training = t;
    for (int k = 1; k <= 2; k++) { /* of 4 steps, each second one has a line of metrics.jsonl */
        WORKS(nn_training_advance(t, 4 + nn_comm_rank(comm)));
        CHECK_EQ_INT(nn_training_steps(t), k == 1 ? 4 : 6);
        CHECK(!nn_reducer_has_left(t->trainer.session.reducer));
        CHECK_EQ_INT(seen.left, nn_comm_nodes(comm) > 1 && nn_comm_rank(comm) == 0 ? k + 1 : 0);
    }
    take_step(t);
    CHECK_EQ_INT(seen.left, nn_comm_nodes(comm) > 1 && nn_comm_rank(comm) == 0 ? 3 : 0);
    finish(t, digest);
    CHECK_STR(digest, wanted);
    nn_config_free(config);
}

/* A parameter that becomes infinite is found in the call, and told of the step, that it is of. */
static void test_failed_ahead(nn_comm *comm, int64_t most) {
    nn_config *config = configured("train={epochs: 3, batch_size: 8, lr: 3e38, l2: 100, "
                                   "optimizer: {sgd: {momentum: 0}}}");
    nn_training *t = opened(comm, config, "", false);
    FAILS(nn_training_advance(t, most), NN_EDIVERGED, "in step 1 the ");
    CHECK_CONTAINS(nn_error_message(), "lower the learning rate");
    FAILS(nn_training_advance(t, 1), NN_EUSAGE, "has failed before");
    nn_training_close(t);
    nn_config_free(config);
}

/* A training that diverges can only be closed. */
static void test_failed(nn_comm *comm) {
    nn_config *config = configured("train.lr=1e30");
    nn_training *t = opened(comm, config, "failed", false);
    int rc = 0;
    while (rc == 0 && nn_training_goes_on(t)) {
        rc = nn_training_step(t);
        if (rc == 0)
            rc = nn_training_attend(t);
    }
    CHECK_EQ_INT(rc, NN_EDIVERGED);
    CHECK_CONTAINS(nn_error_message(), "lower the learning rate");
    CHECK(!nn_training_goes_on(t));
    FAILS(nn_training_step(t), NN_EUSAGE, "has failed before");
    nn_training_close(t);
    nn_config_free(config);
}

int main(void) {
    struct shared_folder folder;
    char wanted[65];
    nn_comm *comm = NULL;
    if (!CHECK(nn_comm_init(&comm) == 0))
        return check_done();
    if (shared_folder_enter(&folder, comm)) { /* all ranks: they look into what was saved */
        train(comm, NULL, "whole", wanted);
        test_same(comm, wanted);
        test_no_folder(comm, wanted);
        test_resumed(comm, wanted);
        test_tensors(comm);
        test_set(comm);
        test_moments(comm);
        test_early(comm);
        test_best_at_end(comm);
        test_rate(comm);
        test_misuse(comm);
        test_ahead(comm, wanted);
        test_failed(comm);
        test_failed_ahead(comm, 1);
        test_failed_ahead(comm, 4);
    }
    shared_folder_leave(&folder, comm);
    nn_comm_free(comm);
    return check_done();
}
