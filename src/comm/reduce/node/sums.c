#include "comm/reduce/node/sums.h"

#include "base/mem.h"
#include "comm/between/bf16.h"
#include "comm/comm.h"
#include "comm/messages.h"
#include "comm/reduce/node/adding.h"
#include "comm/reduce/residuals.h"

#include <string.h>

/* ---- planning -------------------------------------------------------------------------------- */

static void *numbers_alloc(nn_node_sums *b, size_t bytes) {
    b->bytes += bytes;
    return nn_pool_alloc(&b->pool, bytes);
}

static size_t other_vectors(const nn_node_sums *b) {
    size_t others = 0;
    for (size_t i = 0; i < sums_vectors(b); i++)
        others += sums_node(b, i) != b->me;
    return others;
}

static nn_parcel parcel(const nn_node_sums *b, size_t node, void *bytes, size_t count) {
    return (nn_parcel){.rank = b->rank[node], .bytes = bytes, .count = count * b->width};
}

/* A part of the slice as it goes to a node, or comes from one, when it is summed, or the step is
 * taken on it. */
static nn_parcel made(const struct sum *s, size_t node, nn_span part) {
    const nn_node_sums *b = s->all;
    size_t count = part.end - part.begin;
    if (b->algorithm == DIVIDED)
        return (nn_parcel){.rank = b->rank[node],
                           .bytes = b->r->vectors + s->slice.begin + part.begin,
                           .count = count * sizeof(nn_real)};
    return parcel(b, node,
                  b->compress ? (void *)(s->rounded + part.begin)
                              : (void *)(sum_values(s) + part.begin),
                  count);
}

/* This node's vectors to who adds them, and the others' for what this node adds. */
static void plan_numbers(struct sum *s) {
    const nn_node_sums *b = s->all;
    nn_channel *c = &s->numbers;
    nn_span mine = sum_part(s, b->me);
    size_t own = mine.end - mine.begin;
    for (size_t i = 0; i < sums_vectors(b); i++) {
        size_t from = sums_node(b, i);
        if (from != b->me) {
            c->in[c->ins] = parcel(b, from, (char *)s->others + c->ins * own * b->width, own);
            c->ins++;
            continue;
        }
        for (size_t k = 1; k < b->nodes; k++) {
            size_t to = (b->me + k) % b->nodes; /* not all to the same one first */
            nn_span theirs = sum_part(s, to);
            c->out[c->outs++] =
                parcel(b, to, sum_own_number(s, i, theirs.begin), theirs.end - theirs.begin);
        }
    }
}

/* What this node makes of its part to all, and theirs to where they belong. */
static void plan_sums(struct sum *s) {
    const nn_node_sums *b = s->all;
    nn_channel *c = &s->sums;
    nn_span mine = sum_part(s, b->me);
    for (size_t k = 1; k < b->nodes; k++) {
        size_t node = (b->me + k) % b->nodes;
        c->out[c->outs++] = made(s, node, mine);
        c->in[c->ins++] = made(s, node, sum_part(s, node));
    }
}

static int add_parcels(nn_node_sums *b, nn_channel *c, size_t most) {
    c->in = nn_pool_alloc(&b->pool, most * sizeof *c->in);
    c->out = nn_pool_alloc(&b->pool, most * sizeof *c->out);
    return c->in && c->out ? 0 : NN_EMEMORY;
}

static void numbers_moved(void *ctx, nn_channel *channel);
static void sums_moved(void *ctx, nn_channel *channel);

static int plan_sum(nn_node_sums *b, size_t k, struct sum *s) {
    size_t n = sum_length(s), vectors = sums_vectors(b);
    nn_span mine = sum_part(s, b->me);
    nn_channel channel = {.ctx = s};
    s->numbers = s->sums = channel;
    s->numbers.tag = 2 * (int)k;
    s->sums.tag = 2 * (int)k + 1;
    s->numbers.moved = numbers_moved;
    s->sums.moved = b->algorithm == PARTS ? sums_moved : NULL;
    if (b->algorithm == COLLECTIVE) {
        s->others = numbers_alloc(b, n * b->width);
        nn_wire_reserve_sum(b->r->wire, n);
        return s->others ? 0 : NN_EMEMORY;
    }
    s->others = numbers_alloc(b, other_vectors(b) * (mine.end - mine.begin) * b->width + 1);
    if (b->compress) {
        s->rounded = numbers_alloc(b, n * b->width);
        s->residual = nn_residuals_of(b->r->residuals, k);
    }
    if (!s->others || (b->compress && !s->rounded))
        return NN_EMEMORY;
    NN_TRY(add_parcels(b, &s->numbers, b->subtrees.tree ? vectors * b->nodes : b->nodes));
    plan_numbers(s);
    if (b->algorithm != WHOLE) {
        NN_TRY(add_parcels(b, &s->sums, b->nodes));
        plan_sums(s);
    }
    nn_wire_reserve(b->r->wire, &s->numbers);
    nn_wire_reserve(b->r->wire, &s->sums);
    return 0;
}

static int plan(nn_node_sums *b) {
    const nn_reducer *r = b->r;
    size_t covers = b->subtrees.tree ? b->subtrees.tree->tree->covers : 1;
    b->sum = nn_pool_alloc(&b->pool, r->partition.buckets * sizeof *b->sum);
    b->value = nn_pool_alloc(&b->pool, covers * sizeof *b->value);
    if (!b->sum || !b->value)
        return NN_EMEMORY;
    for (size_t k = 0; k < r->partition.buckets; k++) {
        struct sum *s = &b->sum[k];
        s->all = b;
        s->slice = nn_reduce_slice(r, k);
        if (nn_outer_grads_is_everywhere(r->outer_grads, &s->slice))
            s->slice.end = s->slice.begin;
        if (sum_length(s) > 0)
            NN_TRY(plan_sum(b, k, s));
    }
    return 0;
}

static algorithm choose_algorithm(const nn_node_sums *b) {
    bool directly =
        nn_sums_go_directly(b->nodes, b->r->spec.direct, b->compress, b->subtrees.tree != NULL);
    if (b->r->divided)
        return DIVIDED;
    if (b->nodes == 2)
        return WHOLE;
    return directly ? PARTS : COLLECTIVE;
}

/* Who the owners are in the world. */
static int find_owners(nn_node_sums *b) {
    nn_comm *comm = b->r->spec.comm;
    int rank = 0, size = 1;
    if (b->owners != MPI_COMM_NULL) {
        MPI_Comm_rank(b->owners, &rank);
        MPI_Comm_size(b->owners, &size);
    }
    b->me = (size_t)rank;
    b->nodes = (size_t)size;
    b->algorithm = choose_algorithm(b);
    b->rank = nn_pool_alloc(&b->pool, b->nodes * sizeof *b->rank);
    NN_TRY(nn_comm_agree(comm, b->rank ? 0 : NN_EMEMORY));
    b->rank[b->me] = comm->rank;
    return b->nodes > 1 ? nn_mpi_allgather(comm, b->owners, b->rank, sizeof *b->rank) : 0;
}

int nn_node_sums_new(nn_reducer *r, MPI_Comm owners, const nn_subtrees *subtrees,
                     nn_node_sums **out) {
    nn_comm *comm = r->spec.comm;
    nn_node_sums *b;
    *out = NULL;
    NN_TRY(nn_comm_agree(comm, NN_NEW(&b, 1, "sums between nodes")));
    b->r = r;
    b->owners = owners;
    b->compress = r->spec.compress;
    b->width = b->compress ? sizeof(uint16_t) : sizeof(nn_real);
    if (subtrees)
        b->subtrees = *subtrees;
    int rc = find_owners(b);
    if (rc == 0)
        rc = nn_comm_agree(comm, plan(b));
    if (rc < 0)
        nn_node_sums_free(b);
    else
        *out = b;
    return rc;
}

void nn_node_sums_free(nn_node_sums *b) {
    if (!b)
        return;
    nn_pool_release(&b->pool);
    nn_free(b);
}

size_t nn_node_sums_bytes(const nn_node_sums *b) {
    return b->bytes;
}

/* ---- a pass ---------------------------------------------------------------------------------- */

static bool is_idle(const nn_channel *c) {
    return c->coming == 0 && c->going == 0;
}

static void add_part(struct sum *s) {
    const nn_node_sums *b = s->all;
    nn_span mine = sum_part(s, b->me);
    size_t n = mine.end - mine.begin;
    sum_add_up(s);
    if (b->compress)
        nn_bf16_round(n, sum_values(s) + mine.begin, s->residual + mine.begin,
                      s->rounded + mine.begin);
    s->added = true;
    nn_wire_send(b->r->wire, &s->sums);
}

/* The sums may come when nothing goes out any more from where they are put. */
static void go_on_with_parts(struct sum *s) {
    if (s->numbers.coming == 0 && !s->added)
        add_part(s);
    if (s->numbers.going == 0 && !s->opened) {
        s->opened = true;
        nn_wire_receive(s->all->r->wire, &s->sums);
    }
}

static void numbers_moved(void *ctx, nn_channel *channel) {
    struct sum *s = ctx;
    if (!s->started)
        return;
    if (s->all->algorithm == PARTS)
        go_on_with_parts(s);
    else if (is_idle(channel))
        s->done = true;
}

static void sums_moved(void *ctx, nn_channel *channel) {
    struct sum *s = ctx;
    if (s->added && s->opened && is_idle(channel))
        s->done = true;
}

void nn_node_sums_open(nn_node_sums *b, size_t k, size_t priority) {
    struct sum *s = &b->sum[k];
    s->done = sum_length(s) == 0;
    s->started = s->added = s->opened = false;
    s->numbers.priority = s->sums.priority = priority;
    if (!s->done && b->algorithm != COLLECTIVE)
        nn_wire_receive(b->r->wire, &s->numbers);
}

void nn_node_sums_start(nn_node_sums *b, size_t k) {
    struct sum *s = &b->sum[k];
    size_t n = sum_length(s);
    nn_wire *wire = b->r->wire;
    if (n == 0)
        return;
    if (b->compress)
        sum_round_numbers(s);
    if (b->algorithm == COLLECTIVE)
        memcpy(s->others, sum_values(s), n * sizeof(nn_real));
    nn_wire_lock(wire);
    s->started = true;
    if (b->algorithm == COLLECTIVE)
        nn_wire_sum(
            wire, &s->numbers, b->owners,
            &(nn_values){sum_values(s), n, sizeof(nn_real), NN_MPI_REAL, s->others, MPI_SUM});
    else
        nn_wire_send(wire, &s->numbers);
    numbers_moved(s, &s->numbers); /* all may have come before */
    nn_wire_unlock(wire);
}

bool nn_node_sums_have(const nn_node_sums *b, size_t k) {
    return b->sum[k].done;
}

void nn_node_sums_take(nn_node_sums *b, size_t k) {
    const struct sum *s = &b->sum[k];
    if (sum_length(s) == 0)
        return;
    if (b->algorithm == WHOLE || b->algorithm == DIVIDED)
        sum_add_up(s);
    else if (b->compress)
        nn_bf16_expand(sum_length(s), s->rounded, sum_values(s));
}

void nn_node_sums_send_part(nn_node_sums *b, size_t k) {
    struct sum *s = &b->sum[k];
    if (sum_length(s) == 0)
        return;
    nn_wire_receive(b->r->wire, &s->sums);
    nn_wire_send(b->r->wire, &s->sums);
}

bool nn_node_sums_have_parts(const nn_node_sums *b, size_t k) {
    return is_idle(&b->sum[k].sums);
}
