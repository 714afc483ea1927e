! Operators of tensors and numbers: a part of module nnmpi. Shapes of tensors are broadcast as numpy
! does, aligned at their last dimensions to C, which are Fortran's first.
module nnmpi_operators
    use, intrinsic :: iso_fortran_env, only: real32, real64
    use nnmpi_c_operations
    use nnmpi_tensor
    use nnmpi_tensor_base
    implicit none
    private

    public :: operator(+), operator(-), operator(*), operator(/), operator(**), nn_affine

    interface operator(+)
        module procedure add_tt, add_tr8, add_r8t, add_tr4, add_r4t, add_ti4, add_i4t
    end interface

    interface operator(-)
        module procedure subtract_tt, negate, subtract_tr8, subtract_r8t, &
            subtract_tr4, subtract_r4t, subtract_ti4, subtract_i4t
    end interface

    interface operator(*)
        module procedure multiply_tt, multiply_tr8, multiply_r8t, multiply_tr4, &
            multiply_r4t, multiply_ti4, multiply_i4t
    end interface

    interface operator(/)
        module procedure divide_tt, divide_tr8, divide_r8t, divide_tr4, &
            divide_r4t, divide_ti4, divide_i4t
    end interface

    interface operator(**)
        module procedure power_r8, power_r4, power_i4
    end interface

contains

    ! factor*x + summand
    type(nn_tensor) function nn_affine(x, factor, summand) result(y)
        type(nn_tensor), intent(in) :: x
        real(real64), intent(in) :: factor, summand
        y = made(nn_tensor_affine(at(x), factor, summand))
    end function nn_affine

    type(nn_tensor) function negate(x) result(y)
        type(nn_tensor), intent(in) :: x
        y = made(nn_tensor_negate(at(x)))
    end function negate

    type(nn_tensor) function add_tt(a, b) result(y)
        type(nn_tensor), intent(in) :: a, b
        y = made(nn_tensor_add(at(a), at(b)))
    end function add_tt

    type(nn_tensor) function subtract_tt(a, b) result(y)
        type(nn_tensor), intent(in) :: a, b
        y = made(nn_tensor_subtract(at(a), at(b)))
    end function subtract_tt

    type(nn_tensor) function multiply_tt(a, b) result(y)
        type(nn_tensor), intent(in) :: a, b
        y = made(nn_tensor_multiply(at(a), at(b)))
    end function multiply_tt

    type(nn_tensor) function divide_tt(a, b) result(y)
        type(nn_tensor), intent(in) :: a, b
        y = made(nn_tensor_divide(at(a), at(b)))
    end function divide_tt

    ! ---- real64

    type(nn_tensor) function add_tr8(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        real(real64), intent(in) :: b
        y = nn_affine(a, 1.0_real64, b)
    end function add_tr8

    type(nn_tensor) function add_r8t(a, b) result(y)
        real(real64), intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_affine(b, 1.0_real64, a)
    end function add_r8t

    type(nn_tensor) function subtract_tr8(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        real(real64), intent(in) :: b
        y = nn_affine(a, 1.0_real64, -b)
    end function subtract_tr8

    type(nn_tensor) function subtract_r8t(a, b) result(y)
        real(real64), intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_affine(b, -1.0_real64, a)
    end function subtract_r8t

    type(nn_tensor) function multiply_tr8(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        real(real64), intent(in) :: b
        y = nn_affine(a, b, 0.0_real64)
    end function multiply_tr8

    type(nn_tensor) function multiply_r8t(a, b) result(y)
        real(real64), intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_affine(b, a, 0.0_real64)
    end function multiply_r8t

    type(nn_tensor) function divide_tr8(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        real(real64), intent(in) :: b
        y = a/nn_tensor(b)
    end function divide_tr8

    type(nn_tensor) function divide_r8t(a, b) result(y)
        real(real64), intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_tensor(a)/b
    end function divide_r8t

    type(nn_tensor) function power_r8(x, exponent) result(y)
        type(nn_tensor), intent(in) :: x
        real(real64), intent(in) :: exponent
        y = made(nn_tensor_power(at(x), exponent))
    end function power_r8

    ! ---- real32

    type(nn_tensor) function add_tr4(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        real(real32), intent(in) :: b
        y = nn_affine(a, 1.0_real64, real(b, real64))
    end function add_tr4

    type(nn_tensor) function add_r4t(a, b) result(y)
        real(real32), intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_affine(b, 1.0_real64, real(a, real64))
    end function add_r4t

    type(nn_tensor) function subtract_tr4(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        real(real32), intent(in) :: b
        y = nn_affine(a, 1.0_real64, -real(b, real64))
    end function subtract_tr4

    type(nn_tensor) function subtract_r4t(a, b) result(y)
        real(real32), intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_affine(b, -1.0_real64, real(a, real64))
    end function subtract_r4t

    type(nn_tensor) function multiply_tr4(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        real(real32), intent(in) :: b
        y = nn_affine(a, real(b, real64), 0.0_real64)
    end function multiply_tr4

    type(nn_tensor) function multiply_r4t(a, b) result(y)
        real(real32), intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_affine(b, real(a, real64), 0.0_real64)
    end function multiply_r4t

    type(nn_tensor) function divide_tr4(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        real(real32), intent(in) :: b
        y = a/nn_tensor(b)
    end function divide_tr4

    type(nn_tensor) function divide_r4t(a, b) result(y)
        real(real32), intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_tensor(a)/b
    end function divide_r4t

    type(nn_tensor) function power_r4(x, exponent) result(y)
        type(nn_tensor), intent(in) :: x
        real(real32), intent(in) :: exponent
        y = made(nn_tensor_power(at(x), real(exponent, real64)))
    end function power_r4

    ! ---- integer

    type(nn_tensor) function add_ti4(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        integer, intent(in) :: b
        y = nn_affine(a, 1.0_real64, real(b, real64))
    end function add_ti4

    type(nn_tensor) function add_i4t(a, b) result(y)
        integer, intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_affine(b, 1.0_real64, real(a, real64))
    end function add_i4t

    type(nn_tensor) function subtract_ti4(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        integer, intent(in) :: b
        y = nn_affine(a, 1.0_real64, -real(b, real64))
    end function subtract_ti4

    type(nn_tensor) function subtract_i4t(a, b) result(y)
        integer, intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_affine(b, -1.0_real64, real(a, real64))
    end function subtract_i4t

    type(nn_tensor) function multiply_ti4(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        integer, intent(in) :: b
        y = nn_affine(a, real(b, real64), 0.0_real64)
    end function multiply_ti4

    type(nn_tensor) function multiply_i4t(a, b) result(y)
        integer, intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_affine(b, real(a, real64), 0.0_real64)
    end function multiply_i4t

    type(nn_tensor) function divide_ti4(a, b) result(y)
        type(nn_tensor), intent(in) :: a
        integer, intent(in) :: b
        y = a/nn_tensor(real(b, real64))
    end function divide_ti4

    type(nn_tensor) function divide_i4t(a, b) result(y)
        integer, intent(in) :: a
        type(nn_tensor), intent(in) :: b
        y = nn_tensor(real(a, real64))/b
    end function divide_i4t

    type(nn_tensor) function power_i4(x, exponent) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in) :: exponent
        y = made(nn_tensor_power(at(x), real(exponent, real64)))
    end function power_i4
end module nnmpi_operators
