! Products and windows of tensors: a part of module nnmpi, as nnmpi_operations.
module nnmpi_products
    use, intrinsic :: iso_c_binding
    use nnmpi_c_operations
    use nnmpi_c_tensor
    use nnmpi_tensor
    use nnmpi_tensor_base
    implicit none
    private

    public :: matmul, nn_linear, nn_window, nn_conv2d, nn_conv_transpose2d, nn_max_pool2d, &
              nn_avg_pool2d

    interface matmul
        module procedure tensor_matmul
    end interface matmul

    ! A window of images, (columns, rows).
    type :: nn_window
        integer :: kernel(2) = 1 ! of a convolution: follows from its weights
        integer :: stride(2) = 1, padding(2) = 0, dilation(2) = 1
        integer :: groups = 1    ! of a convolution
        integer :: output_padding(2) = 0 ! of a transposed one
    end type nn_window

contains

    ! As Fortran's of a(n, k) and b(k, m), which C sees as [k, n] and [m, k]; further dimensions are
    ! broadcast.
    type(nn_tensor) function tensor_matmul(a, b) result(y)
        type(nn_tensor), intent(in) :: a, b
        y = made(nn_tensor_matmul(at(b), at(a), .false._c_bool, .false._c_bool))
    end function tensor_matmul

    ! y(outputs, samples) of x(inputs, samples), w(inputs, outputs) and b(outputs)
    type(nn_tensor) function nn_linear(x, w, b) result(y)
        type(nn_tensor), intent(in) :: x, w
        type(nn_tensor), intent(in), optional :: b
        type(c_ptr) :: c_b
        logical :: ok
        ok = .true.
        c_b = at_optional(b, ok)
        if (ok) then
            y = made(nn_tensor_linear(at(x), at(w), c_b))
        else
            y = failed(nn_error_code())
        end if
    end function nn_linear

    type(nn_c_window) function c_window(window)
        type(nn_window), intent(in) :: window
        c_window%size = c_sizeof(c_window)
        c_window%kernel = reversed(window%kernel)
        c_window%stride = reversed(window%stride)
        c_window%padding = reversed(window%padding)
        c_window%dilation = reversed(window%dilation)
        c_window%groups = window%groups
        c_window%output_padding = reversed(window%output_padding)
    end function c_window

    type(nn_tensor) function convolved(operation, x, w, b, window) result(y)
        procedure(nn_c_convolution) :: operation
        type(nn_tensor), intent(in) :: x, w
        type(nn_tensor), intent(in), optional :: b
        type(nn_window), intent(in) :: window
        type(c_ptr) :: c_b
        logical :: ok
        ok = .true.
        c_b = at_optional(b, ok)
        if (ok) then
            y = made(operation(at(x), at(w), c_b, c_window(window)))
        else
            y = failed(nn_error_code())
        end if
    end function convolved

    ! x(width, height, channels, samples), w(columns, rows, channels/groups, filters), b(filters)
    type(nn_tensor) function nn_conv2d(x, w, b, window) result(y)
        type(nn_tensor), intent(in) :: x, w
        type(nn_tensor), intent(in), optional :: b
        type(nn_window), intent(in) :: window
        y = convolved(nn_tensor_conv2d, x, w, b, window)
    end function nn_conv2d

    ! x(width, height, filters, samples), w(columns, rows, channels/groups, filters), b(channels)
    type(nn_tensor) function nn_conv_transpose2d(x, w, b, window) result(y)
        type(nn_tensor), intent(in) :: x, w
        type(nn_tensor), intent(in), optional :: b
        type(nn_window), intent(in) :: window
        y = convolved(nn_tensor_conv_transpose2d, x, w, b, window)
    end function nn_conv_transpose2d

    type(nn_tensor) function nn_max_pool2d(x, window) result(y)
        type(nn_tensor), intent(in) :: x
        type(nn_window), intent(in) :: window
        y = made(nn_tensor_max_pool2d(at(x), c_window(window)))
    end function nn_max_pool2d

    type(nn_tensor) function nn_avg_pool2d(x, window) result(y)
        type(nn_tensor), intent(in) :: x
        type(nn_window), intent(in) :: window
        y = made(nn_tensor_avg_pool2d(at(x), c_window(window)))
    end function nn_avg_pool2d
end module nnmpi_products
