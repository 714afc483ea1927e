! Losses of the program's own: a part of module nnmpi.
module nnmpi_own_loss
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int32, real32, real64
    use nnmpi_base
    use nnmpi_c_extend
    use nnmpi_definition
    implicit none
    private

    public :: nn_loss_definition, nn_loss_call, nn_loss_plan, nn_loss_eval

    type :: nn_loss_call
        real(real64) :: option(OPTIONS) = 0
        integer :: rows = 0, outputs = 0
        real(real32), pointer :: z(:, :) => null() ! (outputs, rows) of the model, before `fuses`
        real(real32), pointer :: y(:, :) => null() ! (outputs, rows), or null
        integer(int32), pointer :: label(:) => null() ! (rows) in 0 to outputs - 1, or null
        real(real32), pointer :: loss(:) => null() ! (rows): written
        real(real32), pointer :: dz(:, :) => null() ! (outputs, rows): written
    end type nn_loss_call

    abstract interface
        subroutine nn_loss_plan(outputs, option, stat, errmsg)
            import :: real64
            integer, intent(in) :: outputs
            real(real64), intent(in) :: option(:)
            integer, intent(inout) :: stat
            character(*), intent(inout) :: errmsg
        end subroutine nn_loss_plan

        subroutine nn_loss_eval(call, stat, errmsg)
            import :: nn_loss_call
            type(nn_loss_call), intent(inout) :: call
            integer, intent(inout) :: stat
            character(*), intent(inout) :: errmsg
        end subroutine nn_loss_eval
    end interface

    type, extends(definition) :: nn_loss_definition
        integer :: targets = NN_TARGETS_ARE_NUMBERS
        character(:), allocatable :: fuses ! 'softmax', 'sigmoid'
        procedure(nn_loss_plan), pointer, nopass :: plan => null()
        procedure(nn_loss_eval), pointer, nopass :: eval => null()
        logical :: reproducible = .false.
    contains
        procedure :: register => loss_register
    end type nn_loss_definition

contains

    subroutine loss_register(self, stat, errmsg)
        class(nn_loss_definition), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_loss_definition), pointer :: kept
        type(optional_text), target :: fuses
        type(nn_c_loss_def) :: c
        integer(c_int) :: rc
        allocate (kept)
        kept%definition = self%definition
        kept%plan => self%plan
        kept%eval => self%eval
        c%size = c_sizeof(c)
        call definition_for_c(kept, c%name, c%help, c%options, c%options_size)
        c%ctx = c_loc(kept)
        c%targets = self%targets
        if (allocated(self%fuses)) call set_text(fuses, self%fuses)
        c%fuses = at_text(fuses)
        if (associated(self%plan)) c%plan = c_funloc(hand_plan)
        if (associated(self%eval)) c%eval = c_funloc(hand_eval)
        c%reproducible = logical(self%reproducible, c_bool)
        rc = nn_loss_register(c)
        call forget_copies(kept)
        if (rc < 0) deallocate (kept)
        call conclude(rc, stat, errmsg)
    end subroutine loss_register

    integer(c_int) function hand_plan(ctx, struct, outputs) bind(C, name='')
        type(c_ptr), value :: ctx, struct
        integer(c_size_t), value :: outputs
        type(nn_loss_definition), pointer :: self
        character(WHY) :: errmsg
        integer :: stat
        call c_f_pointer(ctx, self)
        stat = 0
        errmsg = ''
        call self%plan(int(outputs), option_values(self, struct), stat, errmsg)
        hand_plan = end_call(stat, errmsg)
    end function hand_plan

    integer(c_int) function hand_eval(ctx, c) bind(C, name='')
        type(c_ptr), value :: ctx
        type(nn_c_loss_call), intent(in) :: c
        type(nn_loss_definition), pointer :: self
        type(nn_loss_call) :: call
        character(WHY) :: errmsg
        integer :: stat
        call c_f_pointer(ctx, self)
        call%option = option_values(self, c%options)
        call%rows = int(c%rows)
        call%outputs = int(c%outputs)
        call%z => numbers_of(c%z, call%outputs, call%rows)
        call%y => numbers_of(c%y, call%outputs, call%rows)
        if (c_associated(c%label)) call c_f_pointer(c%label, call%label, [call%rows])
        call c_f_pointer(c%loss, call%loss, [call%rows])
        call%dz => numbers_of(c%dz, call%outputs, call%rows)
        stat = 0
        errmsg = ''
        call self%eval(call, stat, errmsg)
        hand_eval = end_call(stat, errmsg)
    end function hand_eval
end module nnmpi_own_loss
