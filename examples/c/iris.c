/* Fisher's iris flowers on all ranks, the same program as iris.* in the other languages and as
 * `nnmpi` alone: it ends with the same parameters, to the bit. */
#include <nnmpi/nnmpi.h>

#include <stdio.h>

static int learn(nn_comm *comm, nn_config *config) {
    nn_train_options options = {.size = sizeof options, .run_dir = ""}; /* nothing is written */
    nn_train_result result = {.size = sizeof result};
    int rc = nn_train(comm, config, &options, &result);
    if (rc == 0 && nn_comm_rank(comm) == 0)
        printf("test accuracy %.4f\ndigest %s\n", nn_evaluation_metric(result.test, 0)->value,
               result.digest);
    nn_train_result_release(&result);
    return rc;
}

int main(void) {
    nn_comm *comm = NULL;
    nn_config *config = NULL;
    int rc = nn_comm_init(&comm);
    if (rc == 0)
        rc = nn_config_default(&config);
    if (rc == 0)
        rc = learn(comm, config);
    if (rc < 0)
        fprintf(stderr, "iris: %s\n", nn_error_message());
    if (rc == NN_ERANK)
        nn_comm_abort(comm, nn_error_exit_code(rc));
    nn_config_free(config);
    nn_comm_free(comm);
    return nn_error_exit_code(rc);
}
