! What layers, losses and metrics of the program's own have in common: a part of module nnmpi.
module nnmpi_definition
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real32, real64
    use nnmpi_base
    use nnmpi_c_extend
    implicit none
    private

    public :: definition, definition_for_c, forget_copies, option_values, shape_for_c, &
        dims_of_shape, numbers_of, end_call, OPTIONS, WHY

    integer, parameter :: OPTIONS = 8 ! that a definition may have
    integer, parameter :: WHY = 200   ! characters of why a procedure failed

    ! A key of the configuration, a number. In the struct of C, each has 8 bytes.
    type :: option_row
        character(c_char), pointer :: key(:) => null(), fallback(:) => null(), range(:) => null(), &
            help(:) => null()
        logical :: whole = .false.
    end type option_row

    type :: definition
        character(:), allocatable :: name, help
        integer, private :: count = 0
        type(option_row), private :: row(OPTIONS)
        ! what C reads when it is registered:
        character(c_char), pointer, private :: c_name(:) => null(), c_help(:) => null()
        type(nn_c_option), pointer, private :: c_row(:) => null()
    contains
        procedure :: option => definition_option
    end type definition

contains

    ! One more key that configurations may have: its number is option(i) of what procedures get,
    ! in the order of these calls. No fallback: it has to be given; range '[0, 1)'; whole numbers.
    subroutine definition_option(self, key, fallback, range, help, whole)
        class(definition), intent(inout) :: self
        character(*), intent(in) :: key, help
        character(*), intent(in), optional :: fallback, range
        logical, intent(in), optional :: whole
        if (self%count == OPTIONS) &
            call conclude(misuse('a definition has up to '//number(int(OPTIONS, int64))//' options'))
        self%count = self%count + 1
        associate (row => self%row(self%count))
            call keep_text(key, row%key)
            call keep_text(help, row%help)
            if (present(fallback)) call keep_text(fallback, row%fallback)
            if (present(range)) call keep_text(range, row%range)
            if (present(whole)) row%whole = whole
        end associate
    end subroutine definition_option

    ! Its texts and options for C, which copies them when it registers them; then forget_copies.
    subroutine definition_for_c(self, name, help, rows, bytes)
        class(definition), intent(inout) :: self
        type(c_ptr), intent(out) :: name, help, rows
        integer(c_size_t), intent(out) :: bytes
        integer :: i
        if (.not. allocated(self%name)) self%name = ''
        if (.not. allocated(self%help)) self%help = ''
        call keep_text(self%name, self%c_name)
        call keep_text(self%help, self%c_help)
        allocate (self%c_row(self%count + 1)) ! ends with one that has no key
        do i = 1, self%count
            associate (row => self%row(i), c => self%c_row(i))
                c%key = at(row%key)
                c%type = merge(NN_OPT_INT, NN_OPT_REAL, row%whole)
                c%offset = 8*(i - 1)
                c%fallback = at(row%fallback)
                c%range = at(row%range)
                c%help = at(row%help)
            end associate
        end do
        name = c_loc(self%c_name)
        help = c_loc(self%c_help)
        rows = c_loc(self%c_row)
        bytes = 8*self%count
    end subroutine definition_for_c

    subroutine forget_copies(self)
        class(definition), intent(inout) :: self
        deallocate (self%c_name, self%c_help, self%c_row)
    end subroutine forget_copies

    type(c_ptr) function at(text)
        character(c_char), pointer, intent(in) :: text(:)
        at = c_null_ptr
        if (associated(text)) at = c_loc(text)
    end function at

    ! The numbers in a struct of C.
    function option_values(self, struct) result(values)
        class(definition), intent(in) :: self
        type(c_ptr), intent(in) :: struct
        real(real64) :: values(OPTIONS)
        real(c_double), pointer :: reals(:)
        integer(c_int64_t), pointer :: integers(:)
        integer :: i
        values = 0
        if (self%count == 0) return
        call c_f_pointer(struct, reals, [self%count])
        call c_f_pointer(struct, integers, [self%count])
        do i = 1, self%count
            if (self%row(i)%whole) then
                values(i) = real(integers(i), real64)
            else
                values(i) = reals(i)
            end if
        end do
    end function option_values

    ! ---- arrays of C -----------------------------------------------------------------------------

    pure type(nn_shape) function shape_for_c(dims) result(shape)
        integer, intent(in) :: dims(:)
        shape%rank = size(dims)
        if (size(dims) <= NN_MAX_RANK) shape%dim(:size(dims)) = dims(size(dims):1:-1)
    end function shape_for_c

    ! Those of shape i of an array of C, in Fortran's order.
    function dims_of_shape(shapes, i) result(dims)
        type(c_ptr), intent(in) :: shapes
        integer, intent(in) :: i
        integer, allocatable :: dims(:)
        type(nn_shape), pointer :: shape(:)
        call c_f_pointer(shapes, shape, [i])
        dims = int(shape(i)%dim(shape(i)%rank:1:-1))
    end function dims_of_shape

    ! (n, rows) floats; null where C has none.
    function numbers_of(first, n, rows) result(numbers)
        type(c_ptr), intent(in) :: first
        integer, intent(in) :: n, rows
        real(real32), pointer :: numbers(:, :)
        numbers => null()
        if (c_associated(first)) call c_f_pointer(first, numbers, [n, rows])
    end function numbers_of

    ! What a procedure of the program has come to, for C.
    integer(c_int) function end_call(stat, errmsg)
        integer, intent(in) :: stat
        character(*), intent(in) :: errmsg
        end_call = 0
        if (stat /= 0) end_call = nn_extend_fail(stat, c_text(errmsg))
    end function end_call
end module nnmpi_definition
