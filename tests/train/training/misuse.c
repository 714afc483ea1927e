/* ranks: 1 2 3 */
/* timeout: 120 */
/* What comes at the wrong time, with options or arrays that are not right, is refused with words
 * that help; and the training goes on. */
#include "parts_trial.h"

#include <stddef.h>

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
    FAILS(nn_training_open(NULL, config, &options, &t), NN_EUSAGE, "comm is NULL");
    FAILS(nn_training_open(comm, NULL, &options, &t), NN_EUSAGE, "config is NULL");
    FAILS(nn_training_open(comm, config, NULL, &t), NN_EUSAGE, "options is NULL");
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
    WORKS(nn_config_override(config, "train.optimizer_state=sharded"));
    FAILS(nn_training_open(comm, config, &options, &t), NN_EUSAGE, "optimizer_state to per_node");
    WORKS(nn_config_override(config, "train.optimizer_state=per_node"));
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

static void tests(nn_comm *comm, const rows *r) {
    test_order(comm, r);
    test_options(comm);
    test_arrays(comm, r);
}

int main(void) {
    return run_trials(tests);
}
