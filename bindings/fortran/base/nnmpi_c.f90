! The C functions as they are, for module nnmpi; the headers in include/nnmpi say what they do.
module nnmpi_c
    use, intrinsic :: iso_c_binding
    implicit none

    ! nn_err
    integer, parameter :: NN_OK = 0, NN_EUSAGE = -2, NN_EFORMAT = -3, NN_EDIVERGED = -4, &
        NN_ERANK = -5, NN_EIO = -6, NN_EMEMORY = -7, NN_ESTOPPED = -8, NN_EBUSY = -9
    ! nn_log_level, nn_mismatch
    integer, parameter :: NN_LOG_WARNING = 0, NN_LOG_INFO = 1, NN_LOG_DEBUG = 2
    integer, parameter :: NN_MISMATCH_STOP = 0, NN_MISMATCH_REPAIR = 1
    ! nn_access
    integer, parameter :: NN_READ_PARAMETERS = 1, NN_WRITE_PARAMETERS = 2, NN_GRADIENTS = 3
    ! nn_dtype
    enum, bind(C)
        enumerator :: NN_U8, NN_I8, NN_I16, NN_I32, NN_I64, NN_F32, NN_F64
    end enum
    integer, parameter :: NN_ARRAY_RANK = 5

    type, bind(C) :: nn_array
        integer(c_int) :: type = NN_F32, rank = 0
        integer(c_int64_t) :: dim(NN_ARRAY_RANK) = 0
        type(c_ptr) :: data = c_null_ptr
    end type nn_array

    type, bind(C) :: nn_c_metric
        type(c_ptr) :: name
        real(c_double) :: value
        logical(c_bool) :: table_only
        integer(c_size_t) :: rows, columns
        type(c_ptr) :: table
    end type nn_c_metric

    type, bind(C) :: nn_c_status
        integer(c_int64_t) :: step, total_steps, epoch, epochs
        real(c_double) :: loss, lr, samples_per_s, seconds_left
        logical(c_bool) :: important
        type(c_ptr) :: validation
        real(c_double) :: seconds
        integer(c_int64_t) :: epoch_step, epoch_steps
        real(c_double) :: data_share, compute_share, wait_share
        type(c_ptr) :: best_metric
        real(c_double) :: best_value
        integer(c_int64_t) :: best_step
        type(c_ptr) :: line
    end type nn_c_status

    type, bind(C) :: nn_c_options
        integer(c_size_t) :: size
        type(c_ptr) :: run_dir = c_null_ptr
        logical(c_bool) :: resume = .false._c_bool
        type(c_ptr) :: stop = c_null_ptr
        type(c_funptr) :: begun = c_null_funptr, progress = c_null_funptr
        type(c_ptr) :: ctx = c_null_ptr
        integer(c_int) :: on_mismatch = NN_MISMATCH_STOP
        type(c_ptr) :: save = c_null_ptr
        logical(c_bool) :: in_parts = .false._c_bool
        type(c_funptr) :: ends = c_null_funptr
        logical(c_bool) :: measures = .false._c_bool
        real(c_double) :: progress_every = 0
    end type nn_c_options

    type, bind(C) :: nn_c_minibatch
        integer(c_size_t) :: size
        type(nn_array) :: x, y, w, len
    end type nn_c_minibatch

    type, bind(C) :: nn_c_view
        integer(c_size_t) :: size
        type(c_ptr) :: data = c_null_ptr
        integer(c_int) :: rank = 0
        integer(c_int64_t) :: dim(NN_ARRAY_RANK) = 0, stride(NN_ARRAY_RANK) = 0
        real(c_double) :: weight = 0
    end type nn_c_view

    type, bind(C) :: nn_c_result
        integer(c_size_t) :: size
        integer(c_int64_t) :: steps = 0, epochs = 0
        real(c_double) :: loss = 0, seconds = 0, samples_per_s = 0
        type(c_ptr) :: why = c_null_ptr
        logical(c_bool) :: restored_best = .false._c_bool
        integer(c_int64_t) :: best_step = 0, first_step = 0
        character(c_char) :: digest(65) = c_null_char, run_dir(1024) = c_null_char, &
            verdict(96) = c_null_char
        type(c_ptr) :: test = c_null_ptr
    end type nn_c_result

    abstract interface
        subroutine nn_c_release(object) bind(C)
            import :: c_ptr
            type(c_ptr), value :: object
        end subroutine nn_c_release
    end interface

    interface
        pure function strlen(text) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: text
            integer(c_size_t) :: strlen
        end function strlen

        ! ---- error.h, version.h, log.h

        function nn_error_message() bind(C)
            import :: c_ptr
            type(c_ptr) :: nn_error_message
        end function nn_error_message

        function nn_error_trace_c() bind(C, name='nn_error_trace')
            import :: c_ptr
            type(c_ptr) :: nn_error_trace_c
        end function nn_error_trace_c

        function nn_error_set(code, message) bind(C)
            import :: c_int, c_char
            integer(c_int), value :: code
            character(c_char), intent(in) :: message(*)
            integer(c_int) :: nn_error_set
        end function nn_error_set

        function nn_error_exit_code(code) bind(C)
            import :: c_int
            integer(c_int), value :: code
            integer(c_int) :: nn_error_exit_code
        end function nn_error_exit_code

        function nn_version_c() bind(C, name='nn_version')
            import :: c_ptr
            type(c_ptr) :: nn_version_c
        end function nn_version_c

        subroutine nn_log_to_c(sink, ctx, level) bind(C, name='nn_log_to')
            import :: c_funptr, c_ptr, c_int
            type(c_funptr), value :: sink
            type(c_ptr), value :: ctx
            integer(c_int), value :: level
        end subroutine nn_log_to_c

        ! ---- comm.h

        function nn_comm_init(out) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_comm_init
        end function nn_comm_init

        function nn_comm_from_fortran(handle, out) bind(C)
            import :: c_ptr, c_int
            integer(c_int), value :: handle
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_comm_from_fortran
        end function nn_comm_from_fortran

        function nn_comm_alone(out) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_comm_alone
        end function nn_comm_alone

        subroutine nn_comm_free(comm) bind(C)
            import :: c_ptr
            type(c_ptr), value :: comm
        end subroutine nn_comm_free

        subroutine nn_comm_abort(comm, exit_code) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: comm
            integer(c_int), value :: exit_code
        end subroutine nn_comm_abort

        function nn_comm_rank(comm) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: comm
            integer(c_int) :: nn_comm_rank
        end function nn_comm_rank

        function nn_comm_size(comm) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: comm
            integer(c_int) :: nn_comm_size
        end function nn_comm_size

        function nn_comm_agree(comm, rc) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: comm
            integer(c_int), value :: rc
            integer(c_int) :: nn_comm_agree
        end function nn_comm_agree

        ! ---- config.h

        function nn_config_load(path, out) bind(C)
            import :: c_ptr, c_int, c_char
            character(c_char), intent(in) :: path(*)
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_config_load
        end function nn_config_load

        function nn_config_parse(name, text, length, out) bind(C)
            import :: c_ptr, c_int, c_char, c_size_t
            character(c_char), intent(in) :: name(*), text(*)
            integer(c_size_t), value :: length
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_config_parse
        end function nn_config_parse

        function nn_config_new(name, out) bind(C)
            import :: c_ptr, c_int, c_char
            character(c_char), intent(in) :: name(*)
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_config_new
        end function nn_config_new

        function nn_config_default(out) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_config_default
        end function nn_config_default

        subroutine nn_config_free(config) bind(C)
            import :: c_ptr
            type(c_ptr), value :: config
        end subroutine nn_config_free

        function nn_config_override(config, assignment) bind(C)
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: config
            character(c_char), intent(in) :: assignment(*)
            integer(c_int) :: nn_config_override
        end function nn_config_override

        function nn_config_check(config) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: config
            integer(c_int) :: nn_config_check
        end function nn_config_check

        function nn_config_text(config) bind(C)
            import :: c_ptr
            type(c_ptr), value :: config
            type(c_ptr) :: nn_config_text
        end function nn_config_text

        function nn_config_name(config) bind(C)
            import :: c_ptr
            type(c_ptr), value :: config
            type(c_ptr) :: nn_config_name
        end function nn_config_name

        function nn_config_use_data(config, data) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: config, data
            integer(c_int) :: nn_config_use_data
        end function nn_config_use_data

        ! ---- data.h

        function nn_data_new(out) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_data_new
        end function nn_data_new

        subroutine nn_data_free(data) bind(C)
            import :: c_ptr
            type(c_ptr), value :: data
        end subroutine nn_data_free

        function nn_data_set(data, split, field, array) bind(C)
            import :: c_ptr, c_int, c_char, nn_array
            type(c_ptr), value :: data
            character(c_char), intent(in) :: split(*), field(*)
            type(nn_array), intent(in) :: array
            integer(c_int) :: nn_data_set
        end function nn_data_set

        subroutine nn_data_set_reader(data, read, ctx) bind(C)
            import :: c_ptr, c_funptr
            type(c_ptr), value :: data
            type(c_funptr), value :: read
            type(c_ptr), value :: ctx
        end subroutine nn_data_set_reader

        function nn_data_set_classes(data, count, name) bind(C)
            import :: c_ptr, c_int, c_size_t
            type(c_ptr), value :: data
            integer(c_size_t), value :: count
            type(c_ptr), intent(in) :: name(*)
            integer(c_int) :: nn_data_set_classes
        end function nn_data_set_classes

        function nn_data_set_columns(data, count, name) bind(C)
            import :: c_ptr, c_int, c_size_t
            type(c_ptr), value :: data
            integer(c_size_t), value :: count
            type(c_ptr), intent(in) :: name(*)
            integer(c_int) :: nn_data_set_columns
        end function nn_data_set_columns

        function nn_data_set_tokens(data, kind) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: data, kind
            integer(c_int) :: nn_data_set_tokens
        end function nn_data_set_tokens

        function nn_data_set_scale(data, count, scale, offset) bind(C)
            import :: c_ptr, c_int, c_size_t, c_double
            type(c_ptr), value :: data
            integer(c_size_t), value :: count
            real(c_double), intent(in) :: scale(*), offset(*)
            integer(c_int) :: nn_data_set_scale
        end function nn_data_set_scale

        function nn_data_gather(comm, part, whole) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: comm, part
            type(c_ptr), intent(out) :: whole
            integer(c_int) :: nn_data_gather
        end function nn_data_gather

        ! ---- train.h

        function nn_train_c(comm, config, options, result) bind(C, name='nn_train')
            import :: c_ptr, c_int, nn_c_options, nn_c_result
            type(c_ptr), value :: comm, config
            type(nn_c_options), intent(in) :: options
            type(nn_c_result), intent(inout) :: result
            integer(c_int) :: nn_train_c
        end function nn_train_c

        function nn_evaluate_c(comm, checkpoint, data, split, out) bind(C, name='nn_evaluate')
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: comm
            character(c_char), intent(in) :: checkpoint(*)
            type(c_ptr), value :: data, split
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_evaluate_c
        end function nn_evaluate_c

        subroutine nn_evaluation_free(evaluation) bind(C)
            import :: c_ptr
            type(c_ptr), value :: evaluation
        end subroutine nn_evaluation_free

        function nn_evaluation_split(evaluation) bind(C)
            import :: c_ptr
            type(c_ptr), value :: evaluation
            type(c_ptr) :: nn_evaluation_split
        end function nn_evaluation_split

        function nn_evaluation_samples(evaluation) bind(C)
            import :: c_ptr, c_int64_t
            type(c_ptr), value :: evaluation
            integer(c_int64_t) :: nn_evaluation_samples
        end function nn_evaluation_samples

        function nn_evaluation_ignored(evaluation) bind(C)
            import :: c_ptr, c_int64_t
            type(c_ptr), value :: evaluation
            integer(c_int64_t) :: nn_evaluation_ignored
        end function nn_evaluation_ignored

        function nn_evaluation_loss(evaluation) bind(C)
            import :: c_ptr, c_double
            type(c_ptr), value :: evaluation
            real(c_double) :: nn_evaluation_loss
        end function nn_evaluation_loss

        function nn_evaluation_metrics(evaluation) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: evaluation
            integer(c_size_t) :: nn_evaluation_metrics
        end function nn_evaluation_metrics

        function nn_evaluation_metric(evaluation, i) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: evaluation
            integer(c_size_t), value :: i
            type(c_ptr) :: nn_evaluation_metric
        end function nn_evaluation_metric

        function nn_predictor_open(checkpoint, batch, out) bind(C)
            import :: c_ptr, c_int, c_char, c_size_t
            character(c_char), intent(in) :: checkpoint(*)
            integer(c_size_t), value :: batch
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_predictor_open
        end function nn_predictor_open

        function nn_predictor_set_threads(predictor, threads) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: predictor
            integer(c_int), value :: threads
            integer(c_int) :: nn_predictor_set_threads
        end function nn_predictor_set_threads

        subroutine nn_predictor_free(predictor) bind(C)
            import :: c_ptr
            type(c_ptr), value :: predictor
        end subroutine nn_predictor_free

        function nn_predictor_inputs(predictor) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: predictor
            integer(c_size_t) :: nn_predictor_inputs
        end function nn_predictor_inputs

        function nn_predictor_outputs(predictor) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: predictor
            integer(c_size_t) :: nn_predictor_outputs
        end function nn_predictor_outputs

        function nn_predictor_class(predictor, i) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: predictor
            integer(c_size_t), value :: i
            type(c_ptr) :: nn_predictor_class
        end function nn_predictor_class

        function nn_predict(predictor, count, x, y) bind(C)
            import :: c_ptr, c_int, c_size_t
            type(c_ptr), value :: predictor
            integer(c_size_t), value :: count
            type(c_ptr), value :: x, y
            integer(c_int) :: nn_predict
        end function nn_predict

        function nn_predictor_description(predictor) bind(C)
            import :: c_ptr
            type(c_ptr), value :: predictor
            type(c_ptr) :: nn_predictor_description
        end function nn_predictor_description

        ! ---- training.h

        function nn_training_open(comm, config, options, out) bind(C)
            import :: c_ptr, c_int, nn_c_options
            type(c_ptr), value :: comm, config
            type(nn_c_options), intent(in) :: options
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_training_open
        end function nn_training_open

        function nn_training_goes_on(t) bind(C)
            import :: c_ptr, c_bool
            type(c_ptr), value :: t
            logical(c_bool) :: nn_training_goes_on
        end function nn_training_goes_on

        function nn_training_step(t) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            integer(c_int) :: nn_training_step
        end function nn_training_step

        function nn_training_attend(t) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            integer(c_int) :: nn_training_attend
        end function nn_training_attend

        function nn_training_advance(t, most) bind(C)
            import :: c_ptr, c_int, c_int64_t
            type(c_ptr), value :: t
            integer(c_int64_t), value :: most
            integer(c_int) :: nn_training_advance
        end function nn_training_advance

        function nn_training_finish(t, result) bind(C)
            import :: c_ptr, c_int, nn_c_result
            type(c_ptr), value :: t
            type(nn_c_result), intent(inout) :: result
            integer(c_int) :: nn_training_finish
        end function nn_training_finish

        subroutine nn_training_close(t) bind(C)
            import :: c_ptr
            type(c_ptr), value :: t
        end subroutine nn_training_close

        function nn_training_steps(t) bind(C)
            import :: c_ptr, c_int64_t
            type(c_ptr), value :: t
            integer(c_int64_t) :: nn_training_steps
        end function nn_training_steps

        function nn_training_epoch(t) bind(C)
            import :: c_ptr, c_int64_t
            type(c_ptr), value :: t
            integer(c_int64_t) :: nn_training_epoch
        end function nn_training_epoch

        function nn_training_loss(t) bind(C)
            import :: c_ptr, c_double
            type(c_ptr), value :: t
            real(c_double) :: nn_training_loss
        end function nn_training_loss

        function nn_training_rate(t) bind(C)
            import :: c_ptr, c_double
            type(c_ptr), value :: t
            real(c_double) :: nn_training_rate
        end function nn_training_rate

        function nn_training_scale_rate(t, factor) bind(C)
            import :: c_ptr, c_int, c_double
            type(c_ptr), value :: t
            real(c_double), value :: factor
            integer(c_int) :: nn_training_scale_rate
        end function nn_training_scale_rate

        function nn_training_save(t) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            integer(c_int) :: nn_training_save
        end function nn_training_save

        function nn_training_evaluate(t, split, out) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t, split
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_training_evaluate
        end function nn_training_evaluate

        function nn_training_measure(t, out) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_training_measure
        end function nn_training_measure

        function nn_training_write(t, path, config) bind(C)
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: t, config
            character(c_char), intent(in) :: path(*)
            integer(c_int) :: nn_training_write
        end function nn_training_write

        function nn_training_tensors(t) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: t
            integer(c_size_t) :: nn_training_tensors
        end function nn_training_tensors

        function nn_training_tensor(t, i, shape) bind(C)
            import :: c_ptr, c_size_t, nn_array
            type(c_ptr), value :: t
            integer(c_size_t), value :: i
            type(nn_array), intent(out) :: shape
            type(c_ptr) :: nn_training_tensor
        end function nn_training_tensor

        function nn_training_get(t, tensor, values) bind(C)
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: t
            character(c_char), intent(in) :: tensor(*)
            type(c_ptr), value :: values
            integer(c_int) :: nn_training_get
        end function nn_training_get

        function nn_training_set(t, tensor, values) bind(C)
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: t
            character(c_char), intent(in) :: tensor(*)
            type(c_ptr), value :: values
            integer(c_int) :: nn_training_set
        end function nn_training_set

        function nn_training_get_average(t, tensor, values) bind(C)
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: t
            character(c_char), intent(in) :: tensor(*)
            type(c_ptr), value :: values
            integer(c_int) :: nn_training_get_average
        end function nn_training_get_average

        function nn_training_set_average(t, tensor, values) bind(C)
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: t
            character(c_char), intent(in) :: tensor(*)
            type(c_ptr), value :: values
            integer(c_int) :: nn_training_set_average
        end function nn_training_set_average

        function nn_training_step_on(t, batch) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t, batch
            integer(c_int) :: nn_training_step_on
        end function nn_training_step_on

        function nn_training_most_rows(t) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: t
            integer(c_size_t) :: nn_training_most_rows
        end function nn_training_most_rows

        function nn_training_prediction_size(t) bind(C)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: t
            integer(c_size_t) :: nn_training_prediction_size
        end function nn_training_prediction_size

        function nn_training_predict(t, batch, y) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t, batch, y
            integer(c_int) :: nn_training_predict
        end function nn_training_predict

        function nn_training_forward(t, batch) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t, batch
            integer(c_int) :: nn_training_forward
        end function nn_training_forward

        function nn_training_outputs(t, outputs) bind(C)
            import :: c_ptr, c_int, nn_array
            type(c_ptr), value :: t
            type(nn_array), intent(out) :: outputs
            integer(c_int) :: nn_training_outputs
        end function nn_training_outputs

        function nn_training_take_loss(t, loss) bind(C)
            import :: c_ptr, c_int, c_double
            type(c_ptr), value :: t
            real(c_double), intent(out) :: loss
            integer(c_int) :: nn_training_take_loss
        end function nn_training_take_loss

        function nn_training_backward(t) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            integer(c_int) :: nn_training_backward
        end function nn_training_backward

        function nn_training_sum_gradients(t) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            integer(c_int) :: nn_training_sum_gradients
        end function nn_training_sum_gradients

        function nn_training_update(t) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            integer(c_int) :: nn_training_update
        end function nn_training_update

        function nn_training_get_gradient(t, tensor, values) bind(C)
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: t
            character(c_char), intent(in) :: tensor(*)
            type(c_ptr), value :: values
            integer(c_int) :: nn_training_get_gradient
        end function nn_training_get_gradient

        function nn_training_set_gradient(t, tensor, values) bind(C)
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: t
            character(c_char), intent(in) :: tensor(*)
            type(c_ptr), value :: values
            integer(c_int) :: nn_training_set_gradient
        end function nn_training_set_gradient

        function nn_training_take(t, access) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            integer(c_int), value :: access
            integer(c_int) :: nn_training_take
        end function nn_training_take

        function nn_training_view(t, tensor, view) bind(C)
            import :: c_ptr, c_int, c_char, nn_c_view
            type(c_ptr), value :: t
            character(c_char), intent(in) :: tensor(*)
            type(nn_c_view), intent(inout) :: view
            integer(c_int) :: nn_training_view
        end function nn_training_view

        function nn_training_restore(t) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: t
            integer(c_int) :: nn_training_restore
        end function nn_training_restore

        function nn_training_set_rate(t, rate) bind(C)
            import :: c_ptr, c_int, c_double
            type(c_ptr), value :: t
            real(c_double), value :: rate
            integer(c_int) :: nn_training_set_rate
        end function nn_training_set_rate

        function nn_training_load(t, checkpoint) bind(C)
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: t
            character(c_char), intent(in) :: checkpoint(*)
            integer(c_int) :: nn_training_load
        end function nn_training_load

        ! ---- model.h

        function nn_model_new(out) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_model_new
        end function nn_model_new

        subroutine nn_model_free(model) bind(C)
            import :: c_ptr
            type(c_ptr), value :: model
        end subroutine nn_model_free

        function nn_model_add(model, kind, inputs, options) bind(C)
            import :: c_ptr, c_int, c_char
            type(c_ptr), value :: model
            character(c_char), intent(in) :: kind(*)
            type(c_ptr), value :: inputs, options
            integer(c_int) :: nn_model_add
        end function nn_model_add

        function nn_model_yaml(model) bind(C)
            import :: c_ptr
            type(c_ptr), value :: model
            type(c_ptr) :: nn_model_yaml
        end function nn_model_yaml

        function nn_config_use_model(config, model) bind(C)
            import :: c_ptr, c_int
            type(c_ptr), value :: config, model
            integer(c_int) :: nn_config_use_model
        end function nn_config_use_model

        ! ---- checkpoint.h

        function nn_checkpoint_digest_c(path, hex) bind(C, name='nn_checkpoint_digest')
            import :: c_int, c_char
            character(c_char), intent(in) :: path(*)
            character(c_char), intent(out) :: hex(65)
            integer(c_int) :: nn_checkpoint_digest_c
        end function nn_checkpoint_digest_c
    end interface
end module nnmpi_c
