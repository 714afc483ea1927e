/* ranks: 1 2 3 4 */
/* nodes: 2 3 */
/* timeout: 120 */
/* Layers whose gradients are products of several rows a sample, or of indices, emit rows: the
 * averaged gradient of every minibatch, uneven ones too, is that of one process, with sequences of
 * one length or several, between nodes and inside one. */
#include "calls.h"
#include "gradient_trial.h"
#include "io/hdf5/h5.h"
#include "noise.h"
#include "shared_folder.h"

#define SAMPLES 30
#define STEPS 5
#define WORDS 900 /* more than bfloat16 tells apart */

/* Every index comes up several times, as words do. */
static void put_data(const char *path, bool lengths) {
    static int32_t x[SAMPLES * STEPS], y[SAMPLES];
    static uint8_t length[SAMPLES];
    const int64_t samples = SAMPLES;
    nn_h5 *file;
    for (int i = 0; i < SAMPLES * STEPS; i++)
        x[i] = (int32_t)(WORDS - 1 - noise() % 40);
    for (int i = 0; i < SAMPLES; i++) {
        y[i] = (int32_t)(noise() % 5);
        length[i] = (uint8_t)(1 + noise() % STEPS);
    }
    WORKS(nn_h5_create(path, &file));
    WORKS(nn_h5_write(file, "/train/x", NN_I32, 2, (const int64_t[]){SAMPLES, STEPS}, 0, 0, x));
    WORKS(nn_h5_write(file, "/train/y", NN_I32, 1, &samples, 0, 0, y));
    if (lengths)
        WORKS(nn_h5_write(file, "/train/len", NN_U8, 1, &samples, 0, 0, length));
    WORKS(nn_h5_close(file));
}

/* Odd widths, so that parts of W_hh begin anywhere; narrow and wide dense layers, which hold their
 * weights in other orders. */
static const char *const models[] = {
    "[embedding: {vocabulary: 900, units: 24}, lstm: {units: 17, bidirectional: true, layers: 2, "
    "return: all}, dense: {units: 9}, gru: {units: 13}, dense: {units: 5}]",
    "[embedding: {vocabulary: 900, units: 8, padding_idx: 899}, gru: {units: 19, layers: 2, "
    "dropout: 0.2, bias: false, return: all}, rnn: {units: 16, return: all}, dense: {units: 33}, "
    "flatten, dense: {units: 5}]",
    "[embedding: {vocabulary: 900, units: 128}, dense: {units: 160, activation: tanh}, "
    "lstm: {units: 64}, dense: {units: 5}]"};

/* Products whose rows are emitted, and how many of them go to other nodes. */
static size_t count_emitted(const nn_session *s, size_t *travelling) {
    nn_outer_grad grad[64];
    size_t count = nn_model_outer_grads(s->model, grad), emitted = 0, index;
    *travelling = 0;
    for (size_t i = 0; i < count; i++)
        if (nn_model_emits_rows(s->model, grad[i].layer, grad[i].outer, &index)) {
            emitted++;
            *travelling += nn_reducer_sends_rows(s->reducer, index);
        }
    return emitted;
}

static void check_choice(const nn_session *s, const nn_comm *world, size_t model, bool lengths) {
    size_t all = nn_model_outer_grads(s->model, NULL), travelling;
    size_t emitted = count_emitted(s, &travelling);
    if (nn_comm_nodes(world) > 1)
        CHECK_EQ_INT(travelling, all);
    else if (model == 2 && nn_comm_size(world) > 1) /* the last dense layer is too small */
        CHECK_EQ_INT(emitted, lengths ? 2 : 4);
}

static int compare(nn_comm *world, nn_comm *alone, nn_config *config, size_t model, bool lengths,
                   double tolerance) {
    struct gradient_trial all = {.weight = 0}, one = {.weight = 0};
    int64_t rows, global;
    int rc = 0;
    NN_TRY_GOTO(gradient_trial_open(&all, world, config, 0));
    NN_TRY_GOTO(gradient_trial_open(&one, alone, config, 0));
    check_choice(&all.session, world, model, lengths);
    for (int64_t i = 0; i < nn_loader_batches(all.loader); i++) {
        NN_TRY_GOTO(gradient_trial_run(&all, i, &rows));
        NN_TRY_GOTO(gradient_trial_run(&one, i, &global));
        CHECK_NEAR(all.weight, (double)global, 0);
        CHECK_NEAR(gradient_trial_distance(&all, &one), 0, tolerance);
    }
done:
    gradient_trial_close(&all);
    gradient_trial_close(&one);
    return rc;
}

/* 30 samples: four minibatches of 7 and one of 2, of which some of four ranks have nothing. */
static void test_model(nn_comm *world, nn_comm *alone, const char *folder, size_t model,
                       bool lengths, bool compress) {
    bool several = nn_comm_nodes(world) > 1;
    nn_config *config = NULL;
    char text[1024];
    snprintf(text, sizeof text,
             "data: {path: %s/%s.h5}\nmodel: %s\nloss: cross_entropy\n"
             "train: {batch_size: 7, threads: 1, between_nodes: %s, compress: %s}\n",
             folder, lengths ? "lengths" : "whole", models[model], several ? "rows" : "auto",
             compress ? "bf16" : "none");
    WORKS(nn_config_parse("rows.yaml", text, strlen(text), &config));
    WORKS(compare(world, alone, config, model, lengths, compress && several ? 2e-2 : 1e-5));
    nn_config_free(config);
}

int main(void) {
    struct shared_folder folder;
    nn_comm *world = NULL, *alone = NULL;
    WORKS(nn_comm_init(&world));
    WORKS(nn_comm_alone(&alone));
    if (shared_folder_enter(&folder, world) && nn_comm_rank(world) == 0) {
        put_data("lengths.h5", true);
        put_data("whole.h5", false);
    }
    WORKS(nn_comm_agree(world, 0));
    for (size_t model = 0; model < sizeof models / sizeof *models; model++)
        for (int way = 0; way < 4; way++)
            test_model(world, alone, folder.path, model, way % 2, way / 2);
    shared_folder_leave(&folder, world);
    nn_comm_free(alone);
    nn_comm_free(world);
    return check_done();
}
