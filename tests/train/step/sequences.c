/* ranks: 1 2 3 */
/* Sequences of different lengths from a file through embedding, recurrent layers and a dense layer
 * at every step: the class is the last index that counts, the others and what stands behind the end
 * are noise. Learnt without a mistake, with the same loss on any number of ranks. */
#include "calls.h"
#include "comm/comm.h"
#include "io/hdf5/h5.h"
#include "noise.h"
#include "shared_folder.h"

#include <nnmpi/nnmpi.h>

#define SAMPLES 240
#define STEPS 7
#define WORDS 5

static void put_split(nn_h5 *file, const char *name, int64_t samples) {
    static uint8_t x[SAMPLES * STEPS], length[SAMPLES];
    static int32_t y[SAMPLES];
    char path[32];
    for (int64_t i = 0; i < samples; i++) {
        length[i] = (uint8_t)(1 + noise() % STEPS);
        for (int t = 0; t < STEPS; t++)
            x[i * STEPS + t] = (uint8_t)(noise() % WORDS);
        y[i] = x[i * STEPS + length[i] - 1];
    }
    snprintf(path, sizeof path, "/%s/x", name);
    WORKS(nn_h5_write(file, path, NN_U8, 2, (const int64_t[]){samples, STEPS}, 0, 0, x));
    snprintf(path, sizeof path, "/%s/y", name);
    WORKS(nn_h5_write(file, path, NN_I32, 1, &samples, 0, 0, y));
    snprintf(path, sizeof path, "/%s/len", name);
    WORKS(nn_h5_write(file, path, NN_U8, 1, &samples, 0, 0, length));
}

static void put_data(const char *path) {
    nn_h5 *file;
    WORKS(nn_h5_create(path, &file));
    put_split(file, "train", SAMPLES);
    put_split(file, "test", SAMPLES / 4);
    WORKS(nn_h5_close(file));
}

/* Uneven minibatches: 240 = 5 * 44 + 20. */
static const char model[] = "data: {path: %s/sequences.h5}\n"
                            "model:\n"
                            "  - embedding: {vocabulary: 5, units: 6}\n"
                            "  - %s: {units: 8, bidirectional: true, return: all}\n"
                            "  - dense: {units: 8, activation: tanh}\n"
                            "  - %s: {units: 12}\n"
                            "  - dense: {units: 5}\n"
                            "loss: cross_entropy\n"
                            "train: {epochs: 60, batch_size: 44, optimizer: {adam: {lr: 0.02}}}\n"
                            "checkpoint: {every_epochs: 0}\n"
                            "validate: {every_epochs: 0}\n";

static double train(nn_comm *comm, const char *folder, const char *first, const char *second,
                    const char *run) {
    char text[1024];
    nn_config *config = NULL;
    nn_train_result result = {.size = sizeof result};
    nn_train_options options = {.size = sizeof options, .run_dir = run};
    snprintf(text, sizeof text, model, folder, first, second);
    WORKS(nn_config_parse("sequences.yaml", text, strlen(text), &config));
    WORKS(nn_train(comm, config, &options, &result));
    if (nn_comm_rank(comm) == 0)
        CHECK_NEAR(nn_evaluation_metric(result.test, 0)->value, 1, 0);
    double loss = nn_evaluation_loss(result.test);
    nn_train_result_release(&result);
    nn_config_free(config);
    return loss;
}

/* The class of padding is learnt by nobody. */
static void check_slices(nn_comm *comm, const char *folder) {
    static const struct {
        const char *options, *why;
    } wrong[] = {{"begin: -1", "sequences.yaml:4:12: layer 'slice1' on input [7, 6]: begin: -1, "},
                 {"begin: 1", "begin: 1, end: 0: steps of sequences with lengths (len)"},
                 {"end: -1", "begin: 0, end: -1: steps of sequences with lengths (len)"},
                 {"end: 3", NULL}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[1024];
        nn_config *config = NULL;
        nn_train_result result = {.size = sizeof result};
        nn_train_options options = {.size = sizeof options, .run_dir = ""};
        snprintf(text, sizeof text,
                 "data: {path: %s/sequences.h5}\nmodel:\n"
                 "  - embedding: {vocabulary: 5, units: 6}\n"
                 "  - slice: {axis: 1, %s}\n"
                 "  - mean\n  - dense: {units: 5}\n"
                 "loss: cross_entropy\ntrain: {epochs: 1, batch_size: 44}\n",
                 folder, wrong[i].options);
        WORKS(nn_config_parse("sequences.yaml", text, strlen(text), &config));
        if (wrong[i].why)
            FAILS(nn_train(comm, config, &options, &result), NN_EUSAGE, wrong[i].why);
        else
            WORKS(nn_train(comm, config, &options, &result));
        nn_train_result_release(&result);
        nn_config_free(config);
    }
}

int main(void) {
    static const char *const kinds[][2] = {{"lstm", "gru"}, {"gru", "lstm"}};
    struct shared_folder folder;
    char run[96];
    nn_comm *world = NULL, *alone = NULL;
    WORKS(nn_comm_init(&world));
    WORKS(nn_comm_alone(&alone));
    bool first = nn_comm_rank(world) == 0;
    if (shared_folder_enter(&folder, world) && first)
        put_data("sequences.h5");
    WORKS(nn_comm_agree(world, 0));
    for (size_t i = 0; i < 2; i++) {
        snprintf(run, sizeof run, "%s/all%zu", folder.path, i);
        double all = train(world, folder.path, kinds[i][0], kinds[i][1], run);
        snprintf(run, sizeof run, "%s/one%zu", folder.path, i);
        if (first)
            CHECK_NEAR(train(alone, folder.path, kinds[i][0], kinds[i][1], run), all, 1e-4 * all);
    }
    if (first)
        check_slices(alone, folder.path);
    shared_folder_leave(&folder, world);
    nn_comm_free(alone);
    nn_comm_free(world);
    return check_done();
}
