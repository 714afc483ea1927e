/* ranks: 1 2 3 */
/* Training of tensors on several ranks, which have different rows each: every rank has the
 * parameters of one rank with all rows. */
#include "base/numbers/rng.h"
#include "check.h"

#include <nnmpi/nnmpi.h>

enum { ROWS = 12, INPUTS = 5, HIDDEN = 7, CLASSES = 3, STEPS = 20, PARAMS = 5 };

struct net {
    nn_tensor *param[PARAMS]; /* W1, b1, W2, b2, and one that the loss does not depend on */
};

static nn_tensor *param(int rank, int64_t rows, int64_t columns, uint64_t seed, const char *name) {
    nn_tensor *t = nn_tensor_new(NN_F32, rank, (int64_t[]){rows, columns}, NULL);
    CHECK_EQ_INT(nn_tensor_initialize(t, "xavier_uniform", seed, name), 0);
    CHECK_EQ_INT(nn_tensor_require_grad(t, true), 0);
    return t;
}

static struct net make_net(uint64_t seed) {
    return (struct net){{param(2, HIDDEN, INPUTS, seed, "w1"), param(1, HIDDEN, 1, seed, "b1"),
                         param(2, CLASSES, HIDDEN, seed, "w2"), param(1, CLASSES, 1, seed, "b2"),
                         param(1, 4, 1, seed, "idle")}};
}

/* Rows [begin, end) of all. */
static void step(const struct net *n, nn_optimizer *o, int64_t begin, int64_t end) {
    float x[ROWS * INPUTS];
    int64_t class[ROWS];
    nn_rng rng = nn_rng_stream(5, NN_RNG_TEST, 0, 0);
    nn_tensor_scope scope;
    nn_rng_uniform(&rng, 0, ROWS * INPUTS, x);
    for (int i = 0; i < ROWS; i++)
        class[i] = i % CLASSES;
    nn_tensor_scope_open(&scope);
    nn_tensor *in = nn_tensor_new(NN_F32, 2, (int64_t[]){end - begin, INPUTS}, x + begin * INPUTS);
    nn_tensor *h = nn_tensor_relu(nn_tensor_linear(in, n->param[0], n->param[1]));
    nn_tensor *z = nn_tensor_linear(h, n->param[2], n->param[3]);
    nn_tensor *t = nn_tensor_new(NN_I64, 1, (int64_t[]){end - begin}, class + begin);
    if (end > begin)
        CHECK_EQ_INT(nn_tensor_backward(nn_tensor_cross_entropy(z, t), NULL, 0), 0);
    if (!CHECK_EQ_INT(nn_optimizer_step(o, (double)(end - begin)), 0))
        fprintf(stderr, "%s\n", nn_error_message());
    nn_optimizer_zero_gradients(o);
    nn_tensor_scope_close(&scope);
}

static void train(nn_comm *comm, const char *optimizer) {
    int rank = nn_comm_rank(comm), size = nn_comm_size(comm);
    nn_optimizer *alone = NULL, *together = NULL;
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    struct net one = make_net(1), shared = make_net(1 + (uint64_t)rank); /* rank 0's counts */
    CHECK_EQ_INT(nn_optimizer_new(NULL, optimizer, PARAMS, one.param, &alone), 0);
    CHECK_EQ_INT(nn_optimizer_new(comm, optimizer, PARAMS, shared.param, &together), 0);
    int64_t border = size == 3 ? 5 : ROWS / size; /* of three the last one has no rows */
    int64_t begin = rank * border, end = rank + 1 == size - (size == 3) ? ROWS : begin + border;
    if (rank == 2)
        begin = end = ROWS;
    for (int i = 0; i < STEPS; i++) {
        step(&one, alone, 0, ROWS);
        step(&shared, together, begin, end);
    }
    for (int p = 0; p < PARAMS; p++) {
        const float *a = nn_tensor_values(one.param[p]), *b = nn_tensor_values(shared.param[p]);
        for (int64_t i = 0; i < nn_tensor_count(one.param[p]); i++)
            if (!CHECK_NEAR(a[i], b[i], 2e-5))
                fprintf(stderr, "  %s, parameter %d\n", optimizer, p);
    }
    nn_optimizer_free(alone);
    nn_optimizer_free(together);
    nn_tensor_scope_close(&scope);
}

/* Parameters of different sizes are told on every rank. */
static void test_different(nn_comm *comm) {
    nn_optimizer *o = NULL;
    int64_t n = 2 + nn_comm_rank(comm);
    nn_tensor *t = nn_tensor_new(NN_F32, 1, &n, NULL);
    int rc = nn_optimizer_new(comm, "sgd", 1, &t, &o);
    CHECK_EQ_INT(rc, nn_comm_size(comm) > 1 ? NN_EUSAGE : 0);
    nn_optimizer_free(o);
    nn_tensor_release(t);
    n = 6; /* as many numbers, in another shape */
    t = nn_comm_rank(comm) ? nn_tensor_new(NN_F32, 2, (int64_t[]){2, 3}, NULL)
                           : nn_tensor_new(NN_F32, 1, &n, NULL);
    rc = nn_optimizer_new(comm, "sgd", 1, &t, &o);
    CHECK_EQ_INT(rc, nn_comm_size(comm) > 1 ? NN_EUSAGE : 0);
    nn_optimizer_free(o);
    nn_tensor_release(t);
}

/* A weight that is none on one rank fails on all; gradients of a rank without weight do not count,
 * whatever they are. */
static void test_weights(nn_comm *comm) {
    nn_optimizer *o = NULL;
    int64_t n = 1;
    bool last = nn_comm_rank(comm) == nn_comm_size(comm) - 1, alone = nn_comm_size(comm) == 1;
    nn_tensor *t = nn_tensor_new(NN_F32, 1, &n, (float[]){1});
    nn_tensor *g = nn_tensor_new(NN_F32, 1, &n, (float[]){last && !alone ? NAN : 2});
    CHECK_EQ_INT(nn_optimizer_new(comm, "sgd: {lr: 0.25}", 1, &t, &o), 0);
    CHECK_EQ_INT(nn_tensor_set_gradient(t, g), 0);
    CHECK_EQ_INT(nn_optimizer_step(o, last ? -1 : 1), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_step(o, last ? 1e300 : 1), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_step(o, 0), 0);
    CHECK_EQ_INT(nn_optimizer_steps(o), 0);
    CHECK_EQ_INT(nn_optimizer_step(o, last && !alone ? 0 : 3), 0);
    CHECK_NEAR(*(const float *)nn_tensor_values(t), 0.5, 1e-6);
    CHECK_EQ_INT(nn_optimizer_average_gradients(o, last ? -1 : 1), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_average_gradients(o, last && !alone ? 0 : 3), 0);
    CHECK_NEAR(*(const float *)nn_tensor_values(nn_tensor_gradient(t)), 2, 1e-6);
    CHECK_EQ_INT(nn_tensor_set_values(g, NN_F32, (float[]){6}), 0);
    CHECK_EQ_INT(nn_tensor_set_gradient(t, last ? g : NULL), 0); /* the others have none */
    CHECK_EQ_INT(nn_optimizer_average_gradients(o, 1), 0);
    CHECK_NEAR(*(const float *)nn_tensor_values(nn_tensor_gradient(t)), 6.0 / nn_comm_size(comm),
               1e-6);
    nn_optimizer_free(o);
    nn_tensor_release(g);
    nn_tensor_release(t);
}

int main(void) {
    nn_comm *comm;
    if (!CHECK_EQ_INT(nn_comm_init(&comm), 0))
        return check_done();
    train(comm, "sgd: {lr: 0.5, momentum: 0.9}");
    train(comm, "adam: {lr: 0.01}");
    train(comm, "adamw: {lr: 0.01, weight_decay: 0.1}");
    train(comm, "rmsprop: {lr: 0.01}");
    train(comm, "lamb: {lr: 0.01}");
    test_different(comm);
    test_weights(comm);
    CHECK_EQ_INT(nn_tensor_live(), 0);
    nn_comm_free(comm);
    return check_done();
}
