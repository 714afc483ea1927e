! ranks: 1 2
! Texts in Fortran: of a training and of its checkpoint, of texts and of tokens, blanks at their ends, what is told while
! they come, and what is said of wrong ones.
module generate_test
    use nnmpi
    use, intrinsic :: iso_fortran_env
    implicit none

    character(*), parameter :: net = 'model: [embedding: {vocabulary: 4, units: 8}, '// &
        'lstm: {units: 12, return: all}, dense: {units: 4}]'//new_line('a')//'loss: cross_entropy'// &
        new_line('a')//'train: {batch_size: 6, max_steps: 60, optimizer: {adam: {lr: 0.05}}}'
    integer :: failures = 0, reports = 0
    character(:), allocatable :: heard
    logical :: known = .true.

contains

    subroutine check(ok, what)
        logical, intent(in) :: ok
        character(*), intent(in) :: what
        if (ok) return
        failures = failures + 1
        write (error_unit, '(2a)') 'does not hold: ', what
    end subroutine check

    subroutine failed(stat, code, errmsg, part)
        integer, intent(in) :: stat, code
        character(*), intent(in) :: errmsg, part
        call check(stat == code .and. index(errmsg, part) > 0, part//', but: '//trim(errmsg))
    end subroutine failed

    ! The tokens of 'a a a ...', of which that of 0 is in no text.
    subroutine learn(comm, config, training)
        type(nn_comm), intent(in) :: comm
        type(nn_config), intent(inout) :: config
        type(nn_training), intent(inout) :: training
        type(nn_data) :: data
        type(nn_train_options) :: options
        integer :: x(8, 6), y(8, 6), i, k
        x = reshape([((merge(1, 2, mod(i + k, 2) == 0), i=1, 8), k=1, 6)], [8, 6])
        y = 3 - x
        call data%set('train', 'x', x)
        call data%set('train', 'y', y)
        call data%set_classes(['x', 'a', '|', ' '])
        call data%set_tokens('chars')
        call config%parse('letters', net)
        call config%use_data(data)
        options%run_dir = ''
        options%progress => count_reports
        call training%open(comm, config, options)
        do while (training%goes_on())
            call training%step()
            call training%attend()
        end do
    end subroutine learn

    subroutine count_reports(status)
        type(nn_status), intent(in) :: status
        reports = reports + 1
        known = known .and. status%seconds > 0 .and. status%epoch_steps == 1 .and. &
            status%best_step == -1 .and. status%compute_share >= 0 .and. status%best_metric == 'loss' .and. &
            status%line == ''
    end subroutine count_reports

    logical function hear(i, token, added)
        integer, intent(in) :: i
        integer(int32), intent(in) :: token
        character(*), intent(in) :: added
        heard = heard//achar(iachar('0') + i)//achar(iachar('0') + token)//added//' '
        hear = i == 2 .or. len(heard) < 12
    end function hear

    subroutine continues(training)
        type(nn_training), intent(in) :: training
        type(nn_generation) :: how
        type(nn_prompt) :: prompts(2)
        type(nn_text), allocatable :: texts(:)
        character(:), allocatable :: text
        character(200) :: errmsg
        integer :: stat
        how%max_tokens = 5
        how%temperature = 0
        call training%generate('a|', text, how)
        call check(text == 'a|a|a', 'one text: '//text)
        how%told => hear
        heard = ''
        prompts(1)%text = 'a'
        prompts(2)%tokens = [1, 2]
        call training%generate(prompts, texts, how)
        call check(texts(1)%text == '|a|' .and. all(texts(1)%tokens == [2, 1, 2]), 'a text that is ended')
        call check(texts(2)%text == 'a|a|a' .and. size(texts(2)%tokens) == 5, 'a text of tokens')
        call check(heard(:4) == '12| ' .and. index(heard, '21a ') > 0 .and. len(heard) == 32, 'what is told: '//heard)
        how%told => null()
        how%stop = 'a'
        call training%generate('a', text, how)
        call check(text == '|', 'ended by a token: '//text)
        how%stop = ' '
        call training%generate('a ', text, how)
        call check(len(text) <= 5, 'a blank is a token')
        how%stop = 'a '
        call training%generate('a', text, how, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'the stop token ''a '' is none')
        deallocate (how%stop)
        call training%generate('', text, how, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'prompt 1: a prompt without tokens')
        call training%generate('a?', text, how, stat, errmsg)
        call failed(stat, NN_EFORMAT, errmsg, '''?'' is no token')
        how%first = 4
        call training%generate('a'//achar(0), text, how, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'prompt 5 has a character 0')
        prompts(2)%text = 'a'
        call training%generate(prompts, texts, how, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'it has a text and tokens')
        call training%generate(prompts(:0), texts, how)
        call check(size(texts) == 0, 'no prompts')
    end subroutine continues

    subroutine of_file(comm, config, training)
        type(nn_comm), intent(in) :: comm
        type(nn_config), intent(in) :: config
        type(nn_training), intent(in) :: training
        type(nn_config) :: none
        type(nn_generator) :: generator
        type(nn_predictor) :: predictor
        type(nn_prompt) :: prompts(3)
        type(nn_text), allocatable :: texts(:), same(:)
        type(nn_generation) :: how
        character(30) :: path
        character(200) :: errmsg
        integer :: i, stat, unit
        write (path, '(a, i0, a)') 'generate_fortran', comm%size(), '.h5'
        call training%write(path, none, stat, errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'the configuration: there is no object')
        call training%write(path, config)
        do i = 1, 3
            prompts(i)%tokens = [2]
        end do
        how%temperature = 3
        how%max_tokens = 40
        call training%generate(prompts, texts, how)
        call generator%generate(prompts, same, stat=stat, errmsg=errmsg)
        call failed(stat, NN_EUSAGE, errmsg, 'nn_generator%generate: there is no object')
        call generator%open(path, batch=2, threads=1 + comm%rank())
        call generator%generate(prompts, same, how)
        do i = 1, 3
            call check(same(i)%text == texts(i)%text .and. len(same(i)%text) >= 40, 'the same of the file')
        end do
        call check(texts(1)%text /= texts(2)%text, 'texts of their own numbers')
        call generator%open(path, threads=0, stat=stat, errmsg=errmsg)
        call failed(stat, NN_EUSAGE, errmsg, '0 threads')
        call predictor%open(path)
        call check(index(predictor%description(), '"tokens":"chars"') > 0, predictor%description())
        call check(predictor%class_name(4) == ' ' .and. len(predictor%class_name(4)) == 1, 'a blank')
        call comm%agree(NN_OK, '')
        if (comm%rank() > 0) return
        open (newunit=unit, file=path)
        close (unit, status='delete')
    end subroutine of_file
end module generate_test

program generate
    use generate_test
    implicit none
    type(nn_comm) :: comm
    type(nn_config) :: config
    type(nn_training) :: training
    call comm%init()
    call learn(comm, config, training)
    call check(known, 'what a status says')
    call check((reports > 0) .eqv. (comm%rank() == 0), 'reports')
    call continues(training)
    call of_file(comm, config, training)
    call training%free()
    call config%free()
    call comm%free()
    if (failures > 0) error stop 1
end program generate
