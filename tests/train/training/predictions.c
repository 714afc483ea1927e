/* ranks: 1 2 3 */
/* timeout: 120 */
/* What a training that the program drives gives besides its steps: predictions, checkpoints, the
 * average, rates, and its end. */
#include "parts_trial.h"

/* A layer whose scratch memory is for the rows of a microbatch, and larger than what else there is.
 */
static const char graph[] = "model=[reshape: {shape: [2, 2]}, graph_conv: {units: 512, edges: [[0, "
                            "1]]}, flatten, dense: {units: 3}]";

static void test_predict(nn_comm *comm, const rows *r, const char *folder, const char *override,
                         const char *model) {
    nn_config *config = configured(bare, override);
    nn_data *data = described(config);
    nn_train_options options = {.size = sizeof options, .run_dir = folder, .in_parts = true};
    nn_training *t = NULL, *other;
    nn_predictor *predictor;
    char file[64];
    snprintf(file, sizeof file, "%s/last.h5", folder);
    WORKS(nn_config_override(config, "train.microbatches=6"));
    if (model)
        WORKS(nn_config_override(config, model));
    WORKS(nn_training_open(comm, config, &options, &t));
    static float here[5 * ROWS][3], there[5 * ROWS][3], x[5 * ROWS][FEATURES];
    nn_minibatch many = {.size = sizeof many, .x = {NN_F32, 2, {5 * ROWS, FEATURES}, x}};
    nn_minibatch mine = minibatch(r, 0, 8);
    for (int i = 0; i < 5 * ROWS; i++)
        memcpy(x[i], r->x[i % ROWS], sizeof x[i]);
    CHECK(nn_training_most_rows(t) < 5 * ROWS); /* in pieces */
    take_parts(t, &mine);
    FAILS(nn_training_predict(t, NULL, here[0]), NN_EUSAGE, "batch is NULL");
    FAILS(nn_training_predict(t, &many, NULL), NN_EUSAGE, "y is NULL");
    WORKS(nn_training_predict(t, &many, here[0]));
    WORKS(nn_training_save(t));
    WORKS(nn_predictor_open(file, 16, &predictor));
    WORKS(nn_predict(predictor, 5 * ROWS, x[0], there[0]));
    for (int i = 0; i < 5 * ROWS; i++)
        for (int k = 0; k < 3; k++)
            CHECK_NEAR((double)here[i][k], (double)there[i][k], 1e-6);
    nn_predictor_free(predictor);
    /* what was saved, in another training */
    other = opened(comm, config);
    FAILS(nn_training_load(other, "nowhere.h5"), NN_EFORMAT, "nowhere.h5");
    WORKS(nn_training_load(other, folder));
    CHECK(farthest(t, other) == 0);
    CHECK_EQ_INT(nn_training_steps(other), 0);
    nn_training_close(other);
    nn_training_close(t);
    nn_config_free(config);
    nn_data_free(data);
}

/* Labels from 1 on are no matter of predictions, which have none. */
static void test_first_label(nn_comm *comm, const rows *r) {
    nn_config *config = configured(bare, "data={first_label: 1}");
    nn_data *data;
    int32_t y[ROWS];
    float z[4][3];
    for (int i = 0; i < ROWS; i++)
        y[i] = 1 + i % 3;
    WORKS(nn_data_new(&data));
    WORKS(nn_data_set(data, "train", "x", &(nn_array){NN_F32, 2, {ROWS, FEATURES}, r->x[0]}));
    WORKS(nn_data_set(data, "train", "y", &(nn_array){NN_I32, 1, {ROWS}, y}));
    WORKS(nn_config_use_data(config, data));
    nn_training *t = opened(comm, config);
    nn_minibatch mine = {.size = sizeof mine, .x = {NN_F32, 2, {4, FEATURES}, r->x[0]}};
    WORKS(nn_training_predict(t, &mine, z[0]));
    CHECK_NEAR((double)z[0][0] + (double)z[0][1] + (double)z[0][2], 1, 1e-5);
    nn_training_close(t);
    nn_config_free(config);
    nn_data_free(data);
}

enum { WINDOWS = 12, STEPS = ROWS / WINDOWS };

/* Two steps on sequences with a class at each of their steps, and what is predicted then. */
static nn_training *windows(nn_comm *comm, nn_config *config, nn_data *data, const rows *r,
                            float *y) {
    nn_train_options options = {.size = sizeof options, .run_dir = ""};
    const nn_array x = {NN_F32, 3, {WINDOWS, STEPS, FEATURES}, (void *)r->x[0]};
    nn_minibatch all = {.size = sizeof all, .x = x};
    nn_training *t = NULL;
    WORKS(nn_data_set(data, "train", "x", &x));
    WORKS(nn_data_set(data, "train", "y", &(nn_array){NN_I32, 2, {WINDOWS, STEPS}, (void *)r->y}));
    WORKS(nn_config_use_data(config, data));
    WORKS(nn_training_open(comm, config, &options, &t));
    for (int step = 0; step < 2; step++) {
        WORKS(nn_training_step(t));
        WORKS(nn_training_attend(t));
    }
    WORKS(nn_training_predict(t, &all, y));
    return t;
}

/* Outputs that never stand in memory as a whole are the same, and are found where they diverge. */
static void test_blocks(nn_comm *comm, const rows *r) {
    float y[2][3 * ROWS], infinite[3 * FEATURES] = {INFINITY};
    for (int blocks = 0; blocks < 2; blocks++) {
        nn_config *config =
            configured(bare, blocks ? "train.output_rows=3" : "train.output_rows=0");
        WORKS(nn_config_override(config, "model=[dense: {name: head, units: 3}]"));
        WORKS(nn_config_override(config, "train.batch_size=6"));
        nn_data *data;
        WORKS(nn_data_new(&data));
        nn_training *t = windows(comm, config, data, r, y[blocks]);
        WORKS(nn_training_set(t, "head/weight", infinite));
        FAILS(nn_training_step(t), NN_EDIVERGED, "the output of layer 'head' became NaN or Inf");
        nn_training_close(t);
        nn_config_free(config);
        nn_data_free(data);
    }
    for (int i = 0; i < 3 * ROWS; i++)
        CHECK_NEAR((double)y[0][i], (double)y[1][i], 1e-6);
}

/* The average begins with what is set before the first step, can be looked at and set, and is what
 * a training ends with. */
static void test_average(nn_comm *comm, const rows *r) {
    nn_config *config = configured(bare, "train.ema={decay: 0.5}");
    nn_data *data = described(config);
    nn_training *t = opened(comm, config);
    nn_train_result result = {.size = sizeof result};
    nn_minibatch mine = minibatch(r, 0, 8);
    float zero[64] = {0}, y[8][3], bias[3], average[3];
    nn_array shape;
    for (size_t i = 0; i < nn_training_tensors(t); i++)
        WORKS(nn_training_set(t, nn_training_tensor(t, i, &shape), zero));
    WORKS(nn_training_predict(t, &mine, y[0]));
    CHECK_NEAR((double)y[3][1], 1.0 / 3, 1e-6);
    take_parts(t, &mine);
    WORKS(nn_training_get(t, "dense2/bias", bias));
    WORKS(nn_training_get_average(t, "dense2/bias", average));
    for (int i = 0; i < 3; i++) {
        CHECK(bias[i] < 0 || bias[i] > 0);
        CHECK_NEAR((double)average[i], (double)bias[i] / 2, 1e-6);
    }
    WORKS(nn_training_set_average(t, "dense2/bias", (float[]){100, 0, 0}));
    WORKS(nn_training_predict(t, &mine, y[0]));
    CHECK_NEAR((double)y[3][0], 1, 1e-6);
    WORKS(nn_training_get(t, "dense2/bias", average));
    CHECK(memcmp(average, bias, sizeof bias) == 0);
    WORKS(nn_training_finish(t, &result));
    WORKS(nn_training_get(t, "dense2/bias", average));
    CHECK_NEAR((double)average[0], 100, 1e-6);
    nn_train_result_release(&result);
    nn_training_close(t);
    nn_config_free(config);
    nn_data_free(data);
}

static void look(void *ctx, const nn_status *status) {
    *(double *)ctx = status->seconds_left;
}

/* Without an end that is planned, nobody knows how long it takes. */
static void test_endless(nn_comm *comm, const rows *r) {
    nn_config *config = configured(bare, "train={batch_size: 48, lr: 0.1, log_every: 1}");
    nn_data *data = described(config);
    double left = INFINITY;
    nn_train_options options = {
        .size = sizeof options, .run_dir = "", .progress = look, .ctx = &left};
    nn_minibatch mine = minibatch(r, 0, 8);
    nn_training *t = NULL;
    WORKS(nn_training_open(comm, config, &options, &t));
    if (nn_comm_rank(comm) == 0)
        left = 0;
    WORKS(nn_training_step_on(t, &mine));
    WORKS(nn_training_attend(t));
    CHECK(isinf(left) && left > 0);
    nn_training_close(t);
    nn_config_free(config);
    nn_data_free(data);
}

static bool third(void *ctx, const nn_status *status) {
    int *calls = ctx;
    ++*calls;
    return status->step == 3;
}

static void test_ends(nn_comm *comm) {
    int calls = 0;
    nn_config *config = configured(net, "train.log_every=1");
    nn_train_options options = {.size = sizeof options, .run_dir = "", .ctx = &calls};
    if (nn_comm_rank(comm) == 0) /* the others need none */
        options.ends = third;
    nn_train_result result = {.size = sizeof result};
    WORKS(nn_train(comm, config, &options, &result));
    CHECK_EQ_INT(result.steps, 3);
    CHECK_STR(result.why, "callback");
    CHECK_EQ_INT(calls > 0, nn_comm_rank(comm) == 0);
    nn_train_result_release(&result);
    nn_training *t = opened(comm, config);
    FAILS(nn_training_set_rate(t, -1), NN_EUSAGE, "-1 is no learning rate");
    WORKS(nn_training_set_rate(t, 0.125));
    CHECK_NEAR(nn_training_rate(t), 0.125, 0);
    WORKS(nn_training_set_rate(t, 0));
    CHECK_NEAR(nn_training_rate(t), 0.05, 1e-12);
    nn_training_close(t);
    nn_config_free(config);
}

static void tests(nn_comm *comm, const rows *r) {
    test_predict(comm, r, "predicted", NULL, NULL);
    test_predict(comm, r, "predicted-by-tree", "train.reproducible=true", NULL);
    test_predict(comm, r, "predicted-on-graphs", "train.reproducible=true", graph);
    test_first_label(comm, r);
    test_blocks(comm, r);
    test_average(comm, r);
    test_endless(comm, r);
    test_ends(comm);
}

int main(void) {
    return run_trials(tests);
}
