/* ranks: 2 3 4 */
/* nodes: 2 3 */
/* What a step leaves to the next one (nn_reducer_go_ahead): parameters are those of all steps as
 * soon as they are asked for, and rows of the next step, of which there may be fewer, come on top
 * of those of the step before. So it is where nodes take the step on parts of the sums
 * (nn_reduce_spec.divided). */
#include "check.h"
#include "comm/comm.h"
#include "comm/reduce/backend.h"
#include "comm/reduce/reduce.h"

#include <stdatomic.h>
#include <string.h>

/* Layers of some elements each, of which the second one is a matrix whose rows travel. */
enum { LAYERS = 4, MATRIX = 1, M = 64, WIDE = 48, BATCH = 12, STEPS = 9 };
static const size_t border[LAYERS + 1] = {0, 5000, 5000 + M *WIDE, 20000, 21000};
#define N border[LAYERS]
/* Every rank says that it met with NaN; all refuse the step. */
enum { BAD = 4, REFUSED = 6 };

struct trial {
    nn_comm *comm;
    nn_reducer *reducer;
    nn_shards shards;
    nn_pool pool;
    int step;                       /* under way */
    int left;                       /* the last one that took steps on parameters */
    atomic_size_t stepped, adopted; /* elements, in all steps */
    nn_real *wanted;                /* [N] parameters after it */
};

static bool begin_step(void *ctx, const nn_step_sums *sums) {
    struct trial *t = ctx;
    CHECK_NEAR(sums->weight, nn_comm_size(t->comm), 0);
    t->left = t->step;
    return t->step != REFUSED;
}

static void take_step(void *ctx, const nn_slice *slice, const nn_real *g) {
    struct trial *t = ctx;
    nn_real *w = nn_reducer_vector(t->reducer, 0) + slice->begin;
    t->stepped += slice->end - slice->begin;
    for (size_t i = 0; i < slice->end - slice->begin; i++)
        w[i] += g[i];
}

/* Nothing that this rank takes the step on itself. */
static void adopt(void *ctx, const nn_slice *slice) {
    struct trial *t = ctx;
    t->adopted += slice->end - slice->begin;
    for (size_t k = 0; k < nn_reducer_slices(t->reducer); k++) {
        nn_slice own = nn_reducer_part(t->reducer, k);
        CHECK(slice->end <= own.begin || slice->begin >= own.end || own.begin == own.end);
    }
}

static bool nonfinite(void *ctx) {
    const struct trial *t = ctx;
    return t->left == BAD;
}

/* What one rank says, and what all do, come to all nodes only where they have parts of one sum. */
enum { MOST_RANKS = 4 };
static void compute_norms(void *ctx, nn_reducer *reducer) {
    const struct trial *t = ctx;
    const nn_comm *comm = t->comm;
    double share[MOST_RANKS + 1] = {[MOST_RANKS] = comm->node_rank == 0 ? -0.1 : 0};
    share[comm->rank] = 1 + comm->rank;
    nn_reducer_add(reducer, share, MOST_RANKS + 1);
    CHECK_NEAR(share[MOST_RANKS], -0.1, 0);
    for (int rank = 0; rank < comm->size; rank++) {
        bool here =
            comm->locality && comm->locality[rank].leader != comm->locality[comm->rank].leader;
        CHECK_NEAR(share[rank], here && !nn_reducer_divides(reducer) ? 0 : 1 + rank, 0);
    }
}

static const nn_reduce_ops ops = {
    .begin_step = begin_step, .step = take_step, .adopt = adopt, .nonfinite = nonfinite};
static const nn_reduce_ops late_ops = {.values = MOST_RANKS + 1,
                                       .begin_step = begin_step,
                                       .compute_norms = compute_norms,
                                       .step = take_step,
                                       .adopt = adopt,
                                       .nonfinite = nonfinite};

static bool accept_step(void *ctx, const nn_step_sums *sums) {
    (void)ctx, (void)sums;
    return true;
}

static void ignore_step(void *ctx, const nn_slice *slice, const nn_real *g) {
    (void)ctx, (void)slice, (void)g;
}

static size_t rows_of(int step) {
    return step % 3 == 2 ? BATCH - 5 : BATCH;
}

/* Row r of a global minibatch, and what a rank adds elsewhere. */
static nn_real row_element(int step, size_t r, size_t i) {
    return (nn_real)((r + i + (size_t)step) % 5);
}

static nn_real part(int step, int rank, size_t i) {
    return (nn_real)((i + (size_t)(step + rank)) % 7);
}

static bool in_matrix(size_t i) {
    return i >= border[MATRIX] && i < border[MATRIX + 1];
}

static void add_wanted(struct trial *t) {
    for (size_t i = 0; i < N && t->step != REFUSED; i++) {
        size_t at = i - border[MATRIX];
        if (in_matrix(i))
            for (size_t r = 0; r < rows_of(t->step); r++)
                t->wanted[i] +=
                    row_element(t->step, r, at / WIDE) * row_element(t->step, r, at % WIDE);
        else
            for (int rank = 0; rank < nn_comm_size(t->comm); rank++)
                t->wanted[i] += part(t->step, rank, i);
    }
}

static nn_span own_rows(const struct trial *t) {
    return nn_shards_rows(&t->shards, rows_of(t->step), (size_t)nn_comm_rank(t->comm));
}

static void put(const struct trial *t, nn_outer_side side) {
    nn_span own = own_rows(t);
    size_t width = side == NN_OUTER_A ? M : WIDE;
    nn_real x[BATCH * M];
    for (size_t r = own.begin; r < own.end; r++)
        for (size_t i = 0; i < width; i++)
            x[(r - own.begin) * width + i] = row_element(t->step, r, i);
    nn_reducer_put_rows(t->reducer, 0, side, &(nn_row_block){x, own.end - own.begin, width});
}

static void forward(struct trial *t) {
    const nn_real *w = nn_reducer_vector(t->reducer, 0);
    for (size_t l = 0; l < LAYERS; l++) {
        size_t wrong = 0;
        if (nn_reducer_has_left(t->reducer))
            nn_reducer_need(t->reducer, border[l + 1]);
        for (size_t i = border[l]; i < border[l + 1]; i++)
            wrong += w[i] != t->wanted[i];
        CHECK_EQ_INT(wrong, 0);
        if (l == MATRIX && nn_reducer_wants_rows(t->reducer, 0))
            put(t, NN_OUTER_A);
    }
    CHECK(!nn_reducer_has_left(t->reducer));
    CHECK_EQ_INT(nn_reducer_complete(t->reducer), 0);
    CHECK_EQ_INT(nn_reducer_nonfinite(t->reducer), t->step == BAD + 1);
}

static void backward(struct trial *t) {
    nn_real *g = nn_reducer_grads(t->reducer);
    bool by_rows = nn_reducer_wants_rows(t->reducer, 0);
    for (size_t l = LAYERS; l-- > 0;) {
        for (size_t i = border[l]; i < border[l + 1]; i++)
            if (!in_matrix(i))
                g[i] = part(t->step, nn_comm_rank(t->comm), i);
        if (l == MATRIX && by_rows)
            put(t, NN_OUTER_B);
        for (size_t i = border[l]; i < border[l + 1] && !by_rows; i++) {
            nn_span own = own_rows(t);
            size_t at = i - border[MATRIX];
            for (size_t r = own.begin; in_matrix(i) && r <= own.end; r++)
                g[i] = r == own.begin ? 0
                                      : g[i] + row_element(t->step, r - 1, at / WIDE) *
                                                   row_element(t->step, r - 1, at % WIDE);
        }
        nn_reducer_ready(t->reducer, border[l]);
    }
}

/* Somebody looks after every fourth step. */
static void step(struct trial *t, bool leaves) {
    nn_step_sums sums = {.weight = 1};
    nn_reducer_open(t->reducer, rows_of(t->step));
    forward(t);
    nn_reducer_send_sums(t->reducer, &sums);
    backward(t);
    add_wanted(t);
    CHECK_EQ_INT(nn_reducer_finish(t->reducer), 0);
    CHECK_EQ_INT(nn_reducer_has_left(t->reducer), leaves && t->step != REFUSED);
    if (t->step % 4 == 3)
        CHECK_EQ_INT(nn_reducer_complete(t->reducer), 0);
}

/* Every element has been dealt with in the steps that were taken, and no node has taken all steps.
 */
static void check_parts(const struct trial *t) {
    nn_reducer *r = t->reducer;
    size_t slices = 0, whole = 0, steps = STEPS - 1;
    for (size_t k = 0; k < nn_reducer_slices(r); k++) {
        nn_slice slice = nn_reducer_slice(r, k);
        slices += slice.end - slice.begin;
        whole += nn_reducer_divides_slice(r, k) ? 0 : slice.end - slice.begin;
    }
    CHECK_EQ_INT(t->stepped, steps * nn_reducer_share(r));
    CHECK_EQ_INT(t->stepped + t->adopted, steps * slices);
    double sums[] = {(double)nn_reducer_share(r), (double)whole, (double)slices};
    CHECK_EQ_INT(nn_comm_sum(t->comm, sums, 3), 0);
    double nodes = nn_comm_nodes(t->comm);
    CHECK_NEAR(sums[2], nodes * (double)N, 0);
    if (nn_reducer_divides(r))
        CHECK_NEAR(sums[0], sums[1] + (sums[2] - sums[1]) / nodes, 0);
}

/* Optimiser state comes from rank 0 to who wants it, and back. */
static void test_state(const struct trial *t) {
    size_t share = nn_reducer_share(t->reducer), wrong = 0;
    nn_pool pool = {0};
    nn_real *whole = nn_pool_alloc(&pool, N * sizeof *whole),
            *own = nn_pool_alloc(&pool, (share + 1) * sizeof *own),
            *again = nn_pool_alloc(&pool, N * sizeof *again);
    for (size_t i = 0; i < N; i++)
        whole[i] = (nn_real)i;
    CHECK_EQ_INT(nn_reducer_scatter(t->reducer, whole, own), 0);
    for (size_t k = 0; k < nn_reducer_slices(t->reducer); k++) {
        nn_slice part = nn_reducer_part(t->reducer, k);
        memcpy(again + part.begin, own + part.at, (part.end - part.begin) * sizeof *own);
    }
    if (nn_reducer_divides(t->reducer))
        CHECK_EQ_INT(nn_reducer_gather(t->reducer, own, again), 0);
    for (size_t k = 0; k < nn_reducer_slices(t->reducer) && t->comm->first_node; k++) {
        nn_slice slice = nn_reducer_slice(t->reducer, k);
        for (size_t i = slice.begin; i < slice.end; i++)
            wrong += again[i] != whole[i];
    }
    CHECK_EQ_INT(wrong, 0);
    nn_pool_release(&pool);
}

static void test_steps(nn_comm *comm, const nn_reduce_ops *with, nn_between_choice between,
                       bool compress, bool divided) {
    struct trial t = {.comm = comm};
    const nn_outer_matrix matrix = {.begin = border[MATRIX], .m = M, .n = WIDE, .steps = 1};
    nn_reduce_spec spec = {.comm = comm,
                           .choice = NN_REDUCE_NODE,
                           .n = N,
                           .vectors = 1,
                           .bucket = 2048,
                           .compress = compress,
                           .divided = divided,
                           .between = between,
                           .outer = &matrix,
                           .outer_count = 1,
                           .rows = BATCH,
                           .shards = &t.shards,
                           .ops = with,
                           .ctx = &t};
    CHECK_EQ_INT(nn_shards_init(&t.shards, &t.pool, BATCH, (size_t)nn_comm_size(comm)), 0);
    if (CHECK_EQ_INT(nn_reducer_new(&spec, &t.reducer), 0)) {
        t.wanted = nn_pool_alloc(&t.pool, N * sizeof *t.wanted);
        nn_reducer_go_ahead(t.reducer, true);
        for (; t.step < STEPS; t.step++)
            step(&t, with == &ops && nn_comm_nodes(comm) > 1);
        CHECK_EQ_INT(nn_reducer_complete(t.reducer), 0);
        CHECK(memcmp(nn_reducer_vector(t.reducer, 0), t.wanted, N * sizeof *t.wanted) == 0);
        CHECK_EQ_INT(nn_comm_agree(comm, 0), 0); /* all have read */
        CHECK_EQ_INT(nn_reducer_divides(t.reducer), divided && nn_comm_nodes(comm) > 1);
        check_parts(&t);
        test_state(&t);
    }
    nn_reducer_free(t.reducer);
    nn_pool_release(&t.pool);
}

static bool all_has_moved(void *ctx) {
    nn_reducer *r = ctx;
    nn_reducer_need(r, 0);
    return nn_wire_is_empty(r->wire);
}

/* Without a thread that looks after messages: what a step has left moves on although no layer
 * waits for it. */
static void test_polling(nn_comm *comm) {
    const nn_reduce_ops quiet = {.begin_step = accept_step, .step = ignore_step};
    nn_reduce_spec spec = {.comm = comm, .choice = NN_REDUCE_NODE, .n = N, .vectors = 1};
    nn_step_sums sums = {.weight = 1};
    nn_reducer *r;
    bool threads = comm->threads;
    comm->threads = false;
    spec.ops = &quiet;
    if (nn_comm_nodes(comm) > 1 && CHECK_EQ_INT(nn_reducer_new(&spec, &r), 0)) {
        nn_reducer_go_ahead(r, true);
        nn_reducer_open(r, 0);
        nn_reducer_send_sums(r, &sums);
        CHECK_EQ_INT(nn_reducer_finish(r), 0);
        nn_wait_polling(all_has_moved, r, true);
        CHECK_EQ_INT(nn_reducer_complete(r), 0);
        nn_reducer_free(r);
    }
    comm->threads = threads;
}

int main(void) {
    nn_comm *comm;
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    for (int i = 0; i < 4; i++) { /* small whole numbers are not rounded */
        bool compress = i % 2 == 1, divided = i >= 2;
        test_steps(comm, &ops, NN_BETWEEN_GRADIENTS, compress, divided);
        test_steps(comm, &ops, NN_BETWEEN_ROWS, compress, divided);
        test_steps(comm, &late_ops, NN_BETWEEN_ROWS, compress, divided);
    }
    test_polling(comm);
    nn_comm_free(comm);
    return check_done();
}
