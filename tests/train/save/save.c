/* ranks: 1 2 3 */
/* nodes: 2 */
/* timeout: 120 */
/* Saving in the background: what is written is the state at the moment of saving, whatever changes
 * after training has settled, residuals of sums between nodes among it; the best state waits in
 * memory for the next checkpoint; failures come to those who train. */
#include "run_folder.h"
#include "shim/fault.c"
#include "train/save/saver.h"

#include <nnmpi/comm.h>

/* A small model that every rank trains a part of, and the run folder of rank 0. */
struct training {
    nn_comm *comm;
    nn_config *config;
    nn_session session;
    nn_run *run;
    nn_saver *saver;
    char path[64];
};

static void no_step(void *ctx, const nn_slice *slice, const nn_real *g) {
    (void)ctx, (void)slice, (void)g;
}

static bool no_begin(void *ctx, const nn_step_sums *sums) {
    (void)ctx, (void)sums;
    return false;
}

static const nn_reduce_ops ops = {.begin_step = no_begin, .step = no_step};

/* Every rank goes to a folder of rank 0's choice. */
static int go_to_folder(struct training *t) {
    snprintf(t->path, sizeof t->path, "/tmp/nnmpi-save.XXXXXX");
    if (nn_comm_rank(t->comm) == 0 && !mkdtemp(t->path))
        return nn_fail(NN_EIO, "no folder");
    NN_TRY(nn_comm_bcast(t->comm, t->path, sizeof t->path));
    return chdir(t->path) == 0 ? 0 : nn_fail(NN_EIO, "no folder");
}

static int begin_run(struct training *t) {
    nn_snapshot snapshot = {0};
    bool resumed;
    NN_TRY(nn_run_open(t->config, "rdir", false, &t->run));
    NN_TRY(nn_run_resume(t->run, &snapshot, &resumed));
    return nn_run_begin(t->run, NULL);
}

static int begin(struct training *t, nn_comm *comm, const char *train) {
    char text[512];
    *t = (struct training){.comm = comm};
    snprintf(text, sizeof text,
             "{data: {source: iris}, model: [dense: {name: a, units: 300, activation: tanh}, "
             "dense: {name: b, units: 3}], loss: cross_entropy, checkpoint: {keep: 1}, "
             "train: {batch_size: 8, %s}}",
             train);
    NN_TRY(go_to_folder(t));
    NN_TRY(nn_config_parse("test", text, strlen(text), &t->config));
    NN_TRY(nn_session_plan(&t->session, comm, t->config, NULL, false));
    NN_TRY(nn_session_allocate(&t->session, &ops, NULL));
    NN_TRY(nn_comm_agree(comm, nn_comm_rank(comm) == 0 ? begin_run(t) : 0));
    return nn_saver_new(&t->session, t->run, &t->saver);
}

static void end(struct training *t) {
    char command[128];
    nn_saver_free(t->saver, false);
    nn_run_free(t->run);
    nn_session_release(&t->session);
    nn_config_free(t->config);
    nn_comm_agree(t->comm, 0);
    snprintf(command, sizeof command, "rm -rf '%s'", t->path);
    CHECK(chdir("/") == 0);
    if (nn_comm_rank(t->comm) == 0)
        CHECK(system(command) == 0);
}

/* Element i of vector v at some step. */
static nn_real value(int64_t step, size_t v, size_t i) {
    return (nn_real)(step + 1000 * (int64_t)v + (int64_t)(i % 97));
}

/* Number i of the residuals of all nodes. */
static uint16_t residual(int64_t step, size_t i) {
    return (uint16_t)((size_t)step * 7 + i % 4001);
}

/* They change before training has settled. */
static void advance_residuals(const nn_session *s, int64_t step) {
    size_t count = nn_reducer_residuals(s->reducer) * (size_t)nn_comm_nodes(s->comm);
    uint16_t *all = calloc(count + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++)
        all[i] = residual(step, i);
    CHECK(all != NULL);
    CHECK_EQ_INT(nn_reducer_scatter_residuals(s->reducer, all), 0);
    free(all);
}

/* What this rank takes the step on becomes that of a step. */
static void advance(struct training *t, int64_t step) {
    nn_session *s = &t->session;
    advance_residuals(s, step);
    nn_staging_complete(s->staging);
    for (size_t k = 0; k < nn_reducer_slices(s->reducer); k++) {
        nn_slice slice = nn_reducer_slice(s->reducer, k);
        for (size_t i = slice.begin; i < slice.end; i++) {
            nn_session_model_params(s)[i] = value(step, 0, i);
            for (size_t v = 0; v < s->slots; v++)
                s->slot[v][slice.at + i - slice.begin] = value(step, 1 + v, i);
            if (s->average)
                s->params[i] = value(step, 1 + s->slots, i);
        }
    }
    CHECK_EQ_INT(nn_comm_agree(t->comm, 0), 0); /* all have */
}

static nn_snapshot at(const struct training *t, int64_t step, int64_t best) {
    nn_snapshot snapshot = nn_session_snapshot(&t->session);
    snapshot.state.step = step;
    snapshot.state.best_step = best;
    snapshot.config = nn_config_text(t->config);
    return snapshot;
}

static bool exists(int64_t step) {
    char path[64];
    snprintf(path, sizeof path, "rdir/checkpoint-%d.h5", (int)step);
    return nn_file_exists(path);
}

static bool leads_to(const char *link, int64_t step) {
    char target[256] = "", wanted[64];
    snprintf(wanted, sizeof wanted, "checkpoint-%d.h5", (int)step);
    return readlink(link, target, sizeof target - 1) > 0 && strcmp(target, wanted) == 0;
}

/* Elements that are not those of the step; padding is nobody's. */
static size_t wrong_in(const nn_session *s, const nn_real *vector, int64_t step, size_t v) {
    const nn_param *const *param;
    size_t params = nn_model_params(s->model, &param), wrong = 0;
    for (size_t p = 0; p < params; p++)
        for (size_t i = param[p]->offset; i < param[p]->offset + param[p]->count; i++)
            wrong += vector[i] != value(step, v, i);
    return wrong;
}

/* Of the tensors, as above. */
static size_t wrong_residuals(const nn_session *s, const nn_residual_state *found, int64_t step) {
    const nn_param *const *param;
    size_t params = nn_model_params(s->model, &param), wrong = 0;
    for (size_t node = 0; found->value && node < found->nodes; node++)
        for (size_t p = 0; p < params; p++)
            for (size_t i = 0; i < param[p]->count; i++) {
                size_t at = node * found->size + found->at[p] + i;
                wrong += found->value[at] != residual(step, at);
            }
    return wrong;
}

/* On rank 0: the file holds the state of that step, of all ranks. */
static void check_file(struct training *t, const char *path, int64_t step) {
    nn_session *s = &t->session;
    size_t n = nn_model_size(s->model), vectors = 1 + s->slots + (s->average != NULL), wrong = 0;
    nn_snapshot in = nn_session_snapshot(s);
    nn_pool pool = {0};
    nn_real *memory = calloc(vectors * n + 1, sizeof *memory);
    in.params = memory;
    for (size_t i = 0; i < in.slots; i++)
        in.slot[i] = memory + (1 + i) * n;
    if (in.residual.size > 0)
        in.residual.value = calloc(in.residual.nodes * in.residual.size, sizeof(uint16_t));
    CHECK_OK(nn_checkpoint_read(path, &pool, &in));
    CHECK_EQ_INT(in.state.step, step);
    for (size_t v = 0; v < vectors; v++)
        wrong += wrong_in(s, memory + v * n, step, v);
    wrong += wrong_residuals(s, &in.residual, step);
    CHECK_EQ_INT(wrong, 0);
    nn_pool_release(&pool);
    free(in.residual.value);
    free(memory);
}

/* Rank 0 looks at the folder when everything is written, while nobody goes on. */
#define LOOK(t, ...)                                                                               \
    do {                                                                                           \
        CHECK_EQ_INT(nn_saver_wait((t)->saver), 0);                                                \
        if ((t)->run) {                                                                            \
            __VA_ARGS__                                                                            \
        }                                                                                          \
        CHECK_EQ_INT(nn_comm_agree((t)->comm, 0), 0);                                              \
    } while (0)

static void save(struct training *t, int64_t step, int64_t best) {
    nn_snapshot snapshot = at(t, step, best);
    CHECK_EQ_INT(nn_saver_save(t->saver, &snapshot, step == best, 0), 0);
}

static void keep(struct training *t, int64_t step) {
    nn_snapshot snapshot = at(t, step, step);
    bool kept;
    CHECK_EQ_INT(nn_saver_keep_best(t->saver, &snapshot, &kept), 0);
    CHECK(kept);
}

/* The copy is of the moment, and training goes on before it is written. */
static void moments(struct training *t) {
    for (int64_t step = 10; step <= 50; step += 10) {
        advance(t, step);
        save(t, step, -1);
        advance(t, step + 5);
        LOOK(t, check_file(t, "rdir/last.h5", step); CHECK(leads_to("rdir/last.h5", step));
             CHECK(!exists(step - 10)););
    }

    /* a rank that comes late is waited for */
    advance(t, 60);
    if (nn_comm_rank(t->comm) + 1 == nn_comm_size(t->comm))
        usleep(50000);
    save(t, 60, -1);
    LOOK(t, check_file(t, "rdir/last.h5", 60););

    /* and nobody writes over what is still being written */
    for (int64_t step = 70; step <= 90; step += 10) {
        advance(t, step);
        save(t, step, step < 90 ? step : 80);
    }
    LOOK(t, check_file(t, "rdir/best.h5", 80); check_file(t, "rdir/last.h5", 90););
}

static void bests(struct training *t) {
    advance(t, 100);
    save(t, 100, 100);
    advance(t, 120);
    keep(t, 120);
    advance(t, 125);
    keep(t, 125);
    advance(t, 126);
    LOOK(t, CHECK(exists(100) && !exists(120) && !exists(125));
         CHECK(leads_to("rdir/best.h5", 100)););
    advance(t, 130);
    save(t, 130, 125);
    advance(t, 131);
    keep(t, 131); /* perhaps while the one before is being written */
    advance(t, 132);
    LOOK(t, CHECK(!exists(100) && exists(125) && exists(130)); check_file(t, "rdir/best.h5", 125);
         check_file(t, "rdir/last.h5", 130););

    /* the one that is saved is the best that was kept, or a better one */
    advance(t, 140);
    keep(t, 140);
    save(t, 140, 140);
    LOOK(t, CHECK(!exists(125) && !exists(131) && leads_to("rdir/best.h5", 140)););
    advance(t, 150);
    keep(t, 150);
    advance(t, 160);
    save(t, 160, 160);
    LOOK(t, CHECK(!exists(150) && leads_to("rdir/best.h5", 160)););

    /* a run that cannot go on */
    advance(t, 170);
    keep(t, 170);
    advance(t, 171);
    LOOK(t, CHECK_OK(nn_saver_rescue(t->saver)); check_file(t, "rdir/last.h5", 170);
         CHECK(leads_to("rdir/best.h5", 170)); CHECK_EQ_INT(nn_saver_saved(t->saver).step, 170););
}

static void failure(struct training *t) {
    fault_arm("fsync", 1, false, ENOSPC, "checkpoint-200");
    advance(t, 200);
    save(t, 200, -1);
    advance(t, 201);
    int rc = nn_saver_wait(t->saver);
    fault_arm(NULL, 0, false, 0, NULL);
    CHECK_EQ_INT(rc, t->run ? NN_EIO : 0);
    CHECK_EQ_INT(nn_saver_failure(t->saver), t->run ? NN_EIO : 0);
    if (t->run) {
        CHECK_CONTAINS(nn_error_message(), "the disk is full");
        CHECK(!exists(200));
    }
}

static void run(nn_comm *comm, const char *train) {
    struct training t;
    int rc = begin(&t, comm, train);
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", train, nn_error_message());
    if (!CHECK(rc == 0))
        return;
    moments(&t);
    bests(&t);
    failure(&t);
    end(&t);
}

int main(void) {
    nn_comm *comm;
    if (!CHECK_EQ_INT(nn_comm_init(&comm), 0))
        return check_done();
    run(comm, "optimizer: adam, reduce: node");
    run(comm, "optimizer: adam, reduce: node, compress: bf16, between_nodes: gradients");
    run(comm, "optimizer: adam, reduce: allreduce, ema: {decay: 0.9}");
    run(comm, "ema: {decay: 0.9}, optimizer: {sgd: {momentum: 0.9}}");
    nn_comm_free(comm);
    return check_done();
}
