! For programs that use MPI's module mpi_f08; apart from module nnmpi, as it wants that one.
module nnmpi_mpi_f08
    use mpi_f08, only: MPI_Comm
    use nnmpi, only: nn_comm
    implicit none
    private

    public :: nn_comm_from

contains

    ! The ranks of an MPI communicator that the program has. Collective.
    subroutine nn_comm_from(ranks, comm, stat, errmsg)
        type(MPI_Comm), intent(in) :: ranks
        type(nn_comm), intent(inout) :: comm
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        call comm%from(ranks%MPI_VAL, stat, errmsg)
    end subroutine nn_comm_from
end module nnmpi_mpi_f08
