/* A loss of one's own: the pinball loss, whose best output is a quantile of the target (Koenker and
 * Bassett 1978). Two models enclose 80 % of the samples of a noisy sine.
 *
 *   loss = q (y - z) for y >= z, else (1 - q) (z - y), summed over the outputs */
#include <nnmpi/nnmpi.h>

#include <stdio.h>
#include <string.h>

struct pinball {
    double q;
};

static const nn_option pinball_options[] = {
    {"q", NN_OPT_REAL, offsetof(struct pinball, q), "0.5", "(0, 1)",
     "share of the targets that is to lie below the output"},
    NN_OPTION_END};

static int pinball_eval(void *ctx, const nn_loss_call *call) {
    double q = ((const struct pinball *)call->options)->q;
    (void)ctx;
    for (size_t r = 0; r < call->rows; r++) {
        double sum = 0;
        for (size_t k = r * call->outputs; k < (r + 1) * call->outputs; k++) {
            double above = (double)call->y[k] - (double)call->z[k];
            double slope = above >= 0 ? q : q - 1;
            sum += slope * above;
            call->dz[k] = (float)-slope;
        }
        call->loss[r] = (float)sum;
    }
    return 0;
}

static const nn_loss_def pinball = {.size = sizeof pinball,
                                    .name = "pinball",
                                    .help = "q (y - z) above the output z, (1 - q) (z - y) below",
                                    .options = pinball_options,
                                    .options_size = sizeof(struct pinball),
                                    .targets = NN_TARGETS_ARE_NUMBERS,
                                    .eval = pinball_eval,
                                    .reproducible = true};

/* Which share of the targets lies below the outputs? Sums: those that do, all. */
static int below_plan(void *ctx, void *options, size_t outputs, nn_target_kind targets,
                      size_t *sums) {
    (void)ctx, (void)options, (void)outputs;
    *sums = 2;
    return targets == NN_TARGETS_ARE_NUMBERS ? 0 : nn_extend_fail(1, "it compares numbers");
}

static int below_add(void *ctx, const nn_metric_call *call) {
    (void)ctx;
    for (size_t i = 0; i < call->rows * call->outputs; i++) {
        double weight = call->weight ? (double)call->weight[i / call->outputs] : 1;
        call->sums[0] += call->y[i] < call->z[i] ? weight : 0;
        call->sums[1] += weight;
    }
    return 0;
}

static int below_value(void *ctx, const void *options, size_t outputs, const double *sums,
                       double *value) {
    (void)ctx, (void)options, (void)outputs;
    *value = sums[0] / sums[1];
    return 0;
}

static const nn_metric_def below = {.size = sizeof below,
                                    .name = "below",
                                    .help = "share of the targets below the outputs",
                                    .plan = below_plan,
                                    .add = below_add,
                                    .value = below_value};

static const char net[] =
    "data: {source: synthetic, generator: {sine: {noise: 0.3}}, samples: 4000, test: 0.25}\n"
    "model: [dense: {units: 32, activation: tanh}, dense: {units: 32, activation: tanh}, dense: "
    "{units: 1}]\n"
    "loss: {pinball: {q: 0.5}}\n"
    "train: {epochs: 40, batch_size: 64, optimizer: {adam: {lr: 0.005}}}\n"
    "validate: {metrics: below}\n";

static int train(nn_comm *comm, double q) {
    char key[48], folder[32];
    nn_config *config = NULL;
    nn_train_options options = {.size = sizeof options, .run_dir = folder};
    nn_train_result result = {.size = sizeof result};
    snprintf(key, sizeof key, "loss.pinball.q=%g", q);
    snprintf(folder, sizeof folder, "quantile-%g", q);
    int rc = nn_config_parse("pinball", net, strlen(net), &config);
    if (rc == 0)
        rc = nn_config_override(config, key);
    if (rc == 0)
        rc = nn_train(comm, config, &options, &result);
    if (rc == 0 && nn_comm_rank(comm) == 0)
        printf("q = %g: %.2f of the test targets lie below\n", q,
               nn_evaluation_metric(result.test, 0)->value);
    nn_train_result_release(&result);
    nn_config_free(config);
    return rc;
}

int main(void) {
    nn_comm *comm = NULL;
    nn_gradient_options options = {.size = sizeof options, .input = {1, {3}}};
    int rc = nn_comm_init(&comm);
    if (rc == 0)
        rc = nn_loss_register(&pinball);
    if (rc == 0)
        rc = nn_metric_register(&below);
    if (rc == 0)
        rc = nn_gradient_check("[dense: {units: 2}]", "pinball: {q: 0.9}", &options, NULL);
    if (rc == 0)
        rc = train(comm, 0.1);
    if (rc == 0)
        rc = train(comm, 0.9);
    if (rc < 0 && (!comm || nn_comm_rank(comm) == 0 || rc == NN_ERANK))
        fprintf(stderr, "%s\n", nn_error_message());
    if (rc == NN_ERANK)
        nn_comm_abort(comm, nn_error_exit_code(rc));
    nn_comm_free(comm);
    return nn_error_exit_code(rc);
}
