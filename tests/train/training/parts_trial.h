/* Trainings that are driven in parts, on data sets and on rows that the program supplies. */
#ifndef NN_TESTS_TRAIN_TRAINING_PARTS_TRIAL_H
#define NN_TESTS_TRAIN_TRAINING_PARTS_TRIAL_H

#include "comm/comm.h"
#include "shared_folder.h"

#include <nnmpi/nnmpi.h>

#include <math.h>
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

static inline nn_config *configured(const char *text, const char *override) {
    nn_config *config;
    WORKS(nn_config_parse("parts", text, strlen(text), &config));
    if (override)
        WORKS(nn_config_override(config, override));
    return config;
}

static inline nn_training *opened(nn_comm *comm, nn_config *config) {
    nn_train_options options = {.size = sizeof options, .run_dir = "", .in_parts = true};
    nn_training *t = NULL;
    WORKS(nn_training_open(comm, config, &options, &t));
    return t;
}

/* A step in parts, on rows of the data set where there is no minibatch. */
static inline double take_parts(nn_training *t, const nn_minibatch *batch) {
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

enum { ROWS = 48, FEATURES = 4 };
typedef struct rows {
    float x[ROWS][FEATURES], w[ROWS];
    int32_t y[ROWS];
} rows;

static inline void make_rows(rows *r) {
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < FEATURES; k++)
            r->x[i][k] = (float)((i * 7 + k * 13) % 17) / 8 - 1;
        r->y[i] = i % 11 == 0 ? -1 : (i * 5 + i / 7) % 3;
        r->w[i] = (float)(1 + i % 4) / 2;
    }
}

/* Rows [first, end) of them. */
static inline nn_minibatch minibatch(const rows *r, int first, int end) {
    return (nn_minibatch){.size = sizeof(nn_minibatch),
                          .x = {NN_F32, 2, {end - first, FEATURES}, r->x[first]},
                          .y = {NN_I32, 1, {end - first}, r->y + first},
                          .w = {NN_F32, 1, {end - first}, r->w + first}};
}

static inline nn_data *described(nn_config *config) {
    nn_data *data;
    WORKS(nn_data_new(&data));
    WORKS(nn_data_set(data, "train", "x", &(nn_array){NN_F32, 2, {0, FEATURES}, NULL}));
    WORKS(nn_data_set(data, "train", "y", &(nn_array){NN_I32, 1, {0}, NULL}));
    WORKS(nn_data_set(data, "train", "w", &(nn_array){NN_F32, 1, {0}, NULL}));
    WORKS(nn_config_use_data(config, data));
    return data;
}

enum { MOST = 8192 }; /* numbers of a tensor */
static inline double farthest(nn_training *a, nn_training *b) {
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

/* Runs the tests in a folder of their own. */
static inline int run_trials(void (*tests)(nn_comm *comm, const rows *r)) {
    struct shared_folder folder;
    nn_comm *comm = NULL;
    rows r;
    make_rows(&r);
    if (!CHECK(nn_comm_init(&comm) == 0))
        return check_done();
    if (shared_folder_enter(&folder, comm)) {
        tests(comm, &r);
    }
    shared_folder_leave(&folder, comm);
    nn_comm_free(comm);
    return check_done();
}

#endif
