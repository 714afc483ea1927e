! Metrics of the program's own: a part of module nnmpi.
module nnmpi_own_metric
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int32, real32, real64
    use nnmpi_base
    use nnmpi_c_extend
    use nnmpi_definition
    implicit none
    private

    public :: nn_metric_definition, nn_metric_call, nn_metric_plan, nn_metric_add, nn_metric_value

    type :: nn_metric_call
        real(real64) :: option(OPTIONS) = 0
        integer :: rows = 0, outputs = 0
        real(real32), pointer :: z(:, :) => null() ! (outputs, rows) of the model, before ...
        character(:), allocatable :: fused         ! ... 'softmax', 'sigmoid' or ''
        real(real64) :: threshold = 0
        integer(int32), pointer :: label(:) => null() ! (rows); -1: it does not count; or null
        real(real32), pointer :: y(:, :) => null() ! (outputs, rows), or null
        real(real32), pointer :: weight(:) => null() ! (rows); null: all 1
        real(real64), pointer :: sums(:) => null() ! the rows are added to it
    end type nn_metric_call

    abstract interface
        subroutine nn_metric_plan(outputs, targets, option, stat, errmsg)
            import :: real64
            integer, intent(in) :: outputs, targets
            real(real64), intent(in) :: option(:)
            integer, intent(inout) :: stat
            character(*), intent(inout) :: errmsg
        end subroutine nn_metric_plan

        subroutine nn_metric_add(call, stat, errmsg)
            import :: nn_metric_call
            type(nn_metric_call), intent(inout) :: call
            integer, intent(inout) :: stat
            character(*), intent(inout) :: errmsg
        end subroutine nn_metric_add

        real(real64) function nn_metric_value(sums, outputs, option)
            import :: real64
            integer, intent(in) :: outputs
            real(real64), intent(in) :: sums(:), option(:)
        end function nn_metric_value
    end interface

    ! sums: how many numbers it adds up over the samples.
    type, extends(definition) :: nn_metric_definition
        integer :: sums = 1
        procedure(nn_metric_plan), pointer, nopass :: plan => null() ! where it goes with not all
        procedure(nn_metric_add), pointer, nopass :: add => null()
        procedure(nn_metric_value), pointer, nopass :: value => null()
        logical :: larger_is_better = .false.
    contains
        procedure :: register => metric_register
    end type nn_metric_definition

contains

    subroutine metric_register(self, stat, errmsg)
        class(nn_metric_definition), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_metric_definition), pointer :: kept
        type(nn_c_metric_def) :: c
        integer(c_int) :: rc
        allocate (kept)
        kept%definition = self%definition
        kept%sums = self%sums
        kept%plan => self%plan
        kept%add => self%add
        kept%value => self%value
        c%size = c_sizeof(c)
        call definition_for_c(kept, c%name, c%help, c%options, c%options_size)
        c%ctx = c_loc(kept)
        c%plan = c_funloc(hand_plan)
        if (associated(self%add)) c%add = c_funloc(hand_add)
        if (associated(self%value)) c%value = c_funloc(hand_value)
        c%larger_is_better = logical(self%larger_is_better, c_bool)
        rc = nn_metric_register(c)
        call forget_copies(kept)
        if (rc < 0) deallocate (kept)
        call conclude(rc, stat, errmsg)
    end subroutine metric_register

    integer(c_int) function hand_plan(ctx, struct, outputs, targets, sums) bind(C, name='')
        type(c_ptr), value :: ctx, struct
        integer(c_size_t), value :: outputs
        integer(c_int), value :: targets
        integer(c_size_t), intent(out) :: sums
        type(nn_metric_definition), pointer :: self
        character(WHY) :: errmsg
        integer :: stat
        call c_f_pointer(ctx, self)
        stat = 0
        errmsg = ''
        if (associated(self%plan)) &
            call self%plan(int(outputs), targets, option_values(self, struct), stat, errmsg)
        sums = self%sums
        hand_plan = end_call(stat, errmsg)
    end function hand_plan

    integer(c_int) function hand_add(ctx, c) bind(C, name='')
        type(c_ptr), value :: ctx
        type(nn_c_metric_call), intent(in) :: c
        type(nn_metric_definition), pointer :: self
        type(nn_metric_call) :: call
        character(WHY) :: errmsg
        integer :: stat
        call c_f_pointer(ctx, self)
        call%option = option_values(self, c%options)
        call%rows = int(c%rows)
        call%outputs = int(c%outputs)
        call%z => numbers_of(c%z, call%outputs, call%rows)
        call%fused = fortran_text(c%fused)
        call%threshold = c%threshold
        if (c_associated(c%label)) call c_f_pointer(c%label, call%label, [call%rows])
        call%y => numbers_of(c%y, call%outputs, call%rows)
        if (c_associated(c%weight)) call c_f_pointer(c%weight, call%weight, [call%rows])
        call c_f_pointer(c%sums, call%sums, [self%sums])
        stat = 0
        errmsg = ''
        call self%add(call, stat, errmsg)
        hand_add = end_call(stat, errmsg)
    end function hand_add

    integer(c_int) function hand_value(ctx, struct, outputs, sums, value) bind(C, name='')
        type(c_ptr), value :: ctx, struct, sums
        integer(c_size_t), value :: outputs
        real(c_double), intent(out) :: value
        type(nn_metric_definition), pointer :: self
        real(real64), pointer :: all(:)
        call c_f_pointer(ctx, self)
        call c_f_pointer(sums, all, [self%sums])
        value = self%value(all, int(outputs), option_values(self, struct))
        hand_value = 0
    end function hand_value
end module nnmpi_own_metric
