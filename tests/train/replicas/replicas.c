/* ranks: 3 4 */
/* nodes: 2 */
/* timeout: 120 */
/* A bit that changes in one rank's copy of the model, or of the optimiser's state, is found, named
 * and repaired. The training loop is that of the library, around steps that flip a bit at times. */
#include "check.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <unistd.h>

static int step_and_flip(nn_trainer *t);

#define nn_trainer_step step_and_flip
#include "../../../src/train/training/training.c"
#undef nn_trainer_step

enum { STEPS = 12, STEP = 5, ELEMENT = 70 };

enum vector { NOTHING, PARAMETERS, AVERAGE, STATE };

/* The bit of element ELEMENT of the weight of layer 'b', in the copy of the last rank's node. */
static enum vector target;

static void flip(nn_real *x) {
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    bits ^= 1u << 3;
    memcpy(x, &bits, sizeof bits);
}

static size_t place_of(const nn_model *model) {
    const nn_param *const *param;
    size_t params = nn_model_params(model, &param);
    for (size_t i = 0; i < params; i++)
        if (strcmp(param[i]->layer->name, "b") == 0 && strcmp(param[i]->name, "weight") == 0)
            return param[i]->offset + ELEMENT;
    return 0;
}

/* By the rank that takes the step on the element, which also hashes it. */
static void flip_own(const nn_session *s, enum vector vector, size_t at) {
    for (size_t i = 0; i < nn_reducer_slices(s->reducer); i++) {
        nn_slice slice = nn_reducer_slice(s->reducer, i);
        if (at < slice.begin || at >= slice.end)
            continue;
        if (vector == STATE)
            flip(s->slot[0] + slice.at + (at - slice.begin));
        else
            flip((vector == PARAMETERS ? s->params : s->average) + at);
    }
}

static bool on_last(const nn_trainer *t, int nodes) {
    int rank = nn_comm_rank(t->comm), size = nn_comm_size(t->comm);
    return nodes > 1 ? rank * nodes / size == nodes - 1 : rank == size - 1;
}

static int nodes(void) {
    const char *text = getenv("NNMPI_TEST_NODES");
    return text ? atoi(text) : 1;
}

static int step_and_flip(nn_trainer *t) {
    NN_TRY(nn_trainer_step(t));
    if (target == NOTHING || t->state.step != STEP)
        return 0;
    NN_TRY(nn_trainer_complete_step(t)); /* else the step carries the bit on */
    if (on_last(t, nodes()))
        flip_own(&t->session, target, place_of(t->session.model));
    target = NOTHING; /* a bit flips once */
    return 0;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static const char base[] =
    "data: {source: iris}\n"
    "model: [dense: {name: a, units: 30, activation: tanh}, dense: {name: b, units: 3}]\n"
    "loss: cross_entropy\n"
    "train: {batch_size: 30, max_steps: 12, epochs: 100, ema: {decay: 0.9},\n"
    "        optimizer: {momentum: {lr: 0.1}}}\n"
    "validate: {every_epochs: 0}\n"
    "checkpoint: {every_steps: 4}\n";

struct outcome {
    int rc;
    char message[2000], digest[65];
};

/* A run from its beginning, with `key` set, in which a bit of `vector` flips. */
static struct outcome run(const char *dir, const char *key, enum vector vector,
                          nn_mismatch on_mismatch) {
    struct outcome outcome = {.rc = 0};
    nn_config *config = NULL;
    nn_comm *comm = NULL;
    nn_train_result result = {.size = sizeof result};
    nn_train_options options = {.size = sizeof options, .run_dir = dir, .on_mismatch = on_mismatch};
    target = vector;
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    CHECK_EQ_INT(nn_config_parse("replicas.yaml", base, strlen(base), &config), 0);
    CHECK_EQ_INT(
        nn_config_override(config, nodes() > 1 ? "train.reduce=node" : "train.reduce=allreduce"),
        0);
    CHECK_EQ_INT(nn_config_override(config, key), 0);
    outcome.rc = nn_train(comm, config, &options, &result);
    if (outcome.rc < 0)
        snprintf(outcome.message, sizeof outcome.message, "%s", nn_error_message());
    snprintf(outcome.digest, sizeof outcome.digest, "%s", result.digest);
    nn_train_result_release(&result);
    nn_config_free(config);
    nn_comm_free(comm);
    return outcome;
}

static const char every_step[] = "train.check_replicas=1";

/* The ranks that hold a share. */
static int replicas(const nn_comm *comm) {
    return nodes() > 1 ? nodes() : nn_comm_size(comm);
}

static void check_found(const nn_comm *comm, const struct outcome *o, long long step,
                        const char *what) {
    char text[64];
    snprintf(text, sizeof text, "the replicas differ after step %lld: rank ", step);
    CHECK_EQ_INT(o->rc, NN_ERANK);
    CHECK_CONTAINS(o->message, text);
    CHECK_CONTAINS(o->message, nn_comm_host(comm));
    snprintf(text, sizeof text, "most of %d replicas", replicas(comm));
    CHECK_CONTAINS(o->message, replicas(comm) > 2 ? text : " holds other bits than rank ");
    CHECK_CONTAINS(o->message, what);
    CHECK_CONTAINS(o->message, "layer 'b', weight, elements 64 to 89 of 90 (in all 1 ranges");
    if (nodes() == 1) {
        snprintf(text, sizeof text, "rank %d on ", nn_comm_size(comm) - 1);
        CHECK_CONTAINS(o->message, text);
    }
}

static void check_stop(const nn_comm *comm) {
    struct outcome o = run("stop", every_step, PARAMETERS, NN_MISMATCH_STOP);
    check_found(comm, &o, STEP, " in layer 'b'");
    o = run("average", every_step, AVERAGE, NN_MISMATCH_STOP);
    check_found(comm, &o, STEP, " in the average of layer 'b'");
    o = run("state", every_step, STATE, NN_MISMATCH_STOP);
    check_found(comm, &o, STEP, " in the optimiser's momentum_buffer of layer 'b'");
}

/* Without a word of it replicas are compared before each checkpoint, which is not written. */
static void check_default(const nn_comm *comm) {
    struct outcome o = run("saves", "train.log_every=1", AVERAGE, NN_MISMATCH_STOP);
    check_found(comm, &o, 8, "the average of ");
    if (nn_comm_rank(comm) == 0) {
        CHECK(access("saves/checkpoint-4.h5", F_OK) == 0);
        CHECK(access("saves/checkpoint-8.h5", F_OK) != 0);
    }
    o = run("never", "train.check_replicas=0", AVERAGE, NN_MISMATCH_STOP);
    CHECK_EQ_INT(o.rc, 0);
}

/* By the majority, or from the checkpoint of step 4. */
static void check_repair(enum vector vector, const char *dir, const char *digest) {
    struct outcome o = run(dir, every_step, vector, NN_MISMATCH_REPAIR);
    if (!CHECK_EQ_INT(o.rc, 0))
        fprintf(stderr, "%s\n", o.message);
    CHECK_STR(o.digest, digest);
}

/* Found at the end, when there is no checkpoint to go back to. */
static void check_lost(const nn_comm *comm) {
    struct outcome o = run("lost", "checkpoint.every_steps=100", PARAMETERS, NN_MISMATCH_REPAIR);
    CHECK_EQ_INT(o.rc, replicas(comm) > 2 ? 0 : NN_ERANK);
    if (o.rc < 0)
        CHECK_CONTAINS(o.message, "no checkpoint to go back to");
}

static enum nn_save_clock clock_after(double seconds, double compare_s) {
    nn_settings settings = {.checkpoint.every_minutes = 10};
    nn_trainer t = {.session.settings = &settings, .compare_s = compare_s};
    t.saved_at = nn_seconds() - seconds;
    return nn_trainer_save_clock(&t);
}

/* Where nobody said when to save, comparing takes a thousandth of the time at most. */
static void check_pace(void) {
    CHECK_EQ_INT(clock_after(5, 0), NN_SAVE_NOT_YET);
    CHECK_EQ_INT(clock_after(50, 0.04), NN_SAVE_MAY);
    CHECK_EQ_INT(clock_after(50, 0.06), NN_SAVE_NOT_YET);
    CHECK_EQ_INT(clock_after(600, 2), NN_SAVE_MUST);
}

int main(void) {
    nn_comm *comm = NULL;
    char path[] = "/tmp/nnmpi-replicas.XXXXXX", command[64];
    if (!CHECK(nn_comm_init(&comm) == 0))
        return check_done();
    int here = nn_comm_rank(comm) == 0 ? CHECK(mkdtemp(path) && chdir(path) == 0) : 1;
    if (CHECK(here)) {
        struct outcome whole = run("whole", every_step, NOTHING, NN_MISMATCH_STOP);
        CHECK_EQ_INT(whole.rc, 0);
        check_stop(comm);
        check_default(comm);
        check_repair(PARAMETERS, "repaired", whole.digest);
        check_repair(AVERAGE, "repaired_average", whole.digest);
        check_repair(STATE, "repaired_state", whole.digest);
        check_lost(comm);
        check_pace();
    }
    if (nn_comm_rank(comm) == 0) {
        snprintf(command, sizeof command, "rm -rf '%s'", path);
        CHECK(chdir("/") == 0 && system(command) == 0);
    }
    nn_comm_free(comm);
    return check_done();
}
