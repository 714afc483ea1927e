! Handwritten digits on all ranks, from arrays in memory: the same program as mnist.* in the other languages and as
! `nnmpi train` with the same network, which ends with the same parameters, to the bit.
!
!   mpirun -n 2 ./mnist FOLDER   with the four files of MNIST, unpacked (gunzip)
program mnist
    use nnmpi
    use, intrinsic :: iso_fortran_env, only: int8, real64
    implicit none
    character(*), parameter :: net = &
        'model: [flatten, dense: {name: fc1, units: 128, activation: relu},'// &
        ' dense: {name: fc2, units: 10}]'//new_line('a')// &
        'loss: cross_entropy'//new_line('a')// &
        'train: {epochs: 1, batch_size: 64, lr: 0.1}'//new_line('a')// &
        'validate: {metrics: [accuracy]}'
    type(nn_comm) :: comm
    type(nn_config) :: config
    type(nn_data) :: data
    type(nn_train_options) :: options
    type(nn_train_result) :: result
    character(1000) :: folder

    if (command_argument_count() /= 1) error stop 'usage: mnist FOLDER'
    call get_command_argument(1, folder)
    call comm%init()
    call add_split('train', trim(folder)//'/train', 60000)
    call add_split('test', trim(folder)//'/t10k', 10000)
    call data%set_scale([1/255._real64], [0._real64])
    call config%parse('mnist', net)
    call config%use_data(data)
    options%run_dir = ''
    call nn_train(comm, config, options, result)
    if (comm%rank() == 0) then
        print '(a, f6.4)', 'test accuracy ', result%test%metric('accuracy')
        print '(2a)', 'digest ', result%digest
    end if
    call result%test%free()
    call config%free()
    call data%free()
    call comm%free()

contains

    ! The data set keeps copies; x(columns, rows, samples) is [samples, rows, columns] to nnmpi.
    subroutine add_split(split, files, samples)
        character(*), intent(in) :: split, files
        integer, intent(in) :: samples
        integer(int8), allocatable :: images(:, :, :), labels(:)
        allocate (images(28, 28, samples), labels(samples))
        call read_images(files//'-images-idx3-ubyte', images)
        call read_labels(files//'-labels-idx1-ubyte', labels)
        call data%set(split, 'x', images, unsigned=.true.)
        call data%set(split, 'y', labels, unsigned=.true.)
    end subroutine add_split

    subroutine read_images(path, images)
        character(*), intent(in) :: path
        integer(int8), intent(out) :: images(:, :, :)
        integer(int8) :: header(16)
        integer :: unit
        open (newunit=unit, file=path, access='stream', status='old', action='read')
        read (unit) header, images
        close (unit)
    end subroutine read_images

    subroutine read_labels(path, labels)
        character(*), intent(in) :: path
        integer(int8), intent(out) :: labels(:)
        integer(int8) :: header(8)
        integer :: unit
        open (newunit=unit, file=path, access='stream', status='old', action='read')
        read (unit) header, labels
        close (unit)
    end subroutine read_labels
end program mnist
