! Layers of the program's own: a part of module nnmpi.
module nnmpi_own_layer
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int32, int64, real32, real64
    use nnmpi_base
    use nnmpi_c_extend
    use nnmpi_definition
    implicit none
    private

    public :: nn_layer_definition, nn_layer_layout, nn_layer_call, nn_layer_plan, nn_layer_pass

    integer, parameter :: NAME_LENGTH = 64

    ! What `plan` is told, and what it says: shapes of a sample, parameters.
    type :: nn_layer_layout
        real(real64) :: option(OPTIONS) = 0
        integer :: inputs = 0
        integer :: save = 0, scratch = 0 ! numbers a sample, for backward, and to work with
        type(nn_c_layer_layout), pointer, private :: c => null()
        type(layer_record), pointer, private :: record => null()
    contains
        procedure :: input => layout_input         ! the shape of input i
        procedure :: output => layout_output       ! sets the shape, which is input(1) at first
        procedure :: parameter => layout_parameter ! one more
    end type nn_layer_layout

    ! One call, on some rows of the minibatch: arrays (numbers of a sample, rows), each sample in
    ! Fortran's order, (width, height, channels).
    type :: nn_layer_call
        real(real64) :: option(OPTIONS) = 0
        integer :: rows = 0, inputs = 0
        logical :: training = .false.
        integer(int64) :: seed = 0, step = 0
        type(nn_c_layer_call), pointer, private :: c => null()
    contains
        procedure :: input => call_input     ! the shape of input i
        procedure :: output => call_output   ! that of the output
        procedure :: x => call_x             ! (input(i), rows)
        procedure :: y => call_y             ! (output, rows): forward writes it
        procedure :: dy => call_dy           ! (output, rows), for backward
        procedure :: dx => call_dx           ! (input(i), rows): backward writes it; null: unwanted
        procedure :: w => call_w             ! the n numbers of parameter i
        procedure :: g => call_g             ! n: backward adds the derivatives by it
        procedure :: save => call_save       ! (n, rows), as plan has asked for
        procedure :: scratch => call_scratch ! (n, rows)
        procedure :: length => call_length   ! (rows) steps of each sequence; null: all
        procedure :: sample => call_sample   ! (rows), for random numbers; null: not in training
    end type nn_layer_call

    abstract interface
        subroutine nn_layer_plan(layout, stat, errmsg)
            import :: nn_layer_layout
            type(nn_layer_layout), intent(inout) :: layout
            integer, intent(inout) :: stat
            character(*), intent(inout) :: errmsg
        end subroutine nn_layer_plan

        subroutine nn_layer_pass(call, stat, errmsg)
            import :: nn_layer_call
            type(nn_layer_call), intent(in) :: call
            integer, intent(inout) :: stat
            character(*), intent(inout) :: errmsg
        end subroutine nn_layer_pass
    end interface

    type, extends(definition) :: nn_layer_definition
        procedure(nn_layer_plan), pointer, nopass :: plan => null()
        procedure(nn_layer_pass), pointer, nopass :: forward => null(), backward => null()
        logical :: activation = .false., rectifier = .false., reproducible = .false.
    contains
        procedure :: register => layer_register
    end type nn_layer_definition

    ! What is registered, with the names of parameters, which C reads after `plan`.
    type :: layer_record
        type(nn_layer_definition) :: definition
        character(c_char) :: name(NAME_LENGTH, NN_LAYER_MAX_PARAMS)
    end type layer_record

contains

    subroutine layer_register(self, stat, errmsg)
        class(nn_layer_definition), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(layer_record), pointer :: record
        type(nn_c_layer_def) :: c
        integer(c_int) :: rc
        allocate (record)
        record%definition%definition = self%definition
        record%definition%plan => self%plan
        record%definition%forward => self%forward
        record%definition%backward => self%backward
        c%size = c_sizeof(c)
        call definition_for_c(record%definition, c%name, c%help, c%options, c%options_size)
        c%ctx = c_loc(record)
        if (associated(self%plan)) c%plan = c_funloc(hand_plan)
        if (associated(self%forward)) c%forward = c_funloc(hand_forward)
        if (associated(self%backward)) c%backward = c_funloc(hand_backward)
        c%activation = logical(self%activation, c_bool)
        c%rectifier = logical(self%rectifier, c_bool)
        c%reproducible = logical(self%reproducible, c_bool)
        rc = nn_layer_register(c)
        call forget_copies(record%definition)
        if (rc < 0) deallocate (record)
        call conclude(rc, stat, errmsg)
    end subroutine layer_register

    ! ---- what C calls ----------------------------------------------------------------------------

    integer(c_int) function hand_plan(ctx, c) bind(C, name='')
        type(c_ptr), value :: ctx
        type(nn_c_layer_layout), intent(inout), target :: c
        type(nn_layer_layout) :: layout
        character(WHY) :: errmsg
        integer :: stat
        call c_f_pointer(ctx, layout%record)
        layout%c => c
        layout%inputs = int(c%inputs)
        layout%option = option_values(layout%record%definition, c%options)
        stat = 0
        errmsg = ''
        call layout%record%definition%plan(layout, stat, errmsg)
        c%save = layout%save
        c%scratch = layout%scratch
        hand_plan = end_call(stat, errmsg)
    end function hand_plan

    integer(c_int) function hand_forward(ctx, c) bind(C, name='')
        type(c_ptr), value :: ctx
        type(nn_c_layer_call), intent(in), target :: c
        type(layer_record), pointer :: record
        call c_f_pointer(ctx, record)
        hand_forward = pass(record%definition, record%definition%forward, c)
    end function hand_forward

    integer(c_int) function hand_backward(ctx, c) bind(C, name='')
        type(c_ptr), value :: ctx
        type(nn_c_layer_call), intent(in), target :: c
        type(layer_record), pointer :: record
        call c_f_pointer(ctx, record)
        hand_backward = pass(record%definition, record%definition%backward, c)
    end function hand_backward

    integer(c_int) function pass(self, work, c)
        type(nn_layer_definition), intent(in) :: self
        procedure(nn_layer_pass) :: work
        type(nn_c_layer_call), intent(in), target :: c
        type(nn_layer_call) :: call
        character(WHY) :: errmsg
        integer :: stat
        call%c => c
        call%rows = int(c%rows)
        call%inputs = int(c%inputs)
        call%training = c%training
        call%seed = c%seed
        call%step = c%step
        call%option = option_values(self, c%options)
        stat = 0
        errmsg = ''
        call work(call, stat, errmsg)
        pass = end_call(stat, errmsg)
    end function pass

    ! ---- what plan asks --------------------------------------------------------------------------

    function layout_input(self, i) result(dims)
        class(nn_layer_layout), intent(in) :: self
        integer, intent(in) :: i
        integer, allocatable :: dims(:)
        call check_place('input', i, self%inputs)
        dims = dims_of_shape(self%c%in, i)
    end function layout_input

    subroutine layout_output(self, dims)
        class(nn_layer_layout), intent(inout) :: self
        integer, intent(in) :: dims(:)
        self%c%out = shape_for_c(dims)
    end subroutine layout_output

    ! kind: NN_PARAM_IS_WEIGHT, _BIAS, or _CONSTANT, which starts as `value`; fan_in, fan_out: for
    ! initialisers, as extend.h says.
    subroutine layout_parameter(self, name, kind, dims, value, fan_in, fan_out)
        class(nn_layer_layout), intent(inout) :: self
        character(*), intent(in) :: name
        integer, intent(in) :: kind, dims(:)
        real(real32), intent(in), optional :: value
        integer, intent(in), optional :: fan_in, fan_out
        integer :: i
        i = int(self%c%params) + 1
        call check_place('parameter', i, NN_LAYER_MAX_PARAMS)
        if (len_trim(name) >= NAME_LENGTH) &
            call conclude(misuse('the name of parameter '//trim(name)//' is too long'))
        self%c%params = i
        self%record%name(:len_trim(name) + 1, i) = transfer(c_text(name), self%record%name(:1, i))
        associate (param => self%c%param(i))
            param%name = c_loc(self%record%name(1, i))
            param%kind = kind
            param%value = 0
            if (present(value)) param%value = value
            param%shape = shape_for_c(dims)
            param%fan_in = 0
            param%fan_out = 0
            if (present(fan_in)) param%fan_in = fan_in
            if (present(fan_out)) param%fan_out = fan_out
        end associate
    end subroutine layout_parameter

    ! ---- what a call has -------------------------------------------------------------------------

    function call_input(self, i) result(dims)
        class(nn_layer_call), intent(in) :: self
        integer, intent(in) :: i
        integer, allocatable :: dims(:)
        call check_place('input', i, self%inputs)
        dims = dims_of_shape(self%c%in, i)
    end function call_input

    function call_output(self) result(dims)
        class(nn_layer_call), intent(in) :: self
        integer, allocatable :: dims(:)
        dims = dims_of_shape(self%c%out, 1)
    end function call_output

    ! Array i of an array of C's pointers.
    type(c_ptr) function at(arrays, i, count, what)
        type(c_ptr), intent(in) :: arrays
        integer, intent(in) :: i, count
        character(*), intent(in) :: what
        type(c_ptr), pointer :: array(:)
        call check_place(what, i, count)
        at = c_null_ptr
        if (.not. c_associated(arrays)) return
        call c_f_pointer(arrays, array, [count])
        at = array(i)
    end function at

    function call_x(self, i) result(x)
        class(nn_layer_call), intent(in) :: self
        integer, intent(in) :: i
        real(real32), pointer :: x(:, :)
        x => numbers_of(at(self%c%x, i, self%inputs, 'input'), product(self%input(i)), self%rows)
    end function call_x

    function call_y(self) result(y)
        class(nn_layer_call), intent(in) :: self
        real(real32), pointer :: y(:, :)
        y => numbers_of(self%c%y, product(self%output()), self%rows)
    end function call_y

    function call_dy(self) result(dy)
        class(nn_layer_call), intent(in) :: self
        real(real32), pointer :: dy(:, :)
        dy => numbers_of(self%c%dy, product(self%output()), self%rows)
    end function call_dy

    function call_dx(self, i) result(dx)
        class(nn_layer_call), intent(in) :: self
        integer, intent(in) :: i
        real(real32), pointer :: dx(:, :)
        dx => numbers_of(at(self%c%dx, i, self%inputs, 'input'), product(self%input(i)), self%rows)
    end function call_dx

    function call_w(self, i, n) result(w)
        class(nn_layer_call), intent(in) :: self
        integer, intent(in) :: i, n
        real(real32), pointer :: w(:)
        call c_f_pointer(at(self%c%w, i, int(self%c%params), 'parameter'), w, [n])
    end function call_w

    function call_g(self, i, n) result(g)
        class(nn_layer_call), intent(in) :: self
        integer, intent(in) :: i, n
        real(real32), pointer :: g(:)
        call c_f_pointer(at(self%c%g, i, int(self%c%params), 'parameter'), g, [n])
    end function call_g

    function call_save(self, n) result(save)
        class(nn_layer_call), intent(in) :: self
        integer, intent(in) :: n
        real(real32), pointer :: save(:, :)
        save => numbers_of(self%c%save, n, self%rows)
    end function call_save

    function call_scratch(self, n) result(scratch)
        class(nn_layer_call), intent(in) :: self
        integer, intent(in) :: n
        real(real32), pointer :: scratch(:, :)
        scratch => numbers_of(self%c%scratch, n, self%rows)
    end function call_scratch

    function call_length(self) result(length)
        class(nn_layer_call), intent(in) :: self
        integer(int32), pointer :: length(:)
        length => null()
        if (c_associated(self%c%length)) call c_f_pointer(self%c%length, length, [self%rows])
    end function call_length

    function call_sample(self) result(sample)
        class(nn_layer_call), intent(in) :: self
        integer(int64), pointer :: sample(:)
        sample => null()
        if (c_associated(self%c%sample)) call c_f_pointer(self%c%sample, sample, [self%rows])
    end function call_sample
end module nnmpi_own_layer
