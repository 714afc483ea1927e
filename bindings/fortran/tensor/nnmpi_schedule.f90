! Learning rates of programs that use tensors: a part of module nnmpi.
module nnmpi_schedule
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: real64
    use nnmpi_base
    use nnmpi_c_tensor
    implicit none
    private

    public :: nn_schedule, nn_schedule_state

    ! The program counts the time t, in steps or epochs, and gives nn_optimizer%set_rate the rate of
    ! the beginning times factor(t).
    type, extends(nn_handle) :: nn_schedule
    contains
        procedure :: open => schedule_open
        procedure :: factor => schedule_factor
        procedure :: observe => schedule_observe
        procedure :: get_state => schedule_get_state
        procedure :: set_state => schedule_set_state
    end type nn_schedule

contains

    ! As train.schedule has it, 'cosine: {over: 100}'.
    subroutine schedule_open(self, schedule, stat, errmsg)
        class(nn_schedule), intent(inout) :: self
        character(*), intent(in) :: schedule
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = nn_schedule_new(c_text(schedule), c)
        if (rc == 0) call adopt(self, c, nn_schedule_free)
        call conclude(rc, stat, errmsg)
    end subroutine schedule_open

    ! Of a program that ends at `end`; without it, that is not known.
    real(real64) function schedule_factor(self, t, end)
        class(nn_schedule), intent(in) :: self
        integer, intent(in) :: t
        integer, intent(in), optional :: end
        integer(c_int64_t) :: planned
        planned = 0
        if (present(end)) planned = end
        schedule_factor = nn_schedule_factor(need(self, 'nn_schedule%factor'), int(t, c_int64_t), planned)
    end function schedule_factor

    ! What reduce_on_plateau watches has this value now; rate is that of the beginning.
    subroutine schedule_observe(self, value, rate, larger_is_better, stat, errmsg)
        class(nn_schedule), intent(in) :: self
        real(real64), intent(in) :: value, rate
        logical, intent(in), optional :: larger_is_better
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        logical(c_bool) :: larger
        integer(c_int) :: rc
        larger = .false.
        if (present(larger_is_better)) larger = larger_is_better
        rc = ready(self, 'nn_schedule%observe')
        if (rc == 0) rc = nn_schedule_observe(self%node%c, value, larger, rate)
        call conclude(rc, stat, errmsg)
    end subroutine schedule_observe

    function schedule_get_state(self) result(state)
        class(nn_schedule), intent(in) :: self
        type(nn_schedule_state) :: state
        state = nn_schedule_get_state(need(self, 'nn_schedule%get_state'))
    end function schedule_get_state

    subroutine schedule_set_state(self, state, stat, errmsg)
        class(nn_schedule), intent(in) :: self
        type(nn_schedule_state), intent(in) :: state
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_schedule%set_state')
        if (rc == 0) rc = nn_schedule_set_state(self%node%c, state)
        call conclude(rc, stat, errmsg)
    end subroutine schedule_set_state
end module nnmpi_schedule
