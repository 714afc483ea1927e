/* What the verbs of `nnmpi bench` share. */
#ifndef NN_CLI_VERBS_BENCH_BENCH_H
#define NN_CLI_VERBS_BENCH_BENCH_H

#include "cli/cli.h"
#include "math/gemm/blas.h"
#include "train/bench/bench.h"

#define NN_BENCH_JSON (1 << 18) /* bytes of the longest report */

/* What a process can do at most. */
typedef struct nn_bench_peak {
    int threads;
    double peak; /* operations a second of all threads */
} nn_bench_peak;

/* Sets the threads (0: the cores there are) and measures, multiply-adds of bfloat16 where `bf16`.
 * Local. */
int nn_bench_machine(int64_t threads, bool bf16, nn_bench_peak *out);
void nn_bench_machine_json(nn_json *json, const nn_bench_peak *machine);

/* One object, in memory of the call's pool. */
int nn_bench_json_begin(const nn_call *call, nn_json *json);
int nn_bench_json_end(nn_json *json);

/* Whose step is timed, and for how long. */
typedef struct nn_bench_what {
    const char *config;
    const nn_node *set;
    double seconds;
} nn_bench_what;

/* Its options, for a struct that begins with one. */
#define NN_BENCH_STEP_ROWS                                                                         \
    NN_CONFIG_ROW(nn_bench_what), NN_SET_ROW(nn_bench_what, "train.lr=0.1"), {                     \
        "seconds", NN_OPT_REAL, offsetof(nn_bench_what, seconds), "2", "[0, 3600]",                \
            "time for training steps, about"                                                       \
    }

/* The step of the configuration, of which `change` overrides one more key; NULL: none. Collective.
 */
int nn_bench_measure(const nn_call *call, const nn_bench_what *what, const char *change,
                     nn_bench_step *step);
/* As member "step". */
void nn_bench_step_json(nn_json *json, const nn_bench_step *step);

extern const nn_verb nn_verb_bench_reduce, nn_verb_bench_step, nn_verb_bench_reproducible,
    nn_verb_bench_scaling;

#endif
