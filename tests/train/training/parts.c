/* ranks: 1 2 3 */
/* timeout: 120 */
/* A step in parts is the step; minibatches that each rank supplies for itself are averaged as if
 * one rank had all of them; gradients, predictions, and what comes at the wrong time. */
#include "comm/comm.h"
#include "shared_folder.h"

#include <nnmpi/nnmpi.h>

#include <math.h>
#include <stddef.h>
#include <string.h>

static const char net[] =
    "data: {source: synthetic, generator: {blobs: {features: 9, classes: 3, spread: 5}}, samples: "
    "80, test: 0.25}\n"
    "model: [dense: {name: h, units: 8, activation: relu}, dropout: {rate: 0.2}, dense: {units: "
    "3}]\n"
    "loss: cross_entropy\n"
    "train: {epochs: 3, batch_size: 13, lr: 0.05, optimizer: {sgd: {momentum: 0.9}}}\n";

/* Without data. */
static const char bare[] =
    "model: [dense: {name: h, units: 5, activation: tanh}, dense: {units: 3}]\n"
    "loss: cross_entropy\n"
    "train: {batch_size: 48, lr: 0.1, max_steps: 6}\n";

static nn_config *configured(const char *text, const char *override) {
    nn_config *config;
    WORKS(nn_config_parse("parts", text, strlen(text), &config));
    if (override)
        WORKS(nn_config_override(config, override));
    return config;
}

static nn_training *opened(nn_comm *comm, nn_config *config) {
    nn_train_options options = {.size = sizeof options, .run_dir = "", .in_parts = true};
    nn_training *t = NULL;
    WORKS(nn_training_open(comm, config, &options, &t));
    return t;
}

/* A step in parts, on rows of the data set where there is no minibatch. */
static double take_parts(nn_training *t, const nn_minibatch *batch) {
    double loss = NAN;
    WORKS(nn_training_forward(t, batch));
    WORKS(nn_training_take_loss(t, &loss));
    WORKS(nn_training_backward(t));
    WORKS(nn_training_sum_gradients(t));
    WORKS(nn_training_update(t));
    WORKS(nn_training_attend(t));
    CHECK(loss == nn_training_loss(t));
    return loss;
}

static void finish(nn_training *t, char digest[65]) {
    nn_train_result result = {.size = sizeof result};
    WORKS(nn_training_finish(t, &result));
    memcpy(digest, result.digest, 65);
    nn_train_result_release(&result);
    nn_training_close(t);
}

/* ---- rows of the data set -------------------------------------------------------------------- */

static void test_same(nn_comm *comm, const char *override) {
    nn_config *config = configured(net, override);
    nn_training *whole = opened(comm, config), *parts = opened(comm, config);
    char digest[3][65];
    int64_t steps = 0;
    while (nn_training_goes_on(whole)) {
        WORKS(nn_training_step(whole));
        WORKS(nn_training_attend(whole));
    }
    for (; nn_training_goes_on(parts); steps++) {
        if (steps % 3 == 0) { /* parts of a step that is dropped leave nothing behind */
            double loss;
            nn_evaluation *e;
            WORKS(nn_training_forward(parts, NULL));
            WORKS(nn_training_take_loss(parts, &loss));
            WORKS(nn_training_backward(parts));
            if (steps % 2 == 0)
                WORKS(nn_training_sum_gradients(parts));
            WORKS(nn_training_evaluate(parts, "test", &e));
            nn_evaluation_free(e);
        }
        take_parts(parts, NULL);
    }
    CHECK_EQ_INT(steps, 15);
    finish(whole, digest[0]);
    finish(parts, digest[1]);
    CHECK_STR(digest[1], digest[0]);
    /* the fused step of MPI_Allreduce */
    nn_train_options options = {.size = sizeof options, .run_dir = ""};
    nn_train_result result = {.size = sizeof result};
    WORKS(nn_config_override(config, "train.reduce=allreduce"));
    WORKS(nn_train(comm, config, &options, &result));
    CHECK_STR(result.digest, digest[0]);
    nn_train_result_release(&result);
    nn_config_free(config);
}

/* ---- rows of the program's ------------------------------------------------------------------- */

enum { ROWS = 48, FEATURES = 4 };
typedef struct rows {
    float x[ROWS][FEATURES], w[ROWS];
    int32_t y[ROWS];
} rows;

static void make_rows(rows *r) {
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < FEATURES; k++)
            r->x[i][k] = (float)((i * 7 + k * 13) % 17) / 8 - 1;
        r->y[i] = i % 11 == 0 ? -1 : (i * 5 + i / 7) % 3;
        r->w[i] = (float)(1 + i % 4) / 2;
    }
}

/* Rows [first, end) of them. */
static nn_minibatch minibatch(const rows *r, int first, int end) {
    return (nn_minibatch){.size = sizeof(nn_minibatch),
                          .x = {NN_F32, 2, {end - first, FEATURES}, r->x[first]},
                          .y = {NN_I32, 1, {end - first}, r->y + first},
                          .w = {NN_F32, 1, {end - first}, r->w + first}};
}

static nn_data *described(nn_config *config) {
    nn_data *data;
    WORKS(nn_data_new(&data));
    WORKS(nn_data_set(data, "train", "x", &(nn_array){NN_F32, 2, {0, FEATURES}, NULL}));
    WORKS(nn_data_set(data, "train", "y", &(nn_array){NN_I32, 1, {0}, NULL}));
    WORKS(nn_data_set(data, "train", "w", &(nn_array){NN_F32, 1, {0}, NULL}));
    WORKS(nn_config_use_data(config, data));
    return data;
}

/* The last rank has two thirds; of three ranks the first has none. */
static void part_of(nn_comm *comm, int *first, int *end) {
    int rank = nn_comm_rank(comm), size = nn_comm_size(comm);
    const int border[3][4] = {{0, ROWS}, {0, ROWS / 3, ROWS}, {0, 0, ROWS / 3, ROWS}};
    *first = border[size - 1][rank];
    *end = border[size - 1][rank + 1];
}

enum { MOST = 8192 }; /* numbers of a tensor */
static double farthest(nn_training *a, nn_training *b) {
    static float x[MOST], y[MOST]; /* zeros, or what both have had before */
    double most = 0;
    nn_array shape;
    for (size_t i = 0; i < nn_training_tensors(a); i++) {
        const char *name = nn_training_tensor(a, i, &shape);
        WORKS(nn_training_get(a, name, x));
        WORKS(nn_training_get(b, name, y));
        for (int k = 0; k < MOST; k++)
            most = fmax(most, fabs((double)x[k] - (double)y[k]));
    }
    return most;
}

/* All ranks together, each with rows of its own, and each alone with all of them. */
static void test_own(nn_comm *comm, const rows *r) {
    nn_comm *one;
    nn_config *config = configured(bare, NULL);
    nn_data *data = described(config);
    WORKS(nn_comm_alone(&one));
    WORKS(nn_config_override(config, "train.batch_size=96")); /* room for two thirds of 48 */
    nn_training *alone = opened(one, config), *whole = opened(comm, config),
                *parts = opened(comm, config);
    nn_minibatch all = minibatch(r, 0, ROWS), mine;
    char digest[2][65];
    int first, end;
    part_of(comm, &first, &end);
    mine = minibatch(r, first, end);
    CHECK(nn_training_most_rows(whole) >= ROWS);
    while (nn_training_goes_on(alone)) {
        WORKS(nn_training_step_on(alone, &all));
        WORKS(nn_training_attend(alone));
        WORKS(nn_training_step_on(whole, first < end ? &mine : NULL));
        WORKS(nn_training_attend(whole));
        take_parts(parts, &mine);
        CHECK_NEAR(nn_training_loss(whole), nn_training_loss(alone), 1e-5);
    }
    CHECK_EQ_INT(nn_training_steps(whole), 6);
    CHECK_EQ_INT(nn_training_epoch(whole), 1);
    CHECK(farthest(alone, whole) < 1e-5);
    nn_training_close(alone);
    finish(whole, digest[0]);
    finish(parts, digest[1]);
    CHECK_STR(digest[0], digest[1]);
    nn_config_free(config);
    nn_data_free(data);
    nn_comm_free(one);
}

/* Along the tree the bits are those of one rank. */
static void test_reproducible(nn_comm *comm, const rows *r) {
    nn_comm *one;
    nn_config *config = configured(bare, "train.reproducible=true");
    nn_data *data = described(config);
    WORKS(nn_config_override(config, "train.microbatches=6"));
    WORKS(nn_comm_alone(&one));
    nn_training *alone = opened(one, config), *shared = opened(comm, config);
    int rank = nn_comm_rank(comm), size = nn_comm_size(comm), each = ROWS / size;
    nn_minibatch all = minibatch(r, 0, ROWS), mine = minibatch(r, rank * each, (rank + 1) * each);
    char digest[2][65];
    if (size > 1) {
        nn_minibatch uneven = minibatch(r, 0, rank == 0 ? 1 : each);
        FAILS(nn_training_step_on(shared, &uneven), NN_EUSAGE, "with train.reproducible");
    }
    while (nn_training_goes_on(shared)) {
        take_parts(alone, &all);
        WORKS(nn_training_step_on(shared, &mine));
        WORKS(nn_training_attend(shared));
    }
    finish(alone, digest[0]);
    finish(shared, digest[1]);
    CHECK_STR(digest[0], digest[1]);
    nn_config_free(config);
    nn_data_free(data);
    nn_comm_free(one);
}

/* Own minibatches between those of an epoch. */
static void test_between(nn_comm *comm) {
    nn_config *config = configured(net, "train.epochs=1");
    nn_training *t = opened(comm, config);
    float x[2][9] = {{1, 2, 3}, {4, 5, 6}};
    int64_t y[2] = {0, 2}, steps = 0;
    nn_minibatch mine = {
        .size = sizeof mine, .x = {NN_F32, 2, {2, 9}, x}, .y = {NN_I64, 1, {2}, y}};
    for (; nn_training_goes_on(t); steps += 2) {
        WORKS(nn_training_step_on(t, &mine));
        WORKS(nn_training_attend(t));
        WORKS(nn_training_step(t));
        WORKS(nn_training_attend(t));
    }
    CHECK_EQ_INT(steps, 10);
    CHECK_EQ_INT(nn_training_epoch(t), 2);
    nn_training_close(t);
    nn_config_free(config);
}

/* ---- gradients ------------------------------------------------------------------------------- */

static double loss_of(nn_training *t, const nn_minibatch *batch) {
    double loss = NAN;
    WORKS(nn_training_forward(t, batch));
    WORKS(nn_training_take_loss(t, &loss));
    return loss;
}

/* Against central differences; the parts of the ranks add up to the whole. */
static void check_gradient(nn_comm *comm, nn_training *t, const nn_minibatch *batch,
                           const char *name, size_t count) {
    const float h = 1.0f / 64;
    float values[64], gradient[64], own[64];
    double sum[64];
    WORKS(nn_training_get(t, name, values));
    loss_of(t, batch);
    WORKS(nn_training_backward(t));
    WORKS(nn_training_get_gradient(t, name, own));
    for (size_t i = 0; i < count; i++)
        sum[i] = (double)own[i];
    WORKS(nn_comm_sum(comm, sum, count));
    WORKS(nn_training_sum_gradients(t));
    WORKS(nn_training_get_gradient(t, name, gradient));
    for (size_t i = 0; i < count; i++) {
        float there = values[i];
        CHECK_NEAR(sum[i], (double)gradient[i], 1e-6);
        values[i] = there + h;
        WORKS(nn_training_set(t, name, values));
        double above = loss_of(t, batch);
        values[i] = there - h;
        WORKS(nn_training_set(t, name, values));
        double difference = (above - loss_of(t, batch)) / (2 * (double)h);
        CHECK_NEAR((double)gradient[i], difference, 2e-4);
        values[i] = there;
        WORKS(nn_training_set(t, name, values));
    }
}

/* The step goes by the gradients as they are set; without momentum w <- w - lr g. */
static void test_gradients(nn_comm *comm, const rows *r) {
    nn_config *config = configured(bare, "train.optimizer={sgd: {momentum: 0}}");
    nn_data *data = described(config);
    WORKS(nn_config_override(config, "train.batch_size=96"));
    nn_training *t = opened(comm, config);
    float before[3], after[3], wanted[3] = {1, 0, -2};
    int first, end;
    part_of(comm, &first, &end);
    nn_minibatch mine = minibatch(r, first, end);
    check_gradient(comm, t, &mine, "h/weight", 5 * FEATURES);
    check_gradient(comm, t, &mine, "dense2/bias", 3);
    WORKS(nn_training_get(t, "dense2/bias", before));
    loss_of(t, &mine);
    FAILS(nn_training_get_gradient(t, "dense2/bias", after), NN_EUSAGE, "nn_training_backward");
    WORKS(nn_training_backward(t));
    WORKS(nn_training_sum_gradients(t));
    WORKS(nn_training_set_gradient(t, "dense2/bias", wanted));
    WORKS(nn_training_set_rate(t, 0.25)); /* the update takes it */
    WORKS(nn_training_update(t));
    WORKS(nn_training_get_gradient(t, "dense2/bias", after) == NN_EUSAGE ? 0 : -1);
    WORKS(nn_training_attend(t));
    WORKS(nn_training_get(t, "dense2/bias", after));
    for (int i = 0; i < 3; i++)
        CHECK_NEAR((double)after[i], (double)before[i] - 0.25 * (double)wanted[i], 1e-6);
    nn_training_close(t);
    nn_config_free(config);
    nn_data_free(data);
}

/* ---- predictions, rates, the end ------------------------------------------------------------- */

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

/* The average begins with what is set before the first step, and is what a training ends with. */
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
    WORKS(nn_training_finish(t, &result));
    WORKS(nn_training_get(t, "dense2/bias", average));
    for (int i = 0; i < 3; i++) {
        CHECK(bias[i] < 0 || bias[i] > 0);
        CHECK_NEAR((double)average[i], (double)bias[i] / 2, 1e-6);
    }
    nn_train_result_release(&result);
    nn_training_close(t);
    nn_config_free(config);
    nn_data_free(data);
}

static bool third(void *ctx, const nn_status *status) {
    int *calls = ctx;
    ++*calls;
    return status->step == 3;
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

/* ---- what is wrong --------------------------------------------------------------------------- */

static void test_order(nn_comm *comm, const rows *r) {
    nn_config *config = configured(net, NULL);
    nn_train_options options = {.size = sizeof options, .run_dir = ""};
    nn_training *t = NULL;
    nn_array y;
    double loss;
    float unused = 0;
    nn_minibatch mine = minibatch(r, 0, 2);
    WORKS(nn_training_open(comm, config, &options, &t));
    FAILS(nn_training_step_on(t, &mine), NN_EUSAGE, "in_parts");
    FAILS(nn_training_forward(t, NULL), NN_EUSAGE, "in_parts");
    nn_training_close(t);
    t = opened(comm, config);
    FAILS(nn_training_take_loss(t, &loss), NN_EUSAGE, "nn_training_forward comes first");
    FAILS(nn_training_outputs(t, &y), NN_EUSAGE, "nn_training_forward comes first");
    FAILS(nn_training_backward(t), NN_EUSAGE, "nn_training_take_loss comes first");
    FAILS(nn_training_sum_gradients(t), NN_EUSAGE, "nn_training_backward comes first");
    FAILS(nn_training_update(t), NN_EUSAGE, "nn_training_sum_gradients comes first");
    WORKS(nn_training_forward(t, NULL));
    WORKS(nn_training_outputs(t, &y));
    CHECK_EQ_INT(y.rank, 2);
    CHECK_EQ_INT(y.dim[1], 3);
    FAILS(nn_training_backward(t), NN_EUSAGE, "nn_training_take_loss comes first");
    FAILS(nn_training_attend(t), NN_EUSAGE, "no step has been taken");
    WORKS(nn_training_take_loss(t, &loss));
    FAILS(nn_training_take_loss(t, &loss), NN_EUSAGE, "nn_training_forward comes first");
    FAILS(nn_training_predict(t, &mine, &unused), NN_EUSAGE, "a step in parts is under way");
    WORKS(nn_training_backward(t)); /* as it was */
    FAILS(nn_training_outputs(t, &y), NN_EUSAGE, "nn_training_backward has overwritten them");
    FAILS(nn_training_forward(NULL, NULL), NN_EUSAGE, "there is no training");
    FAILS(nn_training_outputs(NULL, &y), NN_EUSAGE, "there is no training");
    take_parts(t, NULL);
    FAILS(nn_training_take_loss(t, NULL), NN_EUSAGE, "loss is NULL");
    FAILS(nn_training_get(t, "h/bias", NULL), NN_EUSAGE, "values is NULL");
    FAILS(nn_training_set(t, NULL, &unused), NN_EUSAGE, "name of the tensor is NULL");
    FAILS(nn_training_evaluate(t, "test", NULL), NN_EUSAGE, "out is NULL");
    FAILS(nn_training_finish(t, NULL), NN_EUSAGE, "result is NULL");
    nn_training_close(t);
    nn_config_free(config);
}

static void test_options(nn_comm *comm) {
    nn_config *config = configured(net, NULL);
    nn_train_options options = {.size = sizeof options, .run_dir = ""};
    nn_training *t = NULL;
    options.in_parts = nn_comm_rank(comm) == 0;
    if (nn_comm_size(comm) > 1)
        FAILS(nn_training_open(comm, config, &options, &t), NN_EUSAGE, "in_parts is not that");
    WORKS(nn_config_override(config, "train.accumulate=2"));
    options.in_parts = true;
    FAILS(nn_training_open(comm, config, &options, &t), NN_EUSAGE, "train.accumulate to 1");
    WORKS(nn_config_override(config, "train.accumulate=1"));
    WORKS(nn_config_override(config, "train.compress=bf16"));
    FAILS(nn_training_open(comm, config, &options, &t), NN_EUSAGE, "train.compress to none");
    WORKS(nn_config_override(config, "train.compress=none"));
    WORKS(nn_config_override(config, "train.between_nodes=rows"));
    FAILS(nn_training_open(comm, config, &options, &t), NN_EUSAGE,
          "train.between_nodes to auto or gradients");
    nn_config_free(config);
}

/* One rank's arrays are wrong: all are told, and the training goes on. */
static void refused(nn_training *t, const nn_minibatch *batch, int code, const char *message) {
    FAILS(nn_training_step_on(t, batch), code, message);
}

static void test_arrays(nn_comm *comm, const rows *r) {
    nn_config *config = configured(bare, "train.max_steps=1");
    nn_data *data = described(config);
    nn_training *t = opened(comm, config);
    bool bad = nn_comm_rank(comm) == nn_comm_size(comm) - 1;
    nn_minibatch good = minibatch(r, 0, 4), mine;
    int32_t wrong[4] = {0, 1, 3, 0};
    float weight[4] = {1, 1, -1, 1}, x[4][FEATURES] = {{0, NAN}};
#define WRONG(change, code, message)                                                               \
    do {                                                                                           \
        mine = good;                                                                               \
        change;                                                                                    \
        refused(t, bad ? &mine : &good, code, message);                                            \
    } while (0)
    FAILS(nn_training_step(t), NN_EUSAGE, "supply a minibatch");
    WRONG(mine.x.dim[1] = 3, NN_EUSAGE,
          "x is float32 [N, 3], but the data set's is float32 [N, 4]");
    WRONG(mine.x.type = NN_I32, NN_EUSAGE, "x is int32 [N, 4]");
    WRONG(mine.x.rank = 9, NN_EUSAGE, "9 dimensions");
    WRONG(mine.x.data = NULL, NN_EUSAGE, "no data");
    WRONG(mine.x.data = x, NN_EFORMAT, "NaN");
    WRONG(mine.y.dim[0] = 3, NN_EUSAGE, "4 rows of x, and 3 of y");
    WRONG(mine.y.rank = 0, NN_EUSAGE, "4 rows of x, and 0 of y");
    WRONG(mine.y.data = wrong, NN_EFORMAT, "label 3 in row 2; there are 3 classes");
    WRONG(mine.w.data = weight, NN_EFORMAT, "weights are not negative");
    WRONG(mine.len = mine.y, NN_EUSAGE, "the minibatch has len");
    WRONG(mine.x.dim[0] = 1000, NN_EUSAGE, "a minibatch of 1000 rows");
    FAILS(nn_training_step_on(t, NULL), NN_EUSAGE, "no rank has supplied a row");
    mine = good;
    mine.size = 1;
    FAILS(nn_training_step_on(t, &mine), NN_EUSAGE, "nn_minibatch");
    mine.size = offsetof(nn_minibatch, y) + 1;
    FAILS(nn_training_step_on(t, &mine), NN_EUSAGE, "cuts an array");
    mine.size = offsetof(nn_minibatch, len); /* an older header's, and what follows is not its */
    mine.len = mine.y;
    take_parts(t, &mine);
    FAILS(nn_training_step_on(t, &good), NN_EUSAGE, "the run is over");
    nn_training_close(t);
    nn_train_options options = {.size = sizeof options, .run_dir = ""};
    WORKS(nn_config_override(config, "train.warmup={epochs: 2}"));
    FAILS(nn_training_open(comm, config, &options, &t), NN_EUSAGE, "give warmup.steps");
    nn_config_free(config);
    nn_data_free(data);
}

int main(void) {
    struct shared_folder folder;
    nn_comm *comm = NULL;
    rows r;
    make_rows(&r);
    if (!CHECK(nn_comm_init(&comm) == 0))
        return check_done();
    if (shared_folder_enter(&folder, comm)) {
        test_same(comm, NULL);
        test_same(comm, "train.reproducible=true");
        test_same(comm, "train.clip_norm=0.5");
        test_own(comm, &r);
        test_reproducible(comm, &r);
        test_between(comm);
        test_gradients(comm, &r);
        test_predict(comm, &r, "predicted", NULL, NULL);
        test_predict(comm, &r, "predicted-by-tree", "train.reproducible=true", NULL);
        test_predict(comm, &r, "predicted-on-graphs", "train.reproducible=true", graph);
        test_first_label(comm, &r);
        test_average(comm, &r);
        test_endless(comm, &r);
        test_ends(comm);
        test_order(comm, &r);
        test_options(comm);
        test_arrays(comm, &r);
    }
    shared_folder_leave(&folder, comm);
    nn_comm_free(comm);
    return check_done();
}
