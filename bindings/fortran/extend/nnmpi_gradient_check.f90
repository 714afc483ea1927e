! Is backward the derivative of forward? A part of module nnmpi.
module nnmpi_gradient_check
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real64
    use nnmpi_base
    use nnmpi_c_extend
    use nnmpi_definition
    implicit none
    private

    public :: nn_gradient_result, nn_gradient_check

    ! As that of extend.h; index counts from 1, in the order of memory.
    type :: nn_gradient_result
        real(real64) :: error, backward, difference
        character(:), allocatable :: tensor
        integer(int64) :: index, compared, uncertain
    end type nn_gradient_result

contains

    ! Layers 'model', for samples of shape `input`, and a loss (none: a linear one) against central
    ! differences.
    subroutine nn_gradient_check(model, input, loss, rows, tolerance, result, stat, errmsg)
        character(*), intent(in) :: model
        integer, intent(in) :: input(:)
        character(*), intent(in), optional :: loss
        integer, intent(in), optional :: rows
        real(real64), intent(in), optional :: tolerance
        type(nn_gradient_result), intent(out), optional :: result
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_c_gradient_options) :: options
        type(nn_c_gradient_result) :: found
        type(optional_text), target :: c_loss
        integer(c_int) :: rc
        call set_text(c_loss, loss)
        options%size = c_sizeof(options)
        options%input = shape_for_c(input)
        if (present(rows)) options%rows = rows
        if (present(tolerance)) options%tolerance = tolerance
        found%size = c_sizeof(found)
        rc = nn_gradient_check_c(c_text(model), at_text(c_loss), options, found)
        if (present(result)) then
            result%error = found%error
            result%backward = found%backward
            result%difference = found%difference
            result%tensor = chars_text(found%tensor)
            result%index = found%index + 1
            result%compared = found%compared
            result%uncertain = found%uncertain
        end if
        call conclude(rc, stat, errmsg)
    end subroutine nn_gradient_check
end module nnmpi_gradient_check
