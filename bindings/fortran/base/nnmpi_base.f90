! What the types of module nnmpi have in common: errors, texts, handles.
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
        if (c_associated(text)) then
            copy = bytes_text(text, strlen(text))
        else
            copy = ''
        end if
    end function fortran_text

    function bytes_text(bytes, length) result(copy)
        type(c_ptr), intent(in) :: bytes
        integer(c_size_t), intent(in) :: length
        character(:), allocatable :: copy
        character(c_char), pointer :: chars(:)
        integer :: i
        call c_f_pointer(bytes, chars, [length])
        allocate (character(length) :: copy)
        do i = 1, size(chars)
            copy(i:i) = chars(i)
        end do
    end function bytes_text

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

    ! Texts and where they stand, for C. One of blanks is a blank, as tokens of texts have it.
    subroutine c_texts(names, text, at)
        character(*), intent(in) :: names(:)
        character(*), intent(out), target :: text(:)
        type(c_ptr), intent(out) :: at(:)
        integer :: i
        do i = 1, size(names)
            text(i) = names(i)(:max(len_trim(names(i)), min(len(names), 1)))//c_null_char
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
end module nnmpi_base
