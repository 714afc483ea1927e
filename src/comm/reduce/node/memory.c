/* The memory of the node backend. */
#include "base/mem.h"
#include "comm/reduce/node/node.h"
#include "comm/reduce/residuals.h"

#include <string.h>

void nn_node_free(nn_reducer *r) {
    struct node *node = r->state;
    if (node->owners != MPI_COMM_NULL && !r->spec.comm->broken)
        MPI_Comm_free(&node->owners);
    if (node->first_ranks != MPI_COMM_NULL && !r->spec.comm->broken)
        MPI_Comm_free(&node->first_ranks);
    nn_shared_memory_close(&node->memory);
    nn_node_sums_free(node->between);
    nn_residuals_free(r->residuals);
    r->residuals = NULL;
    nn_free(node->rank);
    nn_free(node->flags);
    nn_free(node->buckets);
    nn_free(node->opened);
    nn_free(node->posted);
    nn_free(node->subtree_sums);
    nn_free(node->mailbox);
    nn_free(node->grads);
    nn_free(node->subtree);
    nn_free(node);
    r->state = NULL; /* another backend may follow */
}

/* Most gradient vectors of a rank: all have the same layout. */
static size_t most_copies(const nn_reducer *r) {
    const struct node *node = r->state;
    size_t most = 1;
    for (size_t p = 0; p < node->ranks; p++) {
        size_t copies = nn_reduce_copies(r, node->rank[p]);
        most = copies > most ? copies : most;
    }
    return most;
}

/* Where each thing begins in a rank's part of the memory, from a cache line on. */
struct layout {
    size_t buckets, posted, mailbox, grads, params, rows, end;
};

static struct layout layout_of(const nn_reducer *r, bool first) {
    size_t vector = r->stride * sizeof(nn_real);
    struct layout at = {.buckets = sizeof(struct flags)};
    size_t counters = r->wire ? BUCKET_COUNTERS * r->partition.buckets : 0;
    at.posted = at.buckets + nn_align_count(counters, sizeof(uint64_t)) * sizeof(uint64_t);
    at.mailbox =
        at.posted + nn_align_count(most_copies(r) * NN_STEP_SUMS, sizeof(double)) * sizeof(double);
    at.grads =
        at.mailbox + nn_align_count(2 * r->spec.ops->values, sizeof(double)) * sizeof(double);
    at.params = at.grads + most_copies(r) * vector;
    at.rows = at.params + (first ? r->spec.vectors * vector : 0);
    at.end = at.rows + (first ? nn_outer_grads_bytes(r->outer_grads) : 0);
    return at;
}

static void find_ranks(nn_reducer *r) {
    const nn_comm *comm = r->spec.comm;
    struct node *node = r->state;
    for (int rank = 0; rank < comm->size; rank++)
        if (comm->locality[rank].leader == comm->locality[comm->rank].leader)
            node->rank[comm->locality[rank].node_rank] = (size_t)rank;
}

int nn_node_allocate(nn_reducer *r, size_t *bytes) {
    struct node *node;
    NN_TRY(NN_NEW(&node, 1, "gradient reducer"));
    r->state = node;
    node->owners = node->first_ranks = MPI_COMM_NULL;
    node->ranks = (size_t)r->spec.comm->node_size;
    node->me = (size_t)r->spec.comm->node_rank;
    NN_TRY(NN_NEW(&node->rank, node->ranks, "gradient reducer"));
    find_ranks(r);
    NN_TRY(NN_NEW(&node->flags, node->ranks, "gradient reducer"));
    NN_TRY(NN_NEW(&node->buckets, node->ranks, "gradient reducer"));
    NN_TRY(NN_NEW(&node->opened, r->partition.buckets + 1, "gradient reducer"));
    NN_TRY(NN_NEW(&node->mailbox, node->ranks, "gradient reducer"));
    NN_TRY(NN_NEW(&node->posted, node->ranks, "gradient reducer"));
    if (r->spec.tree) {
        size_t covers = r->spec.tree->covers;
        NN_TRY(NN_NEW(&node->subtree, covers, "gradient reducer"));
        NN_TRY(NN_NEW(&node->subtree_sums, covers, "gradient reducer"));
        if (r->wire)
            NN_TRY(nn_node_tree_init(&node->tree, &r->pool, r->spec.comm, r->spec.tree));
    }
    NN_TRY(NN_NEW(&node->grads, node->ranks, "gradient reducer"));
    *bytes = layout_of(r, node->me == 0).end;
    return 0;
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

void nn_node_find_segments(nn_reducer *r) {
    struct node *node = r->state;
    struct layout at = layout_of(r, true);
    for (size_t p = 0; p < node->ranks; p++) {
        char *part = nn_shared_memory_segment(&node->memory, (int)p);
        node->flags[p] = (struct flags *)(void *)part;
        node->buckets[p] = (_Atomic uint64_t *)(void *)(part + at.buckets);
        node->posted[p] = (nn_step_sums *)(void *)(part + at.posted);
        node->mailbox[p] = (double *)(void *)(part + at.mailbox);
        node->grads[p] = (nn_real *)(void *)(part + at.grads);
        for (size_t s = 0; r->spec.tree && s < nn_reduce_copies(r, node->rank[p]); s++)
            node->subtree[r->spec.tree->first[node->rank[p]] + s] = node->grads[p] + s * r->stride;
        if (p == 0)
            r->vectors = (nn_real *)(void *)(part + at.params);
        if (p == 0 && r->outer_grads)
            nn_outer_grads_attach(r->outer_grads, part + at.rows,
                                  nn_node_sums_tags(&r->partition) + NODE_TAGS);
        if (p == node->me)
            r->grads = (nn_real *)(void *)(part + at.grads);
    }
    r->wakeup = r->crowded && !r->wire ? &node->flags[0]->wakeup : NULL;
    touch(r);
}
