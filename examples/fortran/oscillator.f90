! What a measured motion says of the forces behind it, by a network that also learns its equation (Raissi et al. 2019,
! "Physics-informed neural networks"): a damped oscillator
!
!   u'' + c u' + k u = 0,   u(0) = 1,   u'(0) = 0
!
! is seen at a few times with noise, c and k are unknown. A network u(t) is to come near the measurements, which the
! ranks share, and to make the left side small at times that each rank draws for itself; c and k learn with it. The left
! side has second derivatives by t, and the optimiser wants its derivatives by the weights: gradients are differentiated
! again, twice.
module oscillator_model
    use nnmpi
    use, intrinsic :: iso_fortran_env, only: sp => real32, dp => real64
    implicit none

    integer, parameter :: width = 24, seen = 40, points = 64, steps = 2500
    real(dp), parameter :: duration = 4, true_c = 0.6_dp, true_k = 5

    type :: network
        type(nn_tensor) :: w(3), b(3)
    end type network

contains

    subroutine make(net)
        type(network), intent(out) :: net
        integer, parameter :: n(4) = [1, width, width, 1]
        integer :: i
        character(3), parameter :: name(3) = ['fc1', 'fc2', 'fc3']
        do i = 1, 3
            net%w(i) = nn_parameter([n(i), n(i + 1)], 'xavier_uniform', 1, name(i)//'/weight')
            net%b(i) = nn_zeros([n(i + 1)])
            call net%b(i)%require_grad()
        end do
    end subroutine make

    ! u(1, times) at t(1, times)
    type(nn_tensor) function motion(net, t) result(u)
        type(network), intent(in) :: net
        type(nn_tensor), intent(in) :: t
        integer :: i
        u = t*(2/duration) - 1
        do i = 1, 3
            u = nn_linear(u, net%w(i), net%b(i))
            if (i < 3) u = tanh(u)
        end do
    end function motion

    ! The mean square of the left side of the equation.
    type(nn_tensor) function equation(net, c, k) result(loss)
        type(network), intent(in) :: net
        type(nn_tensor), intent(in) :: c, k
        type(nn_tensor) :: t, u, velocity, acceleration
        real(dp) :: times(1, points)
        call random_number(times)
        t = nn_tensor(times*duration)
        call t%require_grad()
        u = motion(net, t)
        velocity = nn_grad(sum(u), t, create=.true.)
        acceleration = nn_grad(sum(velocity), t, create=.true.)
        loss = nn_mean((acceleration + c*velocity + k*u)**2)
    end function equation

    ! What this rank measures: times and places.
    subroutine measure(rank, ranks, t, u)
        integer, intent(in) :: rank, ranks
        real(dp), allocatable, intent(out) :: t(:, :), u(:, :)
        real(dp) :: noise(seen), frequency
        integer :: i
        call random_number(noise)                     ! the same on all ranks
        frequency = sqrt(true_k - true_c**2/4)
        t = reshape([(duration*i/seen, i=rank + 1, seen, ranks)], [1, (seen - rank - 1)/ranks + 1])
        u = exp(-true_c/2*t)*(cos(frequency*t) + true_c/2/frequency*sin(frequency*t))
        u(1, :) = u(1, :) + 0.05*(noise(rank + 1::ranks) - 0.5)
    end subroutine measure
end module oscillator_model

program oscillator
    use oscillator_model
    implicit none
    type(nn_comm) :: comm
    type(network) :: net
    type(nn_tensor_scope) :: scope
    type(nn_tensor) :: c, k, loss, t, u
    type(nn_optimizer) :: optimizer
    real(dp), allocatable :: times(:, :), places(:, :)
    integer :: step, n, i
    integer, allocatable :: seed(:)

    call comm%init()
    call random_seed(size=n)
    allocate (seed(n), source=1)
    call random_seed(put=seed)
    call measure(comm%rank(), comm%size(), times, places)
    seed = comm%rank() + 2                            ! other times on each rank
    call random_seed(put=seed)

    call make(net)                                    ! outside of all scopes: they stay until free
    t = nn_tensor(times)
    u = nn_tensor(places)
    c = nn_tensor([0.0_sp])
    k = nn_tensor([1.0_sp])
    call c%require_grad()
    call k%require_grad()
    call optimizer%open(comm, 'adam', [net%w, net%b, c, k])
    do step = 1, steps
        call scope%open()
        call optimizer%set_rate(0.01_dp*(1 + cos(3.14159265_dp*step/steps)))
        loss = nn_mse(motion(net, t), u) + 0.01*equation(net, c, k)
        call loss%backward()
        call optimizer%step(weight=real(size(times), dp)) ! along the mean of all measurements
        call optimizer%zero_gradients()
        if (mod(step, 500) == 0 .and. comm%rank() == 0) &
            print '(a, i0, a, f8.5)', 'step ', step, ': loss', loss%item()
        call scope%close()                            ! what was computed since it was opened goes
    end do
    if (comm%rank() == 0) print '(2(a, f5.2))', 'damping', c%item(), ', stiffness', k%item()

    do i = 1, 3
        call net%w(i)%free()
        call net%b(i)%free()
    end do
    call t%free()
    call u%free()
    call c%free()
    call k%free()
    call optimizer%free()
    deallocate (seed, times, places)
    call comm%free()
end program oscillator
