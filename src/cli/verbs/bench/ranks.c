/* nnmpi bench reduce, step and reproducible: what the ranks do together. */
#include "cli/verbs/bench/bench.h"
#include "comm/reduce/bench.h"
#include "comm/reduce/cost.h"
#include "math/machine.h"
#include "math/parallel.h"
#include "train/bench/bench.h"
#include "train/bench/roofline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- reduce --------------------------------------------------------------------------------- */

static const size_t sizes[] = {1 << 10, 16 << 10, 64 << 10, 256 << 10,
                               1 << 20, 4 << 20,  16 << 20, 64 << 20};
enum { SIZES = sizeof sizes / sizeof sizes[0] };
#define SECONDS 0.2 /* of sums of a size, about */

typedef struct sums {
    bool shared;  /* there are ranks that share a node */
    size_t count; /* of sizes */
    double allreduce[SIZES], node[SIZES];
    nn_message_cost cost; /* fitted to allreduce */
} sums;

/* Of all sizes up to `largest` bytes. */
static int measure_sums(nn_comm *comm, size_t largest, sums *out) {
    double bytes[SIZES];
    const nn_reduce_spec automatic = {.comm = comm, .choice = NN_REDUCE_AUTO};
    *out = (sums){.shared = nn_reduce_plan_of(&automatic).choice == NN_REDUCE_NODE};
    for (size_t i = 0; i < SIZES && sizes[i] <= largest; i++) {
        nn_reduce_speed speed;
        bytes[i] = (double)sizes[i];
        NN_TRY(nn_bench_reduce(comm, sizes[i], SECONDS, &speed));
        out->allreduce[i] = speed.allreduce_s;
        out->node[i] = speed.node_s;
        out->count = i + 1;
    }
    out->cost = nn_fit_sums(nn_comm_size(comm), out->count, bytes, out->allreduce);
    return 0;
}

static int check_several(const nn_call *call) {
    if (nn_comm_size(call->comm) > 1)
        return 0;
    return nn_fail(NN_EUSAGE, "there is nothing to sum over one rank: start several, e.g. mpirun "
                              "-n 2 nnmpi bench reduce");
}

static void print_cost(const nn_call *call, const nn_message_cost *cost) {
    printf("a message between %d ranks: %.2f us + bytes / %.2f GB/s\n", nn_comm_size(call->comm),
           1e6 * cost->latency, cost->bandwidth / 1e9);
}

static void json_cost(nn_json *json, const nn_message_cost *cost) {
    nn_json_open(json, "message", '{');
    nn_json_real(json, "latency_s", cost->latency);
    nn_json_real(json, "bandwidth_gbs", cost->bandwidth / 1e9);
    nn_json_close(json, '}');
}

static void print_rate(double seconds, double bytes) {
    printf(" %10.1f us %6.2f GB/s", 1e6 * seconds, bytes / seconds / 1e9);
}

static void print_sums(const nn_call *call, const sums *s) {
    printf("%10s %25s%s\n", "gradients", "allreduce",
           s->shared ? "                      node" : "");
    for (size_t i = 0; i < s->count; i++) {
        printf("%6zu KiB", sizes[i] >> 10);
        print_rate(s->allreduce[i], (double)sizes[i]);
        if (s->shared)
            print_rate(s->node[i], (double)sizes[i]);
        putchar('\n');
    }
    print_cost(call, &s->cost);
}

static void json_sums(nn_json *json, const sums *s) {
    nn_json_open(json, "reduce", '[');
    for (size_t i = 0; i < s->count; i++) {
        nn_json_open(json, NULL, '{');
        nn_json_int(json, "bytes", (int64_t)sizes[i]);
        nn_json_real(json, "allreduce_s", s->allreduce[i]);
        if (s->shared)
            nn_json_real(json, "node_s", s->node[i]);
        nn_json_close(json, '}');
    }
    nn_json_close(json, ']');
    json_cost(json, &s->cost);
}

typedef struct reduce_options {
    int64_t largest;
    bool json;
} reduce_options;

static const nn_option reduce_table[] = {
    {"largest", NN_OPT_INT, offsetof(reduce_options, largest), "65536", "[16, 65536]",
     "KiB of the largest sum"},
    NN_JSON_ROW(reduce_options),
    NN_OPTION_END,
};

static int run_reduce(const nn_call *call) {
    const reduce_options *o = call->options;
    nn_json json;
    sums s;
    NN_TRY(check_several(call));
    NN_TRY(measure_sums(call->comm, (size_t)o->largest << 10, &s));
    if (nn_comm_rank(call->comm) > 0)
        return 0;
    if (!o->json) {
        print_sums(call, &s);
        return 0;
    }
    NN_TRY(nn_bench_json_begin(call, &json));
    nn_json_int(&json, "ranks", nn_comm_size(call->comm));
    json_sums(&json, &s);
    return nn_bench_json_end(&json);
}

const nn_verb nn_verb_bench_reduce = {
    .entry = {"reduce",
              "Sums of gradients over the ranks, by size, and the cost of a message as fitted to "
              "them.",
              reduce_table, sizeof(reduce_options)},
    .usage = "[options]",
    .example = "mpirun -n 4 nnmpi bench reduce",
    .collective = true,
    .run = run_reduce,
};

/* ---- step ----------------------------------------------------------------------------------- */

#define MEMORY_SECONDS 0.1

typedef struct step_options {
    nn_bench_what what;
    bool json;
} step_options;

static const nn_option step_table[] = {NN_BENCH_STEP_ROWS, NN_JSON_ROW(step_options),
                                       NN_OPTION_END};

int nn_bench_measure(const nn_call *call, const nn_bench_what *what, const char *change,
                     nn_bench_step *step) {
    nn_config *config = NULL;
    int rc = nn_call_config(what->config, what->set, &config);
    if (rc == 0 && change)
        rc = nn_config_override(config, change);
    rc = nn_comm_agree(call->comm, rc);
    if (rc == 0)
        rc = nn_bench_train(call->comm, config, what->seconds, call->pool, step);
    nn_config_free(config);
    return rc;
}

static const struct phase {
    const char *name;
    size_t at;
} phases[] = {{"data", offsetof(nn_bench_step, data)},
              {"forward", offsetof(nn_bench_step, forward)},
              {"backward", offsetof(nn_bench_step, backward)},
              {"comm", offsetof(nn_bench_step, comm)},
              {"update", offsetof(nn_bench_step, update)}};
enum { PHASES = sizeof phases / sizeof phases[0] };

static double phase_of(const nn_bench_step *step, size_t i) {
    return *(const double *)(const void *)((const char *)step + phases[i].at);
}

/* A call of a layer, or all of a step, and what bounds it. */
typedef struct bounded {
    double seconds, work;
    nn_least_time least;
} bounded;

static bounded forward_of(const nn_bench_layer *l, const nn_roofline *machine) {
    bounded b = {.seconds = l->forward, .work = l->forward_work};
    nn_roofline_add(machine, l->forward_work, l->forward_bytes, &b.least);
    return b;
}

static bounded backward_of(const nn_bench_layer *l, const nn_roofline *machine) {
    bounded b = {.seconds = l->backward, .work = l->backward_work};
    nn_roofline_add(machine, l->backward_work, l->backward_bytes, &b.least);
    return b;
}

static bounded step_of(const nn_bench_step *s, const nn_roofline *machine) {
    bounded b = {.seconds = s->seconds, .work = s->work};
    for (size_t i = 0; i < s->layers; i++) {
        const nn_bench_layer *l = &s->layer[i];
        nn_roofline_add(machine, l->forward_work, l->forward_bytes, &b.least);
        nn_roofline_add(machine, l->backward_work, l->backward_bytes, &b.least);
    }
    nn_roofline_add(machine, s->update_work, s->update_bytes, &b.least);
    return b;
}

static void print_bounded(const bounded *b) {
    printf(" %12.1f", 1e6 * b->seconds);
    if (b->work > 0)
        printf(" %8.1f", b->work / b->seconds / 1e9);
    else
        printf(" %8s", "-");
    if (b->least.compute + b->least.memory > 0)
        printf(" %8s %5.2f", nn_roofline_bound(&b->least, b->seconds),
               nn_roofline_share(&b->least, b->seconds));
    else
        printf(" %8s %5s", "-", "-");
}

/* Some go to all nodes. */
static bool rows_travel(const nn_bench_layer *l) {
    return nn_bench_row_fraction(l, 2) > nn_bench_row_fraction(l, 1);
}

static void print_step(const nn_bench_step *s, const nn_roofline *machine) {
    bounded all = step_of(s, machine);
    printf("minibatch of %lld: %.1f us a step, %.0f samples/s, %.1f GFLOP/s a rank, %.2f of its "
           "peak; reduce: %s\n",
           (long long)s->batch_size, 1e6 * s->seconds, (double)s->batch_size / s->seconds,
           s->work / s->seconds / 1e9, s->work / s->seconds / machine->peak, s->backend);
    printf("bound by %s: multiply-adds of %s at %.1f GFLOP/s and %.1f MB at %.1f GB/s would take "
           "%.2f of the step\n\n",
           nn_roofline_bound(&all.least, all.seconds), s->bf16 ? "bfloat16" : "float32",
           machine->peak / 1e9, s->bytes / 1e6, machine->memory / 1e9,
           nn_roofline_share(&all.least, all.seconds));
    printf("%-10s %12s %7s\n", "phase", "us a step", "share");
    for (size_t i = 0; i < PHASES; i++)
        printf("%-10s %12.1f %7.3f\n", phases[i].name, 1e6 * phase_of(s, i),
               phase_of(s, i) / s->seconds);
    if (s->update_work > 0)
        printf("update multiplies gradients from rows, %.1f GFLOP/s\n",
               s->update_work / s->update / 1e9);
    printf("\n%-20s %12s %8s %8s %5s %12s %8s %8s %5s %10s\n", "layer", "forward us", "GFLOP/s",
           "bound", "share", "backward us", "GFLOP/s", "bound", "share", "waited us");
    for (size_t i = 0; i < s->layers; i++) {
        const nn_bench_layer *l = &s->layer[i];
        bounded forward = forward_of(l, machine), backward = backward_of(l, machine);
        printf("%-20s", l->name);
        print_bounded(&forward);
        print_bounded(&backward);
        printf(" %10.1f%s\n", 1e6 * l->waited, rows_travel(l) ? "  rows travel" : "");
    }
}

static void json_layer(nn_json *json, const nn_bench_layer *l) {
    nn_json_open(json, NULL, '{');
    nn_json_string(json, "name", l->name);
    nn_json_string(json, "kind", l->kind);
    nn_json_real(json, "forward_s", l->forward);
    nn_json_real(json, "forward_gflop", l->forward_work / 1e9);
    nn_json_real(json, "forward_mb", l->forward_bytes / 1e6);
    nn_json_real(json, "backward_s", l->backward);
    nn_json_real(json, "backward_gflop", l->backward_work / 1e9);
    nn_json_real(json, "backward_mb", l->backward_bytes / 1e6);
    nn_json_real(json, "waited_s", l->waited);
    nn_json_bool(json, "by_rows", nn_bench_row_fraction(l, 1) > 0);
    nn_json_bool(json, "rows_travel", rows_travel(l));
    nn_json_close(json, '}');
}

void nn_bench_step_json(nn_json *json, const nn_bench_step *s) {
    char key[32];
    nn_json_open(json, "step", '{');
    nn_json_int(json, "batch_size", s->batch_size);
    nn_json_int(json, "gradients", (int64_t)s->size);
    nn_json_string(json, "reduce", s->backend);
    nn_json_real(json, "seconds", s->seconds);
    nn_json_real(json, "samples_per_s", (double)s->batch_size / s->seconds);
    nn_json_real(json, "gflop", s->work / 1e9);
    nn_json_real(json, "update_gflop", s->update_work / 1e9);
    nn_json_real(json, "update_mb", s->update_bytes / 1e6);
    for (size_t i = 0; i < PHASES; i++) {
        snprintf(key, sizeof key, "%s_s", phases[i].name);
        nn_json_real(json, key, phase_of(s, i));
    }
    nn_json_open(json, "layers", '[');
    for (size_t i = 0; i < s->layers; i++)
        json_layer(json, &s->layer[i]);
    nn_json_close(json, ']');
    nn_json_close(json, '}');
}

/* The peak, and memory as it is for as many bytes as a step is made with. */
static int measure_roofline(const nn_bench_step *step, nn_bench_peak *machine, nn_roofline *out) {
    size_t n = (size_t)(step->bytes / sizeof(nn_real) / 2) + 1;
    NN_TRY(nn_bench_machine(step->threads, step->bf16, machine));
    out->peak = machine->peak;
    return nn_machine_memory(step->threads, n, MEMORY_SECONDS, &out->memory);
}

static int run_step(const nn_call *call) {
    const step_options *o = call->options;
    nn_bench_step step = {0};
    nn_bench_peak machine;
    nn_roofline roofline;
    nn_json json;
    NN_TRY(nn_bench_measure(call, &o->what, NULL, &step));
    if (nn_comm_rank(call->comm) > 0)
        return 0;
    NN_TRY(measure_roofline(&step, &machine, &roofline));
    if (!o->json) {
        print_step(&step, &roofline);
        return 0;
    }
    bounded all = step_of(&step, &roofline);
    NN_TRY(nn_bench_json_begin(call, &json));
    nn_json_int(&json, "ranks", nn_comm_size(call->comm));
    nn_bench_machine_json(&json, &machine);
    nn_json_real(&json, "memory_gbs", roofline.memory / 1e9);
    nn_json_string(&json, "bound", nn_roofline_bound(&all.least, all.seconds));
    nn_json_real(&json, "share", nn_roofline_share(&all.least, all.seconds));
    nn_bench_step_json(&json, &step);
    return nn_bench_json_end(&json);
}

static const char *const config_argument[] = {"config", NULL};

const nn_verb nn_verb_bench_step = {
    .entry = {"step", "Time of a training step by phase and by layer, and what bounds it.",
              step_table, sizeof(step_options)},
    .usage = "[CONFIG] [options]",
    .example = "mpirun -n 2 nnmpi bench step mnist.yaml",
    .arguments = config_argument,
    .collective = true,
    .run = run_step,
};

/* ---- reproducible --------------------------------------------------------------------------- */

#define ROUNDS 4 /* of both ways in turns, so that a noisy moment meets both */

static int run_reproducible(const nn_call *call) {
    const step_options *o = call->options;
    double least[2] = {INFINITY, INFINITY};
    nn_json json;
    nn_bench_what once = o->what;
    once.seconds /= 2 * ROUNDS;
    for (int i = 0; i < 2 * ROUNDS; i++) {
        nn_bench_step step = {0};
        const char *change = i % 2 ? "train.reproducible=true" : "train.reproducible=false";
        NN_TRY(nn_bench_measure(call, &once, change, &step));
        least[i % 2] = fmin(least[i % 2], step.seconds);
    }
    if (nn_comm_rank(call->comm) > 0)
        return 0;
    if (!o->json) {
        printf("a step takes %.1f us, and %.1f us with train.reproducible: %+.1f %%\n",
               1e6 * least[0], 1e6 * least[1], 100 * (least[1] / least[0] - 1));
        return 0;
    }
    NN_TRY(nn_bench_json_begin(call, &json));
    nn_json_int(&json, "ranks", nn_comm_size(call->comm));
    nn_json_real(&json, "default_s", least[0]);
    nn_json_real(&json, "reproducible_s", least[1]);
    nn_json_real(&json, "price", least[1] / least[0] - 1);
    return nn_bench_json_end(&json);
}

const nn_verb nn_verb_bench_reproducible = {
    .entry = {"reproducible",
              "Cost of train.reproducible: the same bits on any number of ranks and threads.",
              step_table, sizeof(step_options)},
    .usage = "[CONFIG] [options]",
    .example = "mpirun -n 2 nnmpi bench reproducible mnist.yaml",
    .arguments = config_argument,
    .collective = true,
    .run = run_reproducible,
};
