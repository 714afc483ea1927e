#include "comm/reduce/bench.h"

#include "base/mem.h"
#include "base/numbers/compare.h"
#include "base/system/clock.h"
#include "comm/between/ring.h"
#include "comm/comm.h"
#include "comm/messages.h"
#include "comm/reduce/partition.h"
#include "math/machine.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 21, BACKENDS = 2 };

struct bench {
    nn_reducer *reducer;
    double round_s[ROUNDS]; /* seconds a step */
};

static bool begin_step(void *ctx, const nn_step_sums *sums) {
    (void)ctx, (void)sums;
    return true;
}

/* MPI_Allreduce has left the sum with every rank already. */
static void leave(void *ctx, const nn_slice *slice, const nn_real *g) {
    (void)ctx, (void)slice, (void)g;
}

static void store(void *ctx, const nn_slice *slice, const nn_real *g) {
    const struct bench *b = ctx;
    memcpy(nn_reducer_vector(b->reducer, 0) + slice->begin, g,
           (slice->end - slice->begin) * sizeof *g);
}

static int open_bench(nn_comm *comm, nn_reduce_choice choice, size_t n, struct bench *b) {
    static const nn_reduce_ops ops[BACKENDS] = {{.begin_step = begin_step, .step = leave},
                                                {.begin_step = begin_step, .step = store}};
    nn_reduce_spec spec = {.comm = comm,
                           .choice = choice,
                           .n = n,
                           .vectors = 1,
                           .ops = &ops[choice == NN_REDUCE_NODE],
                           .ctx = b};
    return nn_reducer_new(&spec, &b->reducer);
}

/* Seconds a step takes the slowest rank. */
static int time_steps(nn_comm *comm, const struct bench *b, long steps, double *out) {
    nn_step_sums sums = {0};
    NN_TRY(nn_comm_agree(comm, 0)); /* all begin together */
    double begin = nn_seconds();
    for (long i = 0; i < steps; i++) {
        nn_reducer_open(b->reducer, 0);
        nn_reducer_send_sums(b->reducer, &sums);
        NN_TRY(nn_reducer_finish(b->reducer));
    }
    *out = (nn_seconds() - begin) / (double)steps;
    if (comm->size > 1)
        NN_TRY(nn_mpi_allreduce(comm, comm->world, out, 1, MPI_DOUBLE, MPI_MAX));
    return 0;
}

/* Rounds of both in turn, each of as many steps as fill its share of the time. */
static int run(nn_comm *comm, struct bench *b, size_t backends, double seconds) {
    long steps[BACKENDS];
    double once;
    for (size_t w = 0; w < backends; w++) {
        NN_TRY(time_steps(comm, &b[w], 1, &once)); /* the first one also brings in the pages */
        NN_TRY(time_steps(comm, &b[w], 2, &once));
        double fit = seconds / (double)(ROUNDS * backends) / once;
        steps[w] = fit < 1 ? 1 : fit > 1e6 ? 1000000 : (long)fit;
    }
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t w = 0; w < backends; w++)
            NN_TRY(time_steps(comm, &b[w], steps[w], &b[w].round_s[round]));
    for (size_t w = 0; w < backends; w++)
        qsort(b[w].round_s, ROUNDS, sizeof *b[w].round_s, nn_compare_reals);
    return 0;
}

int nn_bench_reduce(nn_comm *comm, size_t bytes, double seconds, nn_reduce_speed *out) {
    static const nn_reduce_choice choice[BACKENDS] = {NN_REDUCE_ALLREDUCE, NN_REDUCE_NODE};
    size_t n = bytes / sizeof(nn_real);
    const nn_reduce_spec automatic = {.comm = comm, .choice = NN_REDUCE_AUTO};
    nn_reduce_plan plan = nn_reduce_plan_of(&automatic);
    size_t backends = plan.choice == NN_REDUCE_NODE ? BACKENDS : 1;
    struct bench bench[BACKENDS] = {{NULL, {0}}, {NULL, {0}}};
    int rc = 0;
    for (size_t w = 0; w < backends; w++)
        NN_TRY_GOTO(open_bench(comm, choice[w], n, &bench[w]));
    NN_TRY_GOTO(run(comm, bench, backends, seconds));
    *out = (nn_reduce_speed){bytes, bench[0].round_s[ROUNDS / 2], bench[1].round_s[ROUNDS / 2]};
done:
    for (size_t w = 0; w < backends; w++)
        nn_reducer_free(bench[w].reducer);
    return rc;
}

/* ---- network --------------------------------------------------------------------------------- */

/* Bytes of a long message, and how many are under way at once; seconds of a measurement, about. */
enum { LONG = 1 << 20, STREAM = 4 };
#define NETWORK_SECONDS 0.3
#define ADDING_SECONDS 0.02
/* Of every measurement. */
enum { LEAST_EXCHANGES = 3 };

/* By the first rank of each node; out, in [STREAM * LONG] */
static int measure_network(nn_comm *comm, char *to, char *from, nn_network *out) {
    double stream = 0;
    const nn_ring_messages long_ones = {to, from, STREAM, LONG};
    NN_TRY(nn_ring_latency(comm, LEAST_EXCHANGES, NETWORK_SECONDS, &out->latency, &out->overhead));
    NN_TRY(nn_ring_exchange(comm, &long_ones, LEAST_EXCHANGES, NETWORK_SECONDS, &stream));
    out->bandwidth =
        (double)(STREAM * LONG) / (stream > out->latency ? stream - out->latency : stream);
    return 0;
}

/* Sums are added as their parts come, when they are in the cache. */
static int measure_adding(nn_network *out) {
    double moved; /* two reads and a write a number */
    NN_TRY(nn_machine_memory(1, NN_PARTITION_BUCKET, ADDING_SECONDS, &moved));
    out->adding = moved / 3;
    return 0;
}

int nn_bench_network(nn_comm *comm, nn_network *out) {
    char *to = NULL, *from = NULL;
    int rc = NN_NEW(&to, STREAM * LONG, "messages");
    if (rc == 0)
        rc = NN_NEW(&from, STREAM * LONG, "messages");
    if (rc == 0)
        rc = measure_adding(out);
    rc = nn_comm_agree(comm, rc);
    if (rc == 0 && comm->nodes > 1 && comm->leaders != MPI_COMM_NULL)
        rc = measure_network(comm, to, from, out);
    rc = nn_comm_agree(comm, rc);
    nn_free(to);
    nn_free(from);
    return rc < 0 ? rc : nn_comm_bcast(comm, out, sizeof *out);
}
