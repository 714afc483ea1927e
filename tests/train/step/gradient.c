/* ranks: 1 2 3 4 */
/* nodes: 2 */
/* The averaged gradient of every minibatch of an epoch equals, to 1e-6 relative, that of one
 * process with the same global minibatches: uneven ones, and ones smaller than the number of ranks.
 */
#include "check.h"
#include "gradient_trial.h"

static int compare(nn_comm *world, nn_comm *alone, nn_config *config, bool *empty_seen) {
    struct gradient_trial all = {.weight = 0}, one = {.weight = 0};
    int64_t rows, global;
    int rc = 0;
    NN_TRY_GOTO(gradient_trial_open(&all, world, config, 0));
    NN_TRY_GOTO(gradient_trial_open(&one, alone, config, 0));
    for (int64_t i = 0; i < nn_loader_batches(all.loader); i++) {
        NN_TRY_GOTO(gradient_trial_run(&all, i, &rows));
        NN_TRY_GOTO(gradient_trial_run(&one, i, &global));
        CHECK_NEAR(all.weight, (double)global, 0);
        CHECK(gradient_trial_distance(&all, &one) < 1e-6);
        *empty_seen = *empty_seen || rows == 0;
    }
done:
    gradient_trial_close(&all);
    gradient_trial_close(&one);
    return rc;
}

int main(void) {
    /* 120 samples: 17 minibatches of 7 and one of a single sample */
    static const char *const sizes[] = {"train.batch_size=7", "train.batch_size=32",
                                        "train.batch_size=all", "train.batch_size=1"};
    nn_comm *world = NULL, *alone = NULL;
    int rc = nn_comm_init(&world);
    bool empty_seen = false;
    if (rc == 0)
        rc = nn_comm_alone(&alone);
    for (size_t i = 0; rc == 0 && i < 2 * (sizeof sizes / sizeof *sizes); i++) {
        nn_config *config = NULL;
        rc = nn_config_default(&config);
        if (rc == 0)
            rc = nn_config_override(config, sizes[i / 2]);
        if (rc == 0)
            rc = nn_config_override(config, i % 2 ? "train.reduce=node" : "train.reduce=allreduce");
        if (rc == 0)
            rc = compare(world, alone, config, &empty_seen);
        nn_config_free(config);
    }
    if (rc < 0)
        fprintf(stderr, "%s\n", nn_error_message());
    CHECK_EQ_INT(rc, 0);
    double seen = empty_seen;
    if (rc == 0 && nn_comm_size(world) > 1 && nn_comm_sum(world, &seen, 1) == 0)
        CHECK(seen > 0);
    nn_comm_free(alone);
    nn_comm_free(world);
    return check_done();
}
