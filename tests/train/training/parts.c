/* ranks: 1 2 3 */
/* timeout: 120 */
/* A step in parts is the step; minibatches that each rank supplies for itself are averaged as if
 * one rank had all of them; and the gradients. */
#include "parts_trial.h"

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

/* The last rank has two thirds; of three ranks the first has none. */
static void part_of(nn_comm *comm, int *first, int *end) {
    int rank = nn_comm_rank(comm), size = nn_comm_size(comm);
    const int border[3][4] = {{0, ROWS}, {0, ROWS / 3, ROWS}, {0, 0, ROWS / 3, ROWS}};
    *first = border[size - 1][rank];
    *end = border[size - 1][rank + 1];
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

static void tests(nn_comm *comm, const rows *r) {
    test_same(comm, NULL);
    test_same(comm, "train.reproducible=true");
    test_same(comm, "train.clip_norm=0.5");
    test_own(comm, r);
    test_reproducible(comm, r);
    test_between(comm);
    test_gradients(comm, r);
}

int main(void) {
    return run_trials(tests);
}
