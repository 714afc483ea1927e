! ranks: 1 2
! Tensors in Fortran: operators and functions in Fortran's order of dimensions, derivatives once and twice, scopes,
! optimisers, and misuse. What each operation computes is tested in C.
module tensors_test
    use nnmpi
    use, intrinsic :: iso_fortran_env
    implicit none

    integer, parameter :: sp = real32, dp = real64
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

    ! All numbers of a tensor, whatever its shape.
    subroutine near(x, expected, what, tolerance)
        type(nn_tensor), intent(in) :: x
        real(dp), intent(in) :: expected(:)
        character(*), intent(in) :: what
        real(dp), intent(in), optional :: tolerance
        type(nn_tensor_scope) :: scope
        type(nn_tensor) :: flat
        real(dp) :: found(size(expected)), most
        integer :: stat
        character(200) :: errmsg
        most = 1e-5_dp
        if (present(tolerance)) most = tolerance
        errmsg = ''
        call scope%open()
        flat = reshape(x, [size(expected)])
        call flat%get(found, stat, errmsg)
        call check(stat == 0, what//': '//trim(errmsg))
        if (stat == 0) call check(all(abs(found - expected) <= most), what)
        call scope%close()
    end subroutine near

    subroutine computes()
        type(nn_tensor_scope) :: scope
        type(nn_tensor) :: x, row, index, one
        real(dp) :: a(2, 3) = reshape([1, 2, 3, 4, 5, 6], [2, 3]), six(6)
        call scope%open()
        six = reshape(a, [6])
        x = nn_tensor(a)
        row = nn_tensor([10._sp, 20._sp])
        index = nn_tensor([2, 0])
        one = nn_tensor([1, 1]) ! of integers
        call check(all(x%shape() == [2, 3]) .and. x%type() == NN_F32, 'shape and type')
        call check(index%type() == NN_I64 .and. x%count() == 6, 'integers')
        call near(2*x + row - 1, [11, 23, 15, 27, 19, 31]*1._dp, '2x + row - 1')
        call near(1 - (x/2.0 + 3._dp*x), 1 - 3.5_dp*six, '1 - x/2 - 3x')
        call near(6/x + 1.5/x + 1.5_dp/x, 9/six, '9/x')
        call near(x/2 + x/4._dp + x*0.25 + 0.5 - 0.5_dp + x - 1 + 1.0, 2*six, 'numbers on the right')
        call near(1._dp - x + (2.0 + x) + (3._dp + x) + 2.0*x + 3._dp*x - (4.0 - x), 2 + 7*six, &
                  'numbers on the left')
        call near(-(row*row/row), [-10._dp, -20._dp], 'tensors alone')
        call near(x**2 + x**2.0 + x**2._dp, 3*six**2, 'powers')
        call near(max(row, nn_tensor(15.)) - min(row, nn_tensor(15._dp)), [5._dp, 5._dp], 'max, min')
        call near(merge(x, x**2, nn_greater(x, nn_tensor(3.))), [1, 4, 9, 4, 5, 6]*1._dp, 'merge')
        call near(nn_equal(row, nn_tensor(10.)), [1._dp, 0._dp], 'equal')
        call near(log(exp(x)), six, 'log exp')
        call near(abs(-sqrt(x*x)), six, 'abs sqrt')
        call near(nn_relu(x) - x + nn_sigmoid(x - x) + nn_softplus(x) - log(1 + exp(x)), &
                  [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]*1._dp, 'activations')
        call near(nn_gelu(tanh(x - x)) + nn_dropout(x, 0._dp, 1_int64, 2_int64), six, 'gelu, dropout')
        call near(sum(x), [21._dp], 'sum')
        call near(sum(x, [1]), [3, 7, 11]*1._dp, 'sum of columns')
        call near(nn_mean(x, [2]), [3, 4]*1._dp, 'mean of rows')
        x = maxval(x, [1], keep=.true.)
        call check(all(x%shape() == [1, 3]), 'maxval keeps')
        x = nn_tensor(a)
        call near(sum(nn_softmax(x, 1), [1]), [1, 1, 1]*1._dp, 'softmax')
        call near(sum(exp(nn_log_softmax(x, 2)), [2]), [1, 1]*1._dp, 'log_softmax')
        call near(matmul(x, nn_permute(x, [2, 1])), &
                  reshape(matmul(a, transpose(a)), [4]), 'matmul')
        call near(nn_linear(x, reshape(row, [2, 1])), [50, 110, 170]*1._dp, 'linear')
        call near(nn_linear(x, reshape(row, [2, 1]), nn_tensor([1._dp])), [51, 111, 171]*1._dp, 'bias')
        call near(nn_expand(row, [2, 2]), [10, 20, 10, 20]*1._dp, 'expand')
        call near(nn_slice(x, [2, 1], [2, 3], [1, 2]), reshape(a(2:2, 1:3:2), [2]), 'slice')
        call near(nn_slice(x, [1, 2], [2, 3]), reshape(a(:, 2:), [4]), 'slice without step')
        row = nn_slice(x, [1, 3], [2, 1], [1, 3])
        call check(row%count() == size(a(:, 3:1:3)), 'an empty slice')
        call near(nn_slice(x, [2, 3], [1, 1], [-1, -2]), reshape(a(2:1:-1, 3:1:-2), [4]), 'slice backwards')
        row = nn_tensor([10._sp, 20._sp])
        index = nn_tensor(2_int64**53 - 1)
        call check(int(index%item(), int64) == 2_int64**53 - 1, 'a large integer')
        index = nn_tensor([2, 0])
        call near(nn_concat([x, x], 1), reshape([a(:, 1), a(:, 1), a(:, 2), a(:, 2), a(:, 3), &
                                                 a(:, 3)], [12]), 'concat')
        call near(nn_gather(x, index), [5, 6, 1, 2]*1._dp, 'gather')
        call near(nn_pick(x, nn_tensor([0, 1, -1])), [1, 4, 0]*1._dp, 'pick')
        call near(nn_cross_entropy(x - x, nn_tensor([0, 1, 1])), [log(2._dp)], 'cross_entropy')
        call near(nn_mse(row, row + 2), [4._dp], 'mse')
        call near(nn_layer_norm(x, 1, eps=0._dp), [-1, 1, -1, 1, -1, 1]*1._dp, 'layer_norm')
        call near(nn_batch_norm(x, b=row, mean=nn_zeros([2]), var=nn_zeros([2]) + 1, &
                                training=.false., eps=0._dp), [11, 22, 13, 24, 15, 26]*1._dp, &
                  'batch_norm')
        x = reshape(nn_tensor([1., 2., 3., 4.]), [2, 2, 1, 1])
        call near(nn_conv2d(x, reshape(nn_zeros([4]) + 1, [2, 2, 1, 1]), window=nn_window()), &
                  [10._dp], 'conv2d')
        call near(nn_conv_transpose2d(reshape(nn_tensor([10., 20.]), [2, 1, 1, 1]), &
                                      reshape(nn_zeros([4]) + 1, [2, 2, 1, 1]), window=nn_window()), &
                  [10, 30, 20, 10, 30, 20]*1._dp, 'conv_transpose2d')
        call near(nn_max_pool2d(x, nn_window([2, 1])), [2, 4]*1._dp, 'max_pool2d of columns')
        call near(nn_avg_pool2d(x, nn_window([1, 2])), [2, 3]*1._dp, 'avg_pool2d of rows')
        call scope%close()
    end subroutine computes

    subroutine differentiates()
        type(nn_tensor_scope) :: scope
        type(nn_tensor) :: x, w, first, gradient
        logical :: before
        call scope%open()
        x = nn_tensor([0.5_dp, 2._dp])
        w = nn_tensor([3, 5]*1.0)
        call nn_tensors_trim()
        call nn_tensors_set_threads(1)
        call x%require_grad()
        call check(x%requires_grad() .and. .not. w%requires_grad(), 'what is recorded')
        first = nn_grad(sum(x**3*w), x, create=.true.)
        call near(first, [2.25_dp, 60._dp], 'first derivatives')
        call near(nn_grad(sum(first), x), [9._dp, 60._dp], 'second derivatives')
        first = x*w
        call first%backward(w)
        gradient = x%gradient()
        call near(gradient, [9._dp, 25._dp], 'backward with a seed')
        call x%set_gradient()
        gradient = x%gradient()
        call check(.not. gradient%exists(), 'no gradient')
        gradient = x%detach()
        call near(nn_grad(sum(gradient*x), x), [0.5_dp, 2._dp], 'detach')
        call nn_record(.false., before)
        call check(before, 'it records at first')
        first = nn_grad(sum(x*w), x)
        call check(.not. first%exists(), 'nothing was recorded')
        call nn_record(.true.)
        call scope%close()
    end subroutine differentiates

    subroutine learns(comm)
        type(nn_comm), intent(in) :: comm
        type(nn_tensor_scope) :: scope
        type(nn_tensor) :: w, b, input, target, loss, kept
        type(nn_optimizer) :: optimizer
        integer(int64) :: before
        integer :: i, stat
        real(sp) :: x(2, 4) = reshape([1, 2, 3, 4, 4, 1, 0, 2], [2, 4])
        character(200) :: errmsg
        before = nn_tensors_live()
        x(1, 1) = x(1, 1) + comm%rank()
        input = nn_tensor(x)
        target = nn_tensor(reshape(2*x(1, :) - x(2, :) + 3, [1, 4]))
        w = nn_parameter([2, 1], 'xavier_uniform', 1, 'w')
        b = nn_zeros([1])
        call b%require_grad()
        call optimizer%open(comm, 'adam: {lr: 0.1}', [w, b])
        do i = 1, 400
            call scope%open()
            loss = nn_mse(nn_linear(input, w, b), target)
            call loss%backward()
            call optimizer%average_gradients()
            call optimizer%step()
            call optimizer%zero_gradients()
            call scope%close()
        end do
        call near(w, [2._dp, -1._dp], 'the weights are learned', 0.1_dp)
        call scope%open()
        kept = b + 0
        call kept%retain()
        call scope%close()
        call check(abs(kept%item() - 3) < 0.1, 'the bias is learned, and kept')
        call check(optimizer%steps() == 400, 'steps')
        call optimizer%set_rate(0.05_dp)
        call check(abs(optimizer%rate() - 0.05_dp) < 1e-9, 'rate')
        call goes_on(comm, optimizer, w, b, input, target)
        call optimizer%free()
        call optimizer%step(stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'nn_optimizer%step: there is no object')
        call optimizer%open(comm, 'adan', [w], stat, errmsg)
        call failed(stat, errmsg, 'did you mean ''adam''')
        call kept%free()
        call w%free()
        call b%free()
        call input%free()
        call target%free()
        call check(nn_tensors_live() == before, 'nothing is left')
    end subroutine learns

    ! Another optimiser that gets the state of this one takes the same steps.
    subroutine goes_on(comm, optimizer, w, b, input, target)
        type(nn_comm), intent(in) :: comm
        type(nn_optimizer), intent(inout) :: optimizer
        type(nn_tensor), intent(inout) :: w, b
        type(nn_tensor), intent(in) :: input, target
        type(nn_tensor_scope) :: scope
        type(nn_optimizer) :: other
        type(nn_tensor) :: w2, b2, loss
        real(sp) :: slot(2), first(2, 1), second(2, 1), bias(1)
        integer :: i, stat
        character(200) :: errmsg
        call w%get(first)
        call b%get(bias)
        w2 = nn_tensor(first)
        b2 = nn_tensor(bias)
        call w2%require_grad()
        call b2%require_grad()
        call other%open(comm, 'adam: {lr: 0.05}', [w2, b2])
        call check(other%slots() == 2 .and. other%slot_name(2) == 'exp_avg_sq', 'slots')
        do i = 1, 2
            call optimizer%get_slot(1, i, slot)
            call other%set_slot(1, i, slot)
            call optimizer%get_slot(2, i, slot(:1))
            call other%set_slot(2, i, slot(:1))
            call other%set_parameter_steps(i, optimizer%parameter_steps(i))
        end do
        do i = 1, 5
            call scope%open()
            loss = nn_mse(nn_linear(input, w, b), target)
            call loss%backward()
            loss = nn_mse(nn_linear(input, w2, b2), target)
            call loss%backward()
            call optimizer%step()
            call other%step()
            call scope%close()
        end do
        call w%get(first)
        call w2%get(second)
        call check(all(abs(first - second) <= 0), 'an optimiser that goes on')
        call other%set_slot(1, 1, slot(:1), stat, errmsg)
        call failed(stat, errmsg, '1 numbers for a parameter of 2')
        call other%get_slot(3, 1, slot, stat, errmsg)
        call failed(stat, errmsg, 'there is no parameter 3')
        call other%get_slot(1, 3, slot, stat, errmsg)
        call failed(stat, errmsg, 'there is no slot 3, but 1 to 2')
        call other%free()
        call w2%free()
        call b2%free()
    end subroutine goes_on

    subroutine schedules()
        type(nn_schedule) :: decay, plateau, other
        type(nn_schedule_state) :: state
        integer :: stat
        character(200) :: errmsg
        call decay%open('polynomial: {power: 2}')
        call check(abs(decay%factor(3, 10) - 0.49_dp) < 1e-12, 'factor')
        call decay%observe(1._dp, 0.1_dp, stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'watches no value')
        call plateau%open('reduce_on_plateau: {patience: 0, factor: 0.5}')
        call plateau%observe(4._dp, 0.1_dp)
        call plateau%observe(4._dp, 0.1_dp)
        call other%open('reduce_on_plateau: {patience: 0, factor: 0.5}')
        state = plateau%get_state()
        call other%set_state(state)
        call check(abs(other%factor(7) - 0.5_dp) < 1e-12 .and. abs(state%best - 4) < 1e-12, 'state')
        call other%open('cosinus', stat, errmsg)
        call failed(stat, errmsg, 'cosine')
    end subroutine schedules

    subroutine misuse()
        type(nn_tensor_scope) :: scope
        type(nn_tensor) :: x, y, nothing
        real(dp) :: wrong(3, 2), right(2, 3)
        integer(int64) :: before
        integer :: stat
        character(200) :: errmsg = ''
        before = nn_tensors_live()
        call scope%open()
        x = nn_tensor(reshape([1, 2, 3, 4, 5, 6]*1._dp, [2, 3]))
        y = exp(sum(x + nn_zeros([4])))
        call check(.not. y%exists(), 'what failed is none')
        call y%backward(stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, '[3, 2]')
        y = nn_linear(x, x, nothing)
        call y%backward(stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'there is no tensor')
        call x%get(wrong, stat, errmsg)
        call failed(stat, errmsg, 'the array is (3, 2), and the tensor (2, 3)')
        call x%set(wrong, stat, errmsg)
        call failed(stat, errmsg, 'the array is (3, 2), and the tensor (2, 3)')
        call x%get(right, stat, errmsg)
        call check(stat == 0 .and. errmsg == '', 'a get that fits')
        call x%set(-right)
        call near(sum(x), [-21._dp], 'set')
        y = exp(nothing)
        call y%backward(stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'there is no tensor')
        y = sum(x, [3])
        call y%backward(stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'a tensor of 2 dimensions, from 1, does not have all of (3)')
        y = nn_permute(x, [1])
        call y%backward(stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'nn_permute')
        y = nn_slice(x, [1], [2])
        call y%backward(stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'nn_slice')
        y = nn_grad(sum(x), x)
        call y%backward(stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'requires no gradient')
        y = nn_tensor('text')
        call y%backward(stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'numbers are real32')
        y = nn_tensor([1, 2])
        call y%require_grad(stat=stat, errmsg=errmsg)
        call check(stat == NN_EUSAGE, 'integers have no gradient')
        y = nn_parameter([2, 2], 'xavier', 1, 'w')
        call y%backward(stat=stat, errmsg=errmsg)
        call failed(stat, errmsg, 'xavier')
        x = nn_zeros([2, 2]) ! in memory that is free
        call x%retain()
        call scope%close()
        call check(nn_tensors_live() == before + 1, 'what is retained outlives the scope')
        call x%free()
        y = nn_parameter([2, 2], 'xavier', 1, 'w')
        call check(nn_tensors_live() == before, 'what could not be made is freed once')
    end subroutine misuse
end module tensors_test

program tensors
    use tensors_test
    implicit none
    type(nn_comm) :: comm
    call comm%init()
    call computes()
    call differentiates()
    call learns(comm)
    call schedules()
    call misuse()
    call comm%free()
    if (failures > 0) error stop 1
end program tensors
