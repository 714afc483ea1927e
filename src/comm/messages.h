/* MPI's collectives, for ranks that may outnumber the cores. An MPI library may wait at full speed,
 * and whoever it waits for then gets no core until the scheduler takes it away, a thousand times
 * later than need be. So where any machine has more ranks than cores (comm->yields, the same on all
 * ranks) a call is begun, and looked at until it is done, the core given away between two looks.
 *
 * They return 0, or NN_ERANK with MPI's own text for what failed; after that the communicator is
 * broken (nn_comm_give_up) and every call fails at once. They work in place unless it is said, and
 * are collective over `among`. */
#ifndef NN_COMM_MESSAGES_H
#define NN_COMM_MESSAGES_H

#include "base/error.h"
#include "comm/mpi_comm.h"

#include <stddef.h>

/* What these functions make of MPI's return code. */
int nn_mpi_check(nn_comm *comm, int mpi_rc, const char *call);

/* A duplicate of `among`, and parts of it: of the ranks with the same color (MPI_UNDEFINED: none,
 * MPI_COMM_NULL), of those that can share memory. */
int nn_mpi_dup(nn_comm *comm, MPI_Comm among, MPI_Comm *out);
int nn_mpi_split(nn_comm *comm, MPI_Comm among, int color, MPI_Comm *out);
int nn_mpi_split_machine(nn_comm *comm, MPI_Comm among, MPI_Comm *out);

int nn_mpi_barrier(nn_comm *comm, MPI_Comm among);
int nn_mpi_allreduce(nn_comm *comm, MPI_Comm among, void *values, int count, MPI_Datatype type,
                     MPI_Op op);
/* Everyone gets the bytes of rank `root`. */
int nn_mpi_bcast(nn_comm *comm, MPI_Comm among, void *bytes, size_t count, int root);
/* Rank r's bytes stand at all + r * count. */
int nn_mpi_allgather(nn_comm *comm, MPI_Comm among, void *all, int count);
/* Each rank's numbers come to stand at all + at[rank]; `own` NULL: they stand there already. */
int nn_mpi_allgatherv(nn_comm *comm, MPI_Comm among, const void *own, int own_count, void *all,
                      const int count[], const int at[], MPI_Datatype type);

/* `count` bytes from each rank to each, those for or from rank r at + r * count; not in place. */
int nn_mpi_alltoall(nn_comm *comm, MPI_Comm among, const void *out, void *in, int count);

/* `messages` of `count` bytes each to rank `to` and as many from rank `from`, all under way at the
 * same time; those of one side stand one behind the other, not in place. Up to
 * NN_MPI_EXCHANGE_MOST of them. Either rank may be MPI_PROC_NULL, none. */
#define NN_MPI_EXCHANGE_MOST 64
int nn_mpi_exchange(nn_comm *comm, MPI_Comm among, int to, int from, const void *out, void *in,
                    int messages, int count);

/* What goes to each rank, or comes from it; not in place. */
typedef struct nn_parcels {
    void *values;
    const int *count, *at; /* [ranks] */
} nn_parcels;
int nn_mpi_alltoallv(nn_comm *comm, MPI_Comm among, const nn_parcels *out, const nn_parcels *in,
                     MPI_Datatype type);

#endif
