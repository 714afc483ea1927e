/* ranks: 1 2 3 4 */
/* nodes: 2 3 */
/* timeout: 120 */
/* The gradient sum and the step on it, both ways, whatever the length and however back-propagation
 * reports. */
#include "comm/reduce/reduce.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUCKET ((size_t)4096) /* elements: sizes around it matter */

struct trial {
    nn_comm *comm;
    nn_reducer *reducer;
    nn_real *w, *g;
    size_t n, steps, applied;
    size_t passes, pass;
    nn_real *before; /* [n] w before the step */
    nn_real *kept;   /* [n] sums of the passes so far */
    bool refuse;     /* do not accept the step */
    double moved;    /* elements with a step, as nn_reducer_add says */
};

/* What rank r contributes to element i: small integers, so that sums are exact in any order. */
static nn_real part(int rank, size_t i, size_t step) {
    return (nn_real)((int)((i + 7 * step) % 1000) * (rank + 1) - 3 * rank);
}

static nn_real total(int size, size_t i, size_t step) {
    nn_real sum = 0;
    for (int r = 0; r < size; r++)
        sum += part(r, i, step);
    return sum;
}

/* Every pass contributes the same. */
static nn_real expected(const struct trial *t, size_t i) {
    return (nn_real)t->passes * total(nn_comm_size(t->comm), i, t->steps);
}

static bool begin_step(void *ctx, const nn_step_sums *sums) {
    struct trial *t = ctx;
    int size = nn_comm_size(t->comm);
    CHECK_NEAR(sums->loss, size * (size + 1) / 2.0, 0);
    CHECK_NEAR(sums->failed, 0.25 * size * (double)(t->steps + 1), 0);
    return !t->refuse;
}

/* w += g, so that w is the sum of all steps. */
static void take_step(void *ctx, const nn_slice *span, const nn_real *g) {
    struct trial *t = ctx;
    for (size_t i = span->begin; i < span->end; i++)
        t->w[i] += g[i - span->begin];
    t->applied += span->end - span->begin;
}

/* Every slice is summed and none is applied yet. */
static void compute_norms(void *ctx, nn_reducer *reducer) {
    struct trial *t = ctx;
    double sums[2] = {0, 1};
    CHECK_EQ_INT(t->applied, 0);
    for (size_t k = 0; k < nn_reducer_slices(reducer); k++) {
        nn_slice s = nn_reducer_slice(reducer, k);
        for (size_t i = s.begin; i < s.end; i++)
            sums[0] += t->g[i] == expected(t, i);
    }
    nn_reducer_add(reducer, sums, 2);
    CHECK_NEAR(sums[0], (double)t->n, 0);
    sums[0] = sums[1] = 1;
    nn_reducer_add(reducer, sums, 1);
    t->moved = sums[0];
}

/* All have taken their steps; one rank does not like it. */
static void constrain(void *ctx, nn_reducer *reducer) {
    struct trial *t = ctx;
    double none = 0;
    size_t wrong = 0;
    nn_reducer_add(reducer, &none, 0);
    for (size_t i = 0; i < t->n; i++)
        wrong += t->w[i] != t->before[i] + expected(t, i);
    CHECK_EQ_INT(wrong, 0);
}

static bool nonfinite(void *ctx) {
    struct trial *t = ctx;
    return t->steps % 2 == 1 && nn_comm_rank(t->comm) == nn_comm_size(t->comm) - 1;
}

static void accumulate(void *ctx, const nn_slice *span, bool first, bool last, nn_real *g) {
    struct trial *t = ctx;
    CHECK_EQ_INT(first, t->pass == 0);
    CHECK_EQ_INT(last, t->pass + 1 == t->passes);
    for (size_t i = span->begin; i < span->end; i++) {
        t->kept[i] = g[i - span->begin] + (t->pass > 0 ? t->kept[i] : 0);
        if (t->pass + 1 == t->passes)
            g[i - span->begin] = t->kept[i];
    }
}

static const nn_reduce_ops eager = {.values = 2, .begin_step = begin_step, .step = take_step};
static const nn_reduce_ops late = {.values = 2,
                                   .begin_step = begin_step,
                                   .compute_norms = compute_norms,
                                   .constrain = constrain,
                                   .nonfinite = nonfinite,
                                   .step = take_step};
static const nn_reduce_ops late_passes = {.values = 2,
                                          .begin_step = begin_step,
                                          .compute_norms = compute_norms,
                                          .constrain = constrain,
                                          .accumulate = accumulate,
                                          .nonfinite = nonfinite,
                                          .step = take_step};
/* Without `compute_norms` steps are taken slice by slice, while others are still to be accumulated.
 */
static const nn_reduce_ops eager_passes = {
    .values = 2, .begin_step = begin_step, .accumulate = accumulate, .step = take_step};

/* Back-propagation of a pass that has begun. */
static void go_back(struct trial *t, size_t layer) {
    int rank = nn_comm_rank(t->comm);
    if (rank == (int)t->steps % nn_comm_size(t->comm))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* others must wait for it */
    for (size_t end = t->n; end > 0;) {
        size_t begin = layer && end > layer ? end - layer : 0;
        for (size_t i = begin; i < end; i++)
            t->g[i] = part(rank, i, t->steps);
        if (layer)
            nn_reducer_ready(t->reducer, begin);
        end = begin;
    }
    CHECK_EQ_INT(nn_reducer_finish(t->reducer), 0);
}

/* One step, reported in layers of `layer` elements (0: not at all). */
static void step(struct trial *t, size_t layer, bool late_ops) {
    int rank = nn_comm_rank(t->comm), size = nn_comm_size(t->comm);
    nn_step_sums sums = {.loss = rank + 1};
    size_t wrong = 0, n = t->n, owner;
    if (n)
        memcpy(t->before, t->w, n * sizeof *t->w);
    CHECK_EQ_INT(nn_comm_agree(t->comm, 0), 0); /* all have read */
    sums.failed = 0.25 * (double)(t->steps + 1);
    t->applied = 0;
    for (t->pass = 0; t->pass < t->passes; t->pass++) {
        for (size_t i = 0; i < n; i++)
            t->g[i] = (nn_real)1e30; /* not there yet */
        nn_reducer_open(t->reducer, 0);
        if (t->pass + 1 == t->passes)
            nn_reducer_send_sums(t->reducer, &sums);
        else
            nn_reducer_skip_sums(t->reducer);
        go_back(t, layer);
    }
    for (size_t i = 0; i < n; i++)
        wrong += t->w[i] != t->before[i] + (t->refuse ? 0 : expected(t, i));
    CHECK_EQ_INT(wrong, 0);
    CHECK_EQ_INT(t->applied, t->refuse ? 0 : nn_reducer_share(t->reducer));
    if (late_ops && nn_reducer_owners(t->reducer, &owner) == (size_t)size)
        CHECK_EQ_INT(nn_reducer_nonfinite(t->reducer), !t->refuse && t->steps % 2 == 1);
    t->steps++;
}

/* A whole vector comes to everyone's share. */
static void test_vectors(struct trial *t) {
    size_t n = t->n, share = nn_reducer_share(t->reducer), wrong = 0;
    nn_real *mine = malloc((share + 1) * sizeof *mine), *whole = malloc((n + 1) * sizeof *whole);
    for (size_t i = 0; i < n; i++)
        whole[i] = nn_comm_rank(t->comm) == 0 ? (nn_real)(i % 65536) : -1;
    CHECK_EQ_INT(nn_reducer_scatter(t->reducer, whole, mine), 0);
    for (size_t k = 0; k < nn_reducer_slices(t->reducer); k++) {
        nn_slice s = nn_reducer_slice(t->reducer, k);
        for (size_t i = s.begin; i < s.end; i++)
            wrong += mine[s.at + i - s.begin] != (nn_real)(i % 65536);
    }
    if (nn_comm_rank(t->comm) == 0)
        for (size_t i = 0; i < n; i++)
            t->w[i] = (nn_real)(i % 1000);
    CHECK_EQ_INT(nn_reducer_sync(t->reducer), 0);
    for (size_t i = 0; i < n; i++)
        wrong += t->w[i] != (nn_real)(i % 1000);
    CHECK_EQ_INT(wrong, 0);
    free(mine);
    free(whole);
}

static void test_length(nn_comm *comm, nn_reduce_choice choice, size_t n, size_t direct,
                        const nn_reduce_ops *ops) {
    struct trial t = {.comm = comm, .n = n, .passes = ops->accumulate ? 3 : 1};
    nn_reduce_spec spec = {.comm = comm,
                           .choice = choice,
                           .n = n,
                           .vectors = 1,
                           .bucket = BUCKET,
                           .direct = direct,
                           .ops = ops,
                           .ctx = &t};
    nn_reduce_plan plan = nn_reduce_plan_of(&spec);
    double waiting, updating;
    if (!CHECK_EQ_INT(nn_reducer_new(&spec, &t.reducer), 0))
        return;
    t.before = malloc((n + 1) * sizeof *t.before);
    t.kept = malloc((n + 1) * sizeof *t.kept);
    t.w = nn_reducer_vector(t.reducer, 0);
    t.g = nn_reducer_grads(t.reducer);
    for (size_t i = 0; i < n; i++)
        CHECK(t.w[i] == 0);
    step(&t, n / 7 + 1, ops->nonfinite != NULL);
    step(&t, BUCKET + 16, ops->nonfinite != NULL);
    t.refuse = true;
    step(&t, n / 3 + 1, ops->nonfinite != NULL);
    t.refuse = false;
    step(&t, 0, ops->nonfinite != NULL);
    test_vectors(&t);
    step(&t, n / 7 + 1, ops->nonfinite != NULL);
    if (plan.choice == NN_REDUCE_NODE && ops->compute_norms)
        CHECK_NEAR(t.moved, nn_comm_node_size(comm), 0);
    nn_reducer_seconds(t.reducer, &waiting, &updating);
    CHECK(waiting >= 0 && updating >= 0);
    nn_reducer_seconds(t.reducer, &waiting, &updating);
    CHECK_NEAR(waiting + updating, 0, 0);
    nn_reducer_free(t.reducer);
    free(t.before);
    free(t.kept);
}

static void test_backend(nn_comm *comm, nn_reduce_choice choice) {
    static const size_t lengths[] = {0,      1,          16,         1000,           BUCKET - 1,
                                     BUCKET, BUCKET + 1, 2 * BUCKET, 2 * BUCKET + 7, 70000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        test_length(comm, choice, lengths[i], 0, &eager);
        test_length(comm, choice, lengths[i], 0, &late);
        test_length(comm, choice, lengths[i], 0, &eager_passes);
        test_length(comm, choice, lengths[i], 0, &late_passes);
    }
    test_length(comm, choice, 70000, 1, &late_passes); /* of three nodes, by MPI's sums */
}

/* Ranks of the node that has fewest. */
static int fewest(nn_comm *comm) {
    int mine = nn_comm_node_size(comm), all[64], least = mine;
    CHECK_EQ_INT(nn_comm_gather(comm, &mine, sizeof mine, all), 0);
    for (int i = 0; i < nn_comm_size(comm); i++)
        least = all[i] < least ? all[i] : least;
    return least;
}

/* What is chosen, and that it shares what it should. */
static void test_choice(nn_comm *comm) {
    static const nn_reduce_choice choices[] = {NN_REDUCE_AUTO, NN_REDUCE_ALLREDUCE, NN_REDUCE_NODE};
    size_t size = (size_t)nn_comm_size(comm), ranks = (size_t)nn_comm_node_size(comm);
    int least = fewest(comm);
    bool shares = least > 1 || nn_comm_nodes(comm) > 1;
    const char *const names[] = {shares ? "node" : "allreduce", "allreduce", "node"};
    for (size_t i = 0; i < 3; i++) {
        struct trial t = {.comm = comm};
        nn_reduce_spec spec = {.comm = comm,
                               .choice = choices[i],
                               .n = 100000,
                               .vectors = 1,
                               .ops = &eager,
                               .ctx = &t};
        nn_reduce_plan plan = nn_reduce_plan_of(&spec);
        CHECK_EQ_INT(nn_reducer_new(&spec, &t.reducer), 0);
        CHECK_STR(nn_reducer_backend(t.reducer), size == 1 ? "none" : names[i]);
        bool node = plan.choice == NN_REDUCE_NODE;
        CHECK_EQ_INT(node, size > 1 && strcmp(names[i], "node") == 0);
        CHECK_EQ_INT(plan.copies, node ? 1 : ranks);
        CHECK_EQ_INT(nn_reducer_writes(t.reducer), !node || nn_comm_node_rank(comm) == 0);
        CHECK_EQ_INT(plan.owners, node ? least : 1);
        CHECK(nn_reducer_share(t.reducer) <= spec.n / plan.owners + 64);
        nn_reducer_free(t.reducer);
        const nn_tree tree = {0};
        spec.tree = &tree;
        plan = nn_reduce_plan_of(&spec);
        CHECK_EQ_INT(plan.choice == NN_REDUCE_NODE, node);
        CHECK_EQ_INT(plan.copies, plan.choice == NN_REDUCE_NODE ? 1 : ranks);
    }
    nn_reducer_free(NULL);
}

int main(void) {
    nn_comm *comm;
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    test_choice(comm);
    test_backend(comm, NN_REDUCE_ALLREDUCE);
    test_backend(comm, NN_REDUCE_NODE);
    nn_comm_free(comm);
    return check_done();
}
