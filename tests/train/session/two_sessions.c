/* Two sessions in one process: the threads and the tiles of one are nothing to the other, whatever
 * is planned and computed between two minibatches of it. */
#include "check.h"
#include "gradient_trial.h"

struct trial {
    nn_comm *comm;
    nn_config *config;
    struct gradient_trial gradient;
    nn_real *first; /* the gradient of the first minibatch, as it was at first */
};

static size_t bytes(const struct trial *t) {
    return nn_model_size(t->gradient.session.model) * sizeof *t->first;
}

static int override(nn_config *config, const char *const *assignment) {
    for (; *assignment; assignment++)
        NN_TRY(nn_config_override(config, *assignment));
    return 0;
}

static int set_up(struct trial *t, const char *const *assignments, int threads) {
    NN_TRY(nn_comm_alone(&t->comm));
    NN_TRY(nn_config_default(&t->config));
    NN_TRY(override(t->config, assignments));
    NN_TRY(gradient_trial_open(&t->gradient, t->comm, t->config, threads));
    return NN_NEW(&t->first, nn_model_size(t->gradient.session.model), "gradient");
}

static void release(struct trial *t) {
    nn_free(t->first);
    gradient_trial_close(&t->gradient);
    nn_config_free(t->config);
    nn_comm_free(t->comm);
}

static int keep(struct trial *t) {
    int64_t rows;
    NN_TRY(gradient_trial_run(&t->gradient, 0, &rows));
    memcpy(t->first, t->gradient.sums, bytes(t));
    return 0;
}

static int again(struct trial *t) {
    int64_t rows;
    NN_TRY(gradient_trial_run(&t->gradient, 0, &rows));
    CHECK(memcmp(t->first, t->gradient.sums, bytes(t)) == 0);
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
    CHECK(memcmp(a.first, b.first, bytes(&a)) != 0);
done:
    if (rc < 0)
        fprintf(stderr, "%s\n", nn_error_message());
    CHECK_EQ_INT(rc, 0);
    release(&a);
    release(&b);
    return check_done();
}
