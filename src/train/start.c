/* The start of a run: with fresh or pretrained parameters, or from its newest checkpoint. */
#include "base/log.h"
#include "base/system/clock.h"
#include "comm/heartbeat.h"
#include "data/fingerprint.h"
#include "math/gemm/gemm.h"
#include "math/kernels.h"
#include "train/checkpoint/import_weights.h"
#include "train/config/changes.h"
#include "train/trainer.h"

#include <nnmpi/version.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *nn_trainer_kernels(const nn_trainer *t, char text[NN_KERNELS_TEXT]) {
    const nn_kernels *kernels = nn_kernels_get();
    bool any = t->session.settings->train.reproducible && kernels->fused;
    char products[NN_GEMM_TEXT];
    snprintf(text, NN_KERNELS_TEXT, "%s, nnmpi %s (%s)",
             nn_gemm_name(&t->session.compute, products), NNMPI_VERSION,
             any ? "fused multiply-adds" : kernels->isa);
    return text;
}

/* Whether products that nn_trainer_kernels names so round to bfloat16. */
static bool in_bf16(const char *kernels) {
    return strncmp(kernels, "bfloat16", strlen("bfloat16")) == 0;
}

/* The promise of the same bits holds for the same products, by kernels of the same name: all that
 * multiply and add at once have one. */
static int check_kernels(const nn_trainer *t, const char *before) {
    char now[NN_KERNELS_TEXT];
    const char *back = "";
    if (!t->session.micro || !before || strcmp(before, nn_trainer_kernels(t, now)) == 0)
        return 0;
    if (in_bf16(before) != in_bf16(now))
        back = in_bf16(before) ? "train.precision to bf16, as it was, or "
                               : "train.precision to float32, as it was, or ";
    return nn_fail(NN_EUSAGE,
                   "the checkpoint was computed with %s, and this run computes with %s: it "
                   "would not go on with the same bits; set %strain.reproducible to false to go "
                   "on all the same",
                   before, now, back);
}

/* The run folder (rank 0), and from it the newest checkpoint where there is one and it is asked
 * for; else fresh parameters. */
static int open_run(nn_trainer *t, nn_snapshot *snapshot, bool *resumed) {
    NN_TRY(nn_session_open_snapshot(&t->session, snapshot));
    if (!t->run)
        NN_TRY(nn_run_open(t->config, t->options->run_dir, t->options->resume, &t->run));
    NN_TRY(nn_run_resume(t->run, snapshot, resumed));
    if (!*resumed)
        return 0;
    t->state = snapshot->state;
    return check_kernels(t, snapshot->kernels);
}

int nn_trainer_check_data(nn_trainer *t) {
    nn_dataset *data = t->session.data;
    const char *before = t->run ? nn_run_traits(t->run).fingerprint : NULL;
    char text[NN_FINGERPRINT_TEXT];
    if (!nn_trainer_has_folder(t) || nn_comm_rank(t->comm) > 0)
        return 0;
    NN_TRY(nn_dataset_fingerprint(data, t->valid_split));
    if (!before || !nn_fingerprint_differs(data, before, text))
        return 0;
    if (data->settings.when_changed == NN_CHANGE_ACCEPT) {
        nn_warn("%s: the data are not those that %s was trained on: %s; the run goes on with these "
                "(data.when_changed: accept)",
                data->path, nn_run_from(t->run), text);
        return 0;
    }
    return nn_fail(NN_EUSAGE,
                   "%s: the data are not those that %s was trained on: %s; go on with the data as "
                   "they were, or set data.when_changed to accept to go on with these",
                   data->path, nn_run_from(t->run), text);
}

/* Minibatches of another size go on where they begin at the same sample. */
static int check_batches(nn_trainer *t) {
    nn_state *s = &t->state;
    int64_t samples = nn_loader_samples(t->train), done = s->batch * s->batch_size;
    long long epoch = (long long)s->epoch + 1;
    if (s->batch_size < 1)
        return nn_fail(NN_EFORMAT, "the checkpoint does not say how large its minibatches were");
    if (s->steps_per_epoch != (samples + s->batch_size - 1) / s->batch_size)
        return nn_fail(NN_EUSAGE,
                       "the checkpoint stands at minibatch %lld of %lld in epoch %lld, each of "
                       "%lld samples, but the data set has %lld samples now; go on with the data "
                       "as they were",
                       (long long)s->batch, (long long)s->steps_per_epoch, epoch,
                       (long long)s->batch_size, (long long)samples);
    if (done % t->session.batch_size)
        return nn_fail(NN_EUSAGE,
                       "the checkpoint stands at sample %lld of %lld in epoch %lld, which "
                       "minibatches of %lld samples do not reach: go on with train.batch_size = "
                       "%lld, or with one that divides %lld",
                       (long long)done, (long long)samples, epoch, (long long)t->session.batch_size,
                       (long long)s->batch_size, (long long)done);
    s->batch = done / t->session.batch_size;
    return 0;
}

/* The position within an epoch means something only for the same samples in the same order. */
static int check_position(nn_trainer *t) {
    const nn_state *s = &t->state;
    long long batch = (long long)s->batch, epoch = (long long)s->epoch + 1;
    char order[80] = "shuffled as a whole";
    if (s->shuffle_buffer == 1)
        snprintf(order, sizeof order, "as stored (data.shuffle: false)");
    else if (s->shuffle_buffer > 1)
        snprintf(order, sizeof order, "shuffled in buffers of %lld samples (data.memory)",
                 (long long)s->shuffle_buffer);
    if (s->shuffle_buffer != nn_loader_shuffle_buffer(t->train))
        return nn_fail(NN_EUSAGE,
                       "the checkpoint stands at minibatch %lld in epoch %lld of samples %s; keep "
                       "data.memory and data.shuffle as they were until the epoch ends",
                       batch, epoch, order);
    if (s->seed != t->session.settings->train.seed)
        return nn_fail(NN_EUSAGE,
                       "the checkpoint stands at minibatch %lld in epoch %lld of an order drawn "
                       "with seed %lld; keep train.seed = %lld",
                       batch, epoch, (long long)s->seed, (long long)s->seed);
    return check_batches(t);
}

/* The epochs to come are drawn and divided as the configuration says. */
static void adopt(nn_trainer *t) {
    t->state.seed = t->session.settings->train.seed;
    t->state.batch_size = t->session.batch_size;
    t->state.steps_per_epoch = t->steps_per_epoch;
    t->state.shuffle_buffer = nn_loader_shuffle_buffer(t->train);
}

/* Between two epochs seed and minibatches may change, and from then on are those of the run. */
static int go_on(nn_trainer *t) {
    nn_state before = t->state;
    if (t->state.batch)
        NN_TRY(check_position(t));
    adopt(t);
    nn_trainer_plan_steps(t);
    nn_trainer_say_resumed(t, &before);
    return 0;
}

/* Shards that follow the speeds of the ranks go on as they were, where as many ranks share as many
 * rows; else they begin evenly. */
static int go_on_with_shards(nn_trainer *t, const nn_snapshot *snapshot) {
    nn_shards *shards = &t->session.shards;
    size_t bytes = (shards->holders + 1) * sizeof *shards->border;
    if (t->session.settings->train.balance == NN_BALANCE_EVEN)
        return 0;
    nn_trainer_forget_minibatches(t);
    if (snapshot->shards && nn_shards_fit(shards, snapshot->borders, snapshot->shards))
        memcpy(shards->border, snapshot->shards, bytes);
    return nn_comm_bcast(t->comm, shards->border, bytes);
}

/* Fresh parameters, or pretrained ones, with which their average starts; those of rank 0 count. */
static int init_parameters(nn_trainer *t) {
    const nn_settings *set = t->session.settings;
    nn_real *params = t->session.params;
    NN_TRY(nn_model_init(t->session.model, (uint64_t)t->state.seed, params));
    if (set->init.from)
        NN_TRY(nn_pretrained_read(
            &(nn_pretrained){.from = set->init.from,
                             .layers = set->init.layers,
                             .transposed = set->init.layout == NN_LAYOUT_INPUT_OUTPUT,
                             .node = set->init_node},
            t->session.model, params));
    if (t->session.average)
        memcpy(t->session.average, params, nn_model_size(t->session.model) * sizeof *params);
    return 0;
}

static int begin(nn_trainer *t) {
    t->state = nn_state_new();
    adopt(t);
    return nn_comm_agree(t->comm, nn_comm_rank(t->comm) == 0 ? init_parameters(t) : 0);
}

int nn_trainer_begin(nn_trainer *t) {
    NN_TRY(begin(t));
    return nn_session_distribute(&t->session, NULL);
}

/* After where the run stands, what of its configuration is another one. */
static int say_changes(const nn_trainer *t, const nn_snapshot *snapshot) {
    int rc = t->run ? nn_changes_say(t->session.settings->root, snapshot->config) : 0;
    if (t->run && snapshot->residual.left)
        nn_info("what rounding to bfloat16 took from gradients between nodes stands in the "
                "checkpoint, and is dropped where they do not travel as sums in bfloat16 any more");
    return nn_comm_agree(t->comm, rc);
}

static int start_from(nn_trainer *t, nn_snapshot *snapshot) {
    bool resumed = false;
    int rc = 0;
    if (nn_comm_rank(t->comm) == 0)
        rc = open_run(t, snapshot, &resumed);
    NN_TRY(nn_comm_agree(t->comm, rc));
    NN_TRY(nn_comm_bcast(t->comm, &resumed, sizeof resumed));
    NN_TRY(nn_comm_bcast(t->comm, &t->state, sizeof t->state));
    NN_TRY(resumed ? nn_comm_agree(t->comm, go_on(t)) : begin(t));
    if (resumed)
        NN_TRY(go_on_with_shards(t, snapshot));
    NN_TRY(nn_comm_agree(t->comm, t->run ? nn_run_begin(t->run, resumed ? snapshot : NULL) : 0));
    if (resumed)
        NN_TRY(say_changes(t, snapshot));
    if (!resumed && t->run && !t->options->run_dir)
        nn_info("run folder %s", nn_run_dir(t->run));
    t->first_step = t->state.step;
    return nn_session_distribute(&t->session, resumed ? snapshot : NULL);
}

int nn_trainer_start(nn_trainer *t) {
    nn_snapshot snapshot = {0};
    nn_comm_at(t->comm, NN_PHASE_START);
    int rc = start_from(t, &snapshot);
    nn_session_close_snapshot(&t->session, &snapshot);
    return rc;
}

static int reread(nn_trainer *t, nn_snapshot *snapshot, bool *rewound) {
    NN_TRY(nn_session_open_snapshot(&t->session, snapshot));
    NN_TRY(nn_run_rewind(t->run, snapshot, rewound));
    if (*rewound)
        t->state = snapshot->state;
    return 0;
}

static int rewind_to(nn_trainer *t, nn_snapshot *snapshot, bool *rewound) {
    nn_loader_rest(t->train);
    if (t->saver)
        NN_TRY(nn_trainer_wait_written(t));
    NN_TRY(nn_comm_agree(t->comm, t->run ? reread(t, snapshot, rewound) : 0));
    NN_TRY(nn_comm_bcast(t->comm, rewound, sizeof *rewound));
    NN_TRY(nn_comm_bcast(t->comm, &t->state, sizeof t->state));
    if (!*rewound)
        return 0;
    NN_TRY(go_on_with_shards(t, snapshot));
    nn_saver_forget_best(t->saver);
    nn_trainer_plan_steps(t);
    t->saved_step = t->state.step;
    t->validated_step = -1;
    t->saved_at = nn_seconds();
    nn_trainer_restart_interval(t);
    return nn_session_distribute(&t->session, snapshot);
}

int nn_trainer_rewind(nn_trainer *t, bool *rewound) {
    nn_snapshot snapshot = {0};
    *rewound = false;
    int rc = rewind_to(t, &snapshot, rewound);
    nn_session_close_snapshot(&t->session, &snapshot);
    return rc;
}
