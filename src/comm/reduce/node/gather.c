/* Optimiser state that is divided between nodes (reduce/parts.c), on its way to the first node. */
#include "comm/comm.h"
#include "comm/heartbeat.h"
#include "comm/reduce/node/node.h"
#include "comm/reduce/reduce.h"

static bool is_on_first_node(const nn_comm *comm, int rank) {
    return comm->locality[rank].leader == comm->locality[0].leader;
}

static size_t nodes_of(const nn_reducer *r) {
    return (size_t)r->spec.comm->nodes;
}

/* Bucket k of what a node has. */
static nn_parcel parcel_of(const nn_reducer *r, size_t k, size_t node, void *bytes) {
    const struct node *state = r->state;
    nn_slice part = nn_reduce_part_of(r, k, node);
    size_t elements = nn_reduce_divides_bucket(r, k) ? part.end - part.begin : 0;
    return (nn_parcel){state->peer[node], bytes, elements * sizeof(nn_real)};
}

/* Parts of others may be longer than this node's: memory is reserved for whole slices. */
int node_plan_gather(nn_reducer *r) {
    const nn_comm *comm = r->spec.comm;
    struct node *node = r->state;
    size_t slices = nn_reduce_slices(r), peers = 0;
    nn_parcel *parcel = nn_pool_alloc(&r->pool, (slices + 1) * sizeof *parcel);
    node->peer = nn_pool_alloc(&r->pool, nodes_of(r) * sizeof *node->peer);
    if (!parcel || !node->peer)
        return NN_EMEMORY;
    for (int rank = 0; rank < comm->size; rank++)
        if (comm->locality[rank].node_rank == comm->node_rank && peers < nodes_of(r))
            node->peer[peers++] = rank;
    node->state = (nn_channel){
        .tag = nn_node_sums_tags(&r->partition) + STATE_TAG, .in = parcel, .out = parcel};
    *(comm->first_node ? &node->state.ins : &node->state.outs) = slices;
    for (size_t k = 0; k < slices; k++) {
        nn_slice slice = nn_reduce_slice(r, k);
        parcel[k].count = (slice.end - slice.begin) * sizeof(nn_real);
    }
    nn_wire_reserve(r->wire, &node->state);
    return 0;
}

static int wait_until_moved(const nn_reducer *r) {
    const struct node *node = r->state;
    return nn_wire_wait(r->wire, &node->state, r->crowded);
}

static int send_share(nn_reducer *r, nn_real *share) {
    struct node *node = r->state;
    size_t first = 0;
    while (!is_on_first_node(r->spec.comm, node->peer[first]))
        first++;
    for (size_t k = 0; k < node->state.outs; k++) {
        node->state.out[k] = parcel_of(r, k, r->place, share + r->part[k].at);
        node->state.out[k].rank = node->peer[first];
    }
    nn_wire_send(r->wire, &node->state);
    return wait_until_moved(r);
}

/* From one node after the other. */
static int receive_shares(nn_reducer *r, nn_real *whole) {
    struct node *node = r->state;
    for (size_t from = 0; from < nodes_of(r); from++) {
        if (from == r->place)
            continue;
        for (size_t k = 0; k < node->state.ins; k++)
            node->state.in[k] = parcel_of(r, k, from, whole + nn_reduce_part_of(r, k, from).begin);
        nn_wire_receive(r->wire, &node->state);
        NN_TRY(wait_until_moved(r));
    }
    return 0;
}

int nn_reducer_gather(nn_reducer *r, nn_real *share, nn_real *whole) {
    if (nn_reduce_slices(r) == 0)
        return 0;
    nn_comm_waits(r->spec.comm, true);
    int rc = r->spec.comm->first_node ? receive_shares(r, whole) : send_share(r, share);
    nn_comm_waits(r->spec.comm, false);
    return rc;
}
