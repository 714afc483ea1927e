! The tensors of a training, and their gradients: what nn_training can do with them.
module nnmpi_training_tensors
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real32, real64
    use nnmpi_array
    use nnmpi_base
    use nnmpi_c
    implicit none
    private

    public :: training_tensors

    type, extends(nn_handle) :: training_tensors
    contains
        procedure :: tensors => count_tensors ! how many there are
        procedure :: tensor_name => training_tensor_name
        procedure :: tensor_shape => training_tensor_shape
        procedure :: take => take_tensors ! for NN_READ_PARAMETERS, ...; view ...; restore
        procedure :: restore => restore_tensors
        procedure, private :: view_1, view_2
        generic :: view => view_1, view_2
        procedure, private :: get_1, get_2, get_3, get_4, &
            set_1, set_2, set_3, set_4, &
            get_average_1, get_average_2, get_average_3, get_average_4, &
            set_average_1, set_average_2, set_average_3, set_average_4, &
            get_gradient_1, get_gradient_2, get_gradient_3, get_gradient_4, &
            set_gradient_1, set_gradient_2, set_gradient_3, set_gradient_4
        generic :: get => get_1, get_2, get_3, get_4
        generic :: set => set_1, set_2, set_3, set_4
        generic :: get_average => get_average_1, get_average_2, &
            get_average_3, get_average_4
        generic :: set_average => set_average_1, set_average_2, &
            set_average_3, set_average_4
        generic :: get_gradient => get_gradient_1, get_gradient_2, &
            get_gradient_3, get_gradient_4
        generic :: set_gradient => set_gradient_1, set_gradient_2, &
            set_gradient_3, set_gradient_4
    end type training_tensors

contains

    integer function count_tensors(self)
        class(training_tensors), intent(in) :: self
        count_tensors = int(nn_training_tensors(need(self, 'nn_training%tensors')))
    end function count_tensors

    ! Its shape for C, and its name.
    subroutine tensor_of(self, i, array, name)
        class(training_tensors), intent(in) :: self
        integer, intent(in) :: i
        type(nn_array), intent(out) :: array
        character(:), allocatable, intent(out) :: name
        call check_place('nn_training: tensor', i, self%tensors())
        name = fortran_text(nn_training_tensor(self%node%c, int(i - 1, c_size_t), array))
    end subroutine tensor_of

    function training_tensor_name(self, i) result(name)
        class(training_tensors), intent(in) :: self
        integer, intent(in) :: i
        character(:), allocatable :: name
        type(nn_array) :: array
        call tensor_of(self, i, array, name)
    end function training_tensor_name

    ! PyTorch's [units, inputs] is (inputs, units) here.
    function training_tensor_shape(self, i) result(dims)
        class(training_tensors), intent(in) :: self
        integer, intent(in) :: i
        integer(int64), allocatable :: dims(:)
        character(:), allocatable :: name
        type(nn_array) :: array
        call tensor_of(self, i, array, name)
        dims = dims_of(array)
    end function training_tensor_shape

    ! ---- where they lie --------------------------------------------------------------------------

    subroutine take_tensors(self, access, stat, errmsg)
        class(training_tensors), intent(in) :: self
        integer, intent(in) :: access
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%take')
        if (rc == 0) rc = nn_training_take(self%node%c, int(access, c_int))
        call conclude(rc, stat, errmsg)
    end subroutine take_tensors

    subroutine restore_tensors(self, stat, errmsg)
        class(training_tensors), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%restore')
        if (rc == 0) rc = nn_training_restore(self%node%c)
        call conclude(rc, stat, errmsg)
    end subroutine restore_tensors

    ! Where a tensor lies; NN_EUSAGE where the order of its memory is not that of its shape, which
    ! no pointer could have.
    integer(c_int) function find_view(self, tensor, rank, found) result(rc)
        class(training_tensors), intent(in) :: self
        character(*), intent(in) :: tensor
        integer, intent(in) :: rank
        type(nn_c_view), intent(out) :: found
        integer(int64) :: step
        integer :: i
        found%size = c_sizeof(found)
        rc = ready(self, 'nn_training%view')
        if (rc == 0) rc = nn_training_view(self%node%c, c_text(tensor), found)
        if (rc < 0) return
        if (found%rank /= rank) then
            rc = misuse('nn_training%view: '//tensor//' is '// &
                        shape_text(found%dim(found%rank:1:-1))//', and the pointer of another '// &
                        'rank; of tensors of rank 3 and 4, get and set make copies')
            return
        end if
        step = 1
        do i = rank, 1, -1
            if (found%dim(i) > 1 .and. found%stride(i) /= step) &
                rc = misuse('nn_training%view: '//tensor//' lies in an order that no pointer '// &
                            'of Fortran has; get and set make copies')
            step = step*found%dim(i)
        end do
    end function find_view

    ! weight: what gradients are to be divided by to be those of the mean loss.
    subroutine view_1(self, tensor, values, weight, stat, errmsg)
        class(training_tensors), intent(in) :: self
        character(*), intent(in) :: tensor
        real(real32), pointer, intent(out) :: values(:)
        real(real64), intent(out), optional :: weight
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_c_view) :: found
        integer(c_int) :: rc
        nullify (values)
        rc = find_view(self, tensor, 1, found)
        if (rc == 0) call c_f_pointer(found%data, values, found%dim(1:1))
        if (present(weight)) weight = found%weight
        call conclude(rc, stat, errmsg)
    end subroutine view_1

    subroutine view_2(self, tensor, values, weight, stat, errmsg)
        class(training_tensors), intent(in) :: self
        character(*), intent(in) :: tensor
        real(real32), pointer, intent(out) :: values(:, :)
        real(real64), intent(out), optional :: weight
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_c_view) :: found
        integer(c_int) :: rc
        nullify (values)
        rc = find_view(self, tensor, 2, found)
        if (rc == 0) call c_f_pointer(found%data, values, found%dim(2:1:-1))
        if (present(weight)) weight = found%weight
        call conclude(rc, stat, errmsg)
    end subroutine view_2

    ! ---- copies ----------------------------------------------------------------------------------

    ! An array for a tensor has its shape, or is a vector of all its numbers. Of a tensor that there
    ! is not, the library has more to say.
    integer(c_int) function check_tensor(self, tensor, array) result(rc)
        class(training_tensors), intent(in) :: self
        character(*), intent(in) :: tensor
        type(nn_array), intent(in) :: array
        type(nn_array) :: wanted
        character(:), allocatable :: name
        integer :: i
        rc = ready(self, 'nn_training: get or set')
        if (rc < 0) return
        do i = 1, self%tensors()
            call tensor_of(self, i, wanted, name)
            if (name /= tensor) cycle
            if (array%rank == 1 .and. count_of(array) == count_of(wanted)) return
            if (array%rank == wanted%rank .and. all(array%dim == wanted%dim)) return
            rc = misuse('nn_training: the array for '//name//' is '//shape_text(dims_of(array))// &
                        ', and the tensor '//shape_text(dims_of(wanted)))
        end do
    end function check_tensor

    subroutine get(self, rc, from, tensor, array, stat, errmsg)
        class(training_tensors), intent(in) :: self
        integer(c_int), intent(in) :: rc
        procedure(nn_training_get) :: from
        character(*), intent(in) :: tensor
        type(nn_array), intent(in) :: array
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        real(real32), allocatable, target :: floats(:)
        integer(c_int) :: code
        code = rc
        if (code == 0) code = check_tensor(self, tensor, array)
        if (code == 0) then
            allocate (floats(count_of(array)))
            code = from(self%node%c, c_text(tensor), c_loc(floats))
        end if
        if (code == 0) code = from_floats('nn_training%get', floats, array)
        call conclude(code, stat, errmsg)
    end subroutine get

    subroutine set(self, rc, to, tensor, array, stat, errmsg)
        class(training_tensors), intent(in) :: self
        integer(c_int), intent(in) :: rc
        procedure(nn_training_set) :: to
        character(*), intent(in) :: tensor
        type(nn_array), intent(in) :: array
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        real(real32), allocatable, target :: floats(:)
        integer(c_int) :: code
        code = rc
        if (code == 0) code = check_tensor(self, tensor, array)
        if (code == 0) then
            call to_floats(array, floats)
            code = to(self%node%c, c_text(tensor), c_loc(floats))
        end if
        call conclude(code, stat, errmsg)
    end subroutine set

    subroutine get_1(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:)
        include 'training_tensor.inc'
        rc = view('nn_training%get', values, array)
        call get(self, rc, nn_training_get, tensor, array, stat, errmsg)
    end subroutine get_1

    subroutine get_2(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :)
        include 'training_tensor.inc'
        rc = view('nn_training%get', values, array)
        call get(self, rc, nn_training_get, tensor, array, stat, errmsg)
    end subroutine get_2

    subroutine get_3(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%get', values, array)
        call get(self, rc, nn_training_get, tensor, array, stat, errmsg)
    end subroutine get_3

    subroutine get_4(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%get', values, array)
        call get(self, rc, nn_training_get, tensor, array, stat, errmsg)
    end subroutine get_4

    subroutine set_1(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:)
        include 'training_tensor.inc'
        rc = view('nn_training%set', values, array)
        call set(self, rc, nn_training_set, tensor, array, stat, errmsg)
    end subroutine set_1

    subroutine set_2(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :)
        include 'training_tensor.inc'
        rc = view('nn_training%set', values, array)
        call set(self, rc, nn_training_set, tensor, array, stat, errmsg)
    end subroutine set_2

    subroutine set_3(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%set', values, array)
        call set(self, rc, nn_training_set, tensor, array, stat, errmsg)
    end subroutine set_3

    subroutine set_4(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%set', values, array)
        call set(self, rc, nn_training_set, tensor, array, stat, errmsg)
    end subroutine set_4

    subroutine get_average_1(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:)
        include 'training_tensor.inc'
        rc = view('nn_training%get_average', values, array)
        call get(self, rc, nn_training_get_average, tensor, array, stat, errmsg)
    end subroutine get_average_1

    subroutine get_average_2(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :)
        include 'training_tensor.inc'
        rc = view('nn_training%get_average', values, array)
        call get(self, rc, nn_training_get_average, tensor, array, stat, errmsg)
    end subroutine get_average_2

    subroutine get_average_3(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%get_average', values, array)
        call get(self, rc, nn_training_get_average, tensor, array, stat, errmsg)
    end subroutine get_average_3

    subroutine get_average_4(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%get_average', values, array)
        call get(self, rc, nn_training_get_average, tensor, array, stat, errmsg)
    end subroutine get_average_4

    subroutine set_average_1(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:)
        include 'training_tensor.inc'
        rc = view('nn_training%set_average', values, array)
        call set(self, rc, nn_training_set_average, tensor, array, stat, errmsg)
    end subroutine set_average_1

    subroutine set_average_2(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :)
        include 'training_tensor.inc'
        rc = view('nn_training%set_average', values, array)
        call set(self, rc, nn_training_set_average, tensor, array, stat, errmsg)
    end subroutine set_average_2

    subroutine set_average_3(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%set_average', values, array)
        call set(self, rc, nn_training_set_average, tensor, array, stat, errmsg)
    end subroutine set_average_3

    subroutine set_average_4(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%set_average', values, array)
        call set(self, rc, nn_training_set_average, tensor, array, stat, errmsg)
    end subroutine set_average_4

    subroutine get_gradient_1(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:)
        include 'training_tensor.inc'
        rc = view('nn_training%get_gradient', values, array)
        call get(self, rc, nn_training_get_gradient, tensor, array, stat, errmsg)
    end subroutine get_gradient_1

    subroutine get_gradient_2(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :)
        include 'training_tensor.inc'
        rc = view('nn_training%get_gradient', values, array)
        call get(self, rc, nn_training_get_gradient, tensor, array, stat, errmsg)
    end subroutine get_gradient_2

    subroutine get_gradient_3(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%get_gradient', values, array)
        call get(self, rc, nn_training_get_gradient, tensor, array, stat, errmsg)
    end subroutine get_gradient_3

    subroutine get_gradient_4(self, tensor, values, stat, errmsg)
        class(*), intent(inout), target :: values(:, :, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%get_gradient', values, array)
        call get(self, rc, nn_training_get_gradient, tensor, array, stat, errmsg)
    end subroutine get_gradient_4

    subroutine set_gradient_1(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:)
        include 'training_tensor.inc'
        rc = view('nn_training%set_gradient', values, array)
        call set(self, rc, nn_training_set_gradient, tensor, array, stat, errmsg)
    end subroutine set_gradient_1

    subroutine set_gradient_2(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :)
        include 'training_tensor.inc'
        rc = view('nn_training%set_gradient', values, array)
        call set(self, rc, nn_training_set_gradient, tensor, array, stat, errmsg)
    end subroutine set_gradient_2

    subroutine set_gradient_3(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%set_gradient', values, array)
        call set(self, rc, nn_training_set_gradient, tensor, array, stat, errmsg)
    end subroutine set_gradient_3

    subroutine set_gradient_4(self, tensor, values, stat, errmsg)
        class(*), intent(in), target :: values(:, :, :, :)
        include 'training_tensor.inc'
        rc = view('nn_training%set_gradient', values, array)
        call set(self, rc, nn_training_set_gradient, tensor, array, stat, errmsg)
    end subroutine set_gradient_4
end module nnmpi_training_tensors
