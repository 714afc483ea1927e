! Minibatches of the program's own: a part of module nnmpi.
module nnmpi_batch
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int8, int64
    use nnmpi_array
    use nnmpi_base
    use nnmpi_c
    implicit none
    private

    public :: nn_minibatch, batch_for_c

    type :: bytes
        integer(int8), allocatable :: b(:)
    end type bytes

    character(3), parameter :: fields(4) = ['x  ', 'y  ', 'w  ', 'len']

    ! Rows of this rank, in the shapes and types of the data set; it keeps copies.
    type :: nn_minibatch
        private
        type(nn_array) :: array(4)
        type(bytes) :: kept(4)
    contains
        procedure, private :: set_1, set_2, set_3, set_4, set_5
        generic :: set => set_1, set_2, set_3, set_4, set_5
    end type nn_minibatch

contains

    subroutine batch_for_c(batch, c)
        type(nn_minibatch), intent(in), target :: batch
        type(nn_c_minibatch), intent(out) :: c
        type(nn_array) :: array(4)
        integer :: i
        array = batch%array
        do i = 1, 4
            if (allocated(batch%kept(i)%b)) array(i)%data = c_loc(batch%kept(i)%b)
        end do
        c%size = c_sizeof(c)
        c%x = array(1)
        c%y = array(2)
        c%w = array(3)
        c%len = array(4)
    end subroutine batch_for_c

    subroutine set(self, rc, field, array, stat, errmsg)
        class(nn_minibatch), intent(inout) :: self
        integer(c_int), intent(in) :: rc
        character(*), intent(in) :: field
        type(nn_array), intent(in) :: array
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(int8), pointer :: source(:)
        integer(c_int) :: code
        integer :: i
        code = rc
        do i = 4, 1, -1
            if (fields(i) == field) exit
        end do
        if (code == 0 .and. i == 0) &
            code = misuse('nn_minibatch%set: no field '''//field//'''; there are x, y, w, len')
        if (code == 0) then
            call c_f_pointer(array%data, source, [count_of(array)*bytes_of(array%type)])
            self%kept(i)%b = source
            self%array(i) = array
        end if
        call conclude(code, stat, errmsg)
    end subroutine set

    subroutine set_1(self, field, values, stat, errmsg)
        class(nn_minibatch), intent(inout) :: self
        character(*), intent(in) :: field
        class(*), intent(in), target :: values(:)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_minibatch%set', values, array)
        call set(self, rc, field, array, stat, errmsg)
    end subroutine set_1

    subroutine set_2(self, field, values, stat, errmsg)
        class(nn_minibatch), intent(inout) :: self
        character(*), intent(in) :: field
        class(*), intent(in), target :: values(:, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_minibatch%set', values, array)
        call set(self, rc, field, array, stat, errmsg)
    end subroutine set_2

    subroutine set_3(self, field, values, stat, errmsg)
        class(nn_minibatch), intent(inout) :: self
        character(*), intent(in) :: field
        class(*), intent(in), target :: values(:, :, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_minibatch%set', values, array)
        call set(self, rc, field, array, stat, errmsg)
    end subroutine set_3

    subroutine set_4(self, field, values, stat, errmsg)
        class(nn_minibatch), intent(inout) :: self
        character(*), intent(in) :: field
        class(*), intent(in), target :: values(:, :, :, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_minibatch%set', values, array)
        call set(self, rc, field, array, stat, errmsg)
    end subroutine set_4

    subroutine set_5(self, field, values, stat, errmsg)
        class(nn_minibatch), intent(inout) :: self
        character(*), intent(in) :: field
        class(*), intent(in), target :: values(:, :, :, :, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_minibatch%set', values, array)
        call set(self, rc, field, array, stat, errmsg)
    end subroutine set_5
end module nnmpi_batch
