! Fisher's iris flowers on all ranks, the same program as iris.* in the other languages and as `nnmpi` alone: it ends
! with the same parameters, to the bit.
program iris
    use nnmpi
    implicit none
    type(nn_comm) :: comm
    type(nn_config) :: config
    type(nn_train_options) :: options
    type(nn_train_result) :: result

    call comm%init()
    call config%iris()
    options%run_dir = ''                 ! nothing is written
    call nn_train(comm, config, options, result)
    if (comm%rank() == 0) then
        print '(a, f6.4)', 'test accuracy ', result%test%metric('accuracy')
        print '(2a)', 'digest ', result%digest
    end if
    call result%test%free()
    call config%free()
    call comm%free()
end program iris
