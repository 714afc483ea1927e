! Optimisers of tensors: a part of module nnmpi.
module nnmpi_optimizer
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real32, real64
    use nnmpi_base
    use nnmpi_c_tensor
    use nnmpi_comm
    use nnmpi_tensor
    use nnmpi_tensor_base
    implicit none
    private

    public :: nn_optimizer

    ! Takes steps along the gradients of tensors, averaged over the ranks.
    type, extends(nn_handle) :: nn_optimizer
    contains
        procedure :: open => optimizer_open    ! Collective
        procedure :: step => optimizer_step    ! Collective
        procedure :: average_gradients => optimizer_average_gradients ! Collective
        procedure :: zero_gradients => optimizer_zero_gradients
        procedure :: steps => optimizer_steps
        procedure :: rate => optimizer_rate
        procedure :: set_rate => optimizer_set_rate
        ! The state, which with the parameters is all that the next step depends on: slots of each
        ! parameter, a vector of its numbers each, and the steps that it has taken.
        procedure :: slots => optimizer_slots ! how many there are
        procedure :: slot_name => optimizer_slot_name
        procedure :: get_slot => optimizer_get_slot
        procedure :: set_slot => optimizer_set_slot
        procedure :: parameter_steps => optimizer_parameter_steps
        procedure :: set_parameter_steps => optimizer_set_parameter_steps
    end type nn_optimizer

contains

    ! As train.optimizer has it, 'adam: {lr: 0.001}'; on all ranks the tensors get the values of the
    ! first one.
    subroutine optimizer_open(self, comm, optimizer, parameters, stat, errmsg)
        class(nn_optimizer), intent(inout) :: self
        class(nn_comm), intent(in) :: comm
        character(*), intent(in) :: optimizer
        type(nn_tensor), intent(in) :: parameters(:)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        type(c_ptr) :: at_parameters(size(parameters))
        integer(c_int) :: rc
        integer :: i
        rc = ready(comm, 'nn_optimizer%open: the comm')
        do i = 1, size(parameters)
            if (rc == 0) rc = present_code(parameters(i))
            at_parameters(i) = at(parameters(i))
        end do
        if (rc == 0) rc = nn_optimizer_new(comm%node%c, c_text(optimizer), &
                                           size(parameters, kind=c_size_t), at_parameters, c)
        if (rc == 0) call adopt(self, c, nn_optimizer_free, [node_pointer(comm%node)])
        call conclude(rc, stat, errmsg)
    end subroutine optimizer_open

    ! weight: as the rows of this rank, where they differ.
    subroutine optimizer_step(self, weight, stat, errmsg)
        class(nn_optimizer), intent(in) :: self
        real(real64), intent(in), optional :: weight
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        real(c_double) :: share
        integer(c_int) :: rc
        share = 1
        if (present(weight)) share = weight
        rc = ready(self, 'nn_optimizer%step')
        if (rc == 0) rc = nn_optimizer_step(self%node%c, share)
        call conclude(rc, stat, errmsg)
    end subroutine optimizer_step

    ! What a step takes, for a program that looks at gradients or changes them before.
    subroutine optimizer_average_gradients(self, weight, stat, errmsg)
        class(nn_optimizer), intent(in) :: self
        real(real64), intent(in), optional :: weight
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        real(c_double) :: share
        integer(c_int) :: rc
        share = 1
        if (present(weight)) share = weight
        rc = ready(self, 'nn_optimizer%average_gradients')
        if (rc == 0) rc = nn_optimizer_average_gradients(self%node%c, share)
        call conclude(rc, stat, errmsg)
    end subroutine optimizer_average_gradients

    subroutine optimizer_zero_gradients(self)
        class(nn_optimizer), intent(in) :: self
        call nn_optimizer_zero_gradients(need(self, 'nn_optimizer%zero_gradients'))
    end subroutine optimizer_zero_gradients

    integer(int64) function optimizer_steps(self)
        class(nn_optimizer), intent(in) :: self
        optimizer_steps = nn_optimizer_steps(need(self, 'nn_optimizer%steps'))
    end function optimizer_steps

    real(real64) function optimizer_rate(self)
        class(nn_optimizer), intent(in) :: self
        optimizer_rate = nn_optimizer_rate(need(self, 'nn_optimizer%rate'))
    end function optimizer_rate

    subroutine optimizer_set_rate(self, rate, stat, errmsg)
        class(nn_optimizer), intent(in) :: self
        real(real64), intent(in) :: rate
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_optimizer%set_rate')
        if (rc == 0) rc = nn_optimizer_set_rate(self%node%c, rate)
        call conclude(rc, stat, errmsg)
    end subroutine optimizer_set_rate

    integer function optimizer_slots(self)
        class(nn_optimizer), intent(in) :: self
        optimizer_slots = int(nn_optimizer_slots(need(self, 'nn_optimizer%slots')))
    end function optimizer_slots

    function optimizer_slot_name(self, slot) result(name)
        class(nn_optimizer), intent(in) :: self
        integer, intent(in) :: slot
        character(:), allocatable :: name
        call check_place('nn_optimizer: slot', slot, self%slots())
        name = fortran_text(nn_optimizer_slot(self%node%c, c_place(slot)))
    end function optimizer_slot_name

    ! Places count from 1 here, from 0 in C.
    integer(c_size_t) function c_place(place)
        integer, intent(in) :: place
        c_place = int(place - 1, c_size_t)
    end function c_place

    ! Whether there are these, and `numbers` is the number of elements.
    integer(c_int) function check_slot(self, parameter, slot, numbers) result(rc)
        class(nn_optimizer), intent(in) :: self
        integer, intent(in) :: parameter, slot, numbers
        integer(int64) :: wanted
        integer :: slots
        rc = ready(self, 'nn_optimizer: get or set a slot')
        if (rc < 0) return
        slots = self%slots()
        wanted = int(nn_optimizer_param_size(self%node%c, c_place(parameter)), int64)
        if (nn_optimizer_param_steps(self%node%c, c_place(parameter)) < 0) then
            rc = misuse('nn_optimizer: there is no parameter '//text(parameter))
        else if (slot < 1 .or. slot > slots) then
            rc = misuse('nn_optimizer: there is no slot '//text(slot)//', but 1 to '//text(slots))
        else if (wanted /= numbers) then
            rc = misuse('nn_optimizer: '//text(numbers)//' numbers for a parameter of '//number(wanted))
        end if
    end function check_slot

    function text(i)
        integer, intent(in) :: i
        character(:), allocatable :: text
        text = number(int(i, int64))
    end function text

    subroutine optimizer_get_slot(self, parameter, slot, values, stat, errmsg)
        class(nn_optimizer), intent(in) :: self
        integer, intent(in) :: parameter, slot
        real(real32), intent(inout), contiguous :: values(:)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = check_slot(self, parameter, slot, size(values))
        if (rc == 0) rc = nn_optimizer_get_slot(self%node%c, c_place(parameter), c_place(slot), values)
        call conclude(rc, stat, errmsg)
    end subroutine optimizer_get_slot

    subroutine optimizer_set_slot(self, parameter, slot, values, stat, errmsg)
        class(nn_optimizer), intent(in) :: self
        integer, intent(in) :: parameter, slot
        real(real32), intent(in), contiguous :: values(:)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = check_slot(self, parameter, slot, size(values))
        if (rc == 0) rc = nn_optimizer_set_slot(self%node%c, c_place(parameter), c_place(slot), values)
        call conclude(rc, stat, errmsg)
    end subroutine optimizer_set_slot

    ! -1: there is no such parameter.
    integer(int64) function optimizer_parameter_steps(self, parameter)
        class(nn_optimizer), intent(in) :: self
        integer, intent(in) :: parameter
        optimizer_parameter_steps = nn_optimizer_param_steps( &
                                    need(self, 'nn_optimizer%parameter_steps'), c_place(parameter))
    end function optimizer_parameter_steps

    subroutine optimizer_set_parameter_steps(self, parameter, steps, stat, errmsg)
        class(nn_optimizer), intent(in) :: self
        integer, intent(in) :: parameter
        integer(int64), intent(in) :: steps
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_optimizer%set_parameter_steps')
        if (rc == 0) rc = nn_optimizer_set_param_steps(self%node%c, c_place(parameter), steps)
        call conclude(rc, stat, errmsg)
    end subroutine optimizer_set_parameter_steps
end module nnmpi_optimizer
