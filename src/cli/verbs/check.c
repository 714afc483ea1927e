#define _GNU_SOURCE
#include "base/log.h"
#include "base/system/clock.h"
#include "base/system/limits.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/verbs/model_report.h"
#include "comm/comm.h"
#include "data/sources/mixture.h"
#include "math/gemm/blas.h"
#include "math/gemm/gemm.h"
#include "math/kernels.h"
#include "train/bench/bench.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TRIALS 10 /* of the small sum over all ranks */
#define PACE_SECONDS 0.3

typedef struct options {
    const char *config;
    const nn_node *set;
    bool json, quick;
} options;

static const nn_option table[] = {
    NN_CONFIG_ROW(options),
    NN_SET_ROW(options, "train.lr=0.1"),
    {"quick", NN_OPT_BOOL, offsetof(options, quick), "false", NULL,
     "take no steps, and so predict nothing"},
    NN_JSON_ROW(options),
    NN_OPTION_END,
};

typedef struct place {
    char host[64];
    int threads;
} place;

/* What the preflight found. */
typedef struct findings {
    nn_config *config;
    nn_trainer trainer;
    nn_blas_report blas;
    double samples;    /* bytes of samples that this node keeps in memory ... */
    double copy;       /* ... and of one copy of them: ranks may share it */
    double node;       /* bytes of the node's memory that this job may have, ... */
    const char *limit; /* ... and what sets that */
    double sum_seconds;
    double step_seconds; /* as measured; 0: not */
    place *places;       /* [ranks] */
} findings;

/* What the loaders keep in memory; the rest stays in the file. */
static void count_samples(const nn_call *call, findings *f) {
    const nn_trainer *t = &f->trainer;
    const nn_loader *loader[] = {t->train, t->test, t->valid == t->test ? NULL : t->valid};
    for (size_t i = 0; i < sizeof loader / sizeof *loader; i++) {
        double bytes = loader[i] ? (double)nn_loader_bytes(loader[i]) : 0;
        f->copy += bytes;
        f->samples += t->shared[i] ? bytes : bytes * nn_comm_node_size(call->comm);
    }
}

static void warn_memory(const nn_call *call, const findings *f) {
    char wanted[NN_BYTES_TEXT], there[NN_BYTES_TEXT];
    double training = nn_memory_total(&f->trainer.memory), most = nn_memory_of_process();
    double all = nn_comm_node_size(call->comm) * training + f->samples, each = training + f->copy;
    if (nn_comm_node_rank(call->comm) > 0)
        return;
    if (all > f->node)
        nn_warn("the ranks of %s want %s of memory together, and may have %s (%s): use fewer ranks "
                "a node",
                nn_comm_host(call->comm), nn_bytes_text(all, wanted), nn_bytes_text(f->node, there),
                f->limit);
    if (each > most)
        nn_warn("a rank on %s wants %s of memory, and may have %s (ulimit -v)",
                nn_comm_host(call->comm), nn_bytes_text(each, wanted), nn_bytes_text(most, there));
}

/* A line for each thing that is wrong; the last one is the pending error. */
static int say_all(const nn_call *call, const nn_error_list *wrong, int rc) {
    for (size_t i = 0; i < wrong->count; i++) {
        nn_error_set(rc, wrong->message[i]);
        if (i + 1 < wrong->count && nn_comm_rank(call->comm) == 0)
            nn_screen_error(call->screen, -1);
    }
    return rc;
}

/* All that can be wrong with a configuration, not only the first. */
static int check_config(const nn_call *call, findings *f) {
    const options *o = call->options;
    nn_error_list *wrong = nn_pool_alloc(call->pool, sizeof *wrong);
    NN_TRY(wrong ? nn_call_load_config(o->config, o->set, &f->config) : NN_EMEMORY);
    nn_log_hold(nn_comm_rank(call->comm) > 0);
    int rc = nn_config_check_all(f->config, wrong);
    nn_log_hold(false);
    return rc < 0 ? say_all(call, wrong, rc) : 0;
}

/* Everything that training does before its first step, without a run folder. */
static int set_up(const nn_call *call, findings *f) {
    nn_trainer *t = &f->trainer;
    int rc = nn_blas_init(&f->blas);
    if (rc == 0)
        rc = check_config(call, f);
    NN_TRY(nn_comm_agree(call->comm, rc));
    t->config = f->config;
    NN_TRY(nn_trainer_open(t));
    count_samples(call, f);
    f->node = nn_memory_of_node("", &f->limit);
    warn_memory(call, f);
    return nn_trainer_begin(t);
}

/* Where the ranks are, and whether their sums arrive. */
static int check_ranks(const nn_call *call, findings *f) {
    int size = nn_comm_size(call->comm), threads = nn_comm_threads(call->comm);
    int64_t configured = f->trainer.session.settings->train.threads;
    place mine = {.threads = configured ? (int)configured : threads};
    snprintf(mine.host, sizeof mine.host, "%s", nn_comm_host(call->comm));
    f->places = nn_pool_alloc(call->pool, (size_t)size * sizeof *f->places);
    NN_TRY(nn_comm_agree(call->comm, f->places ? 0 : NN_EMEMORY));
    NN_TRY(nn_comm_gather(call->comm, &mine, sizeof mine, f->places));
    f->sum_seconds = INFINITY;
    for (int i = 0; i < TRIALS; i++) {
        double one = 1, start = nn_seconds();
        NN_TRY(nn_comm_sum(call->comm, &one, 1));
        f->sum_seconds = fmin(f->sum_seconds, nn_seconds() - start);
        if (fabs(one - size) > 0)
            return nn_fail(NN_ERANK, "a sum over %d ranks gave %g instead of %d", size, one, size);
    }
    return 0;
}

/* From steps that are taken and dropped. Those that diverge say nothing. */
static int predict(findings *f) {
    int rc = nn_bench_pace(&f->trainer, PACE_SECONDS, &f->step_seconds);
    if (rc != NN_EDIVERGED)
        return rc;
    if (nn_comm_rank(f->trainer.comm) == 0)
        nn_warn("%s; there is no prediction of its speed", nn_error_message());
    nn_error_clear();
    f->step_seconds = 0;
    return 0;
}

static void print_prediction(const findings *f) {
    const nn_trainer *t = &f->trainer;
    double epoch = f->step_seconds * (double)t->steps_per_epoch;
    if (f->step_seconds <= 0)
        return;
    printf("predicted      %.3g samples/s: %.3g s an epoch, %.3g s for all %lld steps, without "
           "validation and checkpoints\n",
           (double)nn_loader_samples(t->train) / epoch, epoch,
           f->step_seconds * (double)t->total_steps, (long long)t->total_steps);
}

static void json_prediction(nn_json *json, const findings *f) {
    const nn_trainer *t = &f->trainer;
    double epoch = f->step_seconds * (double)t->steps_per_epoch;
    if (f->step_seconds <= 0)
        return;
    nn_json_open(json, "predicted", '{');
    nn_json_real(json, "samples_per_s", (double)nn_loader_samples(t->train) / epoch);
    nn_json_real(json, "epoch_s", epoch);
    nn_json_int(json, "steps", t->total_steps);
    nn_json_close(json, '}');
}

static void print_data(const nn_dataset *ds) {
    char shape[NN_SHAPE_TEXT];
    printf("data           %s:", ds->path);
    for (size_t i = 0; i < ds->splits; i++)
        printf(" %s %lld,", ds->split[i].name, (long long)ds->split[i].samples);
    printf(" x %s %s", nn_shape_text(&ds->split[0].x.shape, shape),
           nn_dtype_name(ds->split[0].x.type));
    if (ds->classes > 0)
        printf(", %lld classes", (long long)ds->classes);
    putchar('\n');
    nn_mixture_text(ds, "mixture        ", "               ", stdout);
}

static void print_blas(const nn_blas_report *b, const nn_compute *compute) {
    char products[NN_GEMM_TEXT];
    printf("processor      instruction set %s", nn_kernels_get()->isa);
    if (b->used[0])
        printf("; OpenBLAS kernels %s%s", b->used,
               b->user_set ? " (OPENBLAS_CORETYPE is set)" : "");
    if (b->mended)
        printf(", which it had taken for %s", b->found);
    else if (b->wanted[0])
        printf(", although the processor is a %s", b->wanted);
    printf("\nproducts       %s\n", nn_gemm_name(compute, products));
}

/* Ranks in a row with the same host and threads share a line. */
static void print_places(const place *places, int size) {
    for (int first = 0, next; first < size; first = next) {
        for (next = first + 1; next < size && strcmp(places[next].host, places[first].host) == 0 &&
                               places[next].threads == places[first].threads;)
            next++;
        printf("               rank%s %d", next - first > 1 ? "s" : "", first);
        if (next - first > 1)
            printf("-%d", next - 1);
        printf(" on %s: %d thread%s%s\n", places[first].host, places[first].threads,
               places[first].threads > 1 ? "s" : "", next - first > 1 ? " each" : "");
    }
}

static void print_link(const nn_comm *comm, const nn_session *session) {
    char text[NN_BETWEEN_TEXT];
    const nn_link *link = &session->link;
    if (!nn_session_between_text(session, text))
        return;
    printf("between nodes  %s\n", text);
    if (!nn_comm_has_threads(comm))
        puts("               messages move on between layers only: MPI was started without "
             "MPI_THREAD_MULTIPLE");
    if (link->flops > 0)
        printf("               a message takes %.1f us, of which %.1f us of its sender, + bytes / "
               "%.3f "
               "GB/s; a rank multiplies at %.1f GFLOP/s%s\n",
               1e6 * link->latency, 1e6 * link->overhead, link->bandwidth / 1e9, link->flops / 1e9,
               link->alike ? "" : "; ranks compute differently, so that rows do not travel");
}

static void json_link(nn_json *json, const nn_comm *comm, const nn_session *session) {
    char text[NN_BETWEEN_TEXT];
    const nn_link *link = &session->link;
    if (!nn_session_between_text(session, text))
        return;
    nn_json_string(json, "between_nodes", text);
    nn_json_bool(json, "message_thread", nn_comm_has_threads(comm));
    nn_json_open(json, "link", '{');
    nn_json_real(json, "latency_s", link->latency);
    nn_json_real(json, "overhead_s", link->overhead);
    nn_json_real(json, "bandwidth_gbs", link->bandwidth / 1e9);
    nn_json_real(json, "gflops", link->flops / 1e9);
    nn_json_bool(json, "alike", link->alike);
    nn_json_close(json, '}');
}

static void print_text(const nn_call *call, const findings *f) {
    const options *o = call->options;
    const nn_settings *s = f->trainer.session.settings;
    char samples[NN_BYTES_TEXT], node[NN_BYTES_TEXT], memory[NN_MEMORY_TEXT];
    int size = nn_comm_size(call->comm), nodes = nn_comm_nodes(call->comm);
    printf("configuration  %s\n", o->config ? o->config : "built in (iris)");
    print_data(f->trainer.session.data);
    printf("model          %zu parameters, %zu outputs\n",
           nn_model_param_count(f->trainer.session.model), f->trainer.session.outputs);
    printf("training       batch_size %lld, %lld minibatches an epoch, %lld epochs, %s\n",
           (long long)f->trainer.session.batch_size, (long long)nn_loader_batches(f->trainer.train),
           (long long)s->train.epochs, s->train.optimizer.row->name);
    printf("memory         %s\n", nn_memory_text(&f->trainer.memory, memory));
    printf("               %s of samples a node; this job may have %s a node (%s)\n",
           nn_bytes_text(f->samples, samples), nn_bytes_text(f->node, node), f->limit);
    print_blas(&f->blas, &f->trainer.session.compute);
    printf("ranks          %d on %d node%s", size, nodes, nodes > 1 ? "s" : "");
    if (size > 1)
        printf(", sum of one number in %.1f us, reduce: %s", 1e6 * f->sum_seconds,
               nn_reducer_backend(f->trainer.session.reducer));
    putchar('\n');
    print_places(f->places, size);
    print_link(call->comm, &f->trainer.session);
    print_prediction(f);
    puts("ready to train");
}

static void json_data(nn_json *json, const nn_dataset *ds) {
    nn_json_open(json, "data", '{');
    nn_json_string(json, "path", ds->path);
    nn_json_int(json, "classes", ds->classes);
    nn_json_open(json, "samples", '{');
    for (size_t i = 0; i < ds->splits; i++)
        nn_json_int(json, ds->split[i].name, ds->split[i].samples);
    nn_json_close(json, '}');
    nn_mixture_json(ds, json);
    nn_json_close(json, '}');
}

static void json_machine(nn_json *json, const nn_call *call, const findings *f) {
    char products[NN_GEMM_TEXT];
    nn_json_string(json, "isa", nn_kernels_get()->isa);
    nn_json_string(json, "products", nn_gemm_name(&f->trainer.session.compute, products));
    nn_json_open(json, "blas", '{');
    nn_json_string(json, "found", f->blas.found);
    nn_json_string(json, "used", f->blas.used);
    nn_json_bool(json, "mended", f->blas.mended);
    nn_json_bool(json, "user_set", f->blas.user_set);
    nn_json_close(json, '}');
    nn_json_string(json, "reduce", nn_reducer_backend(f->trainer.session.reducer));
    nn_json_int(json, "nodes", nn_comm_nodes(call->comm));
    json_link(json, call->comm, &f->trainer.session);
    nn_json_real(json, "sum_s", f->sum_seconds);
    nn_json_open(json, "ranks", '[');
    for (int i = 0; i < nn_comm_size(call->comm); i++) {
        nn_json_open(json, NULL, '{');
        nn_json_string(json, "host", f->places[i].host);
        nn_json_int(json, "threads", f->places[i].threads);
        nn_json_close(json, '}');
    }
    nn_json_close(json, ']');
}

static int print_json(const nn_call *call, const findings *f) {
    const nn_layer *const *layer;
    size_t size = 65536 + 4096 * nn_model_layers(f->trainer.session.model, &layer) +
                  256 * (size_t)nn_comm_size(call->comm);
    nn_json json;
    char *text = nn_pool_alloc(call->pool, size);
    if (!text)
        return NN_EMEMORY;
    nn_json_init(&json, text, size);
    nn_json_open(&json, NULL, '{');
    json_data(&json, f->trainer.session.data);
    nn_json_layers(&json, f->trainer.session.model);
    nn_json_int(&json, "batch_size", f->trainer.session.batch_size);
    nn_json_int(&json, "steps_per_epoch", nn_loader_batches(f->trainer.train));
    nn_json_memory(&json, &f->trainer.memory);
    json_machine(&json, call, f);
    json_prediction(&json, f);
    nn_json_close(&json, '}');
    return nn_json_print(&json);
}

static int print_findings(const nn_call *call, const findings *f) {
    const options *o = call->options;
    if (nn_comm_rank(call->comm) > 0)
        return 0;
    if (o->json)
        return print_json(call, f);
    print_text(call, f);
    return 0;
}

static int run(const nn_call *call) {
    nn_train_options train = {.stop = NULL};
    findings f = {.trainer = {.comm = call->comm, .options = &train}};
    int rc;
    NN_TRY_GOTO(set_up(call, &f));
    NN_TRY_GOTO(check_ranks(call, &f));
    if (!((const options *)call->options)->quick)
        NN_TRY_GOTO(predict(&f));
    NN_TRY_GOTO(nn_comm_agree(call->comm, print_findings(call, &f)));
done:
    if (f.trainer.config) /* else it was never opened */
        nn_trainer_close(&f.trainer);
    nn_config_free(f.config);
    return rc;
}

static const char *const arguments[] = {"config", NULL};

const nn_verb nn_verb_check = {
    .entry =
        {"check",
         "Checks everything that training needs (configuration, data, memory, ranks), names all "
         "that is wrong, and predicts samples/s from a few steps that are dropped.",
         table, sizeof(options)},
    .usage = "[CONFIG] [options]",
    .example = "mpirun -n 8 nnmpi check mnist.yaml",
    .arguments = arguments,
    .collective = true,
    .run = run,
};
