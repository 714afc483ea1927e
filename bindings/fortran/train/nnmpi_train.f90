! nn_train, its options and its result: a part of module nnmpi.
module nnmpi_train
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real64
    use nnmpi_base
    use nnmpi_c
    use nnmpi_comm
    use nnmpi_config
    use nnmpi_predict
    implicit none
    private

    public :: nn_begun_function, nn_ends_function, nn_progress_function, nn_status, nn_train, nn_train_options, &
        nn_train_result, run_hooks, set_options, set_result

    ! Where a run stands (nn_status of train.h).
    type :: nn_status
        integer(int64) :: step, total_steps, epoch, epochs
        real(real64) :: loss, lr, samples_per_s, seconds_left
        logical :: important
        type(nn_evaluation) :: validation      ! open where one was just made; of this call
        real(real64) :: seconds, data_share, compute_share, wait_share, best_value
        integer(int64) :: epoch_step, epoch_steps, best_step
        character(:), allocatable :: best_metric, line ! '' where there is none
    end type nn_status

    abstract interface
        subroutine nn_begun_function()
        end subroutine nn_begun_function

        ! .true.: the run is over.
        logical function nn_ends_function(status)
            import :: nn_status
            type(nn_status), intent(in) :: status
        end function nn_ends_function

        subroutine nn_progress_function(status)
            import :: nn_status
            type(nn_status), intent(in) :: status
        end subroutine nn_progress_function
    end interface

    type :: nn_train_options
        character(:), allocatable :: run_dir   ! not allocated: runs/<config>-<time>
        logical :: resume = .false.
        integer(c_int), pointer :: stop => null(), save => null()
        integer :: on_mismatch = NN_MISMATCH_STOP
        procedure(nn_begun_function), pointer, nopass :: begun => null()
        procedure(nn_progress_function), pointer, nopass :: progress => null() ! on rank 0
        procedure(nn_ends_function), pointer, nopass :: ends => null() ! on rank 0
        logical :: in_parts = .false.          ! for steps in parts and on minibatches of the program's
        logical :: measures = .false.          ! for nn_training%measure
        real(real64) :: progress_every = 0     ! seconds: progress between reports, too; 0: with them only
    end type nn_train_options

    type :: nn_train_result
        integer(int64) :: steps = 0, epochs = 0, best_step = 0, first_step = 0
        real(real64) :: loss = 0, seconds = 0, samples_per_s = 0
        character(:), allocatable :: why, run_dir, verdict
        character(64) :: digest = ''
        logical :: restored_best = .false.
        type(nn_evaluation) :: test            ! open where there is a test split
    end type nn_train_result

    type, extends(hooks) :: run_hooks
        procedure(nn_begun_function), pointer, nopass :: begun => null()
        procedure(nn_progress_function), pointer, nopass :: progress => null()
        procedure(nn_ends_function), pointer, nopass :: ends => null()
    end type run_hooks

contains

    ! ---- training --------------------------------------------------------------------------------

    ! The options for C. `hook` and `folder` stay as long as C uses them.
    subroutine set_options(options, c, hook, folder)
        type(nn_train_options), intent(in), optional :: options
        type(nn_c_options), intent(out) :: c
        type(run_hooks), pointer, intent(in) :: hook
        character(c_char), pointer, intent(out) :: folder(:)
        c%size = c_sizeof(c)
        folder => null()
        if (.not. present(options)) return
        c%ctx = c_loc(hook)
        if (allocated(options%run_dir)) then
            call keep_text(options%run_dir, folder)
            c%run_dir = c_loc(folder)
        end if
        c%resume = logical(options%resume, c_bool)
        if (associated(options%stop)) c%stop = c_loc(options%stop)
        if (associated(options%save)) c%save = c_loc(options%save)
        c%on_mismatch = options%on_mismatch
        hook%begun => options%begun
        hook%progress => options%progress
        if (associated(hook%begun)) c%begun = c_funloc(call_begun)
        if (associated(hook%progress)) c%progress = c_funloc(call_progress)
        hook%ends => options%ends
        if (associated(hook%ends)) c%ends = c_funloc(ask_ends)
        c%in_parts = logical(options%in_parts, c_bool)
        c%measures = logical(options%measures, c_bool)
        c%progress_every = options%progress_every
    end subroutine set_options

    subroutine call_begun(ctx) bind(C)
        type(c_ptr), value :: ctx
        type(run_hooks), pointer :: hook
        call c_f_pointer(ctx, hook)
        call hook%begun()
    end subroutine call_begun

    subroutine call_progress(ctx, c_status) bind(C)
        type(c_ptr), value :: ctx
        type(nn_c_status), intent(in) :: c_status
        type(run_hooks), pointer :: hook
        type(nn_status) :: status
        call c_f_pointer(ctx, hook)
        call set_status(c_status, status)
        call hook%progress(status)
    end subroutine call_progress

    logical(c_bool) function ask_ends(ctx, c_status) bind(C)
        type(c_ptr), value :: ctx
        type(nn_c_status), intent(in) :: c_status
        type(run_hooks), pointer :: hook
        type(nn_status) :: status
        call c_f_pointer(ctx, hook)
        call set_status(c_status, status)
        ask_ends = logical(hook%ends(status), c_bool)
    end function ask_ends

    subroutine set_status(c_status, status)
        type(nn_c_status), intent(in) :: c_status
        type(nn_status), intent(out) :: status
        status%step = c_status%step
        status%total_steps = c_status%total_steps
        status%epoch = c_status%epoch
        status%epochs = c_status%epochs
        status%loss = c_status%loss
        status%lr = c_status%lr
        status%samples_per_s = c_status%samples_per_s
        status%seconds_left = c_status%seconds_left
        status%important = c_status%important
        status%seconds = c_status%seconds
        status%epoch_step = c_status%epoch_step
        status%epoch_steps = c_status%epoch_steps
        status%data_share = c_status%data_share
        status%compute_share = c_status%compute_share
        status%wait_share = c_status%wait_share
        status%best_metric = fortran_text(c_status%best_metric)
        status%best_value = c_status%best_value
        status%best_step = c_status%best_step
        status%line = fortran_text(c_status%line)
        if (c_associated(c_status%validation)) &
            call adopt(status%validation, c_status%validation, leave_alone)
    end subroutine set_status

    ! Of an object that is the library's.
    subroutine leave_alone(object) bind(C)
        type(c_ptr), value :: object
        if (.not. c_associated(object)) return
    end subroutine leave_alone

    subroutine set_result(c, result)
        type(nn_c_result), intent(inout), target :: c
        type(nn_train_result), intent(inout), optional :: result
        if (present(result)) then
            result%steps = c%steps
            result%epochs = c%epochs
            result%best_step = c%best_step
            result%first_step = c%first_step
            result%loss = c%loss
            result%seconds = c%seconds
            result%samples_per_s = c%samples_per_s
            result%why = fortran_text(c%why)
            result%run_dir = chars_text(c%run_dir)
            result%verdict = chars_text(c%verdict)
            result%digest = chars_text(c%digest)
            result%restored_best = c%restored_best
            call result%test%free()
            if (c_associated(c%test)) call adopt(result%test, c%test, nn_evaluation_free)
        else
            call nn_evaluation_free(c%test)
        end if
    end subroutine set_result

    subroutine nn_train(comm, config, options, result, stat, errmsg)
        class(nn_comm), intent(in) :: comm
        class(nn_config), intent(in) :: config
        type(nn_train_options), intent(in), optional :: options
        type(nn_train_result), intent(inout), optional :: result
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_c_options) :: c_options
        type(nn_c_result) :: c_result
        type(run_hooks), pointer :: hook
        character(c_char), pointer :: folder(:)
        integer(c_int) :: rc
        rc = ready(comm, 'nn_train: the comm')
        if (rc == 0) rc = ready(config, 'nn_train: the configuration')
        if (rc == 0) then
            allocate (hook)
            call set_options(options, c_options, hook, folder)
            c_result%size = c_sizeof(c_result)
            rc = nn_train_c(comm%node%c, config%node%c, c_options, c_result)
            if (rc == 0) call set_result(c_result, result)
            if (associated(folder)) deallocate (folder)
            deallocate (hook)
        end if
        call conclude(rc, stat, errmsg)
    end subroutine nn_train
end module nnmpi_train
