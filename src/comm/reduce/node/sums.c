#include "comm/reduce/node/sums.h"

#include "base/mem.h"
#include "comm/between/bf16.h"
#include "comm/comm.h"
#include "comm/messages.h"
#include "comm/reduce/residuals.h"
#include "math/kernels.h"

#include <string.h>

typedef enum algorithm { WHOLE, PARTS, COLLECTIVE } algorithm;

/* The sum of this rank's slice of a bucket. Every node has a vector of numbers for it, or along a
 * tree one for each of its roots (node_tree.h). */
struct sum {
    nn_node_sums *all;
    nn_slice slice;
    nn_channel numbers; /* of every node, for who adds them: of the whole slice, or of a part */
    nn_channel sums;    /* of parts, to every node */
    void *others;       /* what comes by `numbers`: [vectors of others][of the slice or part]; of
                           MPI's sums what this node adds */
    uint16_t *rounded;  /* what goes out by them in bfloat16, and then the sums of all parts */
    uint16_t *residual; /* [slice] what that has taken away; NULL: nothing is rounded */
    bool started, added, opened; /* under the wire's lock */
    atomic_bool done;
};

struct nn_node_sums {
    nn_reducer *r;
    MPI_Comm owners;
    algorithm algorithm;
    bool compress;
    size_t width;     /* bytes of a number as it is sent */
    size_t nodes, me; /* owners of the same slices, and which this is */
    int *rank;        /* [nodes] in the world */
    nn_subtrees subtrees;
    nn_real **value; /* [covers] where the vectors of a tree stand that is being added */
    struct sum *sum; /* [buckets]; those of slices that need none are empty */
    size_t bytes;    /* of the numbers as they are sent */
    nn_pool pool;
};

static void *numbers_alloc(nn_node_sums *b, size_t bytes) {
    b->bytes += bytes;
    return nn_pool_alloc(&b->pool, bytes);
}

static size_t length_of(const struct sum *s) {
    return s->slice.end - s->slice.begin;
}

/* The part of the slice that a node adds. */
static nn_span part_of(const struct sum *s, size_t node) {
    if (s->all->algorithm == WHOLE)
        return (nn_span){0, length_of(s)};
    return nn_even_span(length_of(s), node, s->all->nodes);
}

static nn_real *values_of(const struct sum *s) {
    return s->all->r->grads + s->slice.begin;
}

/* ---- the vectors of the nodes ---------------------------------------------------------------- */

/* How many there are of a node, and of all; without a tree each has one. */
static size_t all_vectors(const nn_node_sums *b) {
    return b->subtrees.tree ? b->subtrees.tree->roots : b->nodes;
}

/* Whose vector number i is: a node among the owners. */
static size_t node_of(const nn_node_sums *b, size_t i) {
    size_t node = 0;
    if (!b->subtrees.tree)
        return i;
    const nn_locality *place = b->r->spec.comm->locality;
    int leader = b->subtrees.tree->node[b->subtrees.tree->root[i]];
    while (place[b->rank[node]].leader != leader)
        node++;
    return node;
}

/* Where number `at` of the slice stands in this node's vector i. */
static void *own_number(const struct sum *s, size_t i, size_t at) {
    const nn_node_sums *b = s->all;
    if (b->subtrees.tree)
        return b->subtrees.at[b->subtrees.tree->root[i]] + s->slice.begin + at;
    return b->compress ? (void *)(s->rounded + at) : (void *)(values_of(s) + at);
}

/* ---- planning -------------------------------------------------------------------------------- */

static nn_parcel parcel(const nn_node_sums *b, size_t node, void *bytes, size_t count) {
    return (nn_parcel){.rank = b->rank[node], .bytes = bytes, .count = count * b->width};
}

/* This node's vectors to who adds them, and the others' for what this node adds. */
static void plan_numbers(struct sum *s) {
    const nn_node_sums *b = s->all;
    nn_channel *c = &s->numbers;
    nn_span mine = part_of(s, b->me);
    size_t own = mine.end - mine.begin;
    for (size_t i = 0; i < all_vectors(b); i++) {
        size_t from = node_of(b, i);
        if (from != b->me) {
            c->in[c->ins] = parcel(b, from, (char *)s->others + c->ins * own * b->width, own);
            c->ins++;
            continue;
        }
        for (size_t k = 1; k < b->nodes; k++) {
            size_t to = (b->me + k) % b->nodes; /* not all to the same one first */
            nn_span theirs = part_of(s, to);
            c->out[c->outs++] =
                parcel(b, to, own_number(s, i, theirs.begin), theirs.end - theirs.begin);
        }
    }
}

/* The sum of this node's part to all, and theirs to where they belong. */
static void plan_sums(struct sum *s) {
    const nn_node_sums *b = s->all;
    nn_channel *c = &s->sums;
    nn_span mine = part_of(s, b->me);
    for (size_t k = 1; k < b->nodes; k++) {
        size_t node = (b->me + k) % b->nodes;
        nn_span theirs = part_of(s, node);
        void *sum = b->compress ? (void *)(s->rounded + mine.begin)
                                : (void *)(values_of(s) + mine.begin),
             *other = b->compress ? (void *)(s->rounded + theirs.begin)
                                  : (void *)(values_of(s) + theirs.begin);
        c->out[c->outs++] = parcel(b, node, sum, mine.end - mine.begin);
        c->in[c->ins++] = parcel(b, node, other, theirs.end - theirs.begin);
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
    size_t n = length_of(s), part = b->algorithm == WHOLE ? n : n / b->nodes + 1;
    size_t vectors = all_vectors(b);
    nn_channel channel = {.ctx = s};
    s->numbers = s->sums = channel;
    s->numbers.tag = 2 * (int)k;
    s->sums.tag = 2 * (int)k + 1;
    s->numbers.moved = numbers_moved;
    s->sums.moved = sums_moved;
    if (b->algorithm == COLLECTIVE) {
        s->others = numbers_alloc(b, n * b->width);
        nn_wire_reserve_sum(b->r->wire, n);
        return s->others ? 0 : NN_EMEMORY;
    }
    s->others = numbers_alloc(b, vectors * part * b->width);
    if (b->compress) {
        s->rounded = numbers_alloc(b, n * b->width);
        s->residual = nn_residuals_of(b->r->residuals, k);
    }
    if (!s->others || (b->compress && !s->rounded))
        return NN_EMEMORY;
    NN_TRY(add_parcels(b, &s->numbers, b->subtrees.tree ? vectors * b->nodes : b->nodes));
    plan_numbers(s);
    if (b->algorithm == PARTS) {
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
        if (length_of(s) > 0)
            NN_TRY(plan_sum(b, k, s));
    }
    return 0;
}

static algorithm choose_algorithm(const nn_node_sums *b) {
    bool directly =
        nn_sums_go_directly(b->nodes, b->r->spec.direct, b->compress, b->subtrees.tree != NULL);
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

/* ---- adding ---------------------------------------------------------------------------------- */

/* sum[n] of what the nodes have, which begins at number `at` of the slice; this node's own first,
 * then the others' in their order. Two nodes that both add have to add the same. */
static void add_numbers(const struct sum *s, size_t at, size_t n, nn_real *sum) {
    const nn_node_sums *b = s->all;
    if (b->compress && b->algorithm == WHOLE)
        nn_bf16_expand(n, s->rounded + at, sum);
    for (size_t i = 0; i + 1 < b->nodes; i++) {
        if (b->compress)
            nn_bf16_add(n, (const uint16_t *)s->others + i * n, sum);
        else
            nn_kernels_get()->add(n, (const nn_real *)s->others + i * n, sum);
    }
}

/* The same along the tree. */
static void add_subtrees(const struct sum *s, size_t at, size_t n, nn_real *sum) {
    const nn_node_sums *b = s->all;
    const nn_node_tree *t = b->subtrees.tree;
    size_t others = 0;
    for (size_t i = 0; i < t->roots; i++)
        b->value[t->root[i]] = node_of(b, i) == b->me ? (nn_real *)own_number(s, i, at)
                                                      : (nn_real *)s->others + others++ * n;
    for (size_t i = 0; i < t->acrosses; i++)
        nn_kernels_get()->add(n, b->value[t->across[i].right], b->value[t->across[i].left]);
    if (b->value[0] != sum)
        memcpy(sum, b->value[0], n * sizeof *sum);
}

static void add_up(const struct sum *s, nn_span part) {
    nn_real *sum = values_of(s) + part.begin;
    if (s->all->subtrees.tree)
        add_subtrees(s, part.begin, part.end - part.begin, sum);
    else
        add_numbers(s, part.begin, part.end - part.begin, sum);
}

/* ---- a pass ---------------------------------------------------------------------------------- */

static bool is_idle(const nn_channel *c) {
    return c->coming == 0 && c->going == 0;
}

static void add_part(struct sum *s) {
    const nn_node_sums *b = s->all;
    nn_span mine = part_of(s, b->me);
    size_t n = mine.end - mine.begin;
    add_up(s, mine);
    if (b->compress)
        nn_bf16_round(n, values_of(s) + mine.begin, s->residual + mine.begin,
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
    s->done = length_of(s) == 0;
    s->started = s->added = s->opened = false;
    s->numbers.priority = s->sums.priority = priority;
    if (!s->done && b->algorithm != COLLECTIVE)
        nn_wire_receive(b->r->wire, &s->numbers);
}

/* What other nodes add. */
static void round_numbers(const struct sum *s) {
    const nn_node_sums *b = s->all;
    nn_span mine = b->algorithm == WHOLE ? (nn_span){0, 0} : part_of(s, b->me);
    nn_bf16_round(mine.begin, values_of(s), s->residual, s->rounded);
    nn_bf16_round(length_of(s) - mine.end, values_of(s) + mine.end, s->residual + mine.end,
                  s->rounded + mine.end);
}

void nn_node_sums_start(nn_node_sums *b, size_t k) {
    struct sum *s = &b->sum[k];
    size_t n = length_of(s);
    nn_wire *wire = b->r->wire;
    if (n == 0)
        return;
    if (b->compress)
        round_numbers(s);
    if (b->algorithm == COLLECTIVE)
        memcpy(s->others, values_of(s), n * sizeof(nn_real));
    nn_wire_lock(wire);
    s->started = true;
    if (b->algorithm == COLLECTIVE)
        nn_wire_sum(wire, &s->numbers, b->owners,
                    &(nn_values){values_of(s), n, sizeof(nn_real), NN_MPI_REAL, s->others});
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
    if (length_of(s) == 0)
        return;
    if (b->algorithm == WHOLE)
        add_up(s, part_of(s, b->me));
    else if (b->compress)
        nn_bf16_expand(length_of(s), s->rounded, values_of(s));
}
