! What the types of module nnmpi have in common: errors, texts, handles, arrays.
module nnmpi_base
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: error_unit, int8, int16, int32, int64, real32, real64
    use nnmpi_c
    implicit none

    ! Bytes that stay until what uses them is freed.
    type :: kept_bytes
        integer(int8), pointer :: bytes(:) => null()
        type(kept_bytes), pointer :: next => null()
    end type kept_bytes

    ! Functions of the program that an object calls; nnmpi.f90 extends it.
    type :: hooks
    end type hooks

    type :: node_pointer
        type(node), pointer :: p => null()
    end type node_pointer

    ! An object of the C library, how many handles and other objects use it, and what it uses.
    type :: node
        type(c_ptr) :: c = c_null_ptr
        procedure(nn_c_release), pointer, nopass :: release => null()
        integer :: users = 1
        type(node_pointer) :: needs(3)
        type(kept_bytes), pointer :: kept => null()
        character(c_char), pointer :: text(:) => null()
        class(hooks), pointer :: hooks => null()
    end type node

    ! What all handles can: `a = b` gives two handles of one object, which is freed with the last
    ! one, be it by free() or at the end of its scope. What it uses stays as long as it.
    type :: nn_handle
        type(node), pointer :: node => null()
    contains
        procedure :: free => handle_free
        procedure :: is_open => handle_is_open
        procedure, private :: handle_share
        generic :: assignment(=) => handle_share
        final :: handle_end
    end type nn_handle

    ! A text for C, or NULL.
    type :: optional_text
        character(c_char), allocatable :: chars(:)
    end type optional_text

    interface view
        module procedure view_1, view_2, view_3, view_4, view_5
    end interface view

contains

    ! ---- texts -----------------------------------------------------------------------------------

    function c_text(text) result(copy)
        character(*), intent(in) :: text
        character(len_trim(text) + 1, c_char) :: copy
        copy = trim(text)//c_null_char
    end function c_text

    function fortran_text(text) result(copy)
        type(c_ptr), intent(in) :: text
        character(:), allocatable :: copy
        character(c_char), pointer :: chars(:)
        integer :: i
        if (.not. c_associated(text)) then
            copy = ''
            return
        end if
        call c_f_pointer(text, chars, [strlen(text)])
        allocate (character(size(chars)) :: copy)
        do i = 1, size(chars)
            copy(i:i) = chars(i)
        end do
    end function fortran_text

    function chars_text(chars) result(copy)
        character(c_char), intent(in), target :: chars(*)
        character(:), allocatable :: copy
        copy = fortran_text(c_loc(chars))
    end function chars_text

    subroutine set_text(self, text)
        type(optional_text), intent(out) :: self
        character(*), intent(in), optional :: text
        if (.not. present(text)) return
        allocate (self%chars(len_trim(text) + 1))
        self%chars = transfer(c_text(text), self%chars)
    end subroutine set_text

    function at_text(self) result(at)
        type(optional_text), intent(in), target :: self
        type(c_ptr) :: at
        at = c_null_ptr
        if (allocated(self%chars)) at = c_loc(self%chars)
    end function at_text

    ! Texts and where they stand, for C.
    subroutine c_texts(names, text, at)
        character(*), intent(in) :: names(:)
        character(*), intent(out), target :: text(:)
        type(c_ptr), intent(out) :: at(:)
        integer :: i
        do i = 1, size(names)
            text(i) = c_text(names(i))
            at(i) = c_loc(text(i))
        end do
    end subroutine c_texts

    subroutine keep_text(text, kept)
        character(*), intent(in) :: text
        character(c_char), pointer, intent(out) :: kept(:)
        allocate (kept(len_trim(text) + 1))
        kept = transfer(c_text(text), kept)
    end subroutine keep_text

    pure function number(i) result(text)
        integer(int64), intent(in) :: i
        character(:), allocatable :: text
        character(20) :: digits
        write (digits, '(i0)') i
        text = trim(digits)
    end function number

    pure function shape_text(dims) result(text)
        integer(int64), intent(in) :: dims(:)
        character(:), allocatable :: text
        integer :: i
        text = '('
        do i = 1, size(dims)
            text = text//number(dims(i))
            if (i < size(dims)) text = text//', '
        end do
        text = text//')'
    end function shape_text

    ! ---- errors ----------------------------------------------------------------------------------

    ! Ends a call as `allocate` does: without stat, a failure ends the program with its message.
    subroutine conclude(rc, stat, errmsg)
        integer(c_int), intent(in) :: rc
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        if (present(stat)) stat = rc
        if (rc >= 0) return
        if (present(errmsg)) errmsg = fortran_text(nn_error_message())
        if (present(stat)) return
        write (error_unit, '(2a)') 'nnmpi: ', fortran_text(nn_error_message())
        error stop 1
    end subroutine conclude

    integer(c_int) function misuse(message)
        character(*), intent(in) :: message
        misuse = nn_error_set(NN_EUSAGE, c_text(message))
    end function misuse

    ! Of functions that have no stat.
    subroutine check_place(what, i, count)
        character(*), intent(in) :: what
        integer, intent(in) :: i, count
        integer(c_int) :: rc
        rc = 0
        if (i < 1 .or. i > count) &
            rc = misuse(what//' '//number(int(i, int64))//' is none of the '// &
                        number(int(count, int64))//' there are, counted from 1')
        call conclude(rc)
    end subroutine check_place

    ! ---- handles ---------------------------------------------------------------------------------

    ! Takes over what C has made, `needs` with it.
    subroutine adopt(self, c, release, needs)
        class(nn_handle), intent(inout) :: self
        type(c_ptr), intent(in) :: c
        procedure(nn_c_release) :: release
        type(node_pointer), intent(in), optional :: needs(:)
        integer :: i
        call self%free()
        allocate (self%node)
        self%node%c = c
        self%node%release => release
        if (.not. present(needs)) return
        do i = 1, size(needs)
            call add_need(self%node, i, needs(i)%p)
        end do
    end subroutine adopt

    subroutine add_need(user, i, need)
        type(node), intent(inout) :: user
        integer, intent(in) :: i
        type(node), pointer, intent(in) :: need
        if (associated(need)) need%users = need%users + 1
        call drop(user%needs(i)%p)
        user%needs(i)%p => need
    end subroutine add_need

    recursive subroutine drop(used)
        type(node), pointer, intent(inout) :: used
        type(kept_bytes), pointer :: next
        integer :: i
        if (.not. associated(used)) return
        used%users = used%users - 1
        if (used%users == 0) then
            call used%release(used%c)
            do i = 1, size(used%needs)
                call drop(used%needs(i)%p)
            end do
            do while (associated(used%kept))
                next => used%kept%next
                deallocate (used%kept%bytes)
                deallocate (used%kept)
                used%kept => next
            end do
            if (associated(used%text)) deallocate (used%text)
            if (associated(used%hooks)) deallocate (used%hooks)
            deallocate (used)
        end if
        used => null()
    end subroutine drop

    ! Frees the object, unless others use it; not open is fine.
    subroutine handle_free(self)
        class(nn_handle), intent(inout) :: self
        call drop(self%node)
    end subroutine handle_free

    subroutine handle_end(self)
        type(nn_handle), intent(inout) :: self
        call drop(self%node)
    end subroutine handle_end

    logical function handle_is_open(self)
        class(nn_handle), intent(in) :: self
        handle_is_open = associated(self%node)
    end function handle_is_open

    subroutine handle_share(self, other)
        class(nn_handle), intent(inout) :: self
        class(nn_handle), intent(in) :: other
        type(node), pointer :: shared
        if (.not. same_type_as(self, other)) then
            write (error_unit, '(a)') 'nnmpi: a handle of one type is assigned to one of another'
            error stop 1
        end if
        shared => other%node
        if (associated(shared)) shared%users = shared%users + 1
        call drop(self%node)
        self%node => shared
    end subroutine handle_share

    ! 0, or NN_EUSAGE where there is no object.
    integer(c_int) function ready(self, what)
        class(nn_handle), intent(in) :: self
        character(*), intent(in) :: what
        ready = 0
        if (.not. associated(self%node)) &
            ready = misuse(what//': there is no object: it was not opened, or is freed')
    end function ready

    ! The object, for functions that cannot fail otherwise.
    function need(self, what) result(c)
        class(nn_handle), intent(in) :: self
        character(*), intent(in) :: what
        type(c_ptr) :: c
        call conclude(ready(self, what))
        c = self%node%c
    end function need

    ! ---- arrays ----------------------------------------------------------------------------------

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
end module nnmpi_base
