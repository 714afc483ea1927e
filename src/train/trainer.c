/* What a trainer consists of: data, model and memory, planned, checked and released. */
#include "train/trainer.h"

#include "base/log.h"
#include "base/numbers/rng.h"
#include "base/system/flag.h"
#include "comm/heartbeat.h"
#include "data/classes.h"
#include "data/values/normalize.h"
#include "io/files/folder.h"
#include "math/float_mode.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/schedules/schedule.h"
#include "train/replicas/hash.h"
#include "train/session/share_naming.h"

#include <string.h>

/* A schedule that goes by validation wants some. */
static int check_schedule(const nn_trainer *t) {
    const nn_settings *s = t->session.settings;
    const nn_schedule_ops *schedule = (const nn_schedule_ops *)s->train.schedule.row;
    if (!schedule->observe || (t->valid && (s->validate.every_epochs || s->validate.every_steps)))
        return 0;
    return nn_node_fail(s->train.schedule_node,
                        "the schedule '%s' goes by validation: the data set needs a valid or test "
                        "split, and validate.every_epochs or every_steps must be set",
                        schedule->entry.name);
}

/* The bits are those of microbatches. */
static int check_reproducible(const nn_trainer *t) {
    const nn_settings *s = t->session.settings;
    if (!s->train.reproducible || t->session.micro)
        return 0;
    return nn_node_fail(nn_node_get(s->train_node, "reproducible"),
                        "%lld microbatches can be shared by at most as many ranks, and there are "
                        "%d: start fewer, or set train.microbatches to a larger number, which "
                        "gives other bits",
                        (long long)s->train.microbatches, nn_comm_size(t->comm));
}

bool nn_trainer_has_folder(const nn_trainer *t) {
    return !t->options->run_dir || *t->options->run_dir;
}

/* Without a folder there are no checkpoints to have memory for. */
static int check_memory(nn_trainer *t) {
    NN_TRY(nn_memory_plan(&t->session, &t->memory));
    if (!nn_trainer_has_folder(t))
        t->memory.staging = 0;
    return nn_memory_check(&t->session, &t->memory);
}

/* What a step in parts, or on rows of the program's, cannot do. */
static int check_parts(const nn_trainer *t) {
    const nn_settings *s = t->session.settings;
    if (!t->session.in_parts)
        return 0;
    if (s->train.accumulate > 1)
        return nn_node_fail(nn_node_get(s->train_node, "accumulate"),
                            "a step in parts, or on rows that the program supplies, has one "
                            "pass: set train.accumulate to 1");
    if (s->train.reduce == NN_REDUCE_NODE)
        return nn_node_fail(nn_node_get(s->train_node, "reduce"),
                            "a step in parts, or on rows that the program supplies, sums "
                            "gradients by MPI_Allreduce: set train.reduce to auto or allreduce");
    if (s->train.compress != NN_COMPRESS_NONE)
        return nn_node_fail(nn_node_get(s->train_node, "compress"),
                            "a step in parts, or on rows that the program supplies, sums "
                            "gradients by MPI_Allreduce, which rounds nothing: set train.compress "
                            "to none");
    if (s->train.optimizer_state != NN_STATE_PER_NODE)
        return nn_node_fail(nn_node_get(s->train_node, "optimizer_state"),
                            "a step in parts, or on rows that the program supplies, sums "
                            "gradients by MPI_Allreduce, and every rank takes all of it: set "
                            "train.optimizer_state to per_node");
    if (s->train.between_nodes == NN_BETWEEN_ROWS)
        return nn_node_fail(nn_node_get(s->train_node, "between_nodes"),
                            "a step in parts, or on rows that the program supplies, sums "
                            "gradients by MPI_Allreduce: set train.between_nodes to auto or "
                            "gradients");
    return 0;
}

static int open_train(nn_trainer *t) {
    nn_session *session = &t->session;
    NN_TRY(nn_trainer_open_supplied(t));
    if (!session->data->split[0].supplied)
        return nn_session_loader_shared(session, "train", session->batch_size, true, &t->train);
    t->train = t->supplied;
    return 0;
}

/* The splits that are evaluated. */
static int open_evaluated(nn_trainer *t) {
    nn_session *session = &t->session;
    if (nn_dataset_split(session->data, "test"))
        NN_TRY(
            nn_session_loader_shared(session, "test", session->eval_batch_size, false, &t->test));
    NN_TRY(nn_session_validation_split(session, &t->valid_split));
    if (t->valid_split && strcmp(t->valid_split, "test") == 0)
        t->valid = t->test;
    else if (t->valid_split)
        return nn_session_loader_shared(session, t->valid_split, session->eval_batch_size, false,
                                        &t->valid);
    return 0;
}

/* Without rows there are no epochs, and such a warm-up would be none. */
static int check_warmup(const nn_trainer *t) {
    const nn_settings *s = t->session.settings;
    if (!t->session.data->split[0].supplied || !s->train.warmup.epochs)
        return 0;
    return nn_node_fail(nn_node_get(s->train.warmup_node, "epochs"),
                        "the data set has no rows, and so no epochs: give warmup.steps");
}

/* train.report: gradients. */
static int set_up_report(nn_trainer *t) {
    const nn_model *model = t->session.model;
    const nn_layer *const *layer;
    if (t->session.settings->train.report != NN_REPORT_GRADIENTS)
        return 0;
    NN_TRY(NN_NEW(&t->delta, nn_model_layers(model, &layer), "gradient report"));
    if (nn_comm_rank(t->comm) > 0)
        return 0;
    return NN_NEW(&t->before, nn_model_size(model), "parameters before a step");
}

/* By itself bfloat16 is not taken where the bits are to be those of any processor. */
static bool may_take_bf16(const nn_settings *s) {
    return s->train.precision == NN_PRECISION_BF16 ||
           (s->train.precision == NN_PRECISION_AUTO && !s->train.reproducible);
}

/* Data, model and memory: everything that can go wrong on one rank alone. */
static int set_up_local(nn_trainer *t, int threads, const nn_naming *trained) {
    nn_session *session = &t->session;
    NN_TRY(nn_session_plan(session, t->comm, t->config, trained, t->options->in_parts));
    session->in_parts = t->options->in_parts || session->data->split[0].supplied;
    NN_TRY(check_parts(t));
    NN_TRY(check_warmup(t));
    NN_TRY(check_reproducible(t));
    int64_t wanted = session->settings->train.threads;
    session->compute.threads = wanted ? (int)wanted : nn_session_threads(session, threads);
    session->compute.bf16 = may_take_bf16(session->settings) && nn_kernels_bf16();
    NN_TRY(check_memory(t));
    NN_TRY(nn_dataset_check_classes(session->data));
    NN_TRY(nn_dataset_normalize(session->data, nn_session_sees_images(session)));
    if (nn_trainer_has_folder(t))
        NN_TRY(nn_timeline_new(session, &t->timeline));
    NN_TRY(open_train(t));
    NN_TRY(open_evaluated(t));
    NN_TRY(nn_trainer_check_data(t));
    if (t->valid)
        NN_TRY(nn_session_evaluation_new(session, &t->validation));
    NN_TRY(set_up_report(t));
    return check_schedule(t);
}

void nn_trainer_plan_steps(nn_trainer *t) {
    const nn_settings *set = t->session.settings;
    const nn_state *s = &t->state;
    t->steps_per_epoch = nn_loader_batches(t->train);
    int64_t left = (set->train.epochs - s->epoch) * t->steps_per_epoch - s->batch;
    t->total_steps = s->step + (left > 0 ? left : 0);
    if (t->session.data->split[0].supplied)
        t->total_steps = INT64_MAX; /* there are no epochs to end with */
    if (set->train.max_steps >= 0 && set->train.max_steps < t->total_steps)
        t->total_steps = set->train.max_steps > s->step ? set->train.max_steps : s->step;
}

static void warn_about_test(const nn_trainer *t) {
    if (t->valid && t->valid == t->test && t->session.settings->validate.stopping_node &&
        nn_comm_rank(t->comm) == 0)
        nn_warn("early stopping chooses by the test split, so the test result will flatter; make a "
                "validation split with `nnmpi data split`");
}

/* What must be equal on all ranks, in numbers. */
enum { IDENTITY = 10, ARRAYS = 7, IN_PARTS = 9 };

/* Of a program's arrays, which every rank has for itself: some of the rows. */
enum { HASHED_ROWS = 64 };
static uint64_t hash_arrays(const nn_dataset *data) {
    static const char field[] = {'x', 'y'};
    uint64_t hash = 0;
    for (size_t i = 0; i < data->splits * sizeof field; i++) {
        const nn_split *split = &data->split[i / sizeof field];
        const char *rows = nn_dataset_rows(data, split, field[i % sizeof field]);
        size_t bytes = nn_split_field(split, field[i % sizeof field])->row_bytes;
        for (int64_t k = 0; rows && split->samples > 0 && k < HASHED_ROWS; k++)
            hash = nn_mix64(
                hash ^
                nn_hash_bytes(rows + (size_t)(split->samples * k / HASHED_ROWS) * bytes, bytes));
    }
    return hash;
}

static int identify(const nn_trainer *t, uint64_t id[IDENTITY]) {
    const char *text = nn_config_text(t->config);
    if (!text)
        return NN_EMEMORY;
    id[0] = nn_hash_text(text);
    id[1] = nn_model_size(t->session.model);
    id[2] = (uint64_t)t->session.data->split[0].samples;
    id[3] = (uint64_t)t->session.data->classes;
    id[4] = nn_loader_bytes(t->train);
    id[5] = t->test ? nn_loader_bytes(t->test) : 1;
    id[6] = t->valid ? nn_loader_bytes(t->valid) : 1;
    id[ARRAYS] = hash_arrays(t->session.data);
    id[8] = nn_trainer_has_folder(t);
    id[IN_PARTS] = t->session.in_parts;
    return 0;
}

/* Ranks that read different files, from folders that are not shared, would sum up gradients of
 * different models or wait for each other without end. */
static int check_same(const nn_trainer *t) {
    uint64_t mine[IDENTITY] = {0}, first[IDENTITY];
    int rc = 0;
    NN_TRY(nn_comm_agree(t->comm, identify(t, mine)));
    memcpy(first, mine, sizeof first);
    NN_TRY(nn_comm_bcast(t->comm, first, sizeof first));
    if (first[ARRAYS] != mine[ARRAYS])
        rc = nn_fail(NN_EUSAGE,
                     "the arrays of the data set are not those of rank 0: give all ranks the "
                     "same ones, or put the parts of the ranks together by nn_data_gather");
    else if (first[IN_PARTS] != mine[IN_PARTS])
        rc = nn_fail(NN_EUSAGE, "nn_train_options.in_parts is not that of rank 0: set it on all "
                                "ranks or on none");
    else if (memcmp(first, mine, sizeof first) != 0)
        rc = nn_fail(NN_EUSAGE,
                     "configuration, data set or run folder differ from those of rank 0; put "
                     "them into a folder that all nodes share");
    return nn_comm_agree(t->comm, rc);
}

/* bfloat16 where it is asked for and all ranks have it. */
static int choose_precision(nn_trainer *t) {
    const nn_settings *s = t->session.settings;
    double lacking = nn_kernels_bf16() ? 0 : 1;
    int rc = 0;
    if (!may_take_bf16(s))
        return 0;
    NN_TRY(nn_comm_sum(t->comm, &lacking, 1));
    t->session.compute.bf16 = lacking == 0;
    if (s->train.precision == NN_PRECISION_BF16 && !nn_kernels_bf16())
        rc = nn_node_fail(nn_node_get(s->train_node, "precision"),
                          "bf16 wants a processor with AVX512_BF16 on every rank, and its "
                          "kernels, v4: this one computes with %s; auto takes float32 where there "
                          "is none",
                          nn_kernels_get()->isa);
    return nn_comm_agree(t->comm, rc);
}

/* Whether rank 0 asks the program for the end, which the others are then told. */
static int share_options(nn_trainer *t) {
    t->has_ends = t->options->ends != NULL;
    return nn_comm_bcast(t->comm, &t->has_ends, sizeof t->has_ends);
}

static int fill_split(nn_trainer *t, nn_loader *loader, const char *split,
                      nn_node_buffer **shared) {
    const void *rows = nn_samples_rows(t->samples, split, nn_loader_bytes(loader));
    if (rows)
        return nn_comm_agree(t->comm, nn_loader_attach(loader, rows));
    return nn_session_fill(&t->session, loader, shared);
}

/* Reads the samples, each node once. */
static int fill(nn_trainer *t) {
    nn_comm_at(t->comm, NN_PHASE_FILL);
    NN_TRY(fill_split(t, t->train, "train", &t->shared[0]));
    if (t->test)
        NN_TRY(fill_split(t, t->test, "test", &t->shared[1]));
    if (t->valid && t->valid != t->test)
        NN_TRY(fill_split(t, t->valid, t->valid_split, &t->shared[2]));
    return 0;
}

void nn_trainer_forget_minibatches(const nn_trainer *t) {
    nn_loader *const loader[] = {t->train, t->valid, t->test};
    for (size_t i = 0; i < sizeof loader / sizeof *loader; i++)
        if (loader[i])
            nn_loader_forget(loader[i]);
}

/* `rc`, or that there is no need to go on setting up. */
static int unless_stopped(const nn_trainer *t, int rc) {
    if (rc < 0 || !nn_flag_read(t->options->stop))
        return rc;
    return nn_fail(NN_ESTOPPED, "stopped before the first step: there was nothing to save");
}

/* A run goes on with the classes and columns of its checkpoint, in whatever order the data have
 * them. */
static int find_naming(nn_trainer *t, nn_pool *pool, nn_naming *naming) {
    const nn_train_options *o = t->options;
    nn_data_traits before = {0};
    int rc = 0;
    if (!o->resume || !o->run_dir)
        return 0;
    if (nn_comm_rank(t->comm) == 0 && nn_is_folder(o->run_dir))
        rc = nn_run_open(t->config, o->run_dir, true, &t->run);
    NN_TRY(nn_comm_agree(t->comm, rc));
    if (t->run)
        before = nn_run_traits(t->run);
    *naming = nn_data_naming(&before);
    return nn_naming_bcast(t->comm, pool, naming);
}

/* The same on every rank. */
static int check_config(const nn_trainer *t) {
    nn_log_hold(nn_comm_rank(t->comm) > 0);
    int rc = nn_config_check(t->config);
    nn_log_hold(false);
    return nn_comm_agree(t->comm, rc);
}

static int set_up(nn_trainer *t) {
    int threads = nn_comm_threads(t->comm);
    nn_naming trained = {0};
    nn_pool pool = {0};
    int rc = check_config(t);
    if (rc == 0)
        rc = find_naming(t, &pool, &trained);
    if (rc == 0) {
        nn_log_hold(nn_comm_rank(t->comm) > 0);
        rc = set_up_local(t, threads, &trained);
        nn_log_hold(false);
        rc = nn_comm_agree(t->comm, unless_stopped(t, rc));
    }
    nn_pool_release(&pool);
    return rc;
}

/* A run that goes on between nodes has what travels between them as before, and so the same bits.
 */
static int remember_link(nn_trainer *t) {
    const char *text = t->run ? nn_run_link(t->run) : NULL;
    if (t->session.settings->train.between_nodes == NN_BETWEEN_REMEASURE)
        return 0;
    if (text && !nn_link_read(text, &t->session.link))
        nn_warn("%s: /link holds no measurements: they are made anew", nn_run_from(t->run));
    return nn_comm_bcast(t->comm, &t->session.link, sizeof t->session.link);
}

int nn_trainer_open(nn_trainer *t) {
    t->float_mode = nn_float_mode_flush();
    nn_comm_at(t->comm, NN_PHASE_PLAN);
    NN_TRY(set_up(t));
    NN_TRY(check_same(t));
    NN_TRY(choose_precision(t));
    NN_TRY(share_options(t));
    NN_TRY(fill(t));
    nn_comm_at(t->comm, NN_PHASE_ALLOCATE);
    NN_TRY(nn_comm_agree(t->comm, nn_updater_new(&t->updater)));
    NN_TRY(remember_link(t));
    nn_reduce_ops ops = nn_updater_ops(&t->session);
    NN_TRY(nn_session_allocate(&t->session, &ops, t->updater));
    int rc = nn_updater_plan(t->updater, &t->session);
    NN_TRY(nn_comm_agree(t->comm, unless_stopped(t, rc)));
    nn_memory_allocated(&t->session, &t->memory);
    if (!nn_trainer_has_folder(t))
        t->memory.staging = 0;
    nn_trainer_plan_steps(t);
    warn_about_test(t);
    NN_TRY(nn_comm_agree(t->comm, nn_trainer_open_measured(t)));
    bool moves = t->session.settings->train.balance == NN_BALANCE_SPEED;
    return nn_balance_new(t->comm, moves ? &t->session.shards : NULL, &t->balance);
}

void nn_trainer_close(nn_trainer *t) {
    if (t->session.reducer)
        (void)nn_reducer_complete(
            t->session.reducer); /* the node's other ranks wait for this one */
    nn_free(t->best);
    nn_free(t->delta);
    nn_free(t->before);
    nn_free(t->measured);
    nn_balance_free(t->balance);
    nn_evaluation_free(t->validation);
    nn_updater_free(t->updater);
    nn_free(t->supplied_by);
    if (t->supplied != t->train)
        nn_loader_free(t->supplied);
    nn_loader_free(t->train);
    if (t->valid != t->test)
        nn_loader_free(t->valid);
    nn_loader_free(t->test);
    for (size_t i = 0; i < sizeof t->shared / sizeof *t->shared; i++)
        nn_node_buffer_free(t->shared[i]);
    nn_run_free(t->run);
    nn_session_release(&t->session);
    nn_timeline_free(t->timeline); /* where the others note what they do */
    nn_float_mode_set(t->float_mode);
}
