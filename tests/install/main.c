/* A program as users write it: trains for a few steps what the configuration names. */
#include <nnmpi/nnmpi.h>

#include <stdio.h>

int main(int argc, char **argv) {
    nn_comm *comm = NULL;
    nn_config *config = NULL;
    nn_train_options options = {.size = sizeof options, .run_dir = argc > 1 ? argv[1] : NULL};
    nn_train_result result = {.size = sizeof result};
    int rc = nn_comm_init(&comm);
    if (rc == 0)
        rc = nn_config_default(&config);
    if (rc == 0)
        rc = nn_config_override(config, "train.max_steps=3");
    if (rc == 0)
        rc = nn_train(comm, config, &options, &result);
    if (rc < 0)
        fprintf(stderr, "nnmpi %s: %s\n", nn_version(), nn_error_message());
    else if (nn_comm_rank(comm) == 0)
        printf("%d steps, digest %s\n", (int)result.steps, result.digest);
    nn_train_result_release(&result);
    nn_config_free(config);
    nn_comm_free(comm);
    return nn_error_exit_code(rc);
}
