/* For programs that use MPI themselves; apart from nnmpi.h, as it wants MPI's own header. */
#ifndef NNMPI_MPI_H
#define NNMPI_MPI_H

#include <nnmpi/comm.h>

#include <mpi.h>

/* As nn_comm_from_fortran (comm.h), of a communicator in C. */
NN_API int nn_comm_from(MPI_Comm ranks, nn_comm **out);

#endif
