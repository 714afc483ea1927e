! Data sets in memory: a part of module nnmpi.
module nnmpi_data
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int8, int16, int32, int64, real32, real64
    use nnmpi_array
    use nnmpi_base
    use nnmpi_c
    use nnmpi_comm
    implicit none
    private

    public :: nn_data, nn_read_function

    type, extends(nn_handle) :: nn_data
    contains
        procedure, private :: set_int8_1, set_int8_2, set_int8_3, set_int8_4, set_int8_5, set_int16_1, &
            set_int16_2, set_int16_3, set_int16_4, set_int16_5, set_int32_1, set_int32_2, &
            set_int32_3, set_int32_4, set_int32_5, set_int64_1, set_int64_2, set_int64_3, &
            set_int64_4, set_int64_5, set_real32_1, set_real32_2, set_real32_3, &
            set_real32_4, set_real32_5, set_real64_1, set_real64_2, set_real64_3, &
            set_real64_4, set_real64_5
        generic :: set => set_int8_1, set_int8_2, set_int8_3, set_int8_4, set_int8_5, set_int16_1, &
            set_int16_2, set_int16_3, set_int16_4, set_int16_5, set_int32_1, set_int32_2, &
            set_int32_3, set_int32_4, set_int32_5, set_int64_1, set_int64_2, set_int64_3, &
            set_int64_4, set_int64_5, set_real32_1, set_real32_2, set_real32_3, &
            set_real32_4, set_real32_5, set_real64_1, set_real64_2, set_real64_3, &
            set_real64_4, set_real64_5
        procedure :: set_shape => data_set_shape ! rows are read by set_reader's procedure
        procedure :: set_reader => data_set_reader
        procedure :: set_classes => data_set_classes
        procedure :: set_columns => data_set_columns
        procedure :: set_tokens => data_set_tokens ! x and y are tokens
        procedure :: set_scale => data_set_scale ! x becomes x*scale + offset
        procedure :: gather => data_gather     ! the whole of which each rank has a part
    end type nn_data

    abstract interface
        ! Writes samples first to last (from 1) of a field to `out`, in the type and order of
        ! set_shape: call c_f_pointer(out, rows, [features, last - first + 1]). stat /= 0: failed.
        subroutine nn_read_function(split, field, first, last, out, stat)
            import :: int64, c_ptr
            character(*), intent(in) :: split, field
            integer(int64), intent(in) :: first, last
            type(c_ptr), intent(in) :: out
            integer, intent(out) :: stat
        end subroutine nn_read_function
    end interface

    type, extends(hooks) :: read_hooks
        procedure(nn_read_function), pointer, nopass :: read => null()
    end type read_hooks

contains

    ! What is set first makes the object.
    integer(c_int) function data_ready(self)
        class(nn_data), intent(inout) :: self
        type(c_ptr) :: c
        data_ready = 0
        if (associated(self%node)) return
        data_ready = nn_data_new(c)
        if (data_ready == 0) call adopt(self, c, nn_data_free)
    end function data_ready

    ! `rc` is that of making the view; unsigned: the bytes are 0 to 255.
    subroutine data_set(self, rc, split, field, view_of, borrow, unsigned, stat, errmsg)
        class(nn_data), intent(inout) :: self
        integer(c_int), intent(in) :: rc
        character(*), intent(in) :: split, field
        type(nn_array), intent(in) :: view_of
        logical, intent(in), optional :: borrow, unsigned
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: code
        array = view_of
        code = rc
        if (code == 0) code = data_ready(self)
        if (code == 0 .and. given(unsigned)) then
            if (array%type /= NN_I8) &
                code = misuse('nn_data%set: unsigned is for arrays of integer(int8)')
            array%type = NN_U8
        end if
        if (code == 0) then
            if (.not. given(borrow)) call keep_copy(self%node, array)
            code = nn_data_set(self%node%c, c_text(split), c_text(field), array)
        end if
        call conclude(code, stat, errmsg)
    end subroutine data_set

    logical function given(choice)
        logical, intent(in), optional :: choice
        given = .false.
        if (present(choice)) given = choice
    end function given

    ! For each type and rank; class(*) would get a copy of an array that has gaps, which could
    ! not be borrowed and could not be told from the array.

    subroutine set_int8_1(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int8), intent(in), target :: x(:)
        include 'data_set.inc'
    end subroutine set_int8_1

    subroutine set_int8_2(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int8), intent(in), target :: x(:, :)
        include 'data_set.inc'
    end subroutine set_int8_2

    subroutine set_int8_3(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int8), intent(in), target :: x(:, :, :)
        include 'data_set.inc'
    end subroutine set_int8_3

    subroutine set_int8_4(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int8), intent(in), target :: x(:, :, :, :)
        include 'data_set.inc'
    end subroutine set_int8_4

    subroutine set_int8_5(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int8), intent(in), target :: x(:, :, :, :, :)
        include 'data_set.inc'
    end subroutine set_int8_5

    subroutine set_int16_1(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int16), intent(in), target :: x(:)
        include 'data_set.inc'
    end subroutine set_int16_1

    subroutine set_int16_2(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int16), intent(in), target :: x(:, :)
        include 'data_set.inc'
    end subroutine set_int16_2

    subroutine set_int16_3(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int16), intent(in), target :: x(:, :, :)
        include 'data_set.inc'
    end subroutine set_int16_3

    subroutine set_int16_4(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int16), intent(in), target :: x(:, :, :, :)
        include 'data_set.inc'
    end subroutine set_int16_4

    subroutine set_int16_5(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int16), intent(in), target :: x(:, :, :, :, :)
        include 'data_set.inc'
    end subroutine set_int16_5

    subroutine set_int32_1(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int32), intent(in), target :: x(:)
        include 'data_set.inc'
    end subroutine set_int32_1

    subroutine set_int32_2(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int32), intent(in), target :: x(:, :)
        include 'data_set.inc'
    end subroutine set_int32_2

    subroutine set_int32_3(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int32), intent(in), target :: x(:, :, :)
        include 'data_set.inc'
    end subroutine set_int32_3

    subroutine set_int32_4(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int32), intent(in), target :: x(:, :, :, :)
        include 'data_set.inc'
    end subroutine set_int32_4

    subroutine set_int32_5(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int32), intent(in), target :: x(:, :, :, :, :)
        include 'data_set.inc'
    end subroutine set_int32_5

    subroutine set_int64_1(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int64), intent(in), target :: x(:)
        include 'data_set.inc'
    end subroutine set_int64_1

    subroutine set_int64_2(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int64), intent(in), target :: x(:, :)
        include 'data_set.inc'
    end subroutine set_int64_2

    subroutine set_int64_3(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int64), intent(in), target :: x(:, :, :)
        include 'data_set.inc'
    end subroutine set_int64_3

    subroutine set_int64_4(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int64), intent(in), target :: x(:, :, :, :)
        include 'data_set.inc'
    end subroutine set_int64_4

    subroutine set_int64_5(self, split, field, x, borrow, unsigned, stat, errmsg)
        integer(int64), intent(in), target :: x(:, :, :, :, :)
        include 'data_set.inc'
    end subroutine set_int64_5

    subroutine set_real32_1(self, split, field, x, borrow, unsigned, stat, errmsg)
        real(real32), intent(in), target :: x(:)
        include 'data_set.inc'
    end subroutine set_real32_1

    subroutine set_real32_2(self, split, field, x, borrow, unsigned, stat, errmsg)
        real(real32), intent(in), target :: x(:, :)
        include 'data_set.inc'
    end subroutine set_real32_2

    subroutine set_real32_3(self, split, field, x, borrow, unsigned, stat, errmsg)
        real(real32), intent(in), target :: x(:, :, :)
        include 'data_set.inc'
    end subroutine set_real32_3

    subroutine set_real32_4(self, split, field, x, borrow, unsigned, stat, errmsg)
        real(real32), intent(in), target :: x(:, :, :, :)
        include 'data_set.inc'
    end subroutine set_real32_4

    subroutine set_real32_5(self, split, field, x, borrow, unsigned, stat, errmsg)
        real(real32), intent(in), target :: x(:, :, :, :, :)
        include 'data_set.inc'
    end subroutine set_real32_5

    subroutine set_real64_1(self, split, field, x, borrow, unsigned, stat, errmsg)
        real(real64), intent(in), target :: x(:)
        include 'data_set.inc'
    end subroutine set_real64_1

    subroutine set_real64_2(self, split, field, x, borrow, unsigned, stat, errmsg)
        real(real64), intent(in), target :: x(:, :)
        include 'data_set.inc'
    end subroutine set_real64_2

    subroutine set_real64_3(self, split, field, x, borrow, unsigned, stat, errmsg)
        real(real64), intent(in), target :: x(:, :, :)
        include 'data_set.inc'
    end subroutine set_real64_3

    subroutine set_real64_4(self, split, field, x, borrow, unsigned, stat, errmsg)
        real(real64), intent(in), target :: x(:, :, :, :)
        include 'data_set.inc'
    end subroutine set_real64_4

    subroutine set_real64_5(self, split, field, x, borrow, unsigned, stat, errmsg)
        real(real64), intent(in), target :: x(:, :, :, :, :)
        include 'data_set.inc'
    end subroutine set_real64_5

    ! dims are Fortran's, the last one the number of samples; type is NN_F32 ...
    subroutine data_set_shape(self, split, field, type, dims, stat, errmsg)
        class(nn_data), intent(inout) :: self
        character(*), intent(in) :: split, field
        integer, intent(in) :: type, dims(:)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = data_ready(self)
        if (rc == 0 .and. size(dims) > NN_ARRAY_RANK) &
            rc = misuse('nn_data%set_shape: arrays have up to 5 dimensions')
        if (rc == 0) then
            array%type = type
            rc = finish_view('nn_data%set_shape', .true., dims, array)
        end if
        if (rc == 0) rc = nn_data_set(self%node%c, c_text(split), c_text(field), array)
        call conclude(rc, stat, errmsg)
    end subroutine data_set_shape

    subroutine data_set_reader(self, read, stat, errmsg)
        class(nn_data), intent(inout) :: self
        procedure(nn_read_function) :: read
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(read_hooks), pointer :: hook
        integer(c_int) :: rc
        rc = data_ready(self)
        if (rc == 0) then
            allocate (hook)
            hook%read => read
            if (associated(self%node%hooks)) deallocate (self%node%hooks)
            self%node%hooks => hook
            call nn_data_set_reader(self%node%c, c_funloc(call_reader), c_loc(hook))
        end if
        call conclude(rc, stat, errmsg)
    end subroutine data_set_reader

    integer(c_int) function call_reader(ctx, split, field, first, count, out) bind(C)
        type(c_ptr), value :: ctx, split, field
        integer(c_int64_t), value :: first, count
        type(c_ptr), value :: out
        type(read_hooks), pointer :: hook
        integer :: stat
        call c_f_pointer(ctx, hook)
        stat = 0
        call hook%read(fortran_text(split), fortran_text(field), first + 1, first + count, out, stat)
        call_reader = stat
    end function call_reader

    subroutine data_set_classes(self, names, stat, errmsg)
        class(nn_data), intent(inout) :: self
        character(*), intent(in) :: names(:)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        character(len(names) + 1, c_char), target :: text(size(names))
        type(c_ptr) :: name(size(names))
        integer(c_int) :: rc
        call c_texts(names, text, name)
        rc = data_ready(self)
        if (rc == 0) rc = nn_data_set_classes(self%node%c, size(names, kind=c_size_t), name)
        call conclude(rc, stat, errmsg)
    end subroutine data_set_classes

    subroutine data_set_columns(self, names, stat, errmsg)
        class(nn_data), intent(inout) :: self
        character(*), intent(in) :: names(:)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        character(len(names) + 1, c_char), target :: text(size(names))
        type(c_ptr) :: name(size(names))
        integer(c_int) :: rc
        call c_texts(names, text, name)
        rc = data_ready(self)
        if (rc == 0) rc = nn_data_set_columns(self%node%c, size(names, kind=c_size_t), name)
        call conclude(rc, stat, errmsg)
    end subroutine data_set_columns

    ! Of texts: 'bytes', 'chars', 'words' or 'bpe', which the classes name; without: they are none.
    subroutine data_set_tokens(self, kind, stat, errmsg)
        class(nn_data), intent(inout) :: self
        character(*), intent(in), optional :: kind
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(optional_text) :: name
        integer(c_int) :: rc
        call set_text(name, kind)
        rc = data_ready(self)
        if (rc == 0) rc = nn_data_set_tokens(self%node%c, at_text(name))
        call conclude(rc, stat, errmsg)
    end subroutine data_set_tokens

    subroutine data_set_scale(self, scale, offset, stat, errmsg)
        class(nn_data), intent(inout) :: self
        real(real64), intent(in) :: scale(:), offset(:)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = data_ready(self)
        if (rc == 0 .and. size(scale) /= size(offset)) &
            rc = misuse('nn_data%set_scale: scale and offset have different lengths')
        if (rc == 0) rc = nn_data_set_scale(self%node%c, size(scale, kind=c_size_t), scale, offset)
        call conclude(rc, stat, errmsg)
    end subroutine data_set_scale

    ! self becomes the whole.
    subroutine data_gather(self, comm, part, stat, errmsg)
        class(nn_data), intent(inout) :: self
        class(nn_comm), intent(in) :: comm
        class(nn_data), intent(in) :: part
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = ready(comm, 'nn_data%gather: the comm')
        if (rc == 0) rc = ready(part, 'nn_data%gather: the part')
        if (rc == 0) rc = nn_data_gather(comm%node%c, part%node%c, c)
        if (rc == 0) call adopt(self, c, nn_data_free)
        call conclude(rc, stat, errmsg)
    end subroutine data_gather
end module nnmpi_data
