/* ranks: 1 2 */
/* nodes: 2 */
/* What is known of training minibatches as they come, and parameters that are written to a file of
 * the caller's own; what a checkpoint says of its model. */
#include "comm/comm.h"
#include "shared_folder.h"

#include <nnmpi/nnmpi.h>

#include <math.h>
#include <string.h>

/* The parameters stay as good as they are, so that all steps see the same ones. */
static const char text[] =
    "data: {source: synthetic, generator: {blobs: {features: 6, classes: 3, spread: 2}}, samples: "
    "96, normalize: per_channel}\n"
    "model: [dense: {name: h, units: 8, activation: tanh}, dense: {name: 'o\"1', units: 3}]\n"
    "loss: cross_entropy\n"
    "train: {epochs: 3, batch_size: 10, lr: 1e-30, optimizer: sgd, accumulate: 2}\n"
    "validate: {metrics: [accuracy, f1]}\n";

static nn_training *opened(nn_comm *comm, nn_config *config, nn_train_options options) {
    nn_training *t = NULL;
    options.size = sizeof options;
    options.run_dir = "";
    WORKS(nn_training_open(comm, config, &options, &t));
    return t;
}

static void take_steps(nn_training *t, int steps) {
    for (int i = 0; i < steps; i++) {
        WORKS(nn_training_step(t));
        WORKS(nn_training_attend(t));
    }
}

/* An epoch, whose last minibatch is smaller, is measured as the split is evaluated. */
static void test_measure(nn_comm *comm, nn_config *config) {
    nn_training *t = opened(comm, config, (nn_train_options){.measures = true});
    nn_evaluation *found, *wanted;
    FAILS(nn_training_measure(t, &found), NN_EUSAGE, "no step has been taken");
    WORKS(nn_training_evaluate(t, "train", &wanted));
    for (int epoch = 0; epoch < 2; epoch++) {
        take_steps(t, 10);
        WORKS(nn_training_measure(t, &found));
        CHECK_STR(nn_evaluation_split(found), "train");
        CHECK_EQ_INT(nn_evaluation_samples(found), 96);
        CHECK_NEAR(nn_evaluation_loss(found), nn_evaluation_loss(wanted), 1e-6);
        CHECK_EQ_INT(nn_evaluation_metrics(found), 2);
        for (size_t i = 0; i < 2; i++)
            CHECK_NEAR(nn_evaluation_metric(found, i)->value,
                       nn_evaluation_metric(wanted, i)->value, 1e-12);
        nn_evaluation_free(found);
    }
    FAILS(nn_training_measure(t, NULL), NN_EUSAGE, "out is NULL");
    nn_evaluation_free(wanted);
    nn_training_close(t);
    t = opened(comm, config, (nn_train_options){.in_parts = false});
    take_steps(t, 1);
    FAILS(nn_training_measure(t, &found), NN_EUSAGE, "nn_train_options.measures");
    nn_training_close(t);
    WORKS(nn_config_override(config, "train.accumulate=1"));
    t = NULL;
    nn_train_options both = {
        .size = sizeof both, .run_dir = "", .in_parts = true, .measures = true};
    FAILS(nn_training_open(comm, config, &both, &t), NN_EUSAGE, "in_parts");
}

/* What is written is loaded again, also after the end. */
static void test_write(nn_comm *comm, nn_config *config) {
    nn_training *t = opened(comm, config, (nn_train_options){.size = 0});
    nn_train_result result = {.size = sizeof result};
    float before[8 * 6], after[8 * 6] = {0};
    FAILS(nn_training_write(t, "", NULL), NN_EUSAGE, "no path");
    FAILS(nn_training_write(t, "nowhere/at/all.h5", NULL), NN_EIO, "nowhere");
    take_steps(t, 3);
    WORKS(nn_training_get(t, "h/weight", before));
    WORKS(nn_training_write(t, "during.h5", NULL));
    WORKS(nn_training_set(t, "h/weight", after));
    WORKS(nn_training_load(t, "during.h5"));
    WORKS(nn_training_get(t, "h/weight", after));
    CHECK(memcmp(before, after, sizeof before) == 0);
    WORKS(nn_training_finish(t, &result));
    nn_config *told = NULL;
    WORKS(nn_config_parse("told", text, strlen(text), &told));
    WORKS(nn_config_override(told, "train.epochs=77"));
    WORKS(nn_training_write(t, "end.h5", told));
    WORKS(nn_config_override(told, "train.epochs=many"));
    FAILS(nn_training_write(t, "none.h5", told), NN_EUSAGE, "many");
    nn_config_free(told);
    char digest[65] = "";
    WORKS(nn_checkpoint_digest("end.h5", digest));
    CHECK_STR(digest, result.digest);
    nn_train_result_release(&result);
    nn_training_close(t);
}

static void test_description(void) {
    static const char *const wanted[] = {
        "\"model\":[{\"dense\":{", "\"name\":\"o\\\"1\"", "\"x\":[6]", "\"labels\":true",
        "\"classes\":3",           "\"epochs\":77",       "\"lr\":",   "\"scale\":["};
    nn_predictor *p = NULL;
    WORKS(nn_predictor_open("end.h5", 1, &p));
    const char *description = nn_predictor_description(p);
    for (size_t i = 0; CHECK(description) && i < sizeof wanted / sizeof *wanted; i++)
        if (!CHECK(strstr(description, wanted[i])))
            fprintf(stderr, "no %s in %s\n", wanted[i], description);
    nn_predictor_free(p);
}

int main(void) {
    struct shared_folder folder;
    nn_comm *comm = NULL;
    if (!CHECK(nn_comm_init(&comm) == 0))
        return check_done();
    if (shared_folder_enter(&folder, comm)) {
        nn_config *config;
        WORKS(nn_config_parse("net", text, strlen(text), &config));
        test_measure(comm, config);
        test_write(comm, config);
        test_description();
        nn_config_free(config);
        shared_folder_leave(&folder, comm);
    }
    nn_comm_free(comm);
    return check_done();
}
