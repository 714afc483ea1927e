! ranks: 1 2
! Layers, losses and metrics that a Fortran program defines: their options, the gradient check, a run with them on
! several ranks, and procedures that fail.
module definitions_test
    use nnmpi
    use, intrinsic :: iso_fortran_env
    implicit none

    integer, parameter :: sp = real32, dp = real64, n = 60
    character(*), parameter :: net = 'model: [gate: {slope: 0.5, turns: 3}, dense: {units: 1}]'// &
        new_line('a')//'loss: quartic'//new_line('a')// &
        'train: {epochs: 200, batch_size: 12, optimizer: {adam: {lr: 0.05}}}'//new_line('a')// &
        'validate: {metrics: size}'
    integer :: failures = 0

contains

    subroutine check(ok, what)
        logical, intent(in) :: ok
        character(*), intent(in) :: what
        if (ok) return
        failures = failures + 1
        write (error_unit, '(2a)') 'does not hold: ', what
    end subroutine check

    subroutine failed(stat, errmsg, part)
        integer, intent(in) :: stat
        character(*), intent(inout) :: errmsg
        character(*), intent(in) :: part
        call check(stat == NN_EUSAGE .and. index(errmsg, part) > 0, part//', but: '//trim(errmsg))
        errmsg = ''
    end subroutine failed

    ! ---- y = slope turns s x, with a learned s for each feature

    subroutine gate_plan(layout, stat, errmsg)
        type(nn_layer_layout), intent(inout) :: layout
        integer, intent(inout) :: stat
        character(*), intent(inout) :: errmsg
        if (size(layout%input(1)) /= 1) then
            stat = 1
            errmsg = 'it wants features'
            return
        end if
        call layout%parameter('scale', NN_PARAM_IS_CONSTANT, layout%input(1), value=1._sp)
        layout%save = size(layout%input(1))
    end subroutine gate_plan

    subroutine gate_forward(call, stat, errmsg)
        type(nn_layer_call), intent(in) :: call
        integer, intent(inout) :: stat
        character(*), intent(inout) :: errmsg
        real(sp), pointer :: x(:, :), y(:, :), w(:)
        integer :: i
        x => call%x(1)
        y => call%y()
        w => call%w(1, size(x, 1))
        do i = 1, call%rows
            y(:, i) = real(call%option(1)*call%option(2), sp)*w*x(:, i)
        end do
        if (any(shape(x) /= [call%input(1), call%rows])) then
            stat = 2
            errmsg = 'x has another shape'
        end if
    end subroutine gate_forward

    subroutine gate_backward(call, stat, errmsg)
        type(nn_layer_call), intent(in) :: call
        integer, intent(inout) :: stat
        character(*), intent(inout) :: errmsg
        real(sp), pointer :: x(:, :), dx(:, :), dy(:, :), w(:), g(:)
        real(sp) :: slope
        integer :: i
        x => call%x(1)
        dx => call%dx(1)
        dy => call%dy()
        w => call%w(1, size(x, 1))
        g => call%g(1, size(x, 1))
        slope = real(call%option(1)*call%option(2), sp)
        do i = 1, call%rows
            g = g + slope*dy(:, i)*x(:, i)
            if (associated(dx)) dx(:, i) = slope*dy(:, i)*w
        end do
        if (any(call%output() /= call%input(1))) then
            stat = 2
            errmsg = 'y has another shape'
        end if
    end subroutine gate_backward

    subroutine no_fuel(call, stat, errmsg)
        type(nn_layer_call), intent(in) :: call
        integer, intent(inout) :: stat
        character(*), intent(inout) :: errmsg
        real(sp), pointer :: y(:, :)
        y => call%y()
        y = 0
        if (.not. call%training) return
        stat = 7
        errmsg = 'no fuel'
    end subroutine no_fuel

    ! ---- (z - y)**4

    subroutine quartic_plan(outputs, option, stat, errmsg)
        integer, intent(in) :: outputs
        real(dp), intent(in) :: option(:)
        integer, intent(inout) :: stat
        character(*), intent(inout) :: errmsg
        if (outputs == 1 .and. all(option >= 0)) return
        stat = 1
        errmsg = 'it wants one output'
    end subroutine quartic_plan

    subroutine quartic_eval(call, stat, errmsg)
        type(nn_loss_call), intent(inout) :: call
        integer, intent(inout) :: stat
        character(*), intent(inout) :: errmsg
        call%loss = (call%z(1, :) - call%y(1, :))**4
        call%dz = 4*(call%z - call%y)**3
        if (size(call%loss) == call%rows) return
        stat = 1
        errmsg = 'there are not as many rows'
    end subroutine quartic_eval

    ! ---- mean of |z|

    subroutine size_add(call, stat, errmsg)
        type(nn_metric_call), intent(inout) :: call
        integer, intent(inout) :: stat
        character(*), intent(inout) :: errmsg
        call%sums = call%sums + [real(dp) :: sum(abs(call%z)), call%rows]
        if (call%fused == '') return
        stat = 1
        errmsg = 'nothing is fused'
    end subroutine size_add

    real(dp) function size_value(sums, outputs, option)
        integer, intent(in) :: outputs
        real(dp), intent(in) :: sums(:), option(:)
        size_value = sums(1)/sums(2)/outputs + sum(option)
    end function size_value

    ! ---- runs

    subroutine define()
        type(nn_layer_definition) :: gate
        type(nn_loss_definition) :: quartic
        type(nn_metric_definition) :: size
        integer :: stat
        character(200) :: errmsg = ''
        gate%name = 'gate'
        gate%plan => gate_plan
        gate%forward => gate_forward
        gate%backward => gate_backward
        call gate%option('slope', '2', '(0, inf)', 'factor of x')
        call gate%option('turns', '1', '[1, 9]', 'times that', whole=.true.)
        call gate%register()
        call gate%register(stat, errmsg)
        call failed(stat, errmsg, 'gate')
        gate%name = 'empty'
        gate%forward => no_fuel
        call gate%register()
        gate%name = 'nothing'
        gate%forward => null()
        call gate%register(stat, errmsg)
        call failed(stat, errmsg, 'forward')
        quartic%name = 'quartic'
        quartic%plan => quartic_plan
        quartic%eval => quartic_eval
        call quartic%register()
        size%name = 'size'
        size%sums = 2
        size%add => size_add
        size%value => size_value
        call size%register()
        size%name = 'below'
        size%sums = -1
        call size%register()
    end subroutine define

    ! y = a - b
    subroutine train(comm, text, result, stat, errmsg)
        type(nn_comm), intent(in) :: comm
        character(*), intent(in) :: text
        type(nn_train_result), intent(inout) :: result
        integer, intent(out) :: stat
        character(*), intent(inout) :: errmsg
        type(nn_data) :: data
        type(nn_config) :: config
        type(nn_train_options) :: options
        real(sp) :: x(2, n)
        integer :: i
        x = reshape([(mod(i, 7)/7., mod(i, 5)/5., i=1, n)], [2, n])
        call data%set('train', 'x', x)
        call data%set('train', 'y', x(1, :) - x(2, :))
        call data%set('test', 'x', x)
        call data%set('test', 'y', x(1, :) - x(2, :))
        call config%parse('net', text)
        call config%use_data(data)
        options%run_dir = ''
        call nn_train(comm, config, options, result, stat, errmsg)
    end subroutine train

    subroutine works(comm)
        type(nn_comm), intent(in) :: comm
        type(nn_gradient_result) :: found
        type(nn_train_result) :: result
        integer :: stat
        character(200) :: errmsg = ''
        call nn_gradient_check('[gate: {slope: 3}, dense: {units: 2}, gate]', [4], result=found)
        call check(found%compared > 10 .and. found%error < 0.005, 'the gradient is right')
        call nn_gradient_check('[gate, dense: {units: 1}]', [4], 'quartic', rows=3)
        call train(comm, net, result, stat, errmsg)
        call check(stat == 0, errmsg)
        if (stat < 0) return
        call check(result%test%loss() < 0.02, 'the loss falls')
        call check(abs(result%test%metric('size') - 0.28) < 0.1, 'the metric is right')
    end subroutine works

    subroutine fails(comm)
        type(nn_comm), intent(in) :: comm
        type(nn_train_result) :: result
        integer :: stat
        character(200) :: errmsg = ''
        call train(comm, 'model: [empty, dense: {units: 1}]'//net(index(net, new_line('a')):), result, stat, errmsg)
        call failed(stat, errmsg, '7: no fuel')
        call nn_gradient_check('[gate]', [2, 2, 1], stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'it wants features')
        call nn_gradient_check('[gate]', [2], 'quartic', stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'it wants one output')
        call nn_gradient_check('[gate: {turn: 1}]', [2], stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'did you mean ''turns''')
        call train(comm, net(:index(net, 'size}') - 1)//'below}', result, stat, errmsg)
        call failed(stat, errmsg, 'metric ''below'': its plan wants')
    end subroutine fails
end module definitions_test

program definitions
    use definitions_test
    implicit none
    type(nn_comm) :: comm
    call comm%init()
    call define()
    call works(comm)
    call fails(comm)
    call comm%free()
    if (failures > 0) error stop 1
end program definitions
