/* Ranks: the processes of one run. */
#ifndef NNMPI_COMM_H
#define NNMPI_COMM_H

#include <nnmpi/error.h>

typedef struct nn_comm nn_comm;

/* Starts MPI (unless the caller already has) and describes the world. Before MPI_Init it mends
 * OpenBLAS's choice of kernels and asks Open MPI to yield while waiting when this node has more
 * ranks than cores. Refuses (NN_EUSAGE) to run as one of N singletons: one rank although the
 * launcher or Slurm started several. Collective. */
NN_API int nn_comm_init(nn_comm **out);
/* The ranks of an MPI communicator that the caller has, by its Fortran handle (MPI_Comm_c2f,
 * Comm.py2f of mpi4py); <nnmpi/mpi.h> takes one of C. Any communicator but an intercommunicator,
 * and any number of them at once: nnmpi computes with a duplicate. MPI has been started, at least
 * with MPI_THREAD_FUNNELED, and goes on after nn_comm_free; the same thread has to call it.
 * NN_EUSAGE. Collective over the communicator. */
NN_API int nn_comm_from_fortran(int handle, nn_comm **out);
/* One rank without MPI, for work that needs no others. Local. */
NN_API int nn_comm_alone(nn_comm **out);
/* Ends MPI if nn_comm_init started it, unless it has failed (NN_ERANK) on this rank. Collective
 * over its ranks. NULL is fine. */
NN_API void nn_comm_free(nn_comm *comm);
/* Ends all ranks at once with this exit status; does not return. To be called after NN_ERANK: the
 * other ranks may wait for this one. NULL, where nn_comm_init has failed, is fine. Local. */
NN_API void nn_comm_abort(nn_comm *comm, int exit_code);

NN_API int nn_comm_rank(const nn_comm *comm);
NN_API int nn_comm_size(const nn_comm *comm);

/* Every rank learns the worst code (the most negative), and on failure the message of the lowest
 * rank that has it ("rank N on HOST: " in front when other ranks succeeded). Returns that code.
 * Collective. */
NN_API int nn_comm_agree(nn_comm *comm, int rc);

#endif
