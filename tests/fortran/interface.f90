! ranks: 1 2
! The Fortran interface: handles in any order, arrays of all types and ranks, copied and borrowed, procedures of the
! program, and misuse, which is an error with stat and errmsg.
module interface_test
    use nnmpi
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env
    implicit none

    integer, parameter :: n = 96
    character(*), parameter :: net = 'model: [dense: {name: fc1, units: 8, activation: tanh},'// &
        ' dense: {name: out, units: 2}]'//new_line('a')//'loss: cross_entropy'//new_line('a')// &
        'train: {epochs: 2, batch_size: 16, lr: 0.1}'//new_line('a')// &
        'validate: {metrics: [accuracy, confusion]}'
    real(real64), target :: x(4, n)
    integer(int32), target :: y(n)
    integer :: failures = 0, reports = 0, begun = 0, lines = 0

contains

    subroutine check(ok, what)
        logical, intent(in) :: ok
        character(*), intent(in) :: what
        if (ok) return
        failures = failures + 1
        write (error_unit, '(2a)') 'does not hold: ', what
    end subroutine check

    ! A call failed with this code and this in its message, which is emptied for the next one.
    subroutine failed(stat, code, errmsg, part)
        integer, intent(in) :: stat, code
        character(*), intent(inout) :: errmsg
        character(*), intent(in) :: part
        call check(stat == code .and. index(errmsg, part) > 0, part//', but: '//trim(errmsg))
        errmsg = ''
    end subroutine failed

    subroutine make_points()
        integer :: i
        x = reshape([(sin(1 + real(mod(i*i, 1009), real64)), i=0, 4*n - 1)], [4, n])
        y = merge(1, 0, x(1, :) > 0)
    end subroutine make_points

    subroutine configure(config)
        type(nn_config), intent(inout) :: config
        type(nn_data) :: data            ! goes before the configuration, which keeps it
        call data%set('train', 'x', x, borrow=.true.)
        call data%set('train', 'y', y)
        call data%set('test', 'x', real(x(:, 1:32:2), real32))
        call data%set('test', 'y', int(y(1:32:2), int8))
        call config%parse('net', net)
        call config%use_data(data)
    end subroutine configure

    ! ---- procedures that nnmpi calls

    subroutine count_begun()
        begun = begun + 1
    end subroutine count_begun

    subroutine count_reports(status)
        type(nn_status), intent(in) :: status
        if (status%step > 0) reports = reports + 1
    end subroutine count_reports

    subroutine count_lines(level, line)
        integer, intent(in) :: level
        character(*), intent(in) :: line
        if (level >= 0 .and. len(line) > 0) lines = lines + 1
    end subroutine count_lines

    subroutine read_rows(split, field, first, last, out, stat)
        character(*), intent(in) :: split, field
        integer(int64), intent(in) :: first, last
        type(c_ptr), intent(in) :: out
        integer, intent(out) :: stat
        real(real64), pointer :: rows(:, :)
        call c_f_pointer(out, rows, [4_int64, last - first + 1])
        rows = x(:, first:last)
        stat = merge(0, 1, split == 'train' .and. field == 'x')
    end subroutine read_rows

    subroutine read_nothing(split, field, first, last, out, stat)
        character(*), intent(in) :: split, field
        integer(int64), intent(in) :: first, last
        type(c_ptr), intent(in) :: out
        integer, intent(out) :: stat
        stat = 7
        if (len(split) + len(field) + last < first .or. .not. c_associated(out)) stat = 0
    end subroutine read_nothing

    ! ---- what works

    subroutine trains(comm)
        type(nn_comm), intent(in) :: comm
        type(nn_config) :: config
        type(nn_train_options) :: options
        type(nn_train_result) :: whole, driven
        type(nn_training) :: training, same
        type(nn_evaluation) :: evaluation
        real(real32), allocatable :: weight(:, :)
        real(real64) :: flat(32)
        integer(int64), allocatable :: dims(:)
        integer :: stat, unit
        character(200) :: errmsg
        character(40) :: path
        options%run_dir = ''
        options%begun => count_begun
        options%progress => count_reports
        call configure(config)
        call nn_train(comm, config, options, whole)
        call check(begun == 1, 'begun was called')
        call check((reports > 0) .eqv. (comm%rank() == 0), 'progress was called on rank 0')
        call check(whole%test%metric_name(1) == 'accuracy', 'the first metric is accuracy')
        call check(nint(sum(whole%test%table(2))) == 16, 'a table of 16 samples')
        options%measures = .true.
        call training%open(comm, config, options)
        call config%free()               ! the training keeps it
        same = training
        call training%advance(2)
        call check(same%steps() == 2, 'two steps')
        call same%advance(100)
        call check(training%steps() == 6 .and. training%epoch() == 2, 'to the end of the epoch')
        do while (training%goes_on())
            call training%step()
            call same%attend()
        end do
        dims = training%tensor_shape(1)
        call check(training%tensor_name(1) == 'fc1/weight' .and. all(dims == [4, 8]), 'fc1/weight')
        allocate (weight(4, 8))
        call training%get('fc1/weight', weight)
        call training%get('fc1/weight', flat)
        call check(all(weight == real(reshape(flat, [4, 8]), real32)), 'weights as real64')
        call training%set_average('fc1/weight', weight)
        call training%get_average('fc1/weight', weight)
        call check(all(abs(weight - real(reshape(flat, [4, 8]), real32)) <= 0), 'the average')
        call training%set('fc1/weight', flat)
        call views(training)
        call training%evaluate(evaluation, 'test')
        call check(evaluation%samples() == 16, 'evaluate')
        call training%measure(evaluation)
        call check(evaluation%split() == 'train', 'measure')
        call training%measure(evaluation, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'no step has been taken')
        write (path, '(a, i0, a)') 'interface_fortran', comm%size(), '.h5'
        call training%write(trim(path))
        call training%load(trim(path))
        if (comm%rank() == 0) then
            open (newunit=unit, file=path)
            close (unit, status='delete')
        end if
        call training%get('fc1/weight', weight(:, :2), stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'fc1/weight is (4, 2), and the tensor (4, 8)')
        call training%get('fc/weight', flat, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'did you mean ''fc1/weight''')
        call training%step(stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'the run is over')
        call training%free()
        call training%finish(stat=stat, errmsg=errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'not opened, or is freed')
        call same%finish(driven)
        call check(driven%digest == whole%digest, 'the same digest')
        call check(driven%steps == 12, '12 steps')
    end subroutine trains

    ! Tensors where they lie, for a time.
    subroutine views(training)
        type(nn_training), intent(in) :: training
        real(real32), pointer :: weight(:, :), bias(:)
        real(real32) :: before(4, 8), after(4, 8)
        integer :: stat
        character(200) :: errmsg
        call training%get('fc1/weight', before)
        call training%view('fc1/weight', weight, stat=stat, errmsg=errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'nn_training_take comes first')
        call training%take(NN_READ_PARAMETERS)
        call training%view('fc1/weight', weight)
        call check(all(shape(weight) == [4, 8]) .and. all(weight == before), 'a view of fc1/weight')
        call training%view('fc1/weight', bias, stat=stat, errmsg=errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'fc1/weight is (4, 8), and the pointer of another rank')
        call check(.not. associated(bias), 'no view')
        call training%get('fc1/weight', after, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'nn_training_restore comes first')
        call training%restore()
    end subroutine views

    ! Parts that are gathered and rows that a procedure makes are the whole.
    subroutine gathers(comm)
        type(nn_comm), intent(in) :: comm
        type(nn_data) :: part, whole, made, wrong
        type(nn_config) :: one, other
        type(nn_train_options) :: options
        type(nn_train_result) :: first, second
        integer :: stat, from, to
        character(200) :: errmsg
        options%run_dir = ''
        from = n*comm%rank()/comm%size() + 1
        to = n*(comm%rank() + 1)/comm%size()
        call part%set('train', 'x', x(:, from:to))
        call part%set('train', 'y', y(from:to))
        call whole%gather(comm, part)
        call one%parse('net', net)
        call one%use_data(whole)
        call nn_train(comm, one, options, first)
        call made%set_shape('train', 'x', NN_F64, [4, n])
        call made%set_reader(read_rows)
        call made%set('train', 'y', y)
        call other%parse('net', net)
        call other%use_data(made)
        call nn_train(comm, other, options, second)
        call check(first%digest == second%digest, 'rows of a procedure')
        call wrong%set_shape('train', 'x', NN_F64, [4, n])
        call wrong%set_reader(read_nothing)
        call wrong%set('train', 'y', y)
        call other%use_data(wrong)
        call nn_train(comm, other, options, second, stat, errmsg)
        call failed(stat, NN_EIO, errmsg, 'returned 7 for rows')
    end subroutine gathers

    subroutine predicts(comm)
        type(nn_comm), intent(in) :: comm
        type(nn_config) :: config
        type(nn_train_options) :: options
        type(nn_train_result) :: result
        type(nn_predictor) :: predictor
        real(real64) :: many(2, n)
        real(real32) :: one(2, 1), wrong(3, n)
        character(64) :: digest
        character(200) :: errmsg
        integer :: stat
        options%run_dir = 'fortran-run-'//achar(iachar('0') + comm%size())
        if (comm%rank() == 0) call execute_command_line('rm -rf '//options%run_dir)
        call configure(config)
        call nn_train(comm, config, options, result)
        call nn_checkpoint_digest(result%run_dir//'/last.h5', digest)
        call check(digest == result%digest, 'digest of the checkpoint')
        call predictor%open(result%run_dir//'/last.h5', batch=5)
        call predictor%predict(x, many)
        call predictor%predict(real(x(:, n), real32), one)
        call check(all(real(many(:, n), real32) == one(:, 1)), 'one sample as many')
        call check(all(abs(sum(many, 1) - 1) < 1e-5), 'probabilities')
        call predictor%predict(real(x(:3, :2), real32), one, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'x(3, 2) does not divide into samples of 4')
        call predictor%predict(x, wrong, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'y(3, 96) is to be y(2, 96)')
        call predictor%open('nothing.h5', stat=stat, errmsg=errmsg)
        call failed(stat, NN_EFORMAT, errmsg, 'nothing.h5')
        call predictor%free()
        call predictor%predict(x, many, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'not opened, or is freed')
    end subroutine predicts

    ! Steps in parts on the program's own minibatches are the steps on them; a model by calls.
    subroutine steps_in_parts(comm)
        type(nn_comm), intent(in) :: comm
        type(nn_data) :: shapes
        type(nn_model) :: model
        type(nn_config) :: config
        type(nn_train_options) :: options
        type(nn_training) :: whole, parts
        type(nn_minibatch) :: batch
        real(real32), allocatable :: outputs(:, :)
        real(real32) :: gradient(4, 8), one(4, 8), other(4, 8), y_of(2, 16), wrong(3, 16)
        real(real32), pointer :: lying(:, :)
        real(real64) :: loss, weight
        integer :: stat, rows
        character(200) :: errmsg
        call shapes%set_shape('train', 'x', NN_F64, [4, 0])
        call shapes%set_shape('train', 'y', NN_I32, [0])
        call shapes%set_classes([character(5) :: 'left', 'right'])
        call model%add('dense', 'name: fc1, units: 8, activation: tanh')
        call model%add('dense', 'units: 2')
        call check(index(model%yaml(), 'fc1') > 0, 'yaml of the model')
        call config%empty('parts')
        call config%use_data(shapes)
        call config%use_model(model)
        call config%override('loss=cross_entropy')
        call config%override('train.batch_size=32')
        call config%override('train.max_steps=6')
        options%run_dir = ''
        options%in_parts = .true.
        options%ends => never_ends
        call whole%open(comm, config, options)
        call parts%open(comm, config, options)
        rows = 16
        call check(whole%most_rows() >= rows, 'room for 16 rows')
        call batch%set('x', x(:, :rows))
        call batch%set('y', y(:rows))
        call batch%set('z', y(:rows), stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'no field ''z''')
        do while (whole%goes_on())
            call whole%step_on(batch)
            call whole%attend()
            call parts%forward(batch)
            call parts%outputs(outputs)
            call check(all(shape(outputs) == [2, rows]), 'outputs(2, rows)')
            call parts%take_loss(loss)
            call parts%backward()
            call parts%sum_gradients()
            call parts%get_gradient('fc1/weight', gradient)
            call parts%set_gradient('fc1/weight', gradient)
            call parts%take(NN_GRADIENTS)
            call parts%view('fc1/weight', lying, weight)
            call check(all(abs(lying/real(weight, real32) - gradient) < 1e-6), 'a view of a gradient')
            call parts%restore()
            call parts%update()
            call parts%attend()
            call check(loss == whole%loss(), 'the same loss')
        end do
        call check(whole%steps() == 6, 'six steps')
        call whole%get('fc1/weight', one)
        call parts%get('fc1/weight', other)
        call check(all(one == other), 'parts are the whole')
        call whole%predict(batch, y_of)
        call check(all(abs(sum(y_of, 1) - 1) < 1e-5), 'probabilities of a training')
        call whole%predict(batch, wrong, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'y(3, 16) is to be y(2, 16)')
        call whole%outputs(outputs, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'nn_training_forward comes first')
    end subroutine steps_in_parts

    logical function never_ends(status)
        type(nn_status), intent(in) :: status
        never_ends = status%step < 0
    end function never_ends

    ! ---- misuse

    subroutine misuse(comm)
        type(nn_comm), intent(in) :: comm
        type(nn_comm) :: nobody
        type(nn_config) :: config
        type(nn_data) :: data, none
        type(nn_training) :: training
        integer :: stat
        character(200) :: errmsg
        call config%load('nothing.yaml', stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'nothing.yaml')
        call config%override('train.lr=1', stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'nn_config%override: there is no object')
        call configure(config)
        call config%override('train.epoch=3', stat, errmsg)
        if (stat == 0) call config%check(stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'did you mean ''epochs''')
        call config%use_data(none, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'the data: there is no object')
        call data%set('train', 'x', x(:, 1:n:2), borrow=.true., stat=stat, errmsg=errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'with gaps cannot be borrowed')
        call data%set('train', 'z', y, stat=stat, errmsg=errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'unknown field ''z''')
        call data%set('train', 'y', y, unsigned=.true., stat=stat, errmsg=errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'integer(int8)')
        call nn_train(nobody, config, stat=stat, errmsg=errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'the comm: there is no object')
        call comm%agree(merge(NN_EIO, NN_OK, comm%rank() == 0), 'the solver diverged', stat, errmsg)
        call failed(stat, NN_EIO, errmsg, 'the solver diverged')
        call nobody%alone()
        call nobody%free()
        call nobody%free()
        call configure(config)
        call config%override('train.epochs=1', stat, errmsg)
        call check(stat == 0 .and. errmsg == '', 'stat is 0 and errmsg stays after success')
        call training%step(stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'nn_training%step: there is no object')
    end subroutine misuse
end module interface_test

program interface
    use interface_test
    implicit none
    type(nn_comm) :: comm
    call comm%init()
    call nn_log_to(count_lines, NN_LOG_DEBUG)
    call make_points()
    call trains(comm)
    call gathers(comm)
    call predicts(comm)
    call steps_in_parts(comm)
    call misuse(comm)
    call check(comm%rank() > 0 .or. lines > 0, 'the log has lines')
    call nn_log_to()
    call comm%free()
    if (failures > 0) error stop 1
end program interface
