! The C structs and functions of extend.h as they are, for module nnmpi_extend.
module nnmpi_c_extend
    use, intrinsic :: iso_c_binding
    implicit none

    enum, bind(C)
        enumerator :: NN_PARAM_IS_WEIGHT, NN_PARAM_IS_BIAS, NN_PARAM_IS_CONSTANT
    end enum
    enum, bind(C)
        enumerator :: NN_TARGETS_ARE_NUMBERS, NN_TARGETS_ARE_CLASSES
    end enum
    integer, parameter :: NN_OPT_INT = 1, NN_OPT_REAL = 2 ! of nn_option_type
    integer, parameter :: NN_MAX_RANK = 4, NN_LAYER_MAX_PARAMS = 16

    type, bind(C) :: nn_shape
        integer(c_int) :: rank = 0
        integer(c_int64_t) :: dim(NN_MAX_RANK) = 0
    end type nn_shape

    type, bind(C) :: nn_c_option
        type(c_ptr) :: key = c_null_ptr
        integer(c_int) :: type = 0
        integer(c_size_t) :: offset = 0
        type(c_ptr) :: fallback = c_null_ptr, range = c_null_ptr, help = c_null_ptr
    end type nn_c_option

    type, bind(C) :: nn_c_param_spec
        type(c_ptr) :: name
        integer(c_int) :: kind
        real(c_float) :: value
        type(nn_shape) :: shape
        integer(c_int64_t) :: fan_in, fan_out
    end type nn_c_param_spec

    type, bind(C) :: nn_c_layer_layout
        type(c_ptr) :: options
        integer(c_size_t) :: inputs
        type(c_ptr) :: in
        type(nn_shape) :: out
        integer(c_size_t) :: params
        type(nn_c_param_spec) :: param(NN_LAYER_MAX_PARAMS)
        integer(c_size_t) :: save, scratch
    end type nn_c_layer_layout

    type, bind(C) :: nn_c_layer_call
        type(c_ptr) :: options
        integer(c_size_t) :: rows, inputs, params
        type(c_ptr) :: in, out, x, y, dy, dx, w, g, save, scratch, length
        logical(c_bool) :: training
        integer(c_int64_t) :: seed, step
        type(c_ptr) :: sample
    end type nn_c_layer_call

    type, bind(C) :: nn_c_layer_def
        integer(c_size_t) :: size
        type(c_ptr) :: name, help, options
        integer(c_size_t) :: options_size
        type(c_ptr) :: ctx
        type(c_funptr) :: plan = c_null_funptr, forward = c_null_funptr, backward = c_null_funptr
        logical(c_bool) :: activation, rectifier, reproducible
    end type nn_c_layer_def

    type, bind(C) :: nn_c_loss_call
        type(c_ptr) :: options
        integer(c_size_t) :: rows, outputs
        type(c_ptr) :: z, y, label, loss, dz
    end type nn_c_loss_call

    type, bind(C) :: nn_c_loss_def
        integer(c_size_t) :: size
        type(c_ptr) :: name, help, options
        integer(c_size_t) :: options_size
        type(c_ptr) :: ctx
        integer(c_int) :: targets
        type(c_ptr) :: fuses = c_null_ptr
        type(c_funptr) :: plan = c_null_funptr, eval = c_null_funptr
        logical(c_bool) :: reproducible
    end type nn_c_loss_def

    type, bind(C) :: nn_c_metric_call
        type(c_ptr) :: options
        integer(c_size_t) :: rows, outputs
        type(c_ptr) :: z, fused
        real(c_double) :: threshold
        type(c_ptr) :: label, y, weight, sums
    end type nn_c_metric_call

    type, bind(C) :: nn_c_metric_def
        integer(c_size_t) :: size
        type(c_ptr) :: name, help, options
        integer(c_size_t) :: options_size
        type(c_ptr) :: ctx
        type(c_funptr) :: plan = c_null_funptr, add = c_null_funptr, value = c_null_funptr
        logical(c_bool) :: larger_is_better
    end type nn_c_metric_def

    type, bind(C) :: nn_c_gradient_options
        integer(c_size_t) :: size
        type(nn_shape) :: input
        integer(c_size_t) :: rows = 0
        type(c_ptr) :: length = c_null_ptr
        integer(c_size_t) :: elements = 0
        real(c_double) :: tolerance = 0
        integer(c_int64_t) :: seed = 0
    end type nn_c_gradient_options

    type, bind(C) :: nn_c_gradient_result
        integer(c_size_t) :: size
        real(c_double) :: error = 0
        character(c_char) :: tensor(128) = c_null_char
        integer(c_int64_t) :: index = 0
        real(c_double) :: backward = 0, difference = 0
        integer(c_size_t) :: compared = 0, uncertain = 0
    end type nn_c_gradient_result

    interface
        function nn_layer_register(def) bind(C)
            import :: c_int, nn_c_layer_def
            type(nn_c_layer_def), intent(in) :: def
            integer(c_int) :: nn_layer_register
        end function nn_layer_register

        function nn_loss_register(def) bind(C)
            import :: c_int, nn_c_loss_def
            type(nn_c_loss_def), intent(in) :: def
            integer(c_int) :: nn_loss_register
        end function nn_loss_register

        function nn_metric_register(def) bind(C)
            import :: c_int, nn_c_metric_def
            type(nn_c_metric_def), intent(in) :: def
            integer(c_int) :: nn_metric_register
        end function nn_metric_register

        function nn_extend_fail(code, why) bind(C)
            import :: c_int, c_char
            integer(c_int), value :: code
            character(c_char), intent(in) :: why(*)
            integer(c_int) :: nn_extend_fail
        end function nn_extend_fail

        function nn_gradient_check_c(model, loss, options, result) bind(C, name='nn_gradient_check')
            import :: c_int, c_ptr, c_char, nn_c_gradient_options, nn_c_gradient_result
            character(c_char), intent(in) :: model(*)
            type(c_ptr), value :: loss
            type(nn_c_gradient_options), intent(in) :: options
            type(nn_c_gradient_result), intent(inout) :: result
            integer(c_int) :: nn_gradient_check_c
        end function nn_gradient_check_c
    end interface
end module nnmpi_c_extend
