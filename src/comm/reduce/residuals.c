#include "comm/reduce/residuals.h"

#include "base/mem.h"
#include "comm/comm.h"
#include "comm/heartbeat.h"
#include "comm/reduce/backend.h"

#include <string.h>

struct nn_residuals {
    nn_reducer *r;
    size_t *at;         /* [buckets] where those of a bucket begin among a node's; NN_NO_RESIDUAL */
    size_t *own_at;     /* [buckets] and those of this rank's slice among its own */
    size_t all, owned;  /* of a node, and of this rank */
    uint16_t *own;      /* [owned] */
    int *peer;          /* [nodes] who has the same slices on each, as a rank of the world */
    size_t nodes, me;   /* nodes, and which this is, in the order of their first ranks */
    nn_channel channel; /* to the first node, slice by slice */
};

/* ---- planning -------------------------------------------------------------------------------- */

/* Buckets are counted from the end of the vector, and tensors may be in several. */
static void find_places(nn_residuals *s) {
    const nn_reducer *r = s->r;
    for (size_t k = r->partition.buckets; k-- > 0;) {
        nn_slice bucket = nn_partition_bucket(&r->partition, k), own = nn_reduce_slice(r, k);
        s->at[k] = NN_NO_RESIDUAL;
        if (nn_outer_grads_is_everywhere(r->outer_grads, &bucket))
            continue;
        s->at[k] = s->all;
        s->own_at[k] = s->owned;
        s->all += bucket.end - bucket.begin;
        s->owned += own.end - own.begin;
    }
}

static void find_peers(nn_residuals *s) {
    const nn_comm *comm = s->r->spec.comm;
    for (int leader = 0; leader < comm->size; leader++) {
        if (comm->locality[leader].leader != leader)
            continue;
        if (comm->locality[comm->rank].leader == leader)
            s->me = s->nodes;
        for (int rank = 0; rank < comm->size; rank++)
            if (comm->locality[rank].leader == leader &&
                comm->locality[rank].node_rank == comm->node_rank)
                s->peer[s->nodes] = rank;
        s->nodes++;
    }
}

/* A parcel for each slice, which the first node gets from one node after the other. */
static void plan_channel(nn_residuals *s, int tag, nn_parcel *parcel) {
    nn_channel *c = &s->channel;
    size_t *parcels = s->me > 0 ? &c->outs : &c->ins;
    *c = (nn_channel){.tag = tag, .in = parcel, .out = parcel};
    for (size_t k = 0; k < nn_reduce_slices(s->r); k++) {
        nn_slice own = nn_reduce_slice(s->r, k);
        if (s->at[k] != NN_NO_RESIDUAL)
            parcel[(*parcels)++] = (nn_parcel){.rank = s->peer[0],
                                               .bytes = s->own + s->own_at[k],
                                               .count = (own.end - own.begin) * sizeof *s->own};
    }
    nn_wire_reserve(s->r->wire, c);
}

static int plan(nn_residuals *s, int tag) {
    nn_pool *pool = &s->r->pool;
    size_t buckets = s->r->partition.buckets;
    s->at = nn_pool_alloc(pool, buckets * sizeof *s->at);
    s->own_at = nn_pool_alloc(pool, buckets * sizeof *s->own_at);
    s->peer = nn_pool_alloc(pool, (size_t)s->r->spec.comm->nodes * sizeof *s->peer);
    nn_parcel *parcel = nn_pool_alloc(pool, buckets * sizeof *parcel);
    if (!s->at || !s->own_at || !s->peer || !parcel)
        return NN_EMEMORY;
    find_places(s);
    find_peers(s);
    NN_TRY(NN_NEW(&s->own, s->owned + 1, "residuals of sums"));
    plan_channel(s, tag, parcel);
    return 0;
}

int nn_residuals_new(nn_reducer *r, int tag, nn_residuals **out) {
    nn_residuals *s;
    *out = NULL;
    NN_TRY(NN_NEW(&s, 1, "residuals of sums"));
    s->r = r;
    int rc = plan(s, tag);
    if (rc < 0)
        nn_residuals_free(s);
    else
        *out = s;
    return rc;
}

void nn_residuals_free(nn_residuals *s) {
    if (!s)
        return;
    nn_free(s->own);
    nn_free(s);
}

size_t nn_residuals_bytes(const nn_residuals *s) {
    return s ? s->owned * sizeof *s->own : 0;
}

uint16_t *nn_residuals_of(const nn_residuals *s, size_t k) {
    return s->own + s->own_at[k];
}

size_t nn_reducer_residuals(const nn_reducer *r) {
    return r->residuals ? r->residuals->all : 0;
}

size_t nn_reducer_residual_at(const nn_reducer *r, size_t i) {
    size_t k = 0;
    if (!r->residuals)
        return NN_NO_RESIDUAL;
    while (i < r->partition.border[k + 1])
        k++;
    size_t at = r->residuals->at[k];
    return at == NN_NO_RESIDUAL ? at : at + i - r->partition.border[k + 1];
}

/* ---- to the first node, and back ------------------------------------------------------------- */

/* Where this rank's slice of bucket k stands among the residuals of a node. */
static uint16_t *slice_in(const nn_residuals *s, uint16_t *node, size_t k) {
    return node + s->at[k] + nn_reduce_slice(s->r, k).begin - s->r->partition.border[k + 1];
}

static size_t length_of(const nn_residuals *s, size_t k) {
    nn_slice own = nn_reduce_slice(s->r, k);
    return own.end - own.begin;
}

static int wait_until_moved(const nn_residuals *s) {
    return nn_wire_wait(s->r->wire, &s->channel, s->r->crowded);
}

static int receive_from(nn_residuals *s, size_t node, uint16_t *into) {
    nn_parcel *parcel = s->channel.in;
    for (size_t k = 0; k < nn_reduce_slices(s->r); k++) {
        if (s->at[k] == NN_NO_RESIDUAL)
            continue;
        parcel->rank = s->peer[node];
        parcel++->bytes = slice_in(s, into, k);
    }
    nn_wire_receive(s->r->wire, &s->channel);
    return wait_until_moved(s);
}

static void copy_own(const nn_residuals *s, uint16_t *into) {
    for (size_t k = 0; k < nn_reduce_slices(s->r); k++)
        if (s->at[k] != NN_NO_RESIDUAL)
            memcpy(slice_in(s, into, k), s->own + s->own_at[k], length_of(s, k) * sizeof *into);
}

static int gather(nn_residuals *s, uint16_t *all) {
    if (s->me > 0) {
        nn_wire_send(s->r->wire, &s->channel);
        return wait_until_moved(s);
    }
    copy_own(s, all);
    for (size_t node = 1; node < s->nodes; node++)
        NN_TRY(receive_from(s, node, all + node * s->all));
    return 0;
}

int nn_reducer_gather_residuals(nn_reducer *r, uint16_t *all) {
    if (nn_reducer_residuals(r) == 0)
        return 0;
    nn_comm_waits(r->spec.comm, true);
    int rc = gather(r->residuals, all);
    nn_comm_waits(r->spec.comm, false);
    return rc;
}

static void take_own(const nn_residuals *s, uint16_t *from) {
    for (size_t k = 0; k < nn_reduce_slices(s->r); k++)
        if (s->at[k] != NN_NO_RESIDUAL)
            memcpy(s->own + s->own_at[k], slice_in(s, from, k), length_of(s, k) * sizeof *from);
}

/* Every rank sees those of all nodes; that happens once, when a run goes on. */
static int scatter(nn_residuals *s, const uint16_t *all, uint16_t *node) {
    nn_comm *comm = s->r->spec.comm;
    for (size_t i = 0; i < s->nodes; i++) {
        if (comm->rank == 0)
            memcpy(node, all + i * s->all, s->all * sizeof *node);
        NN_TRY(nn_comm_bcast(comm, node, s->all * sizeof *node));
        if (i == s->me)
            take_own(s, node);
    }
    return 0;
}

int nn_reducer_scatter_residuals(nn_reducer *r, const uint16_t *all) {
    uint16_t *node = NULL;
    if (nn_reducer_residuals(r) == 0)
        return 0;
    int rc =
        nn_comm_agree(r->spec.comm, NN_NEW(&node, nn_reducer_residuals(r), "residuals of sums"));
    if (rc == 0)
        rc = scatter(r->residuals, all, node);
    nn_free(node);
    return rc;
}
