/* Configurations: loading, overriding, checking, and what good messages they make. */
#include "check.h"
#include "comm/reduce/reduce.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "train/config/settings.h"

#include <stdlib.h>
#include <unistd.h>

#define BASE                                                                                       \
    "data: {source: iris}\n"                                                                       \
    "model: [{dense: {units: 3}}]\n"                                                               \
    "loss: cross_entropy\n"

static nn_config *parse(const char *text) {
    nn_config *config = NULL;

    if (nn_config_parse("test.yaml", text, strlen(text), &config) < 0)
        fprintf(stderr, "%s\n", nn_error_message());
    return config;
}

/* The settings of a valid text; the configuration in *out is the caller's. */
static const nn_settings *settings_of(const char *text, nn_config **out) {
    *out = parse(text);
    if (!CHECK(*out) || !CHECK_EQ_INT(nn_config_check(*out), NN_OK)) {
        fprintf(stderr, "%s\n", nn_error_message());
        exit(1);
    }
    return nn_config_settings(*out);
}

static void defaults(void) {
    nn_config *config;
    const nn_settings *s = settings_of(BASE "train: {batch_size: 8}\n", &config);

    CHECK_EQ_INT(s->train.epochs, 10);
    CHECK_EQ_INT(s->train.max_steps, -1);
    CHECK_EQ_INT(s->train.batch_size, 8);
    CHECK_EQ_INT(s->train.seed, 1);
    CHECK_EQ_INT(s->train.threads, 0);
    CHECK_EQ_INT(s->train.reduce, NN_REDUCE_AUTO);
    CHECK_EQ_INT(s->train.log_every, 100);
    CHECK(!s->train.digest);
    CHECK(isnan(s->train.stop_below));
    CHECK_STR(s->train.optimizer.row->name, "sgd");
    CHECK_STR(s->train.schedule.row->name, "constant");
    CHECK_STR(s->validate.split, "");
    CHECK_EQ_INT(s->validate.every_epochs, 1);
    CHECK_EQ_INT(s->validate.every_steps, 0);
    CHECK(!s->validate.stopping.restore_best);
    CHECK_EQ_INT(s->validate.metrics, 0);
    CHECK(!s->validate.metrics_node);
    CHECK_EQ_INT(s->validate.stopping.patience, 0);
    CHECK_STR(s->validate.stopping.metric, "loss");
    CHECK_EQ_INT(s->checkpoint.every_epochs, -1);
    CHECK_EQ_INT(s->checkpoint.every_steps, -1);
    CHECK_EQ_INT(s->checkpoint.keep, 3);
    nn_config_free(config);
}

static void everything_given(void) {
    nn_config *config;
    const nn_settings *s =
        settings_of(BASE "train:\n"
                         "  epochs: 0\n  max_steps: 0\n  batch_size: all\n  seed: 7\n"
                         "  threads: 2\n  reduce: allreduce\n  log_every: 5\n  digest: true\n"
                         "  stop_below: 0.25\n"
                         "  optimizer: {sgd: {lr: 0.5, momentum: 0.9}}\n"
                         "  schedule: {step: {every: 2, gamma: 0.5}}\n"
                         "validate:\n"
                         "  split: valid\n  every_epochs: 2\n  every_steps: 3\n"
                         "  metrics: [accuracy, zero_one]\n"
                         "  early_stopping: {patience: 4, min_delta: 0.01, metric: accuracy,\n"
                         "    restore_best: false}\n"
                         "checkpoint: {every_epochs: 0, every_steps: 9, keep: 1}\n",
                    &config);

    CHECK_EQ_INT(s->train.epochs, 0);
    CHECK_EQ_INT(s->train.max_steps, 0);
    CHECK_EQ_INT(s->train.batch_size, 0);
    CHECK_EQ_INT(s->train.seed, 7);
    CHECK_EQ_INT(s->train.threads, 2);
    CHECK_EQ_INT(s->train.reduce, NN_REDUCE_ALLREDUCE);
    CHECK_EQ_INT(s->train.log_every, 5);
    CHECK(s->train.digest);
    CHECK_NEAR(s->train.stop_below, 0.25, 0);
    CHECK_NEAR(s->train.lr, 0.5, 0);
    CHECK_STR(s->train.schedule.row->name, "step");
    CHECK_STR(s->validate.split, "valid");
    CHECK_EQ_INT(s->validate.every_epochs, 2);
    CHECK_EQ_INT(s->validate.every_steps, 3);
    CHECK_EQ_INT(s->validate.metrics, 2);
    CHECK_STR(s->validate.metric[1].row->name, "zero_one");
    CHECK_EQ_INT(s->validate.stopping.patience, 4);
    CHECK_NEAR(s->validate.stopping.min_delta, 0.01, 0);
    CHECK_STR(s->validate.stopping.metric, "accuracy");
    CHECK(!s->validate.stopping.restore_best);
    CHECK_EQ_INT(s->checkpoint.every_epochs, 0);
    CHECK_EQ_INT(s->checkpoint.every_steps, 9);
    CHECK_EQ_INT(s->checkpoint.keep, 1);
    nn_config_free(config);
}

static void overrides(void) {
    nn_config *config = parse(BASE "train: {batch_size: 8, optimizer: sgd}\ncheckpoint:\n");

    CHECK_EQ_INT(nn_config_override(config, "train.lr=0.125"), NN_OK);
    CHECK_EQ_INT(nn_config_override(config, "train.optimizer.sgd.momentum=0.5"), NN_OK);
    CHECK_EQ_INT(nn_config_override(config, "model.0.dense.units=20"), NN_OK);
    CHECK_EQ_INT(nn_config_override(config, "checkpoint.keep=9"), NN_OK);
    CHECK_EQ_INT(nn_config_override(config, "validate={metrics: [accuracy], split: test}"), NN_OK);
    if (CHECK_EQ_INT(nn_config_check(config), NN_OK)) {
        const nn_settings *s = nn_config_settings(config);
        CHECK_NEAR(s->train.lr, 0.125, 0);
        CHECK_EQ_INT(s->checkpoint.keep, 9);
        CHECK_EQ_INT(s->validate.metrics, 1);
        CHECK_CONTAINS(nn_config_text(config), "units: 20");
        CHECK_CONTAINS(nn_config_text(config), "momentum: 0.5");
        CHECK_CONTAINS(nn_config_text(config), "lr: 0.125");
    }
    CHECK_EQ_INT(nn_config_override(config, "train.epochs=77"), NN_OK);
    CHECK_EQ_INT(nn_config_check(config), NN_OK);
    CHECK_EQ_INT(nn_config_settings(config)->train.epochs, 77);
    CHECK_EQ_INT(nn_config_override(config, "train.lr"), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "key=value");
    CHECK_EQ_INT(nn_config_override(config, "=3"), NN_EUSAGE);
    CHECK_EQ_INT(nn_config_override(config, "train.batch_size.x=3"), NN_EUSAGE);
    CHECK_EQ_INT(nn_config_override(config, "train.seed=[1"), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "-o train.seed");
    CHECK_EQ_INT(nn_config_override(config, "train.epochs=-3"), NN_OK);
    CHECK_EQ_INT(nn_config_check(config), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "-o train.epochs: ");
    CHECK_CONTAINS(nn_error_message(), "epochs = -3 of train is out of range [0, inf)");
    nn_config_free(config);
}

/* What is emitted is complete, and means the same when read again. */
static void text_round_trip(void) {
    nn_config *config, *again;
    const nn_settings *s;
    char *text;

    settings_of(BASE "train: {batch_size: 8, lr: 0.3}\n"
                     "validate: {early_stopping: {patience: 2}}\n",
                &config);
    text = strdup(nn_config_text(config));

    CHECK_CONTAINS(text, "log_every: 100");
    CHECK_CONTAINS(text, "keep: 3");
    CHECK_CONTAINS(text, "min_delta: 0");
    CHECK_CONTAINS(text, "constant:");
    CHECK_EQ_INT(nn_config_check(config), NN_OK);
    CHECK_STR(nn_config_text(config), text);
    s = settings_of(text, &again);
    CHECK_NEAR(s->train.lr, 0.3, 0);
    CHECK_EQ_INT(s->validate.stopping.patience, 2);
    CHECK(s->validate.stopping.restore_best);
    CHECK_STR(nn_config_text(again), text);
    nn_config_free(config);
    nn_config_free(again);
    free(text);
}

static void bad_ones(void) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[1, 2]", "test.yaml:1:1: a configuration is a map"},
        {"model: [flatten]\nloss: squared\ntrain: {batch_size: 1}\n", "needs 'data'"},
        {"data: {source: iris}\nloss: squared\ntrain: {batch_size: 1}\n", "needs 'model'"},
        {"data: {source: iris}\nmodel: [flatten]\ntrain: {batch_size: 1}\n", "needs 'loss'"},
        {BASE, "train needs 'batch_size'"},
        {BASE "train: {batch_size: 0}\n",
         "test.yaml:4:21: batch_size = 0 of train is out of range"},
        {BASE "train: {batch_size: many}\n", "must be a whole number"},
        {BASE "train: {batch_size: [3]}\n", "must be a whole number"},
        {BASE "train: {batch_size: 1, epoch: 3}\n",
         "test.yaml:4:24: unknown key 'epoch' of train, did you mean 'epochs'?"},
        {BASE "trian: {batch_size: 1}\n", "did you mean 'train'?"},
        {BASE "train: {batch_size: 1, lr: 0}\n", "lr = 0 of train is out of range (0, inf)"},
        {BASE "train: {batch_size: 1, balance: speed, reproducible: true}\n",
         "test.yaml:4:33: balance = speed and reproducible do not go together"},
        {BASE "train: {batch_size: 1, seed: -1}\n", "out of range [0, inf)"},
        {BASE "train: {batch_size: 1, reduce: ring}\n", "reduce = ring"},
        {BASE "train: {batch_size: 1, compress: bf16, reduce: allreduce}\n",
         "test.yaml:4:34: compress wants reduce = node or auto"},
        {BASE "train: {batch_size: 1, compress: bf16, reproducible: true}\n",
         "compress and reproducible do not go together"},
        {BASE "train: {batch_size: 1, optimizer_state: sharded, reduce: allreduce}\n",
         "test.yaml:4:41: optimizer_state = sharded wants reduce = node or auto"},
        {BASE "train: {batch_size: 1, optimizer: sdg}\n", "did you mean 'sgd'?"},
        {BASE "train: {batch_size: 1, optimizer: {sgd: {lr: 1, mu: 0.9}}}\n", "unknown key 'mu'"},
        {BASE "train: {batch_size: 1, schedule: constnat}\n", "did you mean 'constant'?"},
        {BASE "train: {batch_size: 1}\nvalidate: {split: eval}\n", "none of train, valid and test"},
        {BASE "train: {batch_size: 1}\nvalidate: {metrics: [acuracy]}\n",
         "did you mean 'accuracy'?"},
        {BASE "train: {batch_size: 1}\nvalidate: {metrics: [accuracy, accuracy]}\n",
         "stands twice"},
        {BASE "train: {batch_size: 1}\nvalidate: {early_stopping: {}}\n", "needs 'patience'"},
        {BASE "train: {batch_size: 1}\n"
              "validate: {metrics: [accuracy], early_stopping: {patience: 1, metric: zero_one}}\n",
         "not among validate.metrics"},
        {BASE
         "train: {batch_size: 1}\nvalidate: {early_stopping: {patience: 1, metric: accurcy}}\n",
         "did you mean 'accuracy'?"},
        {BASE "train: {batch_size: 1}\ncheckpoint: {keep: 0}\n", "keep = 0 of checkpoint"},
        {"data: {source: iris}\nmodel: []\nloss: squared\ntrain: {batch_size: 1}\n",
         "model is a list of layers"},
        {"data: mnist.h5\nmodel: [flatten]\nloss: squared\ntrain: {batch_size: 1}\n",
         "data is a map"},
        {"data: {source: iris}\nmodel: [flatten]\nloss: zero_one\ntrain: {batch_size: 1}\n",
         "no gradient to train on"},
        {"data: {source: iris}\nmodel: [flatten]\nloss: sqared\ntrain: {batch_size: 1}\n",
         "did you mean 'squared'?"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nn_config *config = NULL;
        int rc = nn_config_parse("test.yaml", cases[i].text, strlen(cases[i].text), &config);
        if (rc == NN_OK)
            rc = nn_config_check(config);
        if (!CHECK_EQ_INT(rc, NN_EUSAGE) || !CHECK_CONTAINS(nn_error_message(), cases[i].message))
            fprintf(stderr, "  for\n%s\n", cases[i].text);
        nn_config_free(config);
    }
}

static void write_text(const char *path, const char *text) {
    CHECK_EQ_INT(nn_file_write(path, text, strlen(text)), NN_OK);
}

/* data.path is looked for here, then beside the configuration; the name is the file's. */
static void files(void) {
    static const char *const text = "data: {path: some.h5}\nmodel: [flatten]\nloss: squared\n"
                                    "train: {batch_size: 1}\n";
    char folder[] = "/tmp/nnmpi-config.XXXXXX";
    nn_config *config = NULL;

    if (!CHECK(mkdtemp(folder)) || !CHECK(chdir(folder) == 0))
        return;
    CHECK_EQ_INT(nn_config_load("no/such.yaml", &config), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "no/such.yaml");
    CHECK(!config);
    CHECK_EQ_INT(nn_dir_make("recipes"), NN_OK);
    write_text("recipes/net.v2.yaml", text);
    write_text("recipes/some.h5", "");
    if (CHECK_EQ_INT(nn_config_load("recipes/net.v2.yaml", &config), NN_OK)) {
        CHECK_STR(nn_config_name(config), "net.v2");
        CHECK_EQ_INT(nn_config_check(config), NN_OK);
        CHECK_STR(nn_node_get(nn_config_settings(config)->data, "path")->text, "recipes/some.h5");
        CHECK_CONTAINS(nn_config_text(config), "path: recipes/some.h5");
    }
    nn_config_free(config);
    write_text("some.h5", "");
    if (CHECK_EQ_INT(nn_config_load("recipes/net.v2.yaml", &config), NN_OK)) {
        CHECK_EQ_INT(nn_config_check(config), NN_OK);
        CHECK_STR(nn_node_get(nn_config_settings(config)->data, "path")->text, "some.h5");
    }
    nn_config_free(config);
    unlink("some.h5");
    unlink("recipes/some.h5");
    unlink("recipes/net.v2.yaml");
    CHECK(rmdir("recipes") == 0 && chdir("/") == 0 && rmdir(folder) == 0);
}

/* The embedded text and the recipe are one, and every recipe that comes along is valid. */
static void recipes(void) {
    static const char *const names[] = {"iris/iris", "mnist/mlp30", "mnist/mlp100", "mnist/mlp128"};
    const char *source = getenv("SOURCE_DIR");
    nn_pool pool = {0};
    nn_config *config;
    char path[4096], *text;
    size_t length;

    if (!CHECK(source))
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/datasets/%s.yaml", source, names[i]);
        if (CHECK_EQ_INT(nn_config_load(path, &config), NN_OK) &&
            !CHECK_EQ_INT(nn_config_check(config), NN_OK))
            fprintf(stderr, "%s\n", nn_error_message());
        nn_config_free(config);
    }
    snprintf(path, sizeof path, "%s/datasets/iris/iris.yaml", source);
    if (CHECK_EQ_INT(nn_file_read(&pool, path, &text, &length), NN_OK))
        CHECK_STR(nn_default_config, text);
    CHECK_EQ_INT(nn_config_default(&config), NN_OK);
    CHECK_EQ_INT(nn_config_check(config), NN_OK);
    CHECK_STR(nn_config_name(config), "iris");
    nn_config_free(config);
    nn_pool_release(&pool);
}

int main(void) {
    defaults();
    everything_given();
    overrides();
    text_round_trip();
    bad_ones();
    files();
    recipes();
    return check_done();
}
