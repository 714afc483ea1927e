! The C functions of tensor.h that make tensors of tensors, as they are, for module nnmpi.
module nnmpi_c_operations
    use, intrinsic :: iso_c_binding
    implicit none

    type, bind(C) :: nn_c_window
        integer(c_size_t) :: size
        integer(c_int64_t) :: kernel(2), stride(2), padding(2), dilation(2), groups, output_padding(2)
    end type nn_c_window

    abstract interface
        function nn_c_reduction(x, count, axes, keep) bind(C)
            import :: c_ptr, c_int, c_bool
            type(c_ptr), value :: x
            integer(c_int), value :: count
            integer(c_int), intent(in) :: axes(*)
            logical(c_bool), value :: keep
            type(c_ptr) :: nn_c_reduction
        end function nn_c_reduction

        function nn_c_convolution(x, w, b, window) bind(C)
            import :: c_ptr, nn_c_window
            type(c_ptr), value :: x, w, b
            type(nn_c_window), intent(in) :: window
            type(c_ptr) :: nn_c_convolution
        end function nn_c_convolution
    end interface

    interface
        function nn_tensor_negate(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_negate
        end function nn_tensor_negate

        function nn_tensor_exp(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_exp
        end function nn_tensor_exp

        function nn_tensor_log(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_log
        end function nn_tensor_log

        function nn_tensor_sqrt(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_sqrt
        end function nn_tensor_sqrt

        function nn_tensor_abs(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_abs
        end function nn_tensor_abs

        function nn_tensor_relu(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_relu
        end function nn_tensor_relu

        function nn_tensor_sigmoid(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_sigmoid
        end function nn_tensor_sigmoid

        function nn_tensor_tanh(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_tanh
        end function nn_tensor_tanh

        function nn_tensor_softplus(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_softplus
        end function nn_tensor_softplus

        function nn_tensor_gelu(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_gelu
        end function nn_tensor_gelu

        function nn_tensor_add(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_add
        end function nn_tensor_add

        function nn_tensor_subtract(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_subtract
        end function nn_tensor_subtract

        function nn_tensor_multiply(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_multiply
        end function nn_tensor_multiply

        function nn_tensor_divide(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_divide
        end function nn_tensor_divide

        function nn_tensor_maximum(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_maximum
        end function nn_tensor_maximum

        function nn_tensor_minimum(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_minimum
        end function nn_tensor_minimum

        function nn_tensor_greater(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_greater
        end function nn_tensor_greater

        function nn_tensor_equal(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_equal
        end function nn_tensor_equal

        function nn_tensor_gather(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_gather
        end function nn_tensor_gather

        function nn_tensor_pick(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_pick
        end function nn_tensor_pick

        function nn_tensor_cross_entropy(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_cross_entropy
        end function nn_tensor_cross_entropy

        function nn_tensor_mse(a, b) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b
            type(c_ptr) :: nn_tensor_mse
        end function nn_tensor_mse

        function nn_tensor_where(a, b, c) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b, c
            type(c_ptr) :: nn_tensor_where
        end function nn_tensor_where

        function nn_tensor_linear(a, b, c) bind(C)
            import :: c_ptr
            type(c_ptr), value :: a, b, c
            type(c_ptr) :: nn_tensor_linear
        end function nn_tensor_linear

        function nn_tensor_sum(x, count, axes, keep) bind(C)
            import :: c_ptr, c_int, c_bool
            type(c_ptr), value :: x
            integer(c_int), value :: count
            integer(c_int), intent(in) :: axes(*)
            logical(c_bool), value :: keep
            type(c_ptr) :: nn_tensor_sum
        end function nn_tensor_sum

        function nn_tensor_mean(x, count, axes, keep) bind(C)
            import :: c_ptr, c_int, c_bool
            type(c_ptr), value :: x
            integer(c_int), value :: count
            integer(c_int), intent(in) :: axes(*)
            logical(c_bool), value :: keep
            type(c_ptr) :: nn_tensor_mean
        end function nn_tensor_mean

        function nn_tensor_max(x, count, axes, keep) bind(C)
            import :: c_ptr, c_int, c_bool
            type(c_ptr), value :: x
            integer(c_int), value :: count
            integer(c_int), intent(in) :: axes(*)
            logical(c_bool), value :: keep
            type(c_ptr) :: nn_tensor_max
        end function nn_tensor_max

        function nn_tensor_softmax(x, axis) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: x
            integer(c_int), value :: axis
            type(c_ptr) :: nn_tensor_softmax
        end function nn_tensor_softmax

        function nn_tensor_log_softmax(x, axis) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: x
            integer(c_int), value :: axis
            type(c_ptr) :: nn_tensor_log_softmax
        end function nn_tensor_log_softmax

        function nn_tensor_reshape(x, rank, dim) bind(C)
            import :: c_ptr, c_int, c_int64_t
            type(c_ptr), value :: x
            integer(c_int), value :: rank
            integer(c_int64_t), intent(in) :: dim(*)
            type(c_ptr) :: nn_tensor_reshape
        end function nn_tensor_reshape

        function nn_tensor_expand(x, rank, dim) bind(C)
            import :: c_ptr, c_int, c_int64_t
            type(c_ptr), value :: x
            integer(c_int), value :: rank
            integer(c_int64_t), intent(in) :: dim(*)
            type(c_ptr) :: nn_tensor_expand
        end function nn_tensor_expand

        function nn_tensor_max_pool2d(x, window) bind(C)
            import :: c_ptr, nn_c_window
            type(c_ptr), value :: x
            type(nn_c_window), intent(in) :: window
            type(c_ptr) :: nn_tensor_max_pool2d
        end function nn_tensor_max_pool2d

        function nn_tensor_avg_pool2d(x, window) bind(C)
            import :: c_ptr, nn_c_window
            type(c_ptr), value :: x
            type(nn_c_window), intent(in) :: window
            type(c_ptr) :: nn_tensor_avg_pool2d
        end function nn_tensor_avg_pool2d

        function nn_tensor_affine(x, factor, summand) bind(C)
            import :: c_ptr, c_double
            type(c_ptr), value :: x
            real(c_double), value :: factor, summand
            type(c_ptr) :: nn_tensor_affine
        end function nn_tensor_affine

        function nn_tensor_power(x, exponent) bind(C)
            import :: c_ptr, c_double
            type(c_ptr), value :: x
            real(c_double), value :: exponent
            type(c_ptr) :: nn_tensor_power
        end function nn_tensor_power

        function nn_tensor_dropout(x, rate, seed, step) bind(C)
            import :: c_ptr, c_double, c_int64_t
            type(c_ptr), value :: x
            real(c_double), value :: rate
            integer(c_int64_t), value :: seed, step
            type(c_ptr) :: nn_tensor_dropout
        end function nn_tensor_dropout

        function nn_tensor_matmul(a, b, transpose_a, transpose_b) bind(C)
            import :: c_ptr, c_bool
            type(c_ptr), value :: a, b
            logical(c_bool), value :: transpose_a, transpose_b
            type(c_ptr) :: nn_tensor_matmul
        end function nn_tensor_matmul

        function nn_tensor_conv2d(x, w, b, window) bind(C)
            import :: c_ptr, nn_c_window
            type(c_ptr), value :: x, w, b
            type(nn_c_window), intent(in) :: window
            type(c_ptr) :: nn_tensor_conv2d
        end function nn_tensor_conv2d

        function nn_tensor_conv_transpose2d(x, w, b, window) bind(C)
            import :: c_ptr, nn_c_window
            type(c_ptr), value :: x, w, b
            type(nn_c_window), intent(in) :: window
            type(c_ptr) :: nn_tensor_conv_transpose2d
        end function nn_tensor_conv_transpose2d

        function nn_tensor_permute(x, axes) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: x
            integer(c_int), intent(in) :: axes(*)
            type(c_ptr) :: nn_tensor_permute
        end function nn_tensor_permute

        function nn_tensor_slice(x, begin, step, count) bind(C)
            import :: c_ptr, c_int64_t
            type(c_ptr), value :: x
            integer(c_int64_t), intent(in) :: begin(*), step(*), count(*)
            type(c_ptr) :: nn_tensor_slice
        end function nn_tensor_slice

        function nn_tensor_concat(count, x, axis) bind(C)
            import :: c_ptr, c_int, c_size_t
            integer(c_size_t), value :: count
            type(c_ptr), intent(in) :: x(*)
            integer(c_int), value :: axis
            type(c_ptr) :: nn_tensor_concat
        end function nn_tensor_concat

        function nn_tensor_layer_norm(x, dims, w, b, eps) bind(C)
            import :: c_ptr, c_int, c_double
            type(c_ptr), value :: x, w, b
            integer(c_int), value :: dims
            real(c_double), value :: eps
            type(c_ptr) :: nn_tensor_layer_norm
        end function nn_tensor_layer_norm

        function nn_tensor_batch_norm(x, w, b, mean, var, training, momentum, eps) bind(C)
            import :: c_ptr, c_bool, c_double
            type(c_ptr), value :: x, w, b, mean, var
            logical(c_bool), value :: training
            real(c_double), value :: momentum, eps
            type(c_ptr) :: nn_tensor_batch_norm
        end function nn_tensor_batch_norm
    end interface
end module nnmpi_c_operations
