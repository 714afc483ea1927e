! Version, log, ranks: a part of module nnmpi.
module nnmpi_comm
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64
    use nnmpi_base
    use nnmpi_c
    implicit none
    private

    public :: nn_comm, nn_log_function, nn_log_to, nn_version, nn_error_trace

    type, extends(nn_handle) :: nn_comm
    contains
        procedure :: init => comm_init         ! all of MPI, which is started unless it has been
        procedure :: from => comm_from         ! an MPI communicator's handle, comm or comm%MPI_VAL
        procedure :: alone => comm_alone       ! one rank without MPI
        procedure :: rank => comm_rank
        procedure :: size => comm_size
        procedure :: agree => comm_agree       ! all ranks fail where one does
        procedure :: abort => comm_abort       ! ends all ranks
    end type nn_comm

    abstract interface
        subroutine nn_log_function(level, line)
            integer, intent(in) :: level
            character(*), intent(in) :: line
        end subroutine nn_log_function
    end interface

    procedure(nn_log_function), pointer :: log_function => null()

contains

    function nn_version() result(version)
        character(:), allocatable :: version
        version = fortran_text(nn_version_c())
    end function nn_version

    ! The functions of the library that the last failure passed through, innermost first.
    function nn_error_trace() result(trace)
        character(:), allocatable :: trace
        trace = fortran_text(nn_error_trace_c())
    end function nn_error_trace

    ! Messages of this thread, of this level or more important ones, go to `sink`; none: nowhere.
    ! It may be called by threads of the library. One for all threads.
    subroutine nn_log_to(sink, level)
        procedure(nn_log_function), optional :: sink
        integer, intent(in), optional :: level
        integer(c_int) :: least
        least = NN_LOG_INFO
        if (present(level)) least = level
        if (present(sink)) then
            log_function => sink
            call nn_log_to_c(c_funloc(call_sink), c_null_ptr, least)
        else
            call nn_log_to_c(c_null_funptr, c_null_ptr, least)
            log_function => null()
        end if
    end subroutine nn_log_to

    subroutine call_sink(ctx, level, line) bind(C)
        type(c_ptr), value :: ctx, line
        integer(c_int), value :: level
        if (.not. c_associated(ctx)) call log_function(level, fortran_text(line))
    end subroutine call_sink

    ! ---- ranks -----------------------------------------------------------------------------------

    subroutine comm_init(self, stat, errmsg)
        class(nn_comm), intent(inout) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = nn_comm_init(c)
        if (rc == 0) call adopt(self, c, nn_comm_free)
        call conclude(rc, stat, errmsg)
    end subroutine comm_init

    subroutine comm_from(self, handle, stat, errmsg)
        class(nn_comm), intent(inout) :: self
        integer, intent(in) :: handle
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = nn_comm_from_fortran(handle, c)
        if (rc == 0) call adopt(self, c, nn_comm_free)
        call conclude(rc, stat, errmsg)
    end subroutine comm_from

    subroutine comm_alone(self, stat, errmsg)
        class(nn_comm), intent(inout) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = nn_comm_alone(c)
        if (rc == 0) call adopt(self, c, nn_comm_free)
        call conclude(rc, stat, errmsg)
    end subroutine comm_alone

    integer function comm_rank(self)
        class(nn_comm), intent(in) :: self
        comm_rank = nn_comm_rank(need(self, 'nn_comm%rank'))
    end function comm_rank

    integer function comm_size(self)
        class(nn_comm), intent(in) :: self
        comm_size = nn_comm_size(need(self, 'nn_comm%size'))
    end function comm_size

    ! `code` is what this rank has come to, 0 or a failure with its message.
    subroutine comm_agree(self, code, message, stat, errmsg)
        class(nn_comm), intent(in) :: self
        integer, intent(in) :: code
        character(*), intent(in) :: message
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_comm%agree')
        if (rc == 0) then
            if (code < 0) rc = nn_error_set(code, c_text(message))
            rc = nn_comm_agree(self%node%c, rc)
        end if
        call conclude(rc, stat, errmsg)
    end subroutine comm_agree

    subroutine comm_abort(self, exit_status)
        class(nn_comm), intent(in) :: self
        integer, intent(in) :: exit_status
        call nn_comm_abort(need(self, 'nn_comm%abort'), exit_status)
    end subroutine comm_abort
end module nnmpi_comm
