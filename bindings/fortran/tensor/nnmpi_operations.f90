! Functions of tensors: a part of module nnmpi. Those that Fortran has for arrays have its names and
! its meaning, the others are nn_<name> for nn_tensor_<name> of tensor.h, which says what they
! compute; dimensions are in Fortran's order and count from 1, indices and classes from 0. Products
! are in nnmpi_products.
module nnmpi_operations
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real64
    use nnmpi_base
    use nnmpi_c_operations
    use nnmpi_c_tensor
    use nnmpi_tensor
    use nnmpi_tensor_base
    implicit none
    private

    public :: exp, log, sqrt, abs, tanh, max, min, merge, sum, maxval, reshape
    public :: nn_relu, nn_sigmoid, nn_softplus, nn_gelu, nn_greater, nn_equal, nn_dropout, nn_mean, &
        nn_softmax, nn_log_softmax, nn_expand, nn_permute, nn_slice, nn_concat, nn_gather, nn_pick, &
        nn_cross_entropy, nn_mse, nn_layer_norm, nn_batch_norm

    interface exp
        module procedure tensor_exp
    end interface exp

    interface log
        module procedure tensor_log
    end interface log

    interface sqrt
        module procedure tensor_sqrt
    end interface sqrt

    interface abs
        module procedure tensor_abs
    end interface abs

    interface tanh
        module procedure tensor_tanh
    end interface tanh

    interface max
        module procedure tensor_maximum
    end interface max

    interface min
        module procedure tensor_minimum
    end interface min

    interface merge
        module procedure tensor_merge
    end interface merge

    interface sum
        module procedure tensor_sum
    end interface sum

    interface maxval
        module procedure tensor_maxval
    end interface maxval

    interface reshape
        module procedure tensor_reshape
    end interface reshape

contains

    ! ---- elementwise -----------------------------------------------------------------------------

    type(nn_tensor) function tensor_exp(x) result(y)
        type(nn_tensor), intent(in) :: x
        y = made(nn_tensor_exp(at(x)))
    end function tensor_exp

    type(nn_tensor) function tensor_log(x) result(y)
        type(nn_tensor), intent(in) :: x
        y = made(nn_tensor_log(at(x)))
    end function tensor_log

    type(nn_tensor) function tensor_sqrt(x) result(y)
        type(nn_tensor), intent(in) :: x
        y = made(nn_tensor_sqrt(at(x)))
    end function tensor_sqrt

    type(nn_tensor) function tensor_abs(x) result(y)
        type(nn_tensor), intent(in) :: x
        y = made(nn_tensor_abs(at(x)))
    end function tensor_abs

    type(nn_tensor) function tensor_tanh(x) result(y)
        type(nn_tensor), intent(in) :: x
        y = made(nn_tensor_tanh(at(x)))
    end function tensor_tanh

    type(nn_tensor) function nn_relu(x) result(y)
        type(nn_tensor), intent(in) :: x
        y = made(nn_tensor_relu(at(x)))
    end function nn_relu

    type(nn_tensor) function nn_sigmoid(x) result(y)
        type(nn_tensor), intent(in) :: x
        y = made(nn_tensor_sigmoid(at(x)))
    end function nn_sigmoid

    type(nn_tensor) function nn_softplus(x) result(y)
        type(nn_tensor), intent(in) :: x
        y = made(nn_tensor_softplus(at(x)))
    end function nn_softplus

    type(nn_tensor) function nn_gelu(x) result(y)
        type(nn_tensor), intent(in) :: x
        y = made(nn_tensor_gelu(at(x)))
    end function nn_gelu

    type(nn_tensor) function tensor_maximum(a, b) result(y)
        type(nn_tensor), intent(in) :: a, b
        y = made(nn_tensor_maximum(at(a), at(b)))
    end function tensor_maximum

    type(nn_tensor) function tensor_minimum(a, b) result(y)
        type(nn_tensor), intent(in) :: a, b
        y = made(nn_tensor_minimum(at(a), at(b)))
    end function tensor_minimum

    type(nn_tensor) function nn_greater(a, b) result(y)
        type(nn_tensor), intent(in) :: a, b
        y = made(nn_tensor_greater(at(a), at(b)))
    end function nn_greater

    type(nn_tensor) function nn_equal(a, b) result(y)
        type(nn_tensor), intent(in) :: a, b
        y = made(nn_tensor_equal(at(a), at(b)))
    end function nn_equal

    ! a where condition is not 0, else b
    type(nn_tensor) function tensor_merge(a, b, condition) result(y)
        type(nn_tensor), intent(in) :: a, b, condition
        y = made(nn_tensor_where(at(condition), at(a), at(b)))
    end function tensor_merge

    type(nn_tensor) function nn_dropout(x, rate, seed, step) result(y)
        type(nn_tensor), intent(in) :: x
        real(real64), intent(in) :: rate
        integer(int64), intent(in) :: seed, step
        y = made(nn_tensor_dropout(at(x), rate, seed, step))
    end function nn_dropout

    ! ---- sums ------------------------------------------------------------------------------------

    ! Over these dimensions, all where there are none; keep: they stay, with length 1.
    type(nn_tensor) function reduced(what, operation, x, dims, keep) result(y)
        character(*), intent(in) :: what
        procedure(nn_c_reduction) :: operation
        type(nn_tensor), intent(in) :: x
        integer, intent(in), optional :: dims(:)
        logical, intent(in), optional :: keep
        integer, allocatable :: over(:)
        integer(c_int), allocatable :: axes(:)
        integer(c_int) :: rc
        logical(c_bool) :: stay
        allocate (over(0))
        if (present(dims)) over = dims
        allocate (axes(size(over)))
        stay = .false.
        if (present(keep)) stay = logical(keep, c_bool)
        call to_axes(what, x, over, axes, rc)
        if (rc < 0) then
            y = failed(rc)
        else
            y = made(operation(x%c, size(axes), axes, stay))
        end if
    end function reduced

    type(nn_tensor) function tensor_sum(x, dims, keep) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in), optional :: dims(:)
        logical, intent(in), optional :: keep
        y = reduced('sum', nn_tensor_sum, x, dims, keep)
    end function tensor_sum

    type(nn_tensor) function nn_mean(x, dims, keep) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in), optional :: dims(:)
        logical, intent(in), optional :: keep
        y = reduced('nn_mean', nn_tensor_mean, x, dims, keep)
    end function nn_mean

    type(nn_tensor) function tensor_maxval(x, dims, keep) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in), optional :: dims(:)
        logical, intent(in), optional :: keep
        y = reduced('maxval', nn_tensor_max, x, dims, keep)
    end function tensor_maxval

    type(nn_tensor) function nn_softmax(x, dim) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in) :: dim
        integer(c_int) :: axes(1), rc
        call to_axes('nn_softmax', x, [dim], axes, rc)
        y = failed(rc)
        if (rc == 0) y = made(nn_tensor_softmax(x%c, axes(1)))
    end function nn_softmax

    type(nn_tensor) function nn_log_softmax(x, dim) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in) :: dim
        integer(c_int) :: axes(1), rc
        call to_axes('nn_log_softmax', x, [dim], axes, rc)
        y = failed(rc)
        if (rc == 0) y = made(nn_tensor_log_softmax(x%c, axes(1)))
    end function nn_log_softmax

    ! ---- shapes and places -----------------------------------------------------------------------

    type(nn_tensor) function tensor_reshape(x, shape) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in) :: shape(:)
        y = made(nn_tensor_reshape(at(x), size(shape), reversed(shape)))
    end function tensor_reshape

    type(nn_tensor) function nn_expand(x, shape) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in) :: shape(:)
        y = made(nn_tensor_expand(at(x), size(shape), reversed(shape)))
    end function nn_expand

    ! Dimension i of the result is dimension dims(i) of x.
    type(nn_tensor) function nn_permute(x, dims) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in) :: dims(:)
        integer(c_int) :: axes(size(dims)), rc
        call to_axes('nn_permute', x, dims(size(dims):1:-1), axes, rc)
        if (rc == 0) then
            if (size(dims) /= nn_tensor_rank(x%c)) &
                rc = misuse('nn_permute: one place for each dimension is wanted')
        end if
        y = failed(rc)
        if (rc == 0) y = made(nn_tensor_permute(x%c, axes))
    end function nn_permute

    ! Elements first(i), first(i) + step(i) ... last(i) along each dimension i, as x(first:last:step)
    ! of an array.
    type(nn_tensor) function nn_slice(x, first, last, step) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in) :: first(:), last(:)
        integer, intent(in), optional :: step(:)
        integer, allocatable :: by(:)
        integer(c_int) :: rc
        allocate (by(size(first)), source=1)
        if (present(step)) by = step
        rc = present_code(x)
        if (rc == 0) then
            if (any([size(first), size(last), size(by)] /= nn_tensor_rank(x%c)) .or. any(by == 0)) &
                rc = misuse('nn_slice: one place and one step that is not 0 are wanted for each '// &
                            'dimension')
        end if
        y = failed(rc)
        if (rc == 0) y = made(nn_tensor_slice(x%c, reversed(first - 1), reversed(by), &
                                              reversed(max(0, (last - first + by)/by))))
    end function nn_slice

    ! One behind the other along a dimension.
    type(nn_tensor) function nn_concat(x, dim) result(y)
        type(nn_tensor), intent(in) :: x(:)
        integer, intent(in) :: dim
        type(c_ptr) :: all(size(x))
        integer(c_int) :: axes(1), rc
        integer :: i
        rc = 0
        if (size(x) == 0) rc = misuse('nn_concat: there is no tensor')
        do i = 1, size(x)
            if (rc == 0) rc = present_code(x(i))
            all(i) = x(i)%c
        end do
        if (rc == 0) call to_axes('nn_concat', x(1), [dim], axes, rc)
        y = failed(rc)
        if (rc == 0) y = made(nn_tensor_concat(size(x, kind=c_size_t), all, axes(1)))
    end function nn_concat

    ! The parts of x along its last dimension that index has: of a matrix columns.
    type(nn_tensor) function nn_gather(x, index) result(y)
        type(nn_tensor), intent(in) :: x, index
        y = made(nn_tensor_gather(at(x), at(index)))
    end function nn_gather

    ! x(class(i), i) of x(classes, samples)
    type(nn_tensor) function nn_pick(x, classes) result(y)
        type(nn_tensor), intent(in) :: x, classes
        y = made(nn_tensor_pick(at(x), at(classes)))
    end function nn_pick

    ! ---- losses and normalisations ---------------------------------------------------------------

    ! z(classes, samples), classes(samples)
    type(nn_tensor) function nn_cross_entropy(z, classes) result(y)
        type(nn_tensor), intent(in) :: z, classes
        y = made(nn_tensor_cross_entropy(at(z), at(classes)))
    end function nn_cross_entropy

    type(nn_tensor) function nn_mse(a, b) result(y)
        type(nn_tensor), intent(in) :: a, b
        y = made(nn_tensor_mse(at(a), at(b)))
    end function nn_mse

    ! Over the first dims dimensions.
    type(nn_tensor) function nn_layer_norm(x, dims, w, b, eps) result(y)
        type(nn_tensor), intent(in) :: x
        integer, intent(in) :: dims
        type(nn_tensor), intent(in), optional :: w, b
        real(real64), intent(in), optional :: eps
        type(c_ptr) :: c_w, c_b
        logical :: ok
        ok = .true.
        c_w = at_optional(w, ok)
        c_b = at_optional(b, ok)
        if (ok) then
            y = made(nn_tensor_layer_norm(at(x), dims, c_w, c_b, given(eps, 1e-5_real64)))
        else
            y = failed(nn_error_code())
        end if
    end function nn_layer_norm

    ! Over all dimensions but the last but one, the channels.
    type(nn_tensor) function nn_batch_norm(x, w, b, mean, var, training, momentum, eps) result(y)
        type(nn_tensor), intent(in) :: x
        type(nn_tensor), intent(in), optional :: w, b, mean, var
        logical, intent(in) :: training
        real(real64), intent(in), optional :: momentum, eps
        type(c_ptr) :: c(4)
        logical :: ok
        ok = .true.
        c = [at_optional(w, ok), at_optional(b, ok), at_optional(mean, ok), at_optional(var, ok)]
        if (ok) then
            y = made(nn_tensor_batch_norm(at(x), c(1), c(2), c(3), c(4), logical(training, c_bool), &
                                          given(momentum, 0.1_real64), given(eps, 1e-5_real64)))
        else
            y = failed(nn_error_code())
        end if
    end function nn_batch_norm

    pure real(c_double) function given(value, otherwise)
        real(real64), intent(in), optional :: value
        real(real64), intent(in) :: otherwise
        given = otherwise
        if (present(value)) given = value
    end function given
end module nnmpi_operations
