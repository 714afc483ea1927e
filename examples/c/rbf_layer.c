/* A layer of one's own: Gaussian radial basis functions, trained on Iris.
 *
 *   y_j = exp(-b_j |x - c_j|^2), b_j = exp(s_j)
 *
 * with learned centres c [units, F] and widths s [units] (Broomhead and Lowe 1988). */
#include <nnmpi/nnmpi.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

struct rbf {
    int64_t units;
};

static const nn_option rbf_options[] = {
    {"units", NN_OPT_INT, offsetof(struct rbf, units), NULL, "[1, 1e6]", "basis functions"},
    NN_OPTION_END};

static int rbf_plan(void *ctx, nn_layer_layout *layout) {
    const struct rbf *o = layout->options;
    (void)ctx;
    if (layout->in[0].rank != 1)
        return nn_extend_fail(1, "it wants features [F]: put `flatten` in front");
    int64_t features = layout->in[0].dim[0];
    layout->out = (nn_shape){1, {o->units}};
    layout->params = 2;
    layout->param[0] = (nn_param_spec){
        .name = "centers", .kind = NN_PARAM_IS_WEIGHT, .shape = {2, {o->units, features}}};
    layout->param[1] = (nn_param_spec){
        .name = "log_width", .kind = NN_PARAM_IS_CONSTANT, .value = -1, .shape = {1, {o->units}}};
    layout->save = (size_t)o->units; /* |x - c_j|^2 */
    return 0;
}

static int rbf_forward(void *ctx, const nn_layer_call *call) {
    size_t units = (size_t)call->out->dim[0], features = (size_t)call->in[0].dim[0];
    (void)ctx;
    for (size_t r = 0; r < call->rows; r++)
        for (size_t j = 0; j < units; j++) {
            const float *x = call->x[0] + r * features, *c = call->w[0] + j * features;
            float distance = 0;
            for (size_t k = 0; k < features; k++)
                distance += (x[k] - c[k]) * (x[k] - c[k]);
            call->save[r * units + j] = distance;
            call->y[r * units + j] = expf(-expf(call->w[1][j]) * distance);
        }
    return 0;
}

static int rbf_backward(void *ctx, const nn_layer_call *call) {
    size_t units = (size_t)call->out->dim[0], features = (size_t)call->in[0].dim[0];
    float *dx = call->dx[0];
    (void)ctx;
    if (dx)
        memset(dx, 0, call->rows * features * sizeof *dx);
    for (size_t r = 0; r < call->rows; r++)
        for (size_t j = 0; j < units; j++) {
            const float *x = call->x[0] + r * features, *c = call->w[0] + j * features;
            size_t at = r * units + j;
            float by_distance = -expf(call->w[1][j]) * call->y[at] * call->dy[at];
            call->g[1][j] += by_distance * call->save[at];
            for (size_t k = 0; k < features; k++) {
                float part = 2 * by_distance * (x[k] - c[k]);
                call->g[0][j * features + k] -= part;
                if (dx)
                    dx[r * features + k] += part;
            }
        }
    return 0;
}

static const nn_layer_def rbf = {.size = sizeof rbf,
                                 .name = "rbf",
                                 .help = "exp(-b |x - c|^2) with learned centres and widths",
                                 .options = rbf_options,
                                 .options_size = sizeof(struct rbf),
                                 .plan = rbf_plan,
                                 .forward = rbf_forward,
                                 .backward = rbf_backward,
                                 .reproducible = true};

static const char net[] =
    "data: {source: iris, normalize: true}\n"
    "model: [rbf: {units: 12, init: {normal: {std: 1}}}, dense: {units: 3}]\n"
    "loss: cross_entropy\n"
    "train: {epochs: 60, batch_size: 15, reproducible: true, optimizer: {adam: {lr: 0.03}}}\n";

/* Is rbf_backward the derivative of rbf_forward? */
static int check(void) {
    nn_gradient_options options = {.size = sizeof options, .input = {1, {4}}};
    nn_gradient_result found = {.size = sizeof found};
    int rc = nn_gradient_check("[rbf: {units: 5}]", NULL, &options, &found);
    if (rc == 0)
        fprintf(stderr, "largest relative error of %zu derivatives: %.1g\n", found.compared,
                found.error);
    return rc;
}

static int train(nn_comm *comm) {
    nn_config *config = NULL;
    nn_train_options options = {.size = sizeof options, .run_dir = "rbf"};
    nn_train_result result = {.size = sizeof result};
    int rc = nn_config_parse("rbf", net, strlen(net), &config);
    if (rc == 0)
        rc = nn_train(comm, config, &options, &result);
    if (rc == 0 && nn_comm_rank(comm) == 0)
        printf("accuracy of the test flowers: %.3f\ndigest %s\n",
               nn_evaluation_metric(result.test, 0)->value, result.digest);
    nn_train_result_release(&result);
    nn_config_free(config);
    return rc;
}

int main(void) {
    nn_comm *comm = NULL;
    int rc = nn_comm_init(&comm);
    if (rc == 0)
        rc = nn_layer_register(&rbf);
    if (rc == 0)
        rc = check();
    if (rc == 0)
        rc = train(comm);
    if (rc < 0 && (!comm || nn_comm_rank(comm) == 0 || rc == NN_ERANK))
        fprintf(stderr, "%s\n", nn_error_message());
    if (rc == NN_ERANK)
        nn_comm_abort(comm, nn_error_exit_code(rc));
    nn_comm_free(comm);
    return nn_error_exit_code(rc);
}
