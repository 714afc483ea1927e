! Arrays of the program as C sees them, and copies of them.
module nnmpi_array
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int8, int16, int32, int64, real32, real64
    use nnmpi_base
    use nnmpi_c
    implicit none
    private

    public :: view, finish_view, locate, count_of, bytes_of, dims_of, keep_copy, to_floats, from_floats

    ! An array whose elements follow each other. NN_EUSAGE: it has gaps, or is of no type of numbers.
    interface view
        module procedure view_1, view_2, view_3, view_4, view_5
    end interface view

contains

    subroutine locate(first, array)
        class(*), intent(in), target :: first
        type(nn_array), intent(inout) :: array
        array%type = -1
        select type (first)
        type is (integer(int8))
            array%type = NN_I8
            array%data = c_loc(first)
        type is (integer(int16))
            array%type = NN_I16
            array%data = c_loc(first)
        type is (integer(int32))
            array%type = NN_I32
            array%data = c_loc(first)
        type is (integer(int64))
            array%type = NN_I64
            array%data = c_loc(first)
        type is (real(real32))
            array%type = NN_F32
            array%data = c_loc(first)
        type is (real(real64))
            array%type = NN_F64
            array%data = c_loc(first)
        end select
    end subroutine locate

    ! x(d1, d2, ..., dn) is [dn, ..., d2, d1] to C: both have d1 innermost.
    integer(c_int) function finish_view(what, contiguous, dims, array)
        character(*), intent(in) :: what
        logical, intent(in) :: contiguous
        integer, intent(in) :: dims(:)
        type(nn_array), intent(inout) :: array
        array%rank = size(dims)
        array%dim(:size(dims)) = dims(size(dims):1:-1)
        finish_view = 0
        if (array%type < 0) then
            finish_view = misuse(what//': arrays are of real32, real64, or integers of 8 to 64 bits')
        else if (.not. contiguous) then
            finish_view = misuse(what//': the array has gaps; pass a whole one, or a copy')
        end if
    end function finish_view

    integer(c_int) function view_1(what, x, array)
        character(*), intent(in) :: what
        class(*), intent(in), target :: x(:)
        type(nn_array), intent(out) :: array
        call locate(x(1), array)
        view_1 = finish_view(what, is_contiguous(x), shape(x), array)
    end function view_1

    integer(c_int) function view_2(what, x, array)
        character(*), intent(in) :: what
        class(*), intent(in), target :: x(:, :)
        type(nn_array), intent(out) :: array
        call locate(x(1, 1), array)
        view_2 = finish_view(what, is_contiguous(x), shape(x), array)
    end function view_2

    integer(c_int) function view_3(what, x, array)
        character(*), intent(in) :: what
        class(*), intent(in), target :: x(:, :, :)
        type(nn_array), intent(out) :: array
        call locate(x(1, 1, 1), array)
        view_3 = finish_view(what, is_contiguous(x), shape(x), array)
    end function view_3

    integer(c_int) function view_4(what, x, array)
        character(*), intent(in) :: what
        class(*), intent(in), target :: x(:, :, :, :)
        type(nn_array), intent(out) :: array
        call locate(x(1, 1, 1, 1), array)
        view_4 = finish_view(what, is_contiguous(x), shape(x), array)
    end function view_4

    integer(c_int) function view_5(what, x, array)
        character(*), intent(in) :: what
        class(*), intent(in), target :: x(:, :, :, :, :)
        type(nn_array), intent(out) :: array
        call locate(x(1, 1, 1, 1, 1), array)
        view_5 = finish_view(what, is_contiguous(x), shape(x), array)
    end function view_5

    pure integer(int64) function count_of(array)
        type(nn_array), intent(in) :: array
        count_of = product(array%dim(:array%rank))
    end function count_of

    pure integer function bytes_of(type)
        integer(c_int), intent(in) :: type
        integer, parameter :: bytes(NN_U8:NN_F64) = [1, 1, 2, 4, 8, 4, 8]
        bytes_of = bytes(type)
    end function bytes_of

    ! Fortran's shape of an array of C.
    pure function dims_of(array) result(dims)
        type(nn_array), intent(in) :: array
        integer(int64) :: dims(array%rank)
        dims = array%dim(array%rank:1:-1)
    end function dims_of

    ! A copy of the numbers, which stays until the node is gone.
    subroutine keep_copy(owner, array)
        type(node), intent(inout) :: owner
        type(nn_array), intent(inout) :: array
        integer(int8), pointer :: source(:)
        type(kept_bytes), pointer :: kept
        allocate (kept)
        allocate (kept%bytes(count_of(array)*bytes_of(array%type)))
        call c_f_pointer(array%data, source, [size(kept%bytes, kind=int64)])
        kept%bytes = source
        array%data = c_loc(kept%bytes)
        kept%next => owner%kept
        owner%kept => kept
    end subroutine keep_copy

    ! The numbers as floats, for functions of C that take no others.
    subroutine to_floats(array, floats)
        type(nn_array), intent(in) :: array
        real(real32), allocatable, intent(out) :: floats(:)
        integer(int8), pointer :: i1(:)
        integer(int16), pointer :: i2(:)
        integer(int32), pointer :: i4(:)
        integer(int64), pointer :: i8(:)
        real(real32), pointer :: r4(:)
        real(real64), pointer :: r8(:)
        integer(int64) :: n(1)
        n = count_of(array)
        select case (array%type)
        case (NN_I8)
            call c_f_pointer(array%data, i1, n)
            floats = real(i1, real32)
        case (NN_I16)
            call c_f_pointer(array%data, i2, n)
            floats = real(i2, real32)
        case (NN_I32)
            call c_f_pointer(array%data, i4, n)
            floats = real(i4, real32)
        case (NN_I64)
            call c_f_pointer(array%data, i8, n)
            floats = real(i8, real32)
        case (NN_F32)
            call c_f_pointer(array%data, r4, n)
            floats = r4
        case (NN_F64)
            call c_f_pointer(array%data, r8, n)
            floats = real(r8, real32)
        end select
    end subroutine to_floats

    ! Floats into an array of the program, of real32 or real64.
    integer(c_int) function from_floats(what, floats, array)
        character(*), intent(in) :: what
        real(real32), intent(in) :: floats(:)
        type(nn_array), intent(in) :: array
        real(real32), pointer :: r4(:)
        real(real64), pointer :: r8(:)
        from_floats = 0
        if (array%type == NN_F32) then
            call c_f_pointer(array%data, r4, [size(floats)])
            r4 = floats
        else if (array%type == NN_F64) then
            call c_f_pointer(array%data, r8, [size(floats)])
            r8 = real(floats, real64)
        else
            from_floats = misuse(what//': results are real32 or real64')
        end if
    end function from_floats
end module nnmpi_array
