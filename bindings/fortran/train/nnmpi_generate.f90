! Texts that a trained model makes (generate.h): a part of module nnmpi.
module nnmpi_generate
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int32, int64, real64
    use nnmpi_base
    use nnmpi_c
    use nnmpi_c_generate
    implicit none
    private

    public :: nn_generation, nn_generator, nn_prompt, nn_text, nn_token_function, continue_prompts, &
        continue_prompt

    abstract interface
        ! Is told each token of prompt i (from 1) as it comes, and what it adds to the text, which
        ! may be a part of a character. .false.: this text wants no more.
        logical function nn_token_function(i, token, added)
            import :: int32
            integer, intent(in) :: i
            integer(int32), intent(in) :: token
            character(*), intent(in) :: added
        end function nn_token_function
    end interface

    ! How texts go on (nn_generation of generate.h).
    type :: nn_generation
        integer(int64) :: max_tokens = 200, top_k = 0, seed = 1, first = 0
        real(real64) :: temperature = 1, top_p = 1
        character(:), allocatable :: stop     ! with any blanks; not allocated: as the vocabulary has it
        procedure(nn_token_function), pointer, nopass :: told => null()
    end type nn_generation

    ! A text, whose blanks at the end count, or tokens, from 0.
    type :: nn_prompt
        character(:), allocatable :: text
        integer(int32), allocatable :: tokens(:)
    end type nn_prompt

    ! What follows a prompt.
    type :: nn_text
        character(:), allocatable :: text     ! '' where the model has no vocabulary
        integer(int32), allocatable :: tokens(:)
    end type nn_text

    ! The model of a checkpoint.
    type, extends(nn_handle) :: nn_generator
    contains
        procedure :: open => generator_open
        procedure, private :: generate_many, generate_one
        generic :: generate => generate_many, generate_one
    end type nn_generator

    ! A text that grows; of its memory a part is used.
    type :: growing
        character(:), allocatable :: text
        integer(int32), allocatable :: tokens(:)
        integer :: length = 0, count = 0
    end type growing

    type :: listener
        procedure(nn_token_function), pointer, nopass :: told => null()
        type(growing), allocatable :: made(:)
    end type listener

contains

    ! Continues `batch` prompts side by side, on so many threads; each is 1 unless it says otherwise.
    subroutine generator_open(self, checkpoint, batch, threads, stat, errmsg)
        class(nn_generator), intent(inout) :: self
        character(*), intent(in) :: checkpoint
        integer, intent(in), optional :: batch, threads
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_size_t) :: side_by_side
        integer(c_int) :: rc, on
        type(c_ptr) :: c
        side_by_side = 1
        if (present(batch)) side_by_side = int(max(batch, 0), c_size_t)
        on = 1
        if (present(threads)) on = threads
        rc = nn_generator_open(c_text(checkpoint), side_by_side, on, c)
        if (rc == 0) call adopt(self, c, nn_generator_free)
        call conclude(rc, stat, errmsg)
    end subroutine generator_open

    subroutine generate_many(self, prompts, texts, how, stat, errmsg)
        class(nn_generator), intent(in) :: self
        type(nn_prompt), intent(in) :: prompts(:)
        type(nn_text), allocatable, intent(out) :: texts(:)
        type(nn_generation), intent(in), optional :: how
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_generator%generate')
        if (rc == 0) call continue_prompts(nn_generate, self%node%c, prompts, texts, how, rc)
        call conclude(rc, stat, errmsg)
    end subroutine generate_many

    subroutine generate_one(self, prompt, text, how, stat, errmsg)
        class(nn_generator), intent(in) :: self
        character(*), intent(in) :: prompt
        character(:), allocatable, intent(out) :: text
        type(nn_generation), intent(in), optional :: how
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_generator%generate')
        if (rc == 0) call continue_prompt(nn_generate, self%node%c, prompt, text, how, rc)
        call conclude(rc, stat, errmsg)
    end subroutine generate_one

    subroutine continue_prompt(function, object, prompt, text, how, rc)
        procedure(nn_c_continues) :: function
        type(c_ptr), intent(in) :: object
        character(*), intent(in) :: prompt
        character(:), allocatable, intent(out) :: text
        type(nn_generation), intent(in), optional :: how
        integer(c_int), intent(out) :: rc
        type(nn_prompt) :: prompts(1)
        type(nn_text), allocatable :: texts(:)
        prompts(1)%text = prompt
        call continue_prompts(function, object, prompts, texts, how, rc)
        text = texts(1)%text
    end subroutine continue_prompt

    ! `texts` are those of the prompts also where it fails, as far as they came.
    subroutine continue_prompts(function, object, prompts, texts, how, rc)
        procedure(nn_c_continues) :: function
        type(c_ptr), intent(in) :: object
        type(nn_prompt), intent(in), target :: prompts(:)
        type(nn_text), allocatable, intent(out) :: texts(:)
        type(nn_generation), intent(in), optional :: how
        integer(c_int), intent(out) :: rc
        type(nn_generation) :: chosen
        type(nn_c_generation) :: c_how
        type(nn_c_prompt) :: c_prompts(size(prompts))
        type(optional_text), target :: given(size(prompts)), ending
        type(listener), target :: hears
        integer :: i
        if (present(how)) chosen = how
        rc = 0
        if (allocated(chosen%stop)) call set_whole('nn_generation: stop', chosen%stop, ending, rc)
        c_how = nn_c_generation(c_sizeof(c_how), chosen%max_tokens, chosen%temperature, chosen%top_k, &
                                chosen%top_p, chosen%seed, chosen%first, at_text(ending))
        do i = 1, size(prompts)
            if (allocated(prompts(i)%text)) &
                call set_whole('prompt '//number(chosen%first + i), prompts(i)%text, given(i), rc)
            c_prompts(i)%text = at_text(given(i))
            if (.not. allocated(prompts(i)%tokens)) cycle
            c_prompts(i)%tokens = size(prompts(i)%tokens, kind=c_size_t)
            if (size(prompts(i)%tokens) > 0) c_prompts(i)%token = c_loc(prompts(i)%tokens)
        end do
        hears%told => chosen%told
        allocate (hears%made(size(prompts)))
        if (rc == 0) rc = function(object, c_how, size(prompts, kind=c_size_t), c_prompts, &
                                   c_funloc(hear), c_loc(hears))
        allocate (texts(size(prompts)))
        do i = 1, size(prompts)
            call make_room(hears%made(i), 0, 0)
            texts(i)%text = hears%made(i)%text(:hears%made(i)%length)
            texts(i)%tokens = hears%made(i)%tokens(:hears%made(i)%count)
        end do
    end subroutine continue_prompts

    ! For C, with the blanks at its end.
    subroutine set_whole(what, text, whole, rc)
        character(*), intent(in) :: what, text
        type(optional_text), intent(inout) :: whole
        integer(c_int), intent(inout) :: rc
        if (index(text, c_null_char) > 0) rc = misuse(what//' has a character 0, which no text has')
        allocate (whole%chars(len(text) + 1))
        whole%chars = transfer(text//c_null_char, whole%chars)
    end subroutine set_whole

    logical(c_bool) function hear(ctx, i, token, bytes, length) bind(C)
        type(c_ptr), value :: ctx, bytes
        integer(c_size_t), value :: i, length
        integer(c_int32_t), value :: token
        type(listener), pointer :: self
        character(:), allocatable :: added
        call c_f_pointer(ctx, self)
        added = bytes_text(bytes, length)
        call add(self%made(i + 1), token, added)
        hear = .true._c_bool
        if (associated(self%told)) hear = logical(self%told(int(i) + 1, token, added), c_bool)
    end function hear

    subroutine add(self, token, added)
        type(growing), intent(inout) :: self
        integer(int32), intent(in) :: token
        character(*), intent(in) :: added
        call make_room(self, self%length + len(added), self%count + 1)
        self%text(self%length + 1:self%length + len(added)) = added
        self%length = self%length + len(added)
        self%count = self%count + 1
        self%tokens(self%count) = token
    end subroutine add

    subroutine make_room(self, length, count)
        type(growing), intent(inout) :: self
        integer, intent(in) :: length, count
        if (.not. allocated(self%text)) self%text = ''
        if (.not. allocated(self%tokens)) allocate (self%tokens(0))
        if (len(self%text) < length) self%text = self%text//repeat(' ', length)
        if (size(self%tokens) < count) self%tokens = [self%tokens, spread(0_int32, 1, count)]
    end subroutine make_room
end module nnmpi_generate
