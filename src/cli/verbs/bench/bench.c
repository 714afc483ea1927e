/* nnmpi bench gemm and memory: what one process of this machine can do. */
#include "cli/verbs/bench/bench.h"

#include "math/gemm/bench.h"
#include "math/machine.h"
#include "math/parallel.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST_WIDTHS 64
#define PEAK_SECONDS 0.2

/* ---- gemm ----------------------------------------------------------------------------------- */

typedef struct gemm_options {
    const char *widths;
    int64_t batch, threads;
    double seconds;
    bool json;
} gemm_options;

#define THREADS_ROW(type)                                                                          \
    {                                                                                              \
        "threads", NN_OPT_INT, offsetof(type, threads), "0", "[0, 4096]",                          \
            "threads that share the work; 0: as many as there are cores for this rank"             \
    }

static const nn_option gemm_table[] = {
    {"widths", NN_OPT_STRING, offsetof(gemm_options, widths), "784,512,512,10", NULL,
     "inputs, then units of each dense layer, whose products are timed"},
    {"batch", NN_OPT_INT, offsetof(gemm_options, batch), "64", "[1, 1e6]", "rows of a minibatch"},
    THREADS_ROW(gemm_options),
    {"seconds", NN_OPT_REAL, offsetof(gemm_options, seconds), "0.1", "[0, 60]",
     "time for each product and library"},
    NN_JSON_ROW(gemm_options),
    NN_OPTION_END,
};

/* Ways to compute a product; CHOSEN is what training in float32 takes. */
enum { CHOSEN = 3, WAYS = 5 };
static const struct {
    const char *title, *key;
    nn_compute compute;
} ways[WAYS] = {{"BLAS", "blas_gflops", {.library = NN_GEMM_OPENBLAS}},
                {"oneDNN", "onednn_gflops", {.library = NN_GEMM_ONEDNN}},
                {"own", "own_gflops", {.library = NN_GEMM_OWN}},
                [CHOSEN] = {"chosen", "chosen_gflops", {.library = NN_GEMM_FASTER}},
                {"bf16", "bf16_gflops", {.bf16 = true}}};

/* A product of a layer's training step, and its rates in operations a second. */
typedef struct product {
    const char *what;
    nn_product_shape shape;
    double rate[WAYS];
} product;

static int read_widths(const char *text, size_t width[MOST_WIDTHS], size_t *count) {
    char *end = NULL;
    for (*count = 0; *count < MOST_WIDTHS; text = end + 1) {
        long value = strtol(text, &end, 10);
        if (end == text || value < 1 || (*end && *end != ','))
            return nn_fail(NN_EUSAGE,
                           "--widths: '%s' is no list of positive numbers like 784,128,10", text);
        width[(*count)++] = (size_t)value;
        if (!*end)
            return *count > 1 ? 0 : nn_fail(NN_EUSAGE, "--widths wants at least two numbers");
    }
    return nn_fail(NN_EUSAGE, "--widths takes at most %d numbers", MOST_WIDTHS);
}

static int time_product(product *p, int threads, double seconds) {
    for (size_t i = 0; i < WAYS; i++) {
        nn_compute compute = ways[i].compute;
        compute.threads = threads;
        NN_TRY(nn_product_rate(&compute, &p->shape, seconds, &p->rate[i]));
    }
    return 0;
}

/* Forward, and back-propagation to weights and, but for the first layer, inputs; weights stand
 * [inputs][units]. */
static size_t products_of(const size_t *width, size_t layer, size_t batch, product out[3]) {
    size_t in = width[layer], units = width[layer + 1];
    out[0] = (product){.what = "y = x W", .shape = {NN_PLAIN, NN_PLAIN, batch, units, in}};
    out[1] = (product){.what = "dW = x' dy", .shape = {NN_TRANSPOSED, NN_PLAIN, in, units, batch}};
    out[2] = (product){.what = "dx = dy W'", .shape = {NN_PLAIN, NN_TRANSPOSED, batch, in, units}};
    return layer == 0 ? 2 : 3;
}

static void print_titles(const nn_bench_peak *machine) {
    char products[NN_GEMM_TEXT];
    printf("%s\npeak of %d thread%s: %.1f GFLOP/s\n%-10s %6s %6s %6s  ",
           nn_gemm_name(NULL, products), machine->threads, machine->threads > 1 ? "s" : "",
           machine->peak / 1e9, "GFLOP/s", "m", "n", "k");
    for (size_t i = 0; i < WAYS; i++)
        printf(" %8s", ways[i].title);
    printf(" %12s\n", "chosen/peak");
}

static void print_product(const product *p, double peak) {
    printf("%-10s %6zu %6zu %6zu  ", p->what, p->shape.m, p->shape.n, p->shape.k);
    for (size_t i = 0; i < WAYS; i++)
        printf(" %8.1f", p->rate[i] / 1e9);
    printf(" %12.2f\n", p->rate[CHOSEN] / peak);
}

static void json_product(nn_json *json, const product *p, double peak) {
    nn_json_open(json, NULL, '{');
    nn_json_string(json, "what", p->what);
    nn_json_int(json, "m", (int64_t)p->shape.m);
    nn_json_int(json, "n", (int64_t)p->shape.n);
    nn_json_int(json, "k", (int64_t)p->shape.k);
    for (size_t i = 0; i < WAYS; i++)
        nn_json_real(json, ways[i].key, p->rate[i] / 1e9);
    nn_json_real(json, "of_peak", p->rate[CHOSEN] / peak);
    nn_json_close(json, '}');
}

int nn_bench_machine(int64_t threads, bool bf16, nn_bench_peak *out) {
    nn_blas_report blas;
    NN_TRY(nn_blas_init(&blas));
    out->threads = threads ? (int)threads : nn_cores_available();
    out->peak = nn_machine_peak(out->threads, bf16, PEAK_SECONDS);
    return 0;
}

void nn_bench_machine_json(nn_json *json, const nn_bench_peak *machine) {
    char products[NN_GEMM_TEXT];
    nn_json_int(json, "threads", machine->threads);
    nn_json_real(json, "peak_gflops", machine->peak / 1e9);
    nn_json_string(json, "products", nn_gemm_name(NULL, products));
}

static int time_products(const nn_call *call, const nn_bench_peak *machine, nn_json *json) {
    const gemm_options *o = call->options;
    size_t width[MOST_WIDTHS], count;
    NN_TRY(read_widths(o->widths, width, &count));
    for (size_t layer = 0; layer + 1 < count; layer++) {
        product p[3];
        size_t n = products_of(width, layer, (size_t)o->batch, p);
        for (size_t i = 0; i < n; i++) {
            NN_TRY(time_product(&p[i], machine->threads, o->seconds));
            if (o->json)
                json_product(json, &p[i], machine->peak);
            else
                print_product(&p[i], machine->peak);
        }
    }
    return 0;
}

static int run_gemm(const nn_call *call) {
    const gemm_options *o = call->options;
    nn_bench_peak machine;
    nn_json json;
    NN_TRY(nn_bench_machine(o->threads, false, &machine));
    NN_TRY(nn_bench_json_begin(call, &json));
    nn_bench_machine_json(&json, &machine);
    nn_json_open(&json, "gemm", '[');
    if (!o->json)
        print_titles(&machine);
    NN_TRY(time_products(call, &machine, &json));
    nn_json_close(&json, ']');
    return o->json ? nn_bench_json_end(&json) : 0;
}

/* ---- memory --------------------------------------------------------------------------------- */

typedef struct memory_options {
    int64_t threads;
    double seconds;
    bool json;
} memory_options;

static const nn_option memory_table[] = {
    THREADS_ROW(memory_options),
    {"seconds", NN_OPT_REAL, offsetof(memory_options, seconds), "0.1", "[0, 60]",
     "time for each size"},
    NN_JSON_ROW(memory_options),
    NN_OPTION_END,
};

static int run_memory(const nn_call *call) {
    static const size_t bytes[] = {16 << 10, 256 << 10, 1 << 20, 8 << 20, 64 << 20, 256 << 20};
    const memory_options *o = call->options;
    nn_bench_peak machine;
    nn_json json;
    NN_TRY(nn_bench_machine(o->threads, false, &machine));
    NN_TRY(nn_bench_json_begin(call, &json));
    nn_bench_machine_json(&json, &machine);
    nn_json_open(&json, "memory", '[');
    if (!o->json)
        printf("y += a x, two reads and a write\n%12s %14s %14s\n", "each vector", "1 thread",
               "all threads");
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        double one, all;
        NN_TRY(nn_machine_memory(1, bytes[i] / sizeof(nn_real), o->seconds, &one));
        NN_TRY(nn_machine_memory(machine.threads, bytes[i] / sizeof(nn_real), o->seconds, &all));
        if (!o->json)
            printf("%8zu KiB %9.1f GB/s %9.1f GB/s\n", bytes[i] >> 10, one / 1e9, all / 1e9);
        nn_json_open(&json, NULL, '{');
        nn_json_int(&json, "bytes", (int64_t)bytes[i]);
        nn_json_real(&json, "one_gbs", one / 1e9);
        nn_json_real(&json, "all_gbs", all / 1e9);
        nn_json_close(&json, '}');
    }
    nn_json_close(&json, ']');
    return o->json ? nn_bench_json_end(&json) : 0;
}

/* ---- shared, and the verbs ------------------------------------------------------------------ */

int nn_bench_json_begin(const nn_call *call, nn_json *json) {
    char *text = nn_pool_alloc(call->pool, NN_BENCH_JSON);
    if (!text)
        return NN_EMEMORY;
    nn_json_init(json, text, NN_BENCH_JSON);
    nn_json_open(json, NULL, '{');
    return 0;
}

int nn_bench_json_end(nn_json *json) {
    nn_json_close(json, '}');
    return nn_json_print(json);
}

static const nn_verb verb_gemm = {
    .entry = {"gemm", "Matrix products of dense layers, by each library, beside the peak.",
              gemm_table, sizeof(gemm_options)},
    .usage = "[options]",
    .example = "nnmpi bench gemm",
    .run = run_gemm,
};

static const nn_verb verb_memory = {
    .entry = {"memory", "Memory bandwidth by size.", memory_table, sizeof(memory_options)},
    .usage = "[options]",
    .example = "nnmpi bench memory",
    .run = run_memory,
};

static const nn_entry *const rows[] = {&verb_gemm.entry,
                                       &verb_memory.entry,
                                       &nn_verb_bench_reduce.entry,
                                       &nn_verb_bench_step.entry,
                                       &nn_verb_bench_reproducible.entry,
                                       &nn_verb_bench_scaling.entry,
                                       NULL};

static const nn_family verbs = {"verb of nnmpi bench", rows};

const nn_verb nn_verb_bench = {
    .entry = {"bench", "Measures products, memory, sums over ranks, and training steps.", NULL, 0},
    .verbs = &verbs,
};
