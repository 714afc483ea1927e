/* ranks: 1 2 3 4 */
/* nodes: 2 */
/* The averaged gradient of every minibatch of an epoch equals, to 1e-6 relative, that of one
 * process with the same global minibatches: uneven ones, and ones smaller than the number of ranks.
 */
#include "check.h"
#include "train/session.h"

#include <string.h>

/* The sums of a step, which changes nothing. */
struct trial {
    nn_session session;
    nn_loader *loader;
    double weight;
    nn_real *sums; /* of this rank's spans */
};

static bool accept(void *ctx, const nn_step_sums *sums) {
    struct trial *t = ctx;
    t->weight = sums->weight;
    return true;
}

static void store(void *ctx, const nn_slice *span, const nn_real *g) {
    struct trial *t = ctx;
    memcpy(t->sums + span->begin, g, (span->end - span->begin) * sizeof *g);
}

static const nn_reduce_ops ops = {.accept = accept, .step = store};

static int set_up(struct trial *t, nn_comm *comm, nn_config *config) {
    nn_session *session = &t->session;
    NN_TRY(nn_session_plan(session, comm, config, NULL));
    NN_TRY(nn_session_loader(session, "train", session->batch_size, true, &t->loader));
    NN_TRY(nn_session_allocate(session, &ops, t));
    NN_TRY(NN_NEW(&t->sums, nn_model_size(session->model), "sums"));
    if (nn_reducer_writes(session->reducer))
        NN_TRY(nn_model_init(session->model, 1, session->params));
    return nn_session_share(session, NULL);
}

static void release(struct trial *t) {
    nn_free(t->sums);
    nn_loader_free(t->loader);
    nn_session_release(&t->session);
}

/* Gradient sums of a minibatch into t->sums, as far as this rank owns them. */
static int gradient(struct trial *t, int64_t index, int64_t *rows) {
    nn_session *session = &t->session;
    nn_batch batch;
    nn_loss_sum sum = {0};
    NN_TRY(nn_loader_batch(t->loader, 0, index, &batch));
    nn_pass pass = {.batch = batch.count, .training = true, .sample = batch.sample};
    const nn_real *z = nn_model_forward(session->model, &pass, batch.x);
    nn_loss_eval(session->loss, batch.count, z, &batch.target, &sum,
                 nn_model_output_grad(session->model));
    nn_step_sums sums = {.weight = sum.weight};
    nn_reducer_set_rows(session->reducer, (size_t)batch.global);
    nn_reducer_begin(session->reducer, &sums);
    nn_model_backward(session->model, &pass, nn_reducer_ready, session->reducer);
    *rows = (int64_t)batch.count;
    return nn_reducer_finish(session->reducer);
}

/* Over the elements that this rank owns. */
static double distance(const nn_reducer *owned, const nn_real *a, const nn_real *b) {
    double difference = 0, norm = 0;
    for (size_t k = 0; k < nn_reducer_slices(owned); k++) {
        nn_slice s = nn_reducer_slice(owned, k);
        for (size_t i = s.begin; i < s.end; i++) {
            difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
            norm += (double)b[i] * b[i];
        }
    }
    return difference > 0 ? sqrt(difference / norm) : 0;
}

static int compare(nn_comm *world, nn_comm *alone, nn_config *config, bool *empty_seen) {
    struct trial all = {.weight = 0}, one = {.weight = 0};
    int64_t rows, global;
    int rc = 0;
    NN_TRY_GOTO(set_up(&all, world, config));
    NN_TRY_GOTO(set_up(&one, alone, config));
    for (int64_t i = 0; i < nn_loader_batches(all.loader); i++) {
        NN_TRY_GOTO(gradient(&all, i, &rows));
        NN_TRY_GOTO(gradient(&one, i, &global));
        CHECK_NEAR(all.weight, (double)global, 0);
        CHECK(distance(all.session.reducer, all.sums, one.sums) < 1e-6);
        *empty_seen = *empty_seen || rows == 0;
    }
done:
    release(&all);
    release(&one);
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
