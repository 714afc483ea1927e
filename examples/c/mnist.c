/* Handwritten digits on all ranks, from arrays in memory: the same program as mnist.* in the other
 * languages and as `nnmpi train` with the same network, which ends with the same parameters, to the
 * bit.
 *
 *   mpirun -n 2 ./mnist FOLDER   with the four files of MNIST, unpacked (gunzip) */
#include <nnmpi/nnmpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 28 * 28, TRAIN = 60000, TEST = 10000 };

static const char net[] = "model: [flatten, dense: {name: fc1, units: 128, activation: relu},\n"
                          "        dense: {name: fc2, units: 10}]\n"
                          "loss: cross_entropy\n"
                          "train: {epochs: 1, batch_size: 64, lr: 0.1}\n"
                          "validate: {metrics: [accuracy]}\n";

/* `size` bytes of FOLDER/NAME behind its header; NULL where there are not so many. */
static unsigned char *read_idx(const char *folder, const char *name, long header, size_t size) {
    char path[4096];
    unsigned char *bytes = malloc(size);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    size_t got = 0;
    if (file && bytes && fseek(file, header, SEEK_SET) == 0)
        got = fread(bytes, 1, size, file);
    if (file)
        fclose(file);
    if (got == size)
        return bytes;
    free(bytes);
    fprintf(stderr, "mnist: %s is no file of %zu bytes\n", path, size + (size_t)header);
    return NULL;
}

static int set_split(nn_data *data, const char *split, int64_t n, const unsigned char *images,
                     const unsigned char *labels) {
    int rc = nn_data_set(data, split, "x", &(nn_array){NN_U8, 3, {n, 28, 28}, images});
    if (rc == 0)
        rc = nn_data_set(data, split, "y", &(nn_array){NN_U8, 1, {n}, labels});
    return rc;
}

static int learn(nn_comm *comm, const nn_data *data) {
    nn_config *config = NULL;
    nn_train_options options = {.size = sizeof options, .run_dir = ""};
    nn_train_result result = {.size = sizeof result};
    int rc = nn_config_parse("mnist", net, strlen(net), &config);
    if (rc == 0)
        rc = nn_config_use_data(config, data);
    if (rc == 0)
        rc = nn_train(comm, config, &options, &result);
    if (rc == 0 && nn_comm_rank(comm) == 0)
        printf("test accuracy %.4f\ndigest %s\n", nn_evaluation_metric(result.test, 0)->value,
               result.digest);
    nn_train_result_release(&result);
    nn_config_free(config);
    return rc;
}

static int read_and_learn(nn_comm *comm, const char *folder) {
    unsigned char *images[2] = {
        read_idx(folder, "train-images-idx3-ubyte", 16, (size_t)TRAIN * PIXELS),
        read_idx(folder, "t10k-images-idx3-ubyte", 16, (size_t)TEST * PIXELS)};
    unsigned char *labels[2] = {read_idx(folder, "train-labels-idx1-ubyte", 8, TRAIN),
                                read_idx(folder, "t10k-labels-idx1-ubyte", 8, TEST)};
    nn_data *data = NULL;
    int rc = images[0] && images[1] && labels[0] && labels[1] ? nn_data_new(&data)
                                                              : nn_error_set(NN_EIO, "no MNIST");
    rc = nn_comm_agree(comm, rc);
    if (rc == 0)
        rc = set_split(data, "train", TRAIN, images[0], labels[0]);
    if (rc == 0)
        rc = set_split(data, "test", TEST, images[1], labels[1]);
    if (rc == 0)
        rc = nn_data_set_scale(data, 1, &(double){1.0 / 255}, &(double){0});
    if (rc == 0)
        rc = learn(comm, data);
    nn_data_free(data);
    for (int i = 0; i < 2; i++) {
        free(images[i]);
        free(labels[i]);
    }
    return rc;
}

int main(int argc, char **argv) {
    nn_comm *comm = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: mnist FOLDER\n");
        return 2;
    }
    int rc = nn_comm_init(&comm);
    if (rc == 0)
        rc = read_and_learn(comm, argv[1]);
    if (rc < 0)
        fprintf(stderr, "mnist: %s\n", nn_error_message());
    if (rc == NN_ERANK)
        nn_comm_abort(comm, nn_error_exit_code(rc));
    nn_comm_free(comm);
    return nn_error_exit_code(rc);
}
