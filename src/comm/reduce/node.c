/* The ranks of a node share one copy of the parameters and see each other's gradients, in
 * shared memory. The owner of a slice adds the gradients of the node's ranks for it by plain
 * loads, sums over the nodes with the owners of the same slice there, and takes the optimiser's
 * step in place.
 *
 * Ranks tell each other by counters that only grow, each written by one rank alone. What a counter
 * speaks of is written before it and read after it. Everyone waits for all ENDED before the next
 * pass: from then on parameters may be read, and gradients, step sums and mailboxes overwritten. */
#include "base/clock.h"
#include "base/mem.h"
#include "comm/barrier.h"
#include "comm/messages.h"
#include "comm/reduce/backend.h"
#include "comm/reduce/compress.h"
#include "comm/shared_memory.h"
#include "math/kernels.h"
#include "math/parallel.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

enum {
    POSTED,    /* the pass, counted from 1, whose step sums are in `posted` */
    BROADCAST, /* the same for the sums over all nodes in `total` (the node's first rank) */
    COMPLETE,  /* buckets, of all passes so far, that are complete in the rank's gradient vector */
    ADDED,     /* calls of nn_reducer_add whose values stand in the rank's mailbox */
    ENDED,     /* passes in which the rank has read all it reads of others and written what it
                  owns, and was `nonfinite` or not */
    COUNTERS
};

/* At the start of each rank's part of the memory; a cache line for each counter, so that looking at
 * one does not disturb what others wait for. */
struct flags {
    struct {
        alignas(NN_ALIGN) _Atomic uint64_t value;
    } counter[COUNTERS];
    alignas(NN_ALIGN) nn_step_sums total;
    alignas(NN_ALIGN) nn_event event; /* of the node: the first rank's */
    bool nonfinite;
};

struct node {
    nn_shared_memory memory;
    size_t ranks, me;
    MPI_Comm
        owners; /* of the same slices on all nodes; MPI_COMM_NULL: one node, or owner of none */
    nn_compressor *compressor;  /* NULL: float32 travels between nodes */
    uint64_t adds;              /* calls of nn_reducer_add */
    struct flags **flags;       /* [ranks] */
    nn_step_sums **posted;      /* [ranks] what each adds to the step sums, of each subtree */
    double **mailbox;           /* [ranks] two of ops->values each, used in turn */
    nn_real **grads;            /* [ranks] */
    nn_real **subtree;          /* [covers] gradients of all subtrees; NULL without a tree */
    nn_step_sums *subtree_sums; /* [covers]; NULL without a tree */
};

/* ---- memory ---------------------------------------------------------------------------------- */

static void node_free(nn_reducer *r) {
    struct node *node = r->state;
    if (node->owners != MPI_COMM_NULL && !r->spec.comm->broken)
        MPI_Comm_free(&node->owners);
    nn_shared_memory_close(&node->memory);
    nn_compressor_free(node->compressor);
    nn_free(node->flags);
    nn_free(node->posted);
    nn_free(node->subtree_sums);
    nn_free(node->mailbox);
    nn_free(node->grads);
    nn_free(node->subtree);
    nn_free(node);
}

/* Most gradient vectors of a rank: all have the same layout. */
static size_t most_copies(const nn_reducer *r) {
    size_t most = 1;
    for (size_t p = 0; p < (size_t)r->spec.comm->node_size; p++) {
        size_t copies = nn_reduce_copies(r, p);
        most = copies > most ? copies : most;
    }
    return most;
}

/* Where each thing begins in a rank's part of the memory, from a cache line on. */
struct layout {
    size_t posted, mailbox, grads, params, rows, end;
};

static struct layout layout_of(const nn_reducer *r, bool first) {
    size_t vector = r->stride * sizeof(nn_real);
    struct layout at = {.posted = sizeof(struct flags)};
    at.mailbox =
        at.posted + nn_align_count(most_copies(r) * NN_STEP_SUMS, sizeof(double)) * sizeof(double);
    at.grads =
        at.mailbox + nn_align_count(2 * r->spec.ops->values, sizeof(double)) * sizeof(double);
    at.params = at.grads + most_copies(r) * vector;
    at.rows = at.params + (first ? r->spec.vectors * vector : 0);
    at.end = at.rows + (first ? nn_outer_grads_bytes(r->outer_grads) : 0);
    return at;
}

static int allocate(nn_reducer *r) {
    struct node *node;
    NN_TRY(NN_NEW(&node, 1, "gradient reducer"));
    r->state = node;
    node->owners = MPI_COMM_NULL;
    node->ranks = (size_t)r->spec.comm->node_size;
    node->me = (size_t)r->spec.comm->node_rank;
    NN_TRY(NN_NEW(&node->flags, node->ranks, "gradient reducer"));
    NN_TRY(NN_NEW(&node->mailbox, node->ranks, "gradient reducer"));
    NN_TRY(NN_NEW(&node->posted, node->ranks, "gradient reducer"));
    if (r->spec.tree) {
        size_t covers = r->spec.tree->covers;
        NN_TRY(NN_NEW(&node->subtree, covers, "gradient reducer"));
        NN_TRY(NN_NEW(&node->subtree_sums, covers, "gradient reducer"));
    }
    return NN_NEW(&node->grads, node->ranks, "gradient reducer");
}

static void clear(nn_real *vector, const nn_slice *slice) {
    memset(vector + slice->begin, 0, (slice->end - slice->begin) * sizeof *vector);
}

/* Pages belong to the memory of the processor that first writes to them; those that nobody writes
 * to take none. */
static void touch(nn_reducer *r) {
    for (size_t k = 0; k < r->partition.buckets; k++) {
        size_t copies;
        nn_slice held = nn_reduce_held(r, k, &copies), own = nn_reduce_slice(r, k);
        for (size_t c = 0; c < copies; c++)
            clear(r->grads + c * r->stride, &held);
        for (size_t v = 0; v < r->spec.vectors; v++)
            clear(r->vectors + v * r->stride, &own);
    }
}

static void find_parts(nn_reducer *r) {
    struct node *node = r->state;
    struct layout at = layout_of(r, true);
    for (size_t p = 0; p < node->ranks; p++) {
        char *part = nn_shared_memory_part(&node->memory, (int)p);
        node->flags[p] = (struct flags *)(void *)part;
        node->posted[p] = (nn_step_sums *)(void *)(part + at.posted);
        node->mailbox[p] = (double *)(void *)(part + at.mailbox);
        node->grads[p] = (nn_real *)(void *)(part + at.grads);
        for (size_t s = 0; r->spec.tree && s < nn_reduce_copies(r, p); s++)
            node->subtree[r->spec.tree->first[p] + s] = node->grads[p] + s * r->stride;
        if (p == 0)
            r->vectors = (nn_real *)(void *)(part + at.params);
        if (p == 0 && r->outer_grads)
            nn_outer_grads_place(r->outer_grads, part + at.rows);
        if (p == node->me)
            r->grads = (nn_real *)(void *)(part + at.grads);
    }
    r->event = r->crowded ? &node->flags[0]->event : NULL;
    touch(r);
}

/* Between the nodes, ranks of the same place in them own the same slices. */
static int join_owners(nn_reducer *r) {
    nn_comm *comm = r->spec.comm;
    struct node *node = r->state;
    int color = r->owner < r->partition.owners ? comm->node_rank : MPI_UNDEFINED;
    if (comm->nodes == 1)
        return 0;
    NN_TRY(nn_mpi_split(comm, comm->world, color, &node->owners));
    if (node->owners == MPI_COMM_NULL || !r->spec.compress)
        return 0;
    return nn_compressor_new(comm, node->owners, nn_partition_share(&r->partition, r->owner),
                             r->bucket, &node->compressor);
}

/* ---- what the ranks tell each other ---------------------------------------------------------- */

static bool reached(const struct node *node, size_t rank, int counter, uint64_t value) {
    return atomic_load(&node->flags[rank]->counter[counter].value) >= value;
}

static bool all_reached(const struct node *node, int counter, uint64_t value) {
    for (size_t p = 0; p < node->ranks; p++)
        if (!reached(node, p, counter, value))
            return false;
    return true;
}

/* Sleepers wait for all ranks to reach `goal`: the last one to come there rings. Stores and loads
 * are sequentially consistent, or of two who come at once none might think it is the last. */
static void publish_until(const nn_reducer *r, int counter, uint64_t value, uint64_t goal) {
    const struct node *node = r->state;
    atomic_store(&node->flags[node->me]->counter[counter].value, value);
    if (r->event && (counter == BROADCAST || all_reached(node, counter, goal)))
        nn_event_signal(r->event);
}

static void publish(const nn_reducer *r, int counter, uint64_t value) {
    publish_until(r, counter, value, value);
}

static void node_send_sums(nn_reducer *r, nn_step_sums *sums) {
    const struct node *node = r->state;
    nn_step_sums *mine = node->posted[node->me];
    if (r->spec.tree)
        nn_tree_sum_own(r->spec.tree, NN_STEP_SUMS, nn_step_sums_array(sums),
                        nn_step_sums_array(mine));
    else
        *mine = *sums;
    publish(r, POSTED, r->passes_ended + 1);
}

static void add_tree_sums(nn_reducer *r) {
    const struct node *node = r->state;
    const nn_tree *t = r->spec.tree;
    for (size_t p = 0; p < node->ranks; p++)
        memcpy(node->subtree_sums + t->first[p], node->posted[p],
               nn_reduce_copies(r, p) * sizeof r->sums);
    nn_tree_add(t->join, t->covers - 1, NN_STEP_SUMS, nn_step_sums_array(node->subtree_sums));
    r->sums = node->subtree_sums[0];
}

/* In the order of the ranks, so that all of a node get the same bits. */
static void add_sums(nn_reducer *r) {
    const struct node *node = r->state;
    if (r->spec.tree) {
        add_tree_sums(r);
        return;
    }
    r->sums = (nn_step_sums){0};
    for (size_t p = 0; p < node->ranks; p++)
        for (size_t i = 0; i < NN_STEP_SUMS; i++)
            nn_step_sums_array(&r->sums)[i] += nn_step_sums_array(node->posted[p])[i];
}

/* The first rank of each node sums over the nodes, and broadcasts to the others. */
static void broadcast_sums(nn_reducer *r) {
    const struct node *node = r->state;
    struct flags *first = node->flags[0];
    double start = nn_reduce_waits(r);
    nn_reduce_check(r, nn_mpi_allreduce(r->spec.comm, node->owners, &r->sums, NN_STEP_SUMS,
                                        MPI_DOUBLE, MPI_SUM));
    nn_reduce_waited(r, start);
    first->total = r->sums;
    publish(r, BROADCAST, r->passes_ended + 1);
}

/* Those of the node have come; to other ranks of it than the first, where there are several, those
 * of all nodes. */
static bool node_have_sums(nn_reducer *r) {
    const struct node *node = r->state;
    if (r->spec.comm->nodes > 1 && node->me > 0)
        return reached(node, 0, BROADCAST, r->passes_ended + 1);
    return all_reached(node, POSTED, r->passes_ended + 1);
}

static void node_take_sums(nn_reducer *r) {
    const struct node *node = r->state;
    bool several = r->spec.comm->nodes > 1;
    if (several && node->me > 0) {
        r->sums = node->flags[0]->total;
        return;
    }
    add_sums(r);
    if (several)
        broadcast_sums(r);
}

static void node_send_complete(nn_reducer *r) {
    uint64_t buckets = r->partition.buckets;
    publish_until(r, COMPLETE, r->passes_ended * buckets + r->complete,
                  (r->passes_ended + 1) * buckets);
}

static bool node_have_bucket(nn_reducer *r, size_t k) {
    return all_reached(r->state, COMPLETE, r->passes_ended * r->partition.buckets + k + 1);
}

static void node_send_end(nn_reducer *r, bool nonfinite) {
    const struct node *node = r->state;
    node->flags[node->me]->nonfinite = nonfinite;
    publish(r, ENDED, r->passes_ended + 1);
}

static bool node_have_end(nn_reducer *r) {
    const struct node *node = r->state;
    if (!all_reached(node, ENDED, r->passes_ended + 1))
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

static void sum_over_nodes(nn_reducer *r, const nn_slice *slice) {
    const struct node *node = r->state;
    double start = nn_reduce_waits(r);
    nn_real *values = r->grads + slice->begin;
    for (size_t at = 0, n, length = slice->end - slice->begin; at < length; at += n) {
        n = length - at < r->bucket ? length - at : r->bucket;
        int rc = node->compressor
                     ? nn_compressor_sum(node->compressor, values + at, n, slice->at + at)
                     : nn_mpi_allreduce(r->spec.comm, node->owners, values + at, (int)n,
                                        NN_MPI_REAL, MPI_SUM);
        nn_reduce_check(r, rc);
    }
    nn_reduce_waited(r, start);
}

static void node_sum(nn_reducer *r, const nn_slice *slice, bool fused) {
    bool alone = r->spec.comm->nodes == 1;
    struct work work = {r, *slice, fused && alone};
    double start = nn_seconds();
    bool multiplies = nn_outer_grads_covers(r->outer_grads, slice);
    if (multiplies)
        nn_outer_grads_multiply(r->outer_grads, slice, r->grads);
    else
        nn_parallel(r->spec.compute, slice->end - slice->begin, NN_REDUCE_GRAIN, sum_range, &work);
    r->updating += nn_seconds() - start;
    if (!alone)
        sum_over_nodes(r, slice);
    if (fused && (multiplies || !alone) && r->rc == 0)
        nn_reduce_step_slice(r, slice);
}

static bool all_added(void *ctx) {
    const nn_reducer *r = ctx;
    const struct node *node = r->state;
    return all_reached(node, ADDED, node->adds);
}

static void node_add(nn_reducer *r, double *values, size_t count) {
    struct node *node = r->state;
    size_t half = node->adds % 2 * r->spec.ops->values;
    memcpy(node->mailbox[node->me] + half, values, count * sizeof *values);
    publish(r, ADDED, ++node->adds);
    nn_wait(all_added, r, r->event);
    memset(values, 0, count * sizeof *values);
    for (size_t p = 0; p < node->ranks; p++)
        for (size_t i = 0; i < count; i++)
            values[i] += node->mailbox[p][half + i];
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
        nn_slice s = nn_reduce_slice(r, i);
        memcpy(share + s.at, node->grads[0] + s.begin, (s.end - s.begin) * sizeof *share);
    }
    return barrier(r);
}

static MPI_Comm node_replicas(const nn_reducer *r) {
    const struct node *node = r->state;
    return node->owners;
}

static const nn_reduce_backend backend = {.name = "node",
                                          .free = node_free,
                                          .send_sums = node_send_sums,
                                          .have_sums = node_have_sums,
                                          .take_sums = node_take_sums,
                                          .send_complete = node_send_complete,
                                          .have_bucket = node_have_bucket,
                                          .sum = node_sum,
                                          .send_end = node_send_end,
                                          .have_end = node_have_end,
                                          .add = node_add,
                                          .sync = node_sync,
                                          .scatter = node_scatter,
                                          .replicas = node_replicas};

static int open_node(nn_reducer *r) {
    nn_comm *comm = r->spec.comm;
    struct node *node;
    NN_TRY(nn_comm_agree(comm, allocate(r)));
    node = r->state;
    NN_TRY(nn_shared_memory_open(comm, layout_of(r, node->me == 0).end, &node->memory));
    NN_TRY(nn_comm_agree(comm, join_owners(r)));
    find_parts(r);
    return barrier(r);
}

int nn_reduce_node_new(nn_reducer *r) {
    r->backend = &backend;
    /* Which bucket the node has is a matter of time, so who waited for another node in the middle
     * of back-propagation might wait for a rank that waits for this one in a layer (batch_norm). */
    r->late = r->spec.comm->nodes > 1;
    int rc = open_node(r);
    if (rc < 0 && r->state)
        node_free(r);
    if (rc < 0)
        r->state = NULL;
    return rc;
}
