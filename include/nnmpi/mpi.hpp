/* For C++ programs that use MPI themselves; apart from nnmpi.hpp, as it wants MPI's own header. */
#ifndef NNMPI_MPI_HPP
#define NNMPI_MPI_HPP

#include <nnmpi/mpi.h>
#include <nnmpi/nnmpi.hpp>

namespace nnmpi {

/* The ranks of a communicator that the program has, as nn_comm_from says. Collective. */
inline Comm comm_from(MPI_Comm ranks) {
    return Comm(detail::make<nn_comm>(nn_comm_from, ranks));
}

} // namespace nnmpi

#endif
