! Optimisers of tensors: a part of module nnmpi.
module nnmpi_optimizer
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real64
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
        procedure :: zero_gradients => optimizer_zero_gradients
        procedure :: steps => optimizer_steps
        procedure :: rate => optimizer_rate
        procedure :: set_rate => optimizer_set_rate
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
end module nnmpi_optimizer
