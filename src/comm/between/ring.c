#include "comm/between/ring.h"

#include "base/system/clock.h"
#include "comm/comm.h"
#include "comm/messages.h"

/* Bytes of a short message, and how many are many. */
enum { SHORT = 8, MANY = NN_MPI_EXCHANGE_MOST };

int nn_ring_exchange(nn_comm *comm, const nn_ring_messages *m, int least, double seconds,
                     double *out) {
    int rank, size;
    double spent = 0;
    MPI_Comm_rank(comm->leaders, &rank);
    MPI_Comm_size(comm->leaders, &size);
    for (int i = -1; i < least || spent < seconds; i++) { /* the first one opens connections */
        NN_TRY(nn_mpi_barrier(comm, comm->leaders));
        double begin = nn_seconds();
        NN_TRY(nn_mpi_exchange(comm, comm->leaders, (rank + 1) % size, (rank + size - 1) % size,
                               m->to, m->from, m->messages, m->bytes));
        double once = nn_seconds() - begin;
        NN_TRY(nn_mpi_allreduce(comm, comm->leaders, &once, 1, MPI_DOUBLE, MPI_MAX));
        *out = i < 1 || once < *out ? once : *out;
        spent += once;
    }
    return 0;
}

int nn_ring_latency(nn_comm *comm, int least, double seconds, double *latency, double *overhead) {
    const char to[MANY * SHORT] = {0};
    char from[MANY * SHORT];
    double many = 0;
    const nn_ring_messages one = {to, from, 1, SHORT}, all = {to, from, MANY, SHORT};
    NN_TRY(nn_ring_exchange(comm, &one, least, seconds, latency));
    NN_TRY(nn_ring_exchange(comm, &all, least, seconds, &many));
    *overhead = many > *latency ? (many - *latency) / (MANY - 1) : 0;
    return 0;
}
