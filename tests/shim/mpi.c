/* Fault injection for MPI beside all that fault.c does: FAULT=mpi counts the start and end of MPI
 * and all calls in which ranks take part together, FAULT=test the looks at what is under way
 * (MPI_Test), whose number is another one in each run. The one to fail returns an error without
 * doing anything.
 *
 * mpicc -shared -fPIC -O1 -o mpi.so mpi.c -ldl, then LD_PRELOAD=mpi.so
 */
#include "fault.c"

#include <mpi.h>

#pragma GCC visibility push(default)

#define FAULT_MPI_KIND(kind, name, parameters, arguments)                                          \
    int MPI_##name parameters {                                                                    \
        return fault_at(kind, FAULT_CALLER) ? MPI_ERR_OTHER : PMPI_##name arguments;               \
    }
#define FAULT_MPI(name, parameters, arguments)                                                     \
    FAULT_MPI_KIND(fault_mpi, name, parameters, arguments)

FAULT_MPI(Init_thread, (int *argc, char ***argv, int wanted, int *provided),
          (argc, argv, wanted, provided))
FAULT_MPI(Comm_dup, (MPI_Comm comm, MPI_Comm *out), (comm, out))
FAULT_MPI(Comm_idup, (MPI_Comm comm, MPI_Comm *out, MPI_Request *request), (comm, out, request))
FAULT_MPI(Comm_split, (MPI_Comm comm, int color, int key, MPI_Comm *out), (comm, color, key, out))
FAULT_MPI(Comm_split_type, (MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out),
          (comm, type, key, info, out))
FAULT_MPI(Comm_free, (MPI_Comm * comm), (comm))
FAULT_MPI(Finalize, (void), ())
FAULT_MPI_KIND(fault_test, Test, (MPI_Request * request, int *done, MPI_Status *status),
               (request, done, status))
FAULT_MPI_KIND(fault_test, Testsome,
               (int count, MPI_Request requests[], int *done, int indices[], MPI_Status statuses[]),
               (count, requests, done, indices, statuses))
FAULT_MPI(Isend,
          (const void *send, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
           MPI_Request *request),
          (send, count, type, to, tag, comm, request))
FAULT_MPI(Irecv,
          (void *receive, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
           MPI_Request *request),
          (receive, count, type, from, tag, comm, request))
FAULT_MPI(Barrier, (MPI_Comm comm), (comm))
FAULT_MPI(Ibarrier, (MPI_Comm comm, MPI_Request *request), (comm, request))
FAULT_MPI(Bcast, (void *buffer, int count, MPI_Datatype type, int root, MPI_Comm comm),
          (buffer, count, type, root, comm))
FAULT_MPI(Ibcast,
          (void *buffer, int count, MPI_Datatype type, int root, MPI_Comm comm,
           MPI_Request *request),
          (buffer, count, type, root, comm, request))
FAULT_MPI(Allreduce,
          (const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
          (send, receive, count, type, op, comm))
FAULT_MPI(Iallreduce,
          (const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
           MPI_Request *request),
          (send, receive, count, type, op, comm, request))
FAULT_MPI(Allgather,
          (const void *send, int count, MPI_Datatype type, void *receive, int counts,
           MPI_Datatype types, MPI_Comm comm),
          (send, count, type, receive, counts, types, comm))
FAULT_MPI(Iallgather,
          (const void *send, int count, MPI_Datatype type, void *receive, int counts,
           MPI_Datatype types, MPI_Comm comm, MPI_Request *request),
          (send, count, type, receive, counts, types, comm, request))
FAULT_MPI(Allgatherv,
          (const void *send, int count, MPI_Datatype type, void *receive, const int counts[],
           const int at[], MPI_Datatype types, MPI_Comm comm),
          (send, count, type, receive, counts, at, types, comm))
FAULT_MPI(Iallgatherv,
          (const void *send, int count, MPI_Datatype type, void *receive, const int counts[],
           const int at[], MPI_Datatype types, MPI_Comm comm, MPI_Request *request),
          (send, count, type, receive, counts, at, types, comm, request))
FAULT_MPI(Alltoall,
          (const void *send, int count, MPI_Datatype type, void *receive, int counts,
           MPI_Datatype types, MPI_Comm comm),
          (send, count, type, receive, counts, types, comm))
FAULT_MPI(Ialltoall,
          (const void *send, int count, MPI_Datatype type, void *receive, int counts,
           MPI_Datatype types, MPI_Comm comm, MPI_Request *request),
          (send, count, type, receive, counts, types, comm, request))
FAULT_MPI(Alltoallv,
          (const void *send, const int count[], const int from[], MPI_Datatype type, void *receive,
           const int counts[], const int at[], MPI_Datatype types, MPI_Comm comm),
          (send, count, from, type, receive, counts, at, types, comm))
FAULT_MPI(Ialltoallv,
          (const void *send, const int count[], const int from[], MPI_Datatype type, void *receive,
           const int counts[], const int at[], MPI_Datatype types, MPI_Comm comm,
           MPI_Request *request),
          (send, count, from, type, receive, counts, at, types, comm, request))

#pragma GCC visibility pop
