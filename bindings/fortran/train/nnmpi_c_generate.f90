! The C functions of generate.h as they are, for module nnmpi.
module nnmpi_c_generate
    use, intrinsic :: iso_c_binding
    implicit none

    type, bind(C) :: nn_c_generation
        integer(c_size_t) :: size
        integer(c_int64_t) :: max_tokens
        real(c_double) :: temperature
        integer(c_int64_t) :: top_k
        real(c_double) :: top_p
        integer(c_int64_t) :: seed, first
        type(c_ptr) :: stop
    end type nn_c_generation

    type, bind(C) :: nn_c_prompt
        type(c_ptr) :: text = c_null_ptr, token = c_null_ptr
        integer(c_size_t) :: tokens = 0
    end type nn_c_prompt

    abstract interface
        ! nn_generate of a generator, nn_training_generate of a training
        function nn_c_continues(object, how, count, prompt, told, ctx) bind(C)
            import :: c_ptr, c_int, c_size_t, c_funptr, nn_c_generation, nn_c_prompt
            type(c_ptr), value :: object
            type(nn_c_generation), intent(in) :: how
            integer(c_size_t), value :: count
            type(nn_c_prompt), intent(in) :: prompt(*)
            type(c_funptr), value :: told
            type(c_ptr), value :: ctx
            integer(c_int) :: nn_c_continues
        end function nn_c_continues
    end interface

    procedure(nn_c_continues), bind(C, name='nn_generate') :: nn_generate
    procedure(nn_c_continues), bind(C, name='nn_training_generate') :: nn_training_generate

    interface
        function nn_generator_open(checkpoint, batch, threads, out) bind(C)
            import :: c_ptr, c_int, c_char, c_size_t
            character(c_char), intent(in) :: checkpoint(*)
            integer(c_size_t), value :: batch
            integer(c_int), value :: threads
            type(c_ptr), intent(out) :: out
            integer(c_int) :: nn_generator_open
        end function nn_generator_open

        subroutine nn_generator_free(generator) bind(C)
            import :: c_ptr
            type(c_ptr), value :: generator
        end subroutine nn_generator_free
    end interface
end module nnmpi_c_generate
