/* Two sessions in one process: the threads and the tiles of one are nothing to the other, whatever
 * is planned and computed between two minibatches of it. */
#include "check.h"
#include "train/session.h"

#include <string.h>

struct trial {
    nn_comm *comm;
    nn_config *config;
    nn_session session;
    nn_loader *loader;
    nn_real *first; /* the gradient of the first minibatch, as it was at first */
};

static bool accept(void *ctx, const nn_step_sums *sums) {
    (void)ctx;
    (void)sums;
    return true;
}

/* Changes nothing. */
static void step(void *ctx, const nn_slice *slice, const nn_real *g) {
    (void)ctx;
    (void)slice;
    (void)g;
}

static const nn_reduce_ops ops = {.accept = accept, .step = step};

static int override(nn_config *config, const char *const *assignment) {
    for (; *assignment; assignment++)
        NN_TRY(nn_config_override(config, *assignment));
    return 0;
}

static int set_up(struct trial *t, const char *const *assignments, int threads) {
    nn_session *session = &t->session;
    NN_TRY(nn_comm_alone(&t->comm));
    NN_TRY(nn_config_default(&t->config));
    NN_TRY(override(t->config, assignments));
    NN_TRY(nn_session_plan(session, t->comm, t->config, NULL));
    session->compute.threads = threads;
    NN_TRY(nn_session_loader(session, "train", session->batch_size, true, &t->loader));
    NN_TRY(nn_session_allocate(session, &ops, t));
    NN_TRY(nn_model_init(session->model, 1, session->params));
    return NN_NEW(&t->first, nn_model_size(session->model), "gradient");
}

static void release(struct trial *t) {
    nn_free(t->first);
    nn_loader_free(t->loader);
    nn_session_release(&t->session);
    nn_config_free(t->config);
    nn_comm_free(t->comm);
}

/* The gradient of the first minibatch, in the vector of gradients. */
static int gradient(struct trial *t) {
    nn_session *session = &t->session;
    nn_batch batch;
    nn_loss_sum sum = {0};
    NN_TRY(nn_loader_batch(t->loader, 0, 0, &batch));
    nn_pass pass = {.batch = batch.count,
                    .training = true,
                    .sample = batch.sample,
                    .parts = nn_session_parts(session, &batch)};
    const nn_real *z = nn_model_forward(session->model, &pass, batch.x);
    nn_loss_eval(session->loss, batch.count, z, &batch.target, &sum,
                 nn_model_output_grad(session->model));
    nn_session_clear_sums(session);
    session->sums->weight = sum.weight;
    nn_reducer_begin(session->reducer, session->sums);
    nn_model_backward(session->model, &pass, nn_reducer_ready, session->reducer);
    return nn_reducer_finish(session->reducer);
}

static int keep(struct trial *t) {
    NN_TRY(gradient(t));
    memcpy(t->first, nn_reducer_grads(t->session.reducer),
           nn_model_size(t->session.model) * sizeof *t->first);
    return 0;
}

static int again(struct trial *t) {
    NN_TRY(gradient(t));
    CHECK(memcmp(t->first, nn_reducer_grads(t->session.reducer),
                 nn_model_size(t->session.model) * sizeof *t->first) == 0);
    return 0;
}

static const char model[] =
    "model=[dense: {units: 700, activation: tanh}, dense: {units: 300, activation: tanh}, "
    "dense: {units: 3}]";

int main(void) {
    static const char *const plain[] = {model, "train.batch_size=120", NULL};
    static const char *const reproducible[] = {
        model, "train.batch_size=120", "train.reproducible=true", "train.microbatches=4", NULL};
    struct trial a = {.first = NULL}, b = {.first = NULL};
    int rc;
    NN_TRY_GOTO(set_up(&a, plain, 1));
    NN_TRY_GOTO(keep(&a));
    NN_TRY_GOTO(set_up(&b, reproducible, 2));
    NN_TRY_GOTO(again(&a));
    NN_TRY_GOTO(keep(&b));
    NN_TRY_GOTO(again(&a));
    NN_TRY_GOTO(again(&b));
    /* or the two would prove nothing */
    CHECK(memcmp(a.first, b.first, nn_model_size(a.session.model) * sizeof *a.first) != 0);
done:
    if (rc < 0)
        fprintf(stderr, "%s\n", nn_error_message());
    CHECK_EQ_INT(rc, 0);
    release(&a);
    release(&b);
    return check_done();
}
