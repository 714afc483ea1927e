/* The ranks of a node share one copy of the parameters and see each other's gradients, in
 * shared memory. The owner of a slice adds the gradients of the node's ranks for it by plain
 * loads, sums over the nodes with the owners of the same slice there (comm/reduce/node/sums.h), and
 * takes the optimiser's step in place.
 *
 * Ranks tell each other by counters that only grow, each written by one rank alone. What a counter
 * speaks of is written before it and read after it. Everyone waits for all ENDED before the next
 * pass: from then on parameters may be read, and gradients, step sums and mailboxes overwritten. */
#include "comm/reduce/node/node.h"

#include "base/system/clock.h"
#include "comm/barrier.h"
#include "comm/messages.h"
#include "comm/reduce/residuals.h"
#include "math/kernels.h"
#include "math/parallel.h"

#include <string.h>

static void rows_arrived(void *ctx, size_t begin);

/* Between the nodes, ranks of the same place in them own the same slices. */
static int join_owners(nn_reducer *r) {
    nn_comm *comm = r->spec.comm;
    struct node *node = r->state;
    int color = r->owner < r->partition.owners ? comm->node_rank : MPI_UNDEFINED;
    if (comm->nodes == 1)
        return 0;
    NN_TRY(nn_mpi_split(comm, comm->world, color, &node->owners));
    NN_TRY(nn_mpi_split(comm, comm->world, node->me == 0 ? 0 : MPI_UNDEFINED, &node->first_ranks));
    nn_wire_reserve_sum(r->wire, NN_STEP_SUMS * (r->spec.tree ? r->spec.tree->covers : 1));
    if (r->outer_grads)
        nn_outer_grads_set_arrived(r->outer_grads, rows_arrived, r);
    if (r->spec.compress)
        NN_TRY(nn_comm_agree(
            comm,
            nn_residuals_new(r, nn_node_sums_tags(&r->partition) + RESIDUALS_TAG, &r->residuals)));
    if (r->divided) {
        nn_wire_reserve_sum(r->wire, r->spec.ops->values);
        NN_TRY(nn_comm_agree(comm, node_plan_gather(r)));
    }
    nn_subtrees subtrees = {&node->tree, node->subtree};
    NN_TRY(nn_node_sums_new(r, node->owners, r->spec.tree ? &subtrees : NULL, &node->between));
    r->bytes = nn_node_sums_bytes(node->between) + nn_residuals_bytes(r->residuals) +
               nn_outer_grads_message_bytes(r->outer_grads);
    return 0;
}

/* ---- what the ranks tell each other ---------------------------------------------------------- */

/* Such a gradient is a bucket. */
static void rows_arrived(void *ctx, size_t begin) {
    nn_reducer *r = ctx;
    size_t k = 0;
    while (r->partition.border[k + 1] != begin)
        k++;
    node_publish_bucket(r, ARRIVED, k);
}

/* Of messages for bucket k: what is waited for first goes first. Where the next pass begins before
 * this one ends, those are the first layers of this one. */
static size_t priority_of(const nn_reducer *r, size_t k) {
    const struct node *node = r->state;
    size_t begin = r->partition.border[k + 1];
    return r->ahead ? node->opened[k] * r->stride + begin : SIZE_MAX - begin;
}

static void node_open(nn_reducer *r, size_t k) {
    struct node *node = r->state;
    nn_slice bucket = nn_partition_bucket(&r->partition, k);
    nn_wire_lock(r->wire);
    node->opened[k]++;
    if (nn_outer_grads_is_everywhere(r->outer_grads, &bucket))
        nn_outer_grads_receive(r->outer_grads, &bucket, priority_of(r, k));
    else
        nn_node_sums_open(node->between, k, priority_of(r, k));
    nn_wire_unlock(r->wire);
}

static void node_send_complete(nn_reducer *r) {
    uint64_t buckets = r->partition.buckets;
    node_publish_until(r, COMPLETE, r->passes_ended * buckets + r->complete,
                       (r->passes_ended + 1) * buckets);
}

static bool node_have_bucket(nn_reducer *r, size_t k) {
    return node_all_reached(r->state, COMPLETE, r->passes_ended * r->partition.buckets + k + 1);
}

static void node_send_end(nn_reducer *r, bool nonfinite) {
    const struct node *node = r->state;
    node->flags[node->me]->nonfinite = nonfinite;
    node_publish(r, ENDED, r->passes_ended + 1);
}

static bool node_have_end(nn_reducer *r) {
    const struct node *node = r->state;
    if (!node_all_reached(node, ENDED, r->passes_ended + 1))
        return false;
    r->nonfinite = false;
    for (size_t p = 0; p < node->ranks; p++)
        r->nonfinite = r->nonfinite || node->flags[p]->nonfinite;
    return true;
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* sum[n] = the subtrees' gradients from `begin` on, added along the tree. Nobody else needs these
 * elements of them any more, so they hold the sums on the way up. */
static void add_subtrees(const struct node *node, const nn_tree *tree, size_t begin, size_t n,
                         nn_real *sum) {
    const nn_kernels *k = nn_kernels_get();
    size_t last = tree->covers - 1; /* the addition that makes the whole */
    for (size_t i = 0; i + 1 < last; i++)
        k->add(n, node->subtree[tree->join[i].right] + begin,
               node->subtree[tree->join[i].left] + begin);
    if (last > 0)
        k->plus(n, node->subtree[0] + begin, node->subtree[tree->join[last - 1].right] + begin,
                sum);
    else
        memcpy(sum, node->subtree[0] + begin, n * sizeof *sum);
}

/* The additions of the tree that are this node's, in place. */
static void add_within(const struct node *node, size_t begin, size_t n) {
    const nn_addition *a = node->tree.within;
    for (size_t i = 0; i < node->tree.withins; i++)
        nn_kernels_get()->add(n, node->subtree[a[i].right] + begin,
                              node->subtree[a[i].left] + begin);
}

/* sum[n] = the contributions of the node's ranks to elements from `begin` on, added in the order of
 * the ranks. */
static void add_ranks(const struct node *node, size_t begin, size_t n, nn_real *sum) {
    const nn_kernels *k = nn_kernels_get();
    if (node->ranks == 1) {
        memcpy(sum, node->grads[0] + begin, n * sizeof *sum);
        return;
    }
    k->plus(n, node->grads[0] + begin, node->grads[1] + begin, sum);
    for (size_t p = 2; p < node->ranks; p++)
        k->add(n, node->grads[p] + begin, sum);
}

struct work {
    nn_reducer *r;
    nn_slice slice;
    bool fused;
};

static void sum_range(void *ctx, size_t begin, size_t end) {
    const struct work *w = ctx;
    alignas(NN_ALIGN) nn_real sum[NN_REDUCE_PART];
    for (size_t i = begin, n; i < end; i += n) {
        n = end - i < NN_REDUCE_PART ? end - i : NN_REDUCE_PART;
        nn_slice part = {w->slice.begin + i, w->slice.begin + i + n, w->slice.at + i};
        if (w->r->spec.tree && w->r->wire) { /* nn_node_sums_start takes it from there */
            add_within(w->r->state, part.begin, n);
            continue;
        }
        if (w->fused)
            nn_reduce_claim(w->r, &part);
        if (w->r->spec.tree)
            add_subtrees(w->r->state, w->r->spec.tree, part.begin, n, sum);
        else
            add_ranks(w->r->state, part.begin, n, sum);
        if (w->fused)
            nn_reduce_step(w->r, &part, sum);
        else
            memcpy(w->r->grads + part.begin, sum, n * sizeof *sum);
    }
}

/* A rank alone on its node, whose own gradients are what it starts from. */
static bool is_there_already(const nn_reducer *r) {
    const struct node *node = r->state;
    return node->ranks == 1 && !r->spec.tree;
}

/* Adds the node's gradients for a slice, or multiplies the rows of it. True: the step has been
 * taken on it. */
static bool sum_in_node(nn_reducer *r, size_t k, const nn_slice *slice, bool fused) {
    struct work work = {r, *slice, fused};
    double start = nn_seconds();
    bool multiplies = nn_outer_grads_covers(r->outer_grads, slice);
    if (!multiplies && !fused && is_there_already(r))
        return false;
    if (multiplies)
        nn_outer_grads_multiply(r->outer_grads, slice, r->grads);
    else
        nn_parallel(r->spec.compute, slice->end - slice->begin, NN_REDUCE_GRAIN, sum_range, &work);
    nn_reduce_updated(r, NN_TRACE_SUM, k, start);
    return fused && !multiplies;
}

/* Rows of all nodes are multiplied when they are here, not sooner. */
static bool is_summed_at_the_end(const nn_reducer *r, const nn_slice *slice) {
    return !r->wire || nn_outer_grads_is_everywhere(r->outer_grads, slice);
}

static void node_start(nn_reducer *r, size_t k) {
    struct node *node = r->state;
    nn_slice slice = nn_reduce_slice(r, k);
    if (slice.begin == slice.end || is_summed_at_the_end(r, &slice))
        return;
    sum_in_node(r, k, &slice, false);
    nn_node_sums_start(node->between, k);
}

static bool node_have_others(nn_reducer *r, size_t k) {
    const struct node *node = r->state;
    nn_slice bucket = nn_partition_bucket(&r->partition, k);
    if (!r->wire)
        return true;
    if (!nn_outer_grads_is_everywhere(r->outer_grads, &bucket))
        return nn_node_sums_have(node->between, k);
    return node_all_reached_bucket(r, ARRIVED, k);
}

static void node_sum(nn_reducer *r, size_t k, bool fused) {
    const struct node *node = r->state;
    nn_slice slice = nn_reduce_slice(r, k);
    bool stepped = false;
    if (is_summed_at_the_end(r, &slice))
        stepped = sum_in_node(r, k, &slice, fused && !r->wire);
    else
        nn_node_sums_take(node->between, k);
    if (fused && !stepped && r->rc == 0)
        nn_reduce_step_slice(r, &r->part[k]);
}

static void node_send_part(nn_reducer *r, size_t k) {
    const struct node *node = r->state;
    nn_node_sums_send_part(node->between, k);
}

static bool node_have_parts(nn_reducer *r, size_t k) {
    const struct node *node = r->state;
    return nn_node_sums_have_parts(node->between, k);
}

static void node_send_dealt(nn_reducer *r, size_t k) {
    node_publish_bucket(r, DEALT, k);
}

static bool node_have_dealt(nn_reducer *r, size_t k) {
    return node_all_reached_bucket(r, DEALT, k);
}

static bool all_added(void *ctx) {
    const nn_reducer *r = ctx;
    const struct node *node = r->state;
    if (r->wire)
        nn_wire_poll(r->wire);
    return node_all_reached(node, ADDED, node->adds);
}

static void add_in_node(nn_reducer *r, double *values, size_t count) {
    struct node *node = r->state;
    size_t half = node->adds % 2 * r->spec.ops->values;
    memcpy(node->mailbox[node->me] + half, values, count * sizeof *values);
    node_publish(r, ADDED, ++node->adds);
    nn_wait(all_added, r, r->wakeup);
    memset(values, 0, count * sizeof *values);
    for (size_t p = 0; p < node->ranks; p++)
        for (size_t i = 0; i < count; i++)
            values[i] += node->mailbox[p][half + i];
}

/* By the node's first rank. Bits of what is the same, or zero but on one node, are neither lost nor
 * counted twice. */
static void add_between(nn_reducer *r, double *values, size_t count) {
    struct node *node = r->state;
    nn_wire_sum(r->wire, &node->sums, node->first_ranks,
                &(nn_values){values, count, sizeof *values, MPI_UINT64_T, NULL, MPI_BOR});
    nn_reduce_check(r, nn_wire_wait(r->wire, &node->sums, r->crowded));
}

static void node_add(nn_reducer *r, double *values, size_t count) {
    const struct node *node = r->state;
    add_in_node(r, values, count);
    if (!r->divided || count == 0)
        return;
    if (node->me == 0)
        add_between(r, values, count);
    else
        memset(values, 0, count * sizeof *values);
    add_in_node(r, values, count);
}

/* ---- vectors --------------------------------------------------------------------------------- */

static int barrier(const nn_reducer *r) {
    return nn_comm_node_barrier(r->spec.comm);
}

/* The first rank of each node gets the vector of rank 0, and the others of the node wait for it. */
static int spread(nn_reducer *r, nn_real *vector, size_t n) {
    const struct node *node = r->state;
    if (r->spec.comm->nodes > 1 && node->me == 0)
        NN_TRY(nn_mpi_bcast(r->spec.comm, node->owners, vector, n * sizeof *vector, 0));
    return barrier(r);
}

static int node_sync(nn_reducer *r) {
    return spread(r, r->vectors, r->spec.vectors * r->stride);
}

static int node_scatter(nn_reducer *r, const nn_real *whole, nn_real *share) {
    const struct node *node = r->state;
    if (r->spec.comm->rank == 0)
        memcpy(r->grads, whole, r->spec.n * sizeof *whole);
    NN_TRY(spread(r, r->grads, r->spec.n));
    for (size_t i = 0; i < nn_reduce_slices(r); i++) {
        const nn_slice *s = &r->part[i];
        memcpy(share + s->at, node->grads[0] + s->begin, (s->end - s->begin) * sizeof *share);
    }
    return barrier(r);
}

static MPI_Comm node_replicas(const nn_reducer *r) {
    const struct node *node = r->state;
    return node->owners;
}

static const nn_reduce_backend backend = {.name = "node",
                                          .free = nn_node_free,
                                          .send_sums = node_send_sums,
                                          .have_sums = node_have_sums,
                                          .take_sums = node_take_sums,
                                          .open = node_open,
                                          .send_complete = node_send_complete,
                                          .have_bucket = node_have_bucket,
                                          .start = node_start,
                                          .have_others = node_have_others,
                                          .sum = node_sum,
                                          .send_part = node_send_part,
                                          .have_parts = node_have_parts,
                                          .send_dealt = node_send_dealt,
                                          .have_dealt = node_have_dealt,
                                          .send_end = node_send_end,
                                          .have_end = node_have_end,
                                          .add = node_add,
                                          .sync = node_sync,
                                          .scatter = node_scatter,
                                          .replicas = node_replicas};

static int open_node(nn_reducer *r) {
    nn_comm *comm = r->spec.comm;
    struct node *node;
    size_t bytes = 0;
    NN_TRY(nn_comm_agree(comm, nn_node_allocate(r, &bytes)));
    node = r->state;
    NN_TRY(nn_shared_memory_open(comm, bytes, &node->memory));
    nn_node_find_segments(r);
    NN_TRY(nn_comm_agree(comm, join_owners(r)));
    return barrier(r);
}

int nn_reduce_node_new(nn_reducer *r) {
    r->backend = &backend;
    int rc = open_node(r);
    if (rc < 0 && r->state)
        nn_node_free(r);
    return rc;
}
