! The C functions of tensor.h as they are, for module nnmpi; the header says what they do. Those that
! make tensors of tensors are in nnmpi_c_operations.
module nnmpi_c_tensor
    use, intrinsic :: iso_c_binding
    implicit none

    type, bind(C) :: nn_c_scope
        type(c_ptr) :: outer = c_null_ptr, made = c_null_ptr
    end type nn_c_scope

    ! What a schedule keeps from one value to the next.
    type, bind(C) :: nn_schedule_state
        real(c_double) :: factor, best
        integer(c_int64_t) :: bad, cooldown
    end type nn_schedule_state

    interface
        function nn_error_code() bind(C)
            import :: c_int
            integer(c_int) :: nn_error_code
        end function nn_error_code

        function nn_tensor_new(type, rank, dim, values) bind(C)
            import :: c_ptr, c_int, c_int64_t
            integer(c_int), value :: type, rank
            integer(c_int64_t), intent(in) :: dim(*)
            type(c_ptr), value :: values
            type(c_ptr) :: nn_tensor_new
        end function nn_tensor_new

        subroutine nn_tensor_release(t) bind(C)
            import :: c_ptr
            type(c_ptr), value :: t
        end subroutine nn_tensor_release

        pure function nn_tensor_rank(t) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            integer(c_int) :: nn_tensor_rank
        end function nn_tensor_rank

        pure function nn_tensor_count(t) bind(C)
            import :: c_ptr, c_int64_t
            type(c_ptr), value :: t
            integer(c_int64_t) :: nn_tensor_count
        end function nn_tensor_count

        pure function nn_tensor_type(t) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            integer(c_int) :: nn_tensor_type
        end function nn_tensor_type

        function nn_tensor_set_values(t, type, values) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t, values
            integer(c_int), value :: type
            integer(c_int) :: nn_tensor_set_values
        end function nn_tensor_set_values

        subroutine nn_tensor_scope_open(scope) bind(C)
            import :: nn_c_scope
            type(nn_c_scope), intent(inout) :: scope
        end subroutine nn_tensor_scope_open

        subroutine nn_tensor_scope_close(scope) bind(C)
            import :: nn_c_scope
            type(nn_c_scope), intent(inout) :: scope
        end subroutine nn_tensor_scope_close

        function nn_tensor_live_c() bind(C, name='nn_tensor_live')
            import :: c_int64_t
            integer(c_int64_t) :: nn_tensor_live_c
        end function nn_tensor_live_c

        subroutine nn_tensor_trim_c() bind(C, name='nn_tensor_trim')
        end subroutine nn_tensor_trim_c

        subroutine nn_tensor_set_threads_c(threads) bind(C, name='nn_tensor_set_threads')
            import :: c_int
            integer(c_int), value :: threads
        end subroutine nn_tensor_set_threads_c

        function nn_tensor_requires_grad(t) bind(C)
            import :: c_ptr, c_bool
            type(c_ptr), value :: t
            logical(c_bool) :: nn_tensor_requires_grad
        end function nn_tensor_requires_grad

        function nn_tensor_require_grad(t, on) bind(C)
            import :: c_ptr, c_int, c_bool
            type(c_ptr), value :: t
            logical(c_bool), value :: on
            integer(c_int) :: nn_tensor_require_grad
        end function nn_tensor_require_grad

        function nn_tensor_set_gradient(t, gradient) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t, gradient
            integer(c_int) :: nn_tensor_set_gradient
        end function nn_tensor_set_gradient

        function nn_tensor_record_c(on) bind(C, name='nn_tensor_record')
            import :: c_bool
            logical(c_bool), value :: on
            logical(c_bool) :: nn_tensor_record_c
        end function nn_tensor_record_c

        function nn_tensor_backward(y, seed, flags) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: y, seed
            integer(c_int), value :: flags
            integer(c_int) :: nn_tensor_backward
        end function nn_tensor_backward

        function nn_tensor_grad(outputs, y, seed, inputs, x, flags, gradient) bind(C)
            import :: c_ptr, c_int, c_size_t
            integer(c_size_t), value :: outputs, inputs
            type(c_ptr), intent(in) :: y(*), seed(*), x(*)
            integer(c_int), value :: flags
            type(c_ptr), intent(out) :: gradient(*)
            integer(c_int) :: nn_tensor_grad
        end function nn_tensor_grad

        function nn_tensor_initialize(t, initializer, seed, name) bind(C)
            import :: c_ptr, c_int, c_char, c_int64_t
            type(c_ptr), value :: t
            character(c_char), intent(in) :: initializer(*), name(*)
            integer(c_int64_t), value :: seed
            integer(c_int) :: nn_tensor_initialize
        end function nn_tensor_initialize

        function nn_optimizer_new(comm, optimizer, count, params, out) bind(C)
            import :: c_ptr, c_int, c_char, c_size_t
            type(c_ptr), value :: comm
            character(c_char), intent(in) :: optimizer(*)
            integer(c_size_t), value :: count
            type(c_ptr), intent(in) :: params(*)
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_optimizer_new
        end function nn_optimizer_new

        function nn_optimizer_average_gradients(o, weight) bind(C)
            import :: c_ptr, c_int, c_double
            type(c_ptr), value :: o
            real(c_double), value :: weight
            integer(c_int) :: nn_optimizer_average_gradients
        end function nn_optimizer_average_gradients

        function nn_optimizer_step(o, weight) bind(C)
            import :: c_ptr, c_int, c_double
            type(c_ptr), value :: o
            real(c_double), value :: weight
            integer(c_int) :: nn_optimizer_step
        end function nn_optimizer_step

        subroutine nn_optimizer_zero_gradients(o) bind(C)
            import :: c_ptr
            type(c_ptr), value :: o
        end subroutine nn_optimizer_zero_gradients

        function nn_optimizer_steps(o) bind(C)
            import :: c_ptr, c_int64_t
            type(c_ptr), value :: o
            integer(c_int64_t) :: nn_optimizer_steps
        end function nn_optimizer_steps

        function nn_optimizer_rate(o) bind(C)
            import :: c_ptr, c_double
            type(c_ptr), value :: o
            real(c_double) :: nn_optimizer_rate
        end function nn_optimizer_rate

        function nn_optimizer_set_rate(o, rate) bind(C)
            import :: c_ptr, c_int, c_double
            type(c_ptr), value :: o
            real(c_double), value :: rate
            integer(c_int) :: nn_optimizer_set_rate
        end function nn_optimizer_set_rate

        subroutine nn_optimizer_free(o) bind(C)
            import :: c_ptr
            type(c_ptr), value :: o
        end subroutine nn_optimizer_free

        function nn_optimizer_slots(o) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: o
            integer(c_size_t) :: nn_optimizer_slots
        end function nn_optimizer_slots

        function nn_optimizer_slot(o, slot) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: o
            integer(c_size_t), value :: slot
            type(c_ptr) :: nn_optimizer_slot
        end function nn_optimizer_slot

        function nn_optimizer_param_size(o, param) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: o
            integer(c_size_t), value :: param
            integer(c_size_t) :: nn_optimizer_param_size
        end function nn_optimizer_param_size

        function nn_optimizer_get_slot(o, param, slot, values) bind(C)
            import :: c_ptr, c_int, c_size_t, c_float
            type(c_ptr), value :: o
            integer(c_size_t), value :: param, slot
            real(c_float), intent(inout) :: values(*)
            integer(c_int) :: nn_optimizer_get_slot
        end function nn_optimizer_get_slot

        function nn_optimizer_set_slot(o, param, slot, values) bind(C)
            import :: c_ptr, c_int, c_size_t, c_float
            type(c_ptr), value :: o
            integer(c_size_t), value :: param, slot
            real(c_float), intent(in) :: values(*)
            integer(c_int) :: nn_optimizer_set_slot
        end function nn_optimizer_set_slot

        function nn_optimizer_param_steps(o, param) bind(C)
            import :: c_ptr, c_int64_t, c_size_t
            type(c_ptr), value :: o
            integer(c_size_t), value :: param
            integer(c_int64_t) :: nn_optimizer_param_steps
        end function nn_optimizer_param_steps

        function nn_optimizer_set_param_steps(o, param, steps) bind(C)
            import :: c_ptr, c_int, c_int64_t, c_size_t
            type(c_ptr), value :: o
            integer(c_size_t), value :: param
            integer(c_int64_t), value :: steps
            integer(c_int) :: nn_optimizer_set_param_steps
        end function nn_optimizer_set_param_steps

        function nn_schedule_new(schedule, out) bind(C)
            import :: c_ptr, c_int, c_char
            character(c_char), intent(in) :: schedule(*)
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_schedule_new
        end function nn_schedule_new

        subroutine nn_schedule_free(s) bind(C)
            import :: c_ptr
            type(c_ptr), value :: s
        end subroutine nn_schedule_free

        function nn_schedule_factor(s, t, end) bind(C)
            import :: c_ptr, c_double, c_int64_t
            type(c_ptr), value :: s
            integer(c_int64_t), value :: t, end
            real(c_double) :: nn_schedule_factor
        end function nn_schedule_factor

        function nn_schedule_observe(s, value, larger_is_better, rate) bind(C)
            import :: c_ptr, c_int, c_double, c_bool
            type(c_ptr), value :: s
            real(c_double), value :: value, rate
            logical(c_bool), value :: larger_is_better
            integer(c_int) :: nn_schedule_observe
        end function nn_schedule_observe

        function nn_schedule_get_state(s) bind(C)
            import :: c_ptr, nn_schedule_state
            type(c_ptr), value :: s
            type(nn_schedule_state) :: nn_schedule_get_state
        end function nn_schedule_get_state

        function nn_schedule_set_state(s, state) bind(C)
            import :: c_ptr, c_int, nn_schedule_state
            type(c_ptr), value :: s
            type(nn_schedule_state), value :: state
            integer(c_int) :: nn_schedule_set_state
        end function nn_schedule_set_state

        function nn_tensor_detach(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_detach
        end function nn_tensor_detach

        function nn_tensor_dims(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_dims
        end function nn_tensor_dims

        function nn_tensor_gradient(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_gradient
        end function nn_tensor_gradient

        function nn_tensor_retain(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_retain
        end function nn_tensor_retain

        function nn_tensor_values(x) bind(C)
            import :: c_ptr
            type(c_ptr), value :: x
            type(c_ptr) :: nn_tensor_values
        end function nn_tensor_values
    end interface
end module nnmpi_c_tensor
