/* ranks: 1 2 3 4 */
/* The averaged gradient of every minibatch of an epoch equals, to 1e-6 relative, that of one
 * process with the same global minibatches: uneven ones, and ones smaller than the number of ranks.
 */
#include "check.h"
#include "dist/reduce.h"
#include "train/job.h"

#include <stdlib.h>

static int set_up(nn_job *job, nn_comm *comm, nn_config *config, nn_loader **loader) {
    NN_TRY(nn_job_plan(job, comm, config));
    NN_TRY(nn_job_loader(job, "train", job->batch_size, true, loader));
    NN_TRY(nn_job_allocate(job, true));
    return nn_model_init(job->model, 1, job->params);
}

/* Gradient sums of one shard, the weight of its samples behind them. */
static int gradient(nn_job *job, nn_loader *loader, int64_t index, int64_t *rows) {
    nn_batch batch;
    nn_loss_sum sum = {0};
    NN_TRY(nn_loader_batch(loader, 0, index, &batch));
    nn_pass pass = {.batch = batch.count, .training = true, .sample = batch.sample};
    const nn_real *z = nn_model_forward(job->model, &pass, batch.x);
    nn_loss_eval(job->loss, batch.count, z, &batch.target, &sum, nn_model_output_grad(job->model));
    job->grads[nn_model_size(job->model)] = (nn_real)sum.weight;
    nn_model_backward(job->model, &pass, NULL, NULL);
    *rows = (int64_t)batch.count;
    return 0;
}

static double distance(size_t n, const nn_real *a, const nn_real *b) {
    double difference = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(difference / norm);
}

static int compare(nn_comm *world, nn_comm *alone, nn_config *config, bool *empty_seen) {
    nn_job all = {0}, one = {0};
    nn_loader *shards = NULL, *whole = NULL;
    nn_reducer *reducer = NULL;
    int64_t rows, global;
    int rc = 0;
    NN_TRY_GOTO(set_up(&all, world, config, &shards));
    NN_TRY_GOTO(set_up(&one, alone, config, &whole));
    size_t n = nn_model_size(all.model) + 1;
    NN_TRY_GOTO(nn_reducer_new(world, all.grads, n, &reducer));
    for (int64_t i = 0; i < nn_loader_batches(shards); i++) {
        NN_TRY_GOTO(gradient(&all, shards, i, &rows));
        NN_TRY_GOTO(gradient(&one, whole, i, &global));
        NN_TRY_GOTO(nn_reducer_finish(reducer));
        CHECK_NEAR(all.grads[n - 1], (double)global, 0);
        CHECK(distance(n, all.grads, one.grads) < 1e-6);
        *empty_seen = *empty_seen || rows == 0;
    }
done:
    nn_reducer_free(reducer);
    nn_loader_free(shards);
    nn_loader_free(whole);
    nn_job_release(&all);
    nn_job_release(&one);
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
    for (size_t i = 0; rc == 0 && i < sizeof sizes / sizeof *sizes; i++) {
        nn_config *config = NULL;
        rc = nn_config_default(&config);
        if (rc == 0)
            rc = nn_config_override(config, sizes[i]);
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
