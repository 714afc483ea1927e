! A surrogate of a physics parametrisation: longwave radiation in columns of an atmosphere.
!
! The scheme integrates the fluxes of radiation through each column for 128 spectral points, which is what models of
! weather and climate spend much of their time on. A network learns heating rates from temperature and humidity:
! every rank makes columns of its own by the scheme, and all learn from all of them. Then a run of ten days takes its
! heating from the network, and is compared with one by the scheme.
!
!   mpirun -n 2 ./radiation
module columns
    use, intrinsic :: iso_fortran_env, only: real64
    implicit none

    integer, parameter :: levels = 20, points = 128
    real(real64), parameter :: sigma = 5.67e-8_real64, gravity = 9.81_real64, cp = 1004, day = 86400
    real(real64), parameter :: layer_pressure = 1e5_real64/levels   ! Pa, of each of the layers from the top

contains

    ! Heating (K/day) of each layer by longwave radiation: emission along the column up and down, by spectral points
    ! of absorption from weak to strong.
    pure subroutine longwave(temperature, humidity, heating)
        real(real64), intent(in) :: temperature(levels), humidity(levels)
        real(real64), intent(out) :: heating(levels)
        real(real64) :: flux(0:levels), down, up, through(levels), source(levels)
        integer :: i, point
        flux = 0
        source = sigma*temperature**4/points
        do point = 1, points
            through = exp(-humidity*layer_pressure/gravity*1e-3_real64*10**(4*real(point, real64)/points))
            down = 0
            do i = 1, levels
                down = down*through(i) + source(i)*(1 - through(i))
                flux(i) = flux(i) - down
            end do
            up = source(levels)               ! of the ground, which is as warm as the lowest layer
            do i = levels, 1, -1
                flux(i) = flux(i) + up
                up = up*through(i) + source(i)*(1 - through(i))
            end do
            flux(0) = flux(0) + up
        end do
        heating = (flux(1:) - flux(:levels - 1))*gravity/(cp*layer_pressure)*day
    end subroutine longwave

    ! A column with a ground between 270 and 310 K, a lapse rate and a humidity of its own.
    subroutine make_column(temperature, humidity)
        real(real64), intent(out) :: temperature(levels), humidity(levels)
        real(real64) :: random(4), height
        integer :: i
        call random_number(random)
        do i = 1, levels
            height = -7.5_real64*log((i - 0.5_real64)/levels)       ! km
            temperature(i) = max(200 + 10*random(4), 270 + 40*random(1) - (5 + 3*random(2))*height)
            humidity(i) = (0.002_real64 + 0.012_real64*random(3))*exp(-height/2)
        end do
    end subroutine make_column

    ! What the network sees of a column: temperatures, and logarithms of humidities.
    pure function features(temperature, humidity)
        real(real64), intent(in) :: temperature(levels), humidity(levels)
        real(real64) :: features(2*levels)
        features = [temperature, log(humidity)]
    end function features
end module columns

module surrogate
    use columns
    use nnmpi
    implicit none

    integer, parameter :: samples = 2000      ! of each rank
    integer, parameter :: states = 20         ! of each column, half a day apart
    character(*), parameter :: folder = 'radiation-run'
    character(*), parameter :: net = &
        'data: {normalize: true}'//new_line('a')// &
        'model: [dense: {units: 64, activation: tanh}, dense: {units: 64, activation: tanh},'// &
        ' dense: {units: 20}]'//new_line('a')// &
        'loss: squared'//new_line('a')// &
        'train: {epochs: 40, batch_size: 128, optimizer: {adam: {lr: 0.003}}, schedule: cosine}'

contains

    ! Each rank runs columns of its own by the scheme; what they learn from is all of them.
    subroutine learn(comm)
        type(nn_comm), intent(in) :: comm
        real(real64), allocatable :: x(:, :), y(:, :)
        real(real64) :: temperature(levels), humidity(levels)
        type(nn_data) :: part, whole
        type(nn_config) :: config
        type(nn_train_options) :: options
        integer :: i
        allocate (x(2*levels, samples), y(levels, samples))
        do i = 1, samples
            if (mod(i, states) == 1) call make_column(temperature, humidity)
            x(:, i) = features(temperature, humidity)
            call longwave(temperature, humidity, y(:, i))
            temperature = temperature + y(:, i)*0.5_real64
        end do
        call part%set('train', 'x', x)
        call part%set('train', 'y', y)
        call whole%gather(comm, part)
        call config%parse('radiation', net)
        call config%use_data(whole)
        options%run_dir = folder
        call nn_train(comm, config, options)
    end subroutine learn

    ! Ten days of columns in steps of six hours, by the scheme and by the surrogate; root mean squares of the heating
    ! in K/day, of the surrogate's error of it, and of the difference of temperatures in the end.
    subroutine compare(found)
        integer, parameter :: many = 50, steps = 40
        real(real64), intent(out) :: found(3)
        real(real64) :: exact(levels, many), fast(levels, many), humidity(levels, many)
        real(real64) :: heating(levels, many), guess(levels, many), x(2*levels, many)
        type(nn_predictor) :: network
        integer :: i, step
        call network%open(folder//'/last.h5', batch=many)
        do i = 1, many
            call make_column(exact(:, i), humidity(:, i))
        end do
        fast = exact
        do step = 1, steps
            do i = 1, many
                call longwave(exact(:, i), humidity(:, i), heating(:, i))
                x(:, i) = features(fast(:, i), humidity(:, i))
            end do
            call network%predict(x, guess)
            if (step == 1) found(:2) = [sum(heating**2), sum((guess - heating)**2)]/size(heating)
            exact = exact + heating*0.25_real64
            fast = fast + guess*0.25_real64
        end do
        found(3) = sum((fast - exact)**2)/size(exact)
    end subroutine compare
end module surrogate

program radiation
    use mpi_f08
    use nnmpi_mpi_f08
    use surrogate
    implicit none
    type(nn_comm) :: comm
    real(real64) :: found(3)
    integer :: provided, i, n
    call MPI_Init_thread(MPI_THREAD_FUNNELED, provided)
    call nn_comm_from(MPI_COMM_WORLD, comm)
    call random_seed(size=n)
    call random_seed(put=[(17*i + comm%rank(), i=1, n)])
    call learn(comm)
    call compare(found)
    call MPI_Allreduce(MPI_IN_PLACE, found, 3, MPI_DOUBLE_PRECISION, MPI_SUM, MPI_COMM_WORLD)
    found = sqrt(found/comm%size())
    if (comm%rank() == 0) then
        print '(a, f5.2, a, f5.2, a)', 'heating by longwave radiation:', found(1), &
            ' K/day; error of the surrogate:', found(2), ' K/day'
        print '(a, f5.2, a)', 'after ten days by the surrogate temperatures differ by', found(3), ' K'
    end if
    call comm%free()
    call MPI_Finalize()
end program radiation
