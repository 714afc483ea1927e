! A training that the program drives: a part of module nnmpi.
module nnmpi_training
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64, real32, real64
    use nnmpi_array
    use nnmpi_base
    use nnmpi_batch
    use nnmpi_c
    use nnmpi_comm
    use nnmpi_c_generate
    use nnmpi_config
    use nnmpi_generate
    use nnmpi_predict
    use nnmpi_train
    use nnmpi_training_tensors
    implicit none
    private

    public :: nn_training

    ! A training that the program drives (training.h): open; while goes_on: step, attend; finish.
    type, extends(training_tensors) :: nn_training
    contains
        procedure :: open => training_open
        procedure :: goes_on => training_goes_on
        procedure :: step => training_step
        procedure :: step_on => training_step_on ! rows that each rank has for itself
        procedure :: attend => training_attend
        procedure :: advance => training_advance ! step and attend, several times
        procedure :: finish => training_finish
        procedure :: steps => training_steps
        procedure :: epoch => training_epoch
        procedure :: loss => training_loss
        procedure :: rate => training_rate
        procedure :: scale_rate => training_scale_rate
        procedure :: set_rate => training_set_rate
        procedure :: load => training_load     ! parameters of a checkpoint
        procedure :: save => training_save
        procedure :: write => training_write   ! to a checkpoint of its own
        procedure :: evaluate => training_evaluate
        procedure :: measure => training_measure
        ! a step in parts:
        procedure :: forward => training_forward ! on the next minibatch, or one of the program's
        procedure :: outputs => training_outputs ! (outputs, rows)
        procedure :: take_loss => training_take_loss
        procedure :: backward => training_backward
        procedure :: sum_gradients => training_sum_gradients
        procedure :: update => training_update
        procedure :: most_rows => training_most_rows
        procedure :: predict => training_predict
        procedure, private :: generate_many, generate_one
        generic :: generate => generate_many, generate_one
    end type nn_training

contains

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

    subroutine training_advance(self, most, stat, errmsg)
        class(nn_training), intent(in) :: self
        integer, intent(in) :: most
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%advance')
        if (rc == 0) rc = nn_training_advance(self%node%c, int(most, c_int64_t))
        call conclude(rc, stat, errmsg)
    end subroutine training_advance

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

    ! Of the minibatches since the last call, as training saw them; wants nn_train_options%measures.
    subroutine training_measure(self, evaluation, stat, errmsg)
        class(nn_training), intent(in) :: self
        type(nn_evaluation), intent(inout) :: evaluation
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%measure')
        if (rc == 0) rc = nn_training_measure(self%node%c, c)
        if (rc == 0) call adopt(evaluation, c, nn_evaluation_free)
        call conclude(rc, stat, errmsg)
    end subroutine training_measure

    ! The parameters, with train.ema their average, to a checkpoint of this path; it says that they
    ! were trained as `config` has it, or this training.
    subroutine training_write(self, path, config, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: path
        class(nn_config), intent(in), optional :: config
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: says
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%write')
        says = c_null_ptr
        if (rc == 0 .and. present(config)) then
            rc = ready(config, 'nn_training%write: the configuration')
            if (rc == 0) says = config%node%c
        end if
        if (rc == 0) rc = nn_training_write(self%node%c, c_text(path), says)
        call conclude(rc, stat, errmsg)
    end subroutine training_write

    ! ---- minibatches of the program's own, a step in parts ---------------------------------------

    subroutine training_step_on(self, batch, stat, errmsg)
        class(nn_training), intent(in) :: self
        type(nn_minibatch), intent(in), target :: batch
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_c_minibatch), target :: c
        integer(c_int) :: rc
        call batch_for_c(batch, c)
        rc = ready(self, 'nn_training%step_on')
        if (rc == 0) rc = nn_training_step_on(self%node%c, c_loc(c))
        call conclude(rc, stat, errmsg)
    end subroutine training_step_on

    subroutine training_forward(self, batch, stat, errmsg)
        class(nn_training), intent(in) :: self
        type(nn_minibatch), intent(in), target, optional :: batch
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(nn_c_minibatch), target :: c
        type(c_ptr) :: at
        integer(c_int) :: rc
        at = c_null_ptr
        if (present(batch)) then
            call batch_for_c(batch, c)
            at = c_loc(c)
        end if
        rc = ready(self, 'nn_training%forward')
        if (rc == 0) rc = nn_training_forward(self%node%c, at)
        call conclude(rc, stat, errmsg)
    end subroutine training_forward

    ! A copy; of sequences with a class for each step (outputs, steps times rows).
    subroutine training_outputs(self, y, stat, errmsg)
        class(nn_training), intent(in) :: self
        real(real32), allocatable, intent(out) :: y(:, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        real(real32), pointer :: outputs(:, :)
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%outputs')
        if (rc == 0) rc = nn_training_outputs(self%node%c, array)
        if (rc == 0) then
            call c_f_pointer(array%data, outputs, &
                             [array%dim(array%rank), product(array%dim(:array%rank - 1))])
            y = outputs
        end if
        call conclude(rc, stat, errmsg)
    end subroutine training_outputs

    subroutine training_take_loss(self, loss, stat, errmsg)
        class(nn_training), intent(in) :: self
        real(real64), intent(out) :: loss
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        loss = 0
        rc = ready(self, 'nn_training%take_loss')
        if (rc == 0) rc = nn_training_take_loss(self%node%c, loss)
        call conclude(rc, stat, errmsg)
    end subroutine training_take_loss

    subroutine training_backward(self, stat, errmsg)
        class(nn_training), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%backward')
        if (rc == 0) rc = nn_training_backward(self%node%c)
        call conclude(rc, stat, errmsg)
    end subroutine training_backward

    subroutine training_sum_gradients(self, stat, errmsg)
        class(nn_training), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%sum_gradients')
        if (rc == 0) rc = nn_training_sum_gradients(self%node%c)
        call conclude(rc, stat, errmsg)
    end subroutine training_sum_gradients

    subroutine training_update(self, stat, errmsg)
        class(nn_training), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%update')
        if (rc == 0) rc = nn_training_update(self%node%c)
        call conclude(rc, stat, errmsg)
    end subroutine training_update

    integer function training_most_rows(self)
        class(nn_training), intent(in) :: self
        training_most_rows = int(nn_training_most_rows(need(self, 'nn_training%most_rows')))
    end function training_most_rows

    ! y(outputs, rows) of the batch's x (and len), on this rank alone.
    subroutine training_predict(self, batch, y, stat, errmsg)
        class(nn_training), intent(in) :: self
        type(nn_minibatch), intent(in), target :: batch
        class(*), intent(inout), target :: y(:, :)
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        real(real32), allocatable, target :: floats(:)
        type(nn_c_minibatch), target :: c
        type(nn_array) :: array
        integer(int64) :: wanted(2)
        integer(c_int) :: rc
        call batch_for_c(batch, c)
        rc = ready(self, 'nn_training%predict')
        if (rc == 0) rc = view('nn_training%predict', y, array)
        if (rc == 0) then
            wanted = [nn_training_prediction_size(self%node%c), c%x%dim(1)]
            if (any(shape(y) /= wanted)) &
                rc = misuse('nn_training%predict: y'//shape_text(dims_of(array))//' is to be y'// &
                            shape_text(wanted))
        end if
        if (rc == 0) then
            allocate (floats(count_of(array)))
            rc = nn_training_predict(self%node%c, c_loc(c), c_loc(floats))
        end if
        if (rc == 0) rc = from_floats('nn_training%predict', floats, array)
        call conclude(rc, stat, errmsg)
    end subroutine training_predict

    ! Texts by the present parameters, on this rank alone.
    subroutine generate_many(self, prompts, texts, how, stat, errmsg)
        class(nn_training), intent(in) :: self
        type(nn_prompt), intent(in) :: prompts(:)
        type(nn_text), allocatable, intent(out) :: texts(:)
        type(nn_generation), intent(in), optional :: how
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%generate')
        if (rc == 0) call continue_prompts(nn_training_generate, self%node%c, prompts, texts, how, rc)
        call conclude(rc, stat, errmsg)
    end subroutine generate_many

    subroutine generate_one(self, prompt, text, how, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: prompt
        character(:), allocatable, intent(out) :: text
        type(nn_generation), intent(in), optional :: how
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%generate')
        if (rc == 0) call continue_prompt(nn_training_generate, self%node%c, prompt, text, how, rc)
        call conclude(rc, stat, errmsg)
    end subroutine generate_one

    subroutine training_set_rate(self, rate, stat, errmsg)
        class(nn_training), intent(in) :: self
        real(real64), intent(in) :: rate
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%set_rate')
        if (rc == 0) rc = nn_training_set_rate(self%node%c, rate)
        call conclude(rc, stat, errmsg)
    end subroutine training_set_rate

    subroutine training_load(self, checkpoint, stat, errmsg)
        class(nn_training), intent(in) :: self
        character(*), intent(in) :: checkpoint
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_training%load')
        if (rc == 0) rc = nn_training_load(self%node%c, c_text(checkpoint))
        call conclude(rc, stat, errmsg)
    end subroutine training_load
end module nnmpi_training
