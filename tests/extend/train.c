/* ranks: 1 2 */
/* nodes: 2 */
/* timeout: 120 */
/* Layers, losses and metrics of a program's own train as built-in ones do, to the same bits, are
 * saved and used again; and where one of them fails, on whichever rank, all ranks say so. */
#include "comm/comm.h"
#include "extend/own_parts.h"
#include "shared_folder.h"

static own_state slope, squared, hits;

static nn_config *configured(const char *layer, const char *loss, const char *metric,
                             const char *override) {
    char text[640];
    nn_config *config;
    snprintf(text, sizeof text,
             "data: {source: iris}\n"
             "model: [dense: {name: fc1, units: 8}, %s: {name: p, gamma: 0.1},\n"
             "        reshape: {shape: [2, 2, 2]}, %s: {name: q}, flatten, dense: {units: 3}]\n"
             "loss: %s\n"
             "train: {epochs: 3, batch_size: 30, lr: 0.02}\n"
             "validate: {split: train, every_epochs: 1, metrics: [%s]}\n",
             layer, layer, loss, metric);
    WORKS(nn_config_parse("net", text, strlen(text), &config));
    if (override)
        WORKS(nn_config_override(config, override));
    return config;
}

static int train(nn_comm *comm, nn_config *config, const char *folder, char digest[65],
                 double *value) {
    nn_train_options options = {.size = sizeof options, .run_dir = folder};
    nn_train_result result = {.size = sizeof result};
    int rc = nn_train(comm, config, &options, &result);
    if (rc == 0) {
        memcpy(digest, result.digest, 65);
        *value = nn_evaluation_metric(result.test, 0)->value;
    }
    nn_train_result_release(&result);
    nn_config_free(config);
    return rc;
}

/* ---- it works -------------------------------------------------------------------------------- */

static void test_twins(nn_comm *comm) {
    static const char *const ways[] = {"train.reduce=allreduce", "train.reduce=node",
                                       "train.reproducible=true", "train.accumulate=2",
                                       "train.recompute=blocks"};
    char folder[32], wanted[65] = "", digest[65] = "";
    double accuracy = 0, own = 0;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        snprintf(folder, sizeof folder, "built-in-%zu", i);
        WORKS(train(comm, configured("prelu", "squared", "accuracy", ways[i]), folder, wanted,
                    &accuracy));
        snprintf(folder, sizeof folder, "own-%zu", i);
        WORKS(train(comm, configured("own_slope", "own_squared", "own_hits", ways[i]), folder,
                    digest, &own));
        CHECK_STR(digest, wanted);
        CHECK_NEAR(own, accuracy, 0);
    }
}

/* As it is by one rank. */
static void test_reproducible(nn_comm *comm) {
    char folder[32], digest[65], wanted[65] = "";
    double value;
    nn_comm *alone;
    WORKS(nn_comm_alone(&alone));
    snprintf(folder, sizeof folder, "alone-%d", nn_comm_rank(comm));
    WORKS(train(alone,
                configured("own_slope", "own_squared", "own_hits", "train.reproducible=true"),
                folder, wanted, &value));
    nn_comm_free(alone);
    WORKS(train(comm, configured("own_slope", "own_squared", "own_hits", "train.reproducible=true"),
                "all", digest, &value));
    CHECK_STR(digest, wanted);
}

static void test_used_again(nn_comm *comm) {
    nn_evaluation *e;
    nn_predictor *p;
    float x[2][4] = {{5.1f, 3.5f, 1.4f, 0.2f}, {6.4f, 3.1f, 5.5f, 1.8f}}, y[2][3];
    WORKS(nn_evaluate(comm, "own-0", NULL, "test", &e));
    CHECK_STR(nn_evaluation_metric(e, 0)->name, "own_hits");
    nn_evaluation_free(e);
    WORKS(nn_predictor_open("own-0", 1, &p));
    WORKS(nn_predict(p, 2, x[0], y[0]));
    CHECK(isfinite(y[1][2]));
    slope.mischief = OWN_FORWARD_FAILS;
    FAILS(nn_predict(p, 2, x[0], y[0]), NN_EUSAGE, "(own_slope): its forward returned 7");
    slope.mischief = OWN_NONE;
    WORKS(nn_predict(p, 2, x[0], y[0]));
    nn_predictor_free(p);
}

/* ---- it fails -------------------------------------------------------------------------------- */

/* One thing goes wrong on the last rank alone. */
static void fail_with(nn_comm *comm, own_state *state, enum own_mischief mischief, int code,
                      const char *words) {
    static int runs;
    char folder[32], digest[65], rank[32] = "";
    double value;
    int last = nn_comm_size(comm) - 1;
    snprintf(folder, sizeof folder, "failed-%d", runs++);
    if (last > 0 && code == NN_EUSAGE)
        snprintf(rank, sizeof rank, "rank %d on ", last);
    if (nn_comm_rank(comm) == last)
        *state = (own_state){.mischief = mischief, .from_step = 2};
    nn_config *config = configured("own_slope", "own_squared", "own_hits", NULL);
    FAILS(train(comm, config, folder, digest, &value), code, words);
    CHECK_CONTAINS(nn_error_message(), rank);
    *state = (own_state){.mischief = OWN_NONE};
}

static void test_failures(nn_comm *comm) {
    fail_with(comm, &slope, OWN_PLAN_FAILS, NN_EUSAGE,
              "layer 'p' (own_slope): its plan returned 17: the plan is bad");
    fail_with(
        comm, &slope, OWN_FORWARD_FAILS, NN_EUSAGE,
        "step 3: net:2:50: layer 'p' (own_slope): its forward returned 7: the slope has gone");
    fail_with(comm, &slope, OWN_BACKWARD_FAILS, NN_EUSAGE, "step 3: ");
    fail_with(comm, &slope, OWN_BACKWARD_FAILS, NN_EUSAGE,
              "layer 'p' (own_slope): its backward returned 9");
    fail_with(comm, &slope, OWN_NAN, NN_EDIVERGED, "the output of layer 'p' became NaN or Inf");
    fail_with(comm, &squared, OWN_EVAL_FAILS, NN_EUSAGE,
              "step 2: loss 'own_squared': its eval returned -4: no loss today");
    fail_with(comm, &hits, OWN_PLAN_FAILS, NN_EUSAGE, "metric 'own_hits': its plan returned 6");
    fail_with(comm, &hits, OWN_SUMS, NN_EUSAGE,
              "metric 'own_hits': its plan wants 18446744073709551615 sums");
    fail_with(comm, &hits, OWN_ADD_FAILS, NN_EUSAGE, "metric 'own_hits': its add returned 5");
    fail_with(comm, &hits, OWN_VALUE_FAILS, NN_EUSAGE, "metric 'own_hits': its value returned 3");
}

/* A layer that makes no promise, or that one rank alone has registered. */
static void test_registered(nn_comm *comm) {
    char digest[65];
    double value;
    nn_layer_def layer = own_slope_def("own_random", &slope);
    nn_loss_def loss = own_squared_def("own_guess", &squared);
    layer.reproducible = loss.reproducible = false;
    WORKS(nn_layer_register(&layer));
    WORKS(nn_loss_register(&loss));
    nn_config *config = configured("own_random", "squared", "accuracy", "train.reproducible=true");
    FAILS(train(comm, config, "varies", digest, &value), NN_EUSAGE,
          "layer 'own_random' does not promise (nn_layer_def.reproducible)");
    config = configured("own_random", "squared", "accuracy", "train.recompute=blocks");
    FAILS(train(comm, config, "varies", digest, &value), NN_EUSAGE,
          "recompute wants the same bits from every call of a function");
    config = configured("prelu", "own_guess", "accuracy", "train.reproducible=true");
    FAILS(train(comm, config, "varies", digest, &value), NN_EUSAGE,
          "loss 'own_guess' does not promise (nn_loss_def.reproducible)");
    layer = own_slope_def("own_lonely", &slope);
    if (nn_comm_rank(comm) == 0)
        WORKS(nn_layer_register(&layer));
    config = configured("own_lonely", "squared", "accuracy", NULL);
    int rc = train(comm, config, "lonely", digest, &value);
    CHECK_EQ_INT(rc, nn_comm_size(comm) == 1 ? 0 : NN_EUSAGE);
    if (rc < 0)
        CHECK_CONTAINS(nn_error_message(), "rank 1 on ");
}

int main(void) {
    struct shared_folder folder;
    nn_layer_def layer = own_slope_def("own_slope", &slope);
    nn_loss_def loss = own_squared_def("own_squared", &squared);
    nn_metric_def metric = own_hits_def("own_hits", &hits);
    nn_comm *comm = NULL;
    WORKS(nn_layer_register(&layer));
    WORKS(nn_loss_register(&loss));
    WORKS(nn_metric_register(&metric));
    if (!CHECK(nn_comm_init(&comm) == 0))
        return check_done();
    if (shared_folder_enter(&folder, comm)) { /* all ranks: they look into what was saved */
        test_twins(comm);
        test_reproducible(comm);
        test_used_again(comm);
        test_failures(comm);
        test_registered(comm);
    }
    shared_folder_leave(&folder, comm);
    nn_comm_free(comm);
    return check_done();
}
