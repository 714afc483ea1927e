/* A metric of one's own: Matthews' correlation coefficient for any number of classes (Gorodkin
 * 2004), by which training on Iris stops early. 1: all right; 0: no better than chance.
 *
 * With c samples right of s, p_k predicted and t_k true ones of class k:
 *   mcc = (c s - sum_k p_k t_k) / sqrt((s^2 - sum_k p_k^2) (s^2 - sum_k t_k^2)) */
#include <nnmpi/nnmpi.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The sums: right ones, all, then p_k, then t_k. */
static int mcc_plan(void *ctx, void *options, size_t outputs, nn_target_kind targets,
                    size_t *sums) {
    (void)ctx, (void)options;
    if (targets != NN_TARGETS_ARE_CLASSES || outputs < 2)
        return nn_extend_fail(1, "it compares classes, of a model with an output for each");
    *sums = 2 + 2 * outputs;
    return 0;
}

static int mcc_add(void *ctx, const nn_metric_call *call) {
    double *predicted = call->sums + 2, *true_ones = predicted + call->outputs;
    (void)ctx;
    for (size_t r = 0; r < call->rows; r++) {
        const float *z = call->z + r * call->outputs;
        double weight = call->weight ? (double)call->weight[r] : 1;
        size_t best = 0;
        if (call->label[r] < 0)
            continue; /* it does not count */
        for (size_t k = 1; k < call->outputs; k++)
            best = z[k] > z[best] ? k : best;
        call->sums[0] += best == (size_t)call->label[r] ? weight : 0;
        call->sums[1] += weight;
        predicted[best] += weight;
        true_ones[call->label[r]] += weight;
    }
    return 0;
}

static int mcc_value(void *ctx, const void *options, size_t outputs, const double *sums,
                     double *value) {
    const double *predicted = sums + 2, *true_ones = predicted + outputs;
    double both = 0, squares_p = 0, squares_t = 0, all = sums[1] * sums[1];
    (void)ctx, (void)options;
    for (size_t k = 0; k < outputs; k++) {
        both += predicted[k] * true_ones[k];
        squares_p += predicted[k] * predicted[k];
        squares_t += true_ones[k] * true_ones[k];
    }
    double spread = sqrt((all - squares_p) * (all - squares_t));
    *value = spread > 0 ? (sums[0] * sums[1] - both) / spread : 0;
    return 0;
}

static const nn_metric_def mcc = {.size = sizeof mcc,
                                  .name = "mcc",
                                  .help = "Matthews' correlation of classes and predictions",
                                  .plan = mcc_plan,
                                  .add = mcc_add,
                                  .value = mcc_value,
                                  .larger_is_better = true};

static const char net[] =
    "data: {source: iris}\n"
    "model: [dense: {units: 8, activation: tanh}, dense: {units: 3}]\n"
    "loss: cross_entropy\n"
    "train: {epochs: 200, batch_size: 30, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}}\n"
    "validate: {split: train, every_epochs: 5, metrics: [mcc, accuracy],\n"
    "           early_stopping: {metric: mcc, patience: 8}}\n";

static void show(void *ctx, const nn_status *status) {
    (void)ctx;
    if (status->validation)
        printf("epoch %d: mcc %.3f\n", (int)status->epoch,
               nn_evaluation_metric(status->validation, 0)->value);
}

static int train(nn_comm *comm) {
    nn_config *config = NULL;
    nn_train_options options = {.size = sizeof options, .run_dir = "mcc", .progress = show};
    nn_train_result result = {.size = sizeof result};
    int rc = nn_config_parse("mcc", net, strlen(net), &config);
    if (rc == 0)
        rc = nn_train(comm, config, &options, &result);
    if (rc == 0 && nn_comm_rank(comm) == 0)
        printf("ended by %s; test: mcc %.3f, accuracy %.3f\n", result.why,
               nn_evaluation_metric(result.test, 0)->value,
               nn_evaluation_metric(result.test, 1)->value);
    nn_train_result_release(&result);
    nn_config_free(config);
    return rc;
}

int main(void) {
    nn_comm *comm = NULL;
    int rc = nn_comm_init(&comm);
    if (rc == 0)
        rc = nn_metric_register(&mcc);
    if (rc == 0)
        rc = train(comm);
    if (rc < 0 && (!comm || nn_comm_rank(comm) == 0 || rc == NN_ERANK))
        fprintf(stderr, "%s\n", nn_error_message());
    if (rc == NN_ERANK)
        nn_comm_abort(comm, nn_error_exit_code(rc));
    nn_comm_free(comm);
    return nn_error_exit_code(rc);
}
