! Training: a part of module nnmpi.
module nnmpi_train
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real32, real64
    use nnmpi_base
    use nnmpi_c
    use nnmpi_comm
    use nnmpi_data
    use nnmpi_predict
    implicit none
    private

    public :: nn_begun_function, nn_progress_function, nn_status, nn_train, nn_train_options, &
        nn_train_result, nn_training

    ! Where a run stands (nn_status of train.h).
    type :: nn_status
        integer(int64) :: step, total_steps, epoch, epochs
        real(real64) :: loss, lr, samples_per_s, seconds_left
        logical :: important
        type(nn_evaluation) :: validation      ! open where one was just made; of this call
    end type nn_status

    abstract interface
        subroutine nn_begun_function()
        end subroutine nn_begun_function

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
    end type nn_train_options

    type :: nn_train_result
        integer(int64) :: steps = 0, epochs = 0, best_step = 0, first_step = 0
        real(real64) :: loss = 0, seconds = 0, samples_per_s = 0
        character(:), allocatable :: why, run_dir, verdict
        character(64) :: digest = ''
        logical :: restored_best = .false.
        type(nn_evaluation) :: test            ! open where there is a test split
    end type nn_train_result

    ! A training that the program drives (training.h): open; while goes_on: step, attend; finish.
    type, extends(nn_handle) :: nn_training
    contains
        procedure :: open => training_open
        procedure :: goes_on => training_goes_on
        procedure :: step => training_step
        procedure :: attend => training_attend
        procedure :: finish => training_finish
        procedure :: steps => training_steps
        procedure :: epoch => training_epoch
        procedure :: loss => training_loss
        procedure :: rate => training_rate
        procedure :: scale_rate => training_scale_rate
        procedure :: save => training_save
        procedure :: evaluate => training_evaluate
        procedure :: tensors => training_tensors ! how many there are
        procedure :: tensor_name => training_tensor_name
        procedure :: tensor_shape => training_tensor_shape
        procedure, private :: get_1, get_2, get_3, get_4, set_1, set_2, set_3, set_4
        generic :: get => get_1, get_2, get_3, get_4
        generic :: set => set_1, set_2, set_3, set_4
    end type nn_training

    type, extends(hooks) :: run_hooks
        procedure(nn_begun_function), pointer, nopass :: begun => null()
        procedure(nn_progress_function), pointer, nopass :: progress => null()
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
        if (associated(hook%begun)) c%begun = c_funloc(hand_begun)
        if (associated(hook%progress)) c%progress = c_funloc(hand_progress)
    end subroutine set_options

    subroutine hand_begun(ctx) bind(C)
        type(c_ptr), value :: ctx
        type(run_hooks), pointer :: hook
        call c_f_pointer(ctx, hook)
        call hook%begun()
    end subroutine hand_begun

    subroutine hand_progress(ctx, c_status) bind(C)
        type(c_ptr), value :: ctx
        type(nn_c_status), intent(in) :: c_status
        type(run_hooks), pointer :: hook
        type(nn_status) :: status
        call c_f_pointer(ctx, hook)
        status%step = c_status%step
        status%total_steps = c_status%total_steps
        status%epoch = c_status%epoch
        status%epochs = c_status%epochs
        status%loss = c_status%loss
        status%lr = c_status%lr
        status%samples_per_s = c_status%samples_per_s
        status%seconds_left = c_status%seconds_left
        status%important = c_status%important
        if (c_associated(c_status%validation)) &
            call adopt(status%validation, c_status%validation, leave_alone)
        call hook%progress(status)
    end subroutine hand_progress

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

    subroutine training_open(self, comm, config, options, stat, errmsg)
        class(nn_training), intent(inout) :: self
        class(nn_comm), intent(in) :: comm
        class(nn_config), intent(in) :: config
        type(nn_train_options), intent(in), optional :: options
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_c_options) :: c_options
        type(run_hooks), pointer :: hook
        character(c_char), pointer :: folder(:)
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = ready(comm, 'nn_training%open: the comm')
        if (rc == 0) rc = ready(config, 'nn_training%open: the configuration')
        if (rc == 0) then
            allocate (hook)
            call set_options(options, c_options, hook, folder)
            rc = nn_training_open(comm%node%c, config%node%c, c_options, c)
            if (rc == 0) then
                call adopt(self, c, nn_training_close, [node_pointer(comm%node), &
                                                        node_pointer(config%node), config%node%needs(1)])
                self%node%hooks => hook
                self%node%text => folder
            else
                if (associated(folder)) deallocate (folder)
                deallocate (hook)
            end if
        end if
        call conclude(rc, stat, errmsg)
    end subroutine training_open

    logical function training_goes_on(self)
        class(nn_training), intent(in) :: self
        training_goes_on = nn_training_goes_on(need(self, 'nn_training%goes_on'))
    end function training_goes_on

    subroutine training_step(self, stat, errmsg)
        class(nn_training), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%step')
        if (rc == 0) rc = nn_training_step(self%node%c)
        call conclude(rc, stat, errmsg)
    end subroutine training_step

    subroutine training_attend(self, stat, errmsg)
        class(nn_training), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%attend')
        if (rc == 0) rc = nn_training_attend(self%node%c)
        call conclude(rc, stat, errmsg)
    end subroutine training_attend

    subroutine training_finish(self, result, stat, errmsg)
        class(nn_training), intent(in) :: self
        type(nn_train_result), intent(inout), optional :: result
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_c_result) :: c_result
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%finish')
        c_result%size = c_sizeof(c_result)
        if (rc == 0) rc = nn_training_finish(self%node%c, c_result)
        if (rc == 0) call set_result(c_result, result)
        call conclude(rc, stat, errmsg)
    end subroutine training_finish

    integer(int64) function training_steps(self)
        class(nn_training), intent(in) :: self
        training_steps = nn_training_steps(need(self, 'nn_training%steps'))
    end function training_steps

    integer(int64) function training_epoch(self)
        class(nn_training), intent(in) :: self
        training_epoch = nn_training_epoch(need(self, 'nn_training%epoch'))
    end function training_epoch

    real(real64) function training_loss(self)
        class(nn_training), intent(in) :: self
        training_loss = nn_training_loss(need(self, 'nn_training%loss'))
    end function training_loss

    real(real64) function training_rate(self)
        class(nn_training), intent(in) :: self
        training_rate = nn_training_rate(need(self, 'nn_training%rate'))
    end function training_rate

    subroutine training_scale_rate(self, factor, stat, errmsg)
        class(nn_training), intent(in) :: self
        real(real64), intent(in) :: factor
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%scale_rate')
        if (rc == 0) rc = nn_training_scale_rate(self%node%c, factor)
        call conclude(rc, stat, errmsg)
    end subroutine training_scale_rate

    subroutine training_save(self, stat, errmsg)
        class(nn_training), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%save')
        if (rc == 0) rc = nn_training_save(self%node%c)
        call conclude(rc, stat, errmsg)
    end subroutine training_save

    subroutine training_evaluate(self, evaluation, split, stat, errmsg)
        class(nn_training), intent(in) :: self
        type(nn_evaluation), intent(inout) :: evaluation
        character(*), intent(in), optional :: split
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(optional_text) :: name
        type(c_ptr) :: c
        integer(c_int) :: rc
        call set_text(name, split)
        rc = ready(self, 'nn_training%evaluate')
        if (rc == 0) rc = nn_training_evaluate(self%node%c, at_text(name), c)
        if (rc == 0) call adopt(evaluation, c, nn_evaluation_free)
        call conclude(rc, stat, errmsg)
    end subroutine training_evaluate

    ! ---- tensors ---------------------------------------------------------------------------------

    integer function training_tensors(self)
        class(nn_training), intent(in) :: self
        training_tensors = int(nn_training_tensors(need(self, 'nn_training%tensors')))
    end function training_tensors

    ! Its shape for C, and its name.
    subroutine tensor_of(self, i, array, name)
        class(nn_training), intent(in) :: self
        integer, intent(in) :: i
        type(nn_array), intent(out) :: array
        character(:), allocatable, intent(out) :: name
        call check_place('nn_training: tensor', i, self%tensors())
        name = fortran_text(nn_training_tensor(self%node%c, int(i - 1, c_size_t), array))
    end subroutine tensor_of

    function training_tensor_name(self, i) result(name)
        class(nn_training), intent(in) :: self
        integer, intent(in) :: i
        character(:), allocatable :: name
        type(nn_array) :: array
        call tensor_of(self, i, array, name)
    end function training_tensor_name

    ! PyTorch's [units, inputs] is (inputs, units) here.
    function training_tensor_shape(self, i) result(dims)
        class(nn_training), intent(in) :: self
        integer, intent(in) :: i
        integer(int64), allocatable :: dims(:)
        character(:), allocatable :: name
        type(nn_array) :: array
        call tensor_of(self, i, array, name)
        dims = dims_of(array)
    end function training_tensor_shape

    ! An array for a tensor has its shape, or is a vector of all its numbers. Of a tensor that there
    ! is not, the library has more to say.
    integer(c_int) function check_tensor(self, tensor, array) result(rc)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: tensor
        type(nn_array), intent(in) :: array
        type(nn_array) :: wanted
        character(:), allocatable :: name
        integer :: i
        rc = ready(self, 'nn_training: get or set')
        if (rc < 0) return
        do i = 1, self%tensors()
            call tensor_of(self, i, wanted, name)
            if (name /= tensor) cycle
            if (array%rank == 1 .and. count_of(array) == count_of(wanted)) return
            if (array%rank == wanted%rank .and. all(array%dim == wanted%dim)) return
            rc = misuse('nn_training: the array for '//name//' is '//shape_text(dims_of(array))// &
                        ', and the tensor '//shape_text(dims_of(wanted)))
        end do
    end function check_tensor

    subroutine get(self, rc, tensor, array, stat, errmsg)
        class(nn_training), intent(in) :: self
        integer(c_int), intent(in) :: rc
        character(*), intent(in) :: tensor
        type(nn_array), intent(in) :: array
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        real(real32), allocatable, target :: floats(:)
        integer(c_int) :: code
        code = rc
        if (code == 0) code = check_tensor(self, tensor, array)
        if (code == 0) then
            allocate (floats(count_of(array)))
            code = nn_training_get(self%node%c, c_text(tensor), c_loc(floats))
        end if
        if (code == 0) code = from_floats('nn_training%get', floats, array)
        call conclude(code, stat, errmsg)
    end subroutine get

    subroutine set(self, rc, tensor, array, stat, errmsg)
        class(nn_training), intent(in) :: self
        integer(c_int), intent(in) :: rc
        character(*), intent(in) :: tensor
        type(nn_array), intent(in) :: array
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        real(real32), allocatable, target :: floats(:)
        integer(c_int) :: code
        code = rc
        if (code == 0) code = check_tensor(self, tensor, array)
        if (code == 0) then
            call to_floats(array, floats)
            code = nn_training_set(self%node%c, c_text(tensor), c_loc(floats))
        end if
        call conclude(code, stat, errmsg)
    end subroutine set

    subroutine get_1(self, tensor, values, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: tensor
        class(*), intent(inout), target :: values(:)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_training%get', values, array)
        call get(self, rc, tensor, array, stat, errmsg)
    end subroutine get_1

    subroutine get_2(self, tensor, values, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: tensor
        class(*), intent(inout), target :: values(:, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_training%get', values, array)
        call get(self, rc, tensor, array, stat, errmsg)
    end subroutine get_2

    subroutine get_3(self, tensor, values, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: tensor
        class(*), intent(inout), target :: values(:, :, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_training%get', values, array)
        call get(self, rc, tensor, array, stat, errmsg)
    end subroutine get_3

    subroutine get_4(self, tensor, values, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: tensor
        class(*), intent(inout), target :: values(:, :, :, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_training%get', values, array)
        call get(self, rc, tensor, array, stat, errmsg)
    end subroutine get_4

    subroutine set_1(self, tensor, values, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: tensor
        class(*), intent(in), target :: values(:)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_training%set', values, array)
        call set(self, rc, tensor, array, stat, errmsg)
    end subroutine set_1

    subroutine set_2(self, tensor, values, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: tensor
        class(*), intent(in), target :: values(:, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_training%set', values, array)
        call set(self, rc, tensor, array, stat, errmsg)
    end subroutine set_2

    subroutine set_3(self, tensor, values, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: tensor
        class(*), intent(in), target :: values(:, :, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_training%set', values, array)
        call set(self, rc, tensor, array, stat, errmsg)
    end subroutine set_3

    subroutine set_4(self, tensor, values, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: tensor
        class(*), intent(in), target :: values(:, :, :, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_training%set', values, array)
        call set(self, rc, tensor, array, stat, errmsg)
    end subroutine set_4
end module nnmpi_train
