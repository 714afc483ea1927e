#include "comm/reduce/replicas.h"

#include "comm/comm.h"
#include "comm/messages.h"
#include "comm/reduce/backend.h"

#include <limits.h>
#include <string.h>

static MPI_Comm among(const nn_reducer *r) {
    return r->backend->replicas(r);
}

int nn_replicas_count(const nn_reducer *reducer) {
    int count = nn_partition_share(&reducer->partition, reducer->owner) > 0;
    if (among(reducer) != MPI_COMM_NULL)
        MPI_Comm_size(among(reducer), &count);
    return count;
}

int nn_replicas_mine(const nn_reducer *reducer) {
    int mine;
    MPI_Comm_rank(among(reducer), &mine);
    return mine;
}

bool nn_replicas_any(const nn_reducer *reducer) {
    const nn_comm *comm = reducer->spec.comm;
    return reducer->spec.choice == NN_REDUCE_NODE ? comm->nodes > 1 : comm->size > 1;
}

/* The largest number is the smallest of all complements. */
static int find_extremes(nn_reducer *r, uint64_t hash, bool *equal) {
    uint64_t least[2] = {hash, ~hash};
    if (nn_replicas_count(r) > 1)
        NN_TRY(nn_mpi_allreduce(r->spec.comm, among(r), least, 2, MPI_UINT64_T, MPI_MIN));
    *equal = least[0] == ~least[1];
    return 0;
}

int nn_replicas_equal(nn_reducer *reducer, uint64_t hash, bool *equal) {
    NN_TRY(find_extremes(reducer, hash, equal));
    double differ = !*equal;
    NN_TRY(nn_comm_sum(reducer->spec.comm, &differ, 1));
    *equal = differ < 1;
    return 0;
}

int nn_replicas_gather(nn_reducer *reducer, const void *mine, size_t count, void *all) {
    if (count > INT_MAX)
        return nn_fail(NN_EUSAGE, "nn_replicas_gather: %zu bytes are too many", count);
    memcpy((char *)all + (size_t)nn_replicas_mine(reducer) * count, mine, count);
    return nn_mpi_allgather(reducer->spec.comm, among(reducer), all, (int)count);
}

int nn_replicas_copy(nn_reducer *reducer, int from, void *bytes, size_t count) {
    return nn_mpi_bcast(reducer->spec.comm, among(reducer), bytes, count, from);
}
