! Evaluations, checkpoints, prediction: a part of module nnmpi.
module nnmpi_predict
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real32, real64
    use nnmpi_array
    use nnmpi_base
    use nnmpi_c
    use nnmpi_comm
    implicit none
    private

    public :: nn_evaluation, nn_predictor, nn_evaluate, nn_checkpoint_digest

    type, extends(nn_handle) :: nn_evaluation
    contains
        procedure :: split => evaluation_split
        procedure :: samples => evaluation_samples
        procedure :: ignored => evaluation_ignored
        procedure :: loss => evaluation_loss
        procedure :: metrics => evaluation_metrics ! how many there are
        procedure :: metric_name => evaluation_metric_name
        procedure, private :: evaluation_metric_i, evaluation_metric_named
        generic :: metric => evaluation_metric_i, evaluation_metric_named
        procedure :: table => evaluation_table ! (columns, rows) of a metric that has one
    end type nn_evaluation

    type, extends(nn_handle) :: nn_predictor
    contains
        procedure :: open => predictor_open
        procedure :: set_threads => predictor_set_threads
        procedure :: inputs => predictor_inputs
        procedure :: outputs => predictor_outputs
        procedure :: class_name => predictor_class_name
        procedure :: description => predictor_description ! of model and data, as JSON
        procedure, private :: predict_1, predict_2, predict_3, predict_4
        generic :: predict => predict_1, predict_2, predict_3, predict_4
    end type nn_predictor

contains

    ! ---- evaluations -----------------------------------------------------------------------------

    function evaluation_split(self) result(split)
        class(nn_evaluation), intent(in) :: self
        character(:), allocatable :: split
        split = fortran_text(nn_evaluation_split(need(self, 'nn_evaluation%split')))
    end function evaluation_split

    integer(int64) function evaluation_samples(self)
        class(nn_evaluation), intent(in) :: self
        evaluation_samples = nn_evaluation_samples(need(self, 'nn_evaluation%samples'))
    end function evaluation_samples

    integer(int64) function evaluation_ignored(self)
        class(nn_evaluation), intent(in) :: self
        evaluation_ignored = nn_evaluation_ignored(need(self, 'nn_evaluation%ignored'))
    end function evaluation_ignored

    real(real64) function evaluation_loss(self)
        class(nn_evaluation), intent(in) :: self
        evaluation_loss = nn_evaluation_loss(need(self, 'nn_evaluation%loss'))
    end function evaluation_loss

    integer function evaluation_metrics(self)
        class(nn_evaluation), intent(in) :: self
        evaluation_metrics = int(nn_evaluation_metrics(need(self, 'nn_evaluation%metrics')))
    end function evaluation_metrics

    function metric_of(self, i) result(metric)
        class(nn_evaluation), intent(in) :: self
        integer, intent(in) :: i
        type(nn_c_metric), pointer :: metric
        call check_place('nn_evaluation: metric', i, self%metrics())
        call c_f_pointer(nn_evaluation_metric(self%node%c, int(i - 1, c_size_t)), metric)
    end function metric_of

    function evaluation_metric_name(self, i) result(name)
        class(nn_evaluation), intent(in) :: self
        integer, intent(in) :: i
        character(:), allocatable :: name
        type(nn_c_metric), pointer :: metric
        metric => metric_of(self, i)
        name = fortran_text(metric%name)
    end function evaluation_metric_name

    ! NaN where there is none.
    real(real64) function evaluation_metric_i(self, i) result(value)
        class(nn_evaluation), intent(in) :: self
        integer, intent(in) :: i
        type(nn_c_metric), pointer :: metric
        metric => metric_of(self, i)
        value = metric%value
    end function evaluation_metric_i

    real(real64) function evaluation_metric_named(self, name) result(value)
        class(nn_evaluation), intent(in) :: self
        character(*), intent(in) :: name
        character(:), allocatable :: names
        integer :: i
        names = ''
        do i = 1, self%metrics()
            if (self%metric_name(i) == name) then
                value = self%metric(i)
                return
            end if
            names = names//' '//self%metric_name(i)
        end do
        call conclude(misuse('nn_evaluation: no metric '''//name//'''; there are:'//names// &
                             ' (validate.metrics)'))
        value = 0
    end function evaluation_metric_named

    ! Of confusion: (predicted class, class). No elements where the metric has no table.
    function evaluation_table(self, i) result(table)
        class(nn_evaluation), intent(in) :: self
        integer, intent(in) :: i
        real(real64), allocatable :: table(:, :)
        real(real64), pointer :: numbers(:, :)
        type(nn_c_metric), pointer :: metric
        metric => metric_of(self, i)
        if (metric%rows == 0) then
            allocate (table(0, 0))
            return
        end if
        call c_f_pointer(metric%table, numbers, [metric%columns, metric%rows])
        table = numbers
    end function evaluation_table

    ! ---- checkpoints -----------------------------------------------------------------------------

    ! A checkpoint on a split of its own data set or of the file `data`.
    subroutine nn_evaluate(comm, checkpoint, evaluation, data, split, stat, errmsg)
        class(nn_comm), intent(in) :: comm
        character(*), intent(in) :: checkpoint
        type(nn_evaluation), intent(inout) :: evaluation
        character(*), intent(in), optional :: data, split
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(optional_text) :: file, name
        type(c_ptr) :: c
        integer(c_int) :: rc
        call set_text(file, data)
        call set_text(name, split)
        rc = ready(comm, 'nn_evaluate: the comm')
        if (rc == 0) &
            rc = nn_evaluate_c(comm%node%c, c_text(checkpoint), at_text(file), at_text(name), c)
        if (rc == 0) call adopt(evaluation, c, nn_evaluation_free)
        call conclude(rc, stat, errmsg)
    end subroutine nn_evaluate

    ! The SHA-256 over its parameters.
    subroutine nn_checkpoint_digest(path, hex, stat, errmsg)
        character(*), intent(in) :: path
        character(64), intent(out) :: hex
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        character(c_char), target :: text(65)
        integer(c_int) :: rc
        hex = ''
        rc = nn_checkpoint_digest_c(c_text(path), text)
        if (rc == 0) hex = chars_text(text)
        call conclude(rc, stat, errmsg)
    end subroutine nn_checkpoint_digest

    ! ---- prediction ------------------------------------------------------------------------------

    ! Memory for `batch` samples at a time, 64 unless it says otherwise.
    subroutine predictor_open(self, checkpoint, batch, stat, errmsg)
        class(nn_predictor), intent(inout) :: self
        character(*), intent(in) :: checkpoint
        integer, intent(in), optional :: batch
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_size_t) :: samples
        type(c_ptr) :: c
        integer(c_int) :: rc
        samples = 64
        if (present(batch)) samples = int(max(batch, 0), c_size_t)
        rc = nn_predictor_open(c_text(checkpoint), samples, c)
        if (rc == 0) call adopt(self, c, nn_predictor_free)
        call conclude(rc, stat, errmsg)
    end subroutine predictor_open

    subroutine predictor_set_threads(self, threads, stat, errmsg)
        class(nn_predictor), intent(in) :: self
        integer, intent(in) :: threads
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_predictor%set_threads')
        if (rc == 0) rc = nn_predictor_set_threads(self%node%c, threads)
        call conclude(rc, stat, errmsg)
    end subroutine predictor_set_threads

    integer function predictor_inputs(self)
        class(nn_predictor), intent(in) :: self
        predictor_inputs = int(nn_predictor_inputs(need(self, 'nn_predictor%inputs')))
    end function predictor_inputs

    integer function predictor_outputs(self)
        class(nn_predictor), intent(in) :: self
        predictor_outputs = int(nn_predictor_outputs(need(self, 'nn_predictor%outputs')))
    end function predictor_outputs

    ! Of output i, from 1; '' where it has none.
    function predictor_class_name(self, i) result(name)
        class(nn_predictor), intent(in) :: self
        integer, intent(in) :: i
        character(:), allocatable :: name
        call check_place('nn_predictor%class_name: output', i, self%outputs())
        name = fortran_text(nn_predictor_class(self%node%c, int(i - 1, c_size_t)))
    end function predictor_class_name

    function predictor_description(self) result(json)
        class(nn_predictor), intent(in) :: self
        character(:), allocatable :: json
        json = fortran_text(nn_predictor_description(need(self, 'nn_predictor%description')))
    end function predictor_description

    ! y(outputs, samples) of x, both flat.
    subroutine predict(self, rc, x, y_of, stat, errmsg)
        class(nn_predictor), intent(in) :: self
        integer(c_int), intent(in) :: rc
        type(nn_array), intent(in) :: x
        class(*), intent(inout), target :: y_of(:, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        real(real32), allocatable, target :: floats(:), results(:)
        type(nn_array) :: y
        integer(int64) :: samples
        integer(c_int) :: code
        code = rc
        if (code == 0) code = ready(self, 'nn_predictor%predict')
        if (code == 0) code = view('nn_predictor%predict: y', y_of, y)
        if (code == 0) code = check_predict(self, x, y)
        if (code == 0) then
            samples = y%dim(1)
            call to_floats(x, floats)
            allocate (results(count_of(y)))
            code = nn_predict(self%node%c, samples, c_loc(floats), c_loc(results))
            if (code == 0) code = from_floats('nn_predictor%predict: y', results, y)
        end if
        call conclude(code, stat, errmsg)
    end subroutine predict

    integer(c_int) function check_predict(self, x, y) result(rc)
        class(nn_predictor), intent(in) :: self
        type(nn_array), intent(in) :: x, y
        integer(int64) :: samples
        rc = 0
        samples = count_of(x)/self%inputs()
        if (samples*self%inputs() /= count_of(x)) then
            rc = misuse('nn_predictor%predict: x'//shape_text(dims_of(x))//' does not divide into '// &
                        'samples of '//number(int(self%inputs(), int64))//' numbers')
        else if (y%dim(2) /= self%outputs() .or. y%dim(1) /= samples) then
            rc = misuse('nn_predictor%predict: y'//shape_text(dims_of(y))//' is to be y'// &
                        shape_text([int(self%outputs(), int64), samples]))
        end if
    end function check_predict

    subroutine predict_1(self, x, y, stat, errmsg)
        class(nn_predictor), intent(in) :: self
        class(*), intent(in), target :: x(:)
        class(*), intent(inout), target :: y(:, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_predictor%predict: x', x, array)
        call predict(self, rc, array, y, stat, errmsg)
    end subroutine predict_1

    subroutine predict_2(self, x, y, stat, errmsg)
        class(nn_predictor), intent(in) :: self
        class(*), intent(in), target :: x(:, :)
        class(*), intent(inout), target :: y(:, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_predictor%predict: x', x, array)
        call predict(self, rc, array, y, stat, errmsg)
    end subroutine predict_2

    subroutine predict_3(self, x, y, stat, errmsg)
        class(nn_predictor), intent(in) :: self
        class(*), intent(in), target :: x(:, :, :)
        class(*), intent(inout), target :: y(:, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_predictor%predict: x', x, array)
        call predict(self, rc, array, y, stat, errmsg)
    end subroutine predict_3

    subroutine predict_4(self, x, y, stat, errmsg)
        class(nn_predictor), intent(in) :: self
        class(*), intent(in), target :: x(:, :, :, :)
        class(*), intent(inout), target :: y(:, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_predictor%predict: x', x, array)
        call predict(self, rc, array, y, stat, errmsg)
    end subroutine predict_4
end module nnmpi_predict
