! What a tensor is and which numbers it has: a part of module nnmpi, for nnmpi_tensor.
module nnmpi_tensor_base
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real32, real64
    use nnmpi_array
    use nnmpi_base
    use nnmpi_c
    use nnmpi_c_tensor
    implicit none
    private

    public :: tensor_base, present_code, at, at_optional

    type :: tensor_base
        type(c_ptr) :: c = c_null_ptr
        integer(c_int) :: code = 0 ! why there is none
    contains
        procedure :: exists => tensor_exists
        procedure :: retain => tensor_retain ! stays beyond its scope, until free()
        procedure :: free => tensor_free
        procedure :: shape => tensor_shape
        procedure :: count => tensor_count
        procedure :: type => tensor_type     ! NN_F32, NN_I64
        procedure :: item => tensor_item     ! the number of a tensor of one
        procedure, private :: get_1, get_2, get_3, get_4, set_1, set_2, set_3, set_4
        generic :: get => get_1, get_2, get_3, get_4
        generic :: set => set_1, set_2, set_3, set_4
    end type tensor_base

contains

    ! 0, or why there is no tensor.
    integer(c_int) function present_code(self)
        class(tensor_base), intent(in) :: self
        present_code = 0
        if (c_associated(self%c)) return
        present_code = self%code
        if (self%code == 0) present_code = misuse('nn_tensor: there is no tensor: it was not '// &
            'made, was freed, or is the derivative by what nothing depends on')
    end function present_code

    ! For operands: C gives none where one is none, and leaves the message.
    type(c_ptr) function at(x)
        class(tensor_base), intent(in) :: x
        integer(c_int) :: code
        code = present_code(x)
        at = x%c
    end function at

    ! NULL where it is absent; ok becomes false where it is there and none.
    type(c_ptr) function at_optional(x, ok)
        class(tensor_base), intent(in), optional :: x
        logical, intent(inout) :: ok
        at_optional = c_null_ptr
        if (.not. present(x)) return
        at_optional = at(x)
        ok = ok .and. c_associated(at_optional)
    end function at_optional

    logical function tensor_exists(self)
        class(tensor_base), intent(in) :: self
        tensor_exists = c_associated(self%c)
    end function tensor_exists

    subroutine tensor_retain(self)
        class(tensor_base), intent(inout) :: self
        self%c = nn_tensor_retain(self%c)
    end subroutine tensor_retain

    subroutine tensor_free(self)
        class(tensor_base), intent(inout) :: self
        call nn_tensor_release(self%c)
        self%c = c_null_ptr
        self%code = 0
    end subroutine tensor_free

    ! The tensor as an array of C, of up to NN_ARRAY_RANK dimensions.
    integer(c_int) function describe(self, array)
        class(tensor_base), intent(in) :: self
        type(nn_array), intent(out) :: array
        integer(c_int64_t), pointer :: dims(:)
        describe = present_code(self)
        if (describe < 0) return
        array%type = nn_tensor_type(self%c)
        array%rank = nn_tensor_rank(self%c)
        array%data = nn_tensor_values(self%c)
        if (array%rank > NN_ARRAY_RANK) then
            describe = misuse('nn_tensor: reshape a tensor of more than 5 dimensions first')
        else if (array%rank > 0) then
            call c_f_pointer(nn_tensor_dims(self%c), dims, [array%rank])
            array%dim(:array%rank) = dims
        end if
    end function describe

    function tensor_shape(self) result(dims)
        class(tensor_base), intent(in) :: self
        integer, allocatable :: dims(:)
        type(nn_array) :: array
        call conclude(describe(self, array))
        dims = int(dims_of(array))
    end function tensor_shape

    integer(int64) function tensor_count(self)
        class(tensor_base), intent(in) :: self
        call conclude(present_code(self))
        tensor_count = nn_tensor_count(self%c)
    end function tensor_count

    integer function tensor_type(self)
        class(tensor_base), intent(in) :: self
        call conclude(present_code(self))
        tensor_type = nn_tensor_type(self%c)
    end function tensor_type

    real(real64) function tensor_item(self)
        class(tensor_base), intent(in) :: self
        type(nn_array) :: array
        real(real32), pointer :: float
        integer(int64), pointer :: whole
        integer(c_int) :: rc
        rc = describe(self, array)
        if (rc == 0 .and. count_of(array) /= 1) &
            rc = misuse('nn_tensor%item: the tensor has '//number(count_of(array))// &
                        ' numbers, not one')
        call conclude(rc)
        if (array%type == NN_I64) then
            call c_f_pointer(array%data, whole)
            tensor_item = real(whole, real64)
        else
            call c_f_pointer(array%data, float)
            tensor_item = float
        end if
    end function tensor_item

    ! ---- numbers ---------------------------------------------------------------------------------

    ! Into an array of the tensor's shape, of reals or, for integers, of int64.
    subroutine fetch(self, viewed, into, stat, errmsg)
        class(tensor_base), intent(in) :: self
        integer(c_int), intent(in) :: viewed
        type(nn_array), intent(in) :: into
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        real(real32), pointer :: floats(:)
        integer(int64), pointer :: from(:), to(:)
        integer(c_int) :: rc
        rc = viewed
        if (rc == 0) rc = describe(self, array)
        if (rc == 0) rc = check_shape('nn_tensor%get', array, into)
        if (rc == 0 .and. array%type == NN_F32) then
            call c_f_pointer(array%data, floats, [count_of(array)])
            rc = from_floats('nn_tensor%get', floats, into)
        else if (rc == 0 .and. into%type /= NN_I64) then
            rc = misuse('nn_tensor%get: the tensor holds integers; the array is to be of int64')
        else if (rc == 0) then
            call c_f_pointer(array%data, from, [count_of(array)])
            call c_f_pointer(into%data, to, [count_of(array)])
            to = from
        end if
        call conclude(rc, stat, errmsg)
    end subroutine fetch

    ! New numbers, for a tensor that no operation has made.
    subroutine store(self, viewed, from, stat, errmsg)
        class(tensor_base), intent(in) :: self
        integer(c_int), intent(in) :: viewed
        type(nn_array), intent(in) :: from
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = viewed
        if (rc == 0) rc = describe(self, array)
        if (rc == 0) rc = check_shape('nn_tensor%set', array, from)
        if (rc == 0) rc = nn_tensor_set_values(self%c, from%type, from%data)
        call conclude(rc, stat, errmsg)
    end subroutine store

    integer(c_int) function check_shape(what, tensor, array) result(rc)
        character(*), intent(in) :: what
        type(nn_array), intent(in) :: tensor, array
        rc = 0
        if (tensor%rank == array%rank .and. all(tensor%dim == array%dim)) return
        rc = misuse(what//': the array is '//shape_text(dims_of(array))//', and the tensor '// &
                    shape_text(dims_of(tensor)))
    end function check_shape

    subroutine get_1(self, values, stat, errmsg)
        class(*), intent(inout), target :: values(:)
        include 'tensor_values.inc'
        rc = view('nn_tensor%get', values, array)
        call fetch(self, rc, array, stat, errmsg)
    end subroutine get_1

    subroutine get_2(self, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :)
        include 'tensor_values.inc'
        rc = view('nn_tensor%get', values, array)
        call fetch(self, rc, array, stat, errmsg)
    end subroutine get_2

    subroutine get_3(self, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :, :)
        include 'tensor_values.inc'
        rc = view('nn_tensor%get', values, array)
        call fetch(self, rc, array, stat, errmsg)
    end subroutine get_3

    subroutine get_4(self, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :, :, :)
        include 'tensor_values.inc'
        rc = view('nn_tensor%get', values, array)
        call fetch(self, rc, array, stat, errmsg)
    end subroutine get_4

    subroutine set_1(self, values, stat, errmsg)
        class(*), intent(in), target :: values(:)
        include 'tensor_values.inc'
        rc = view('nn_tensor%set', values, array)
        call store(self, rc, array, stat, errmsg)
    end subroutine set_1

    subroutine set_2(self, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :)
        include 'tensor_values.inc'
        rc = view('nn_tensor%set', values, array)
        call store(self, rc, array, stat, errmsg)
    end subroutine set_2

    subroutine set_3(self, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :, :)
        include 'tensor_values.inc'
        rc = view('nn_tensor%set', values, array)
        call store(self, rc, array, stat, errmsg)
    end subroutine set_3

    subroutine set_4(self, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :, :, :)
        include 'tensor_values.inc'
        rc = view('nn_tensor%set', values, array)
        call store(self, rc, array, stat, errmsg)
    end subroutine set_4
end module nnmpi_tensor_base
