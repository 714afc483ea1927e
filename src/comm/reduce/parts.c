/* Which part of a slice each node takes the optimiser's step on, where its state is divided between
 * nodes. Where norms are sums over cells, and along a tree, parts are whole cells: no bit changes.
 * Else they are those that nodes add of a sum anyway (node/sums.h). */
#include "comm/comm.h"
#include "comm/reduce/backend.h"
#include "comm/reduce/reduce.h"

/* Among the nodes, in the order of the ranks that have the same slices. */
static size_t place_of(const nn_comm *comm) {
    size_t place = 0;
    for (int rank = 0; rank < comm->rank; rank++)
        place += comm->locality[rank].node_rank == comm->node_rank;
    return place;
}

bool nn_reduce_parts_are_cells(const nn_reducer *r) {
    return r->spec.tree || r->spec.ops->compute_norms;
}

bool nn_reduce_divides_bucket(const nn_reducer *r, size_t k) {
    nn_slice bucket = nn_partition_bucket(&r->partition, k);
    return r->divided && !nn_outer_grads_is_everywhere(r->outer_grads, &bucket);
}

/* Slices may have fewer cells than there are nodes: from slice to slice others have one more. */
static nn_slice cells_of(const nn_reducer *r, size_t k, size_t node, nn_slice slice) {
    size_t first = slice.begin / NN_PARTITION_CELL, nodes = (size_t)r->spec.comm->nodes,
           last = (slice.end + NN_PARTITION_CELL - 1) / NN_PARTITION_CELL;
    nn_span cells = nn_even_span(last - first, (node + k + r->owner) % nodes, nodes);
    size_t begin = (first + cells.begin) * NN_PARTITION_CELL,
           end = (first + cells.end) * NN_PARTITION_CELL;
    begin = begin > slice.begin ? begin : slice.begin;
    begin = begin < slice.end ? begin : slice.end;
    end = end < slice.end ? end : slice.end;
    return (nn_slice){begin, end > begin ? end : begin, 0};
}

nn_slice nn_reduce_part_of(const nn_reducer *r, size_t k, size_t node) {
    nn_slice slice = nn_reduce_slice(r, k);
    if (!nn_reduce_divides_bucket(r, k) || slice.begin == slice.end)
        return (nn_slice){slice.begin, slice.end, 0};
    if (nn_reduce_parts_are_cells(r))
        return cells_of(r, k, node, slice);
    nn_span part = nn_even_span(slice.end - slice.begin, node, (size_t)r->spec.comm->nodes);
    return (nn_slice){slice.begin + part.begin, slice.begin + part.end, 0};
}

/* Shares keep the order of the vector, where the last bucket stands first. */
int nn_reduce_plan_parts(nn_reducer *r) {
    const nn_comm *comm = r->spec.comm;
    r->divided = r->spec.divided && r->spec.choice == NN_REDUCE_NODE && comm->nodes > 1;
    r->place = r->divided ? place_of(comm) : 0;
    r->part = nn_pool_alloc(&r->pool, (r->partition.buckets + 1) * sizeof *r->part);
    if (!r->part)
        return NN_EMEMORY;
    r->share = 0;
    for (size_t k = nn_reduce_slices(r); k-- > 0;) {
        r->part[k] = nn_reduce_part_of(r, k, r->place);
        r->part[k].at = r->share;
        r->share += r->part[k].end - r->part[k].begin;
    }
    return 0;
}
