! Tensors and their gradients: a part of module nnmpi; operators and functions of
! tensors are in nnmpi_operators and nnmpi_operations. tensor.h says what holds for all of it.
module nnmpi_tensor
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int64
    use nnmpi_array
    use nnmpi_base
    use nnmpi_c
    use nnmpi_c_operations, only: nn_tensor_reshape
    use nnmpi_c_tensor
    use nnmpi_tensor_base
    implicit none
    private

    public :: nn_tensor, nn_tensor_scope, nn_parameter, nn_zeros, nn_grad, &
        nn_record, nn_tensors_live, nn_tensors_set_threads, nn_tensors_trim
    public :: made, failed, reversed, to_axes ! for the modules of operations

    ! Numbers with a shape, real32 or int64. `a = b` is the same tensor. What is made while an
    ! nn_tensor_scope is open goes when it closes; what is made outside of all, by free().
    ! Where an operation fails, its result is none, and so is what is computed from it: the first
    ! procedure with stat says what was wrong.
    type, extends(tensor_base) :: nn_tensor
    contains
        procedure :: require_grad => tensor_require_grad
        procedure :: requires_grad => tensor_requires_grad
        procedure :: backward => tensor_backward
        procedure :: gradient => tensor_gradient
        procedure :: set_gradient => tensor_set_gradient
        procedure :: detach => tensor_detach
    end type nn_tensor

    ! A copy of the numbers: nn_tensor(x); integers become int64, all others real32.
    interface nn_tensor
        module procedure of_0, of_1, of_2, of_3, of_4
    end interface nn_tensor

    type :: nn_tensor_scope
        private
        type(nn_c_scope), pointer :: c => null()
    contains
        procedure :: open => scope_open
        procedure :: close => scope_close
    end type nn_tensor_scope

contains

    ! ---- between this module and C ---------------------------------------------------------------

    ! What a function of C has made.
    type(nn_tensor) function made(c)
        type(c_ptr), intent(in) :: c
        made%c = c
        if (.not. c_associated(c)) made%code = nn_error_code()
    end function made

    ! None, because of a failure that this module has found.
    type(nn_tensor) function failed(code)
        integer(c_int), intent(in) :: code
        failed%code = code
    end function failed

    ! Dimensions in the other language's order.
    pure function reversed(dims) result(other)
        integer, intent(in) :: dims(:)
        integer(c_int64_t) :: other(size(dims))
        other = dims(size(dims):1:-1)
    end function reversed

    ! C's numbers of dimensions of x, which count from 1; rc is 0 or NN_EUSAGE.
    subroutine to_axes(what, x, dims, axes, rc)
        character(*), intent(in) :: what
        type(nn_tensor), intent(in) :: x
        integer, intent(in) :: dims(:)
        integer(c_int), intent(out) :: axes(:), rc
        integer :: rank
        axes = 0
        rc = present_code(x)
        if (rc < 0) return
        rank = nn_tensor_rank(x%c)
        axes = rank - dims
        if (any(dims < 1 .or. dims > rank)) &
            rc = misuse(what//': a tensor of '//number(int(rank, int64))//' dimensions, from 1, '// &
                        'does not have all of '//shape_text(int(dims, int64)))
    end subroutine to_axes

    ! ---- tensors ---------------------------------------------------------------------------------

    ! What `view` says of an array, as a tensor.
    type(nn_tensor) function of(rc, array)
        integer(c_int), intent(in) :: rc
        type(nn_array), intent(in) :: array
        if (rc < 0) then
            of = failed(rc)
        else
            of = made(nn_tensor_new(array%type, array%rank, array%dim, array%data))
        end if
    end function of

    type(nn_tensor) function of_0(x)
        class(*), intent(in), target :: x
        type(nn_array) :: array
        integer(c_int) :: rc
        call locate(x, array)
        rc = 0
        if (array%type < 0) rc = misuse('nn_tensor: numbers are real32, real64, or integers of '// &
                                        '8 to 64 bits')
        of_0 = of(rc, array)
    end function of_0

    type(nn_tensor) function of_1(x)
        class(*), intent(in), target :: x(:)
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_tensor', x, array)
        of_1 = of(rc, array)
    end function of_1

    type(nn_tensor) function of_2(x)
        class(*), intent(in), target :: x(:, :)
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_tensor', x, array)
        of_2 = of(rc, array)
    end function of_2

    type(nn_tensor) function of_3(x)
        class(*), intent(in), target :: x(:, :, :)
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_tensor', x, array)
        of_3 = of(rc, array)
    end function of_3

    type(nn_tensor) function of_4(x)
        class(*), intent(in), target :: x(:, :, :, :)
        type(nn_array) :: array
        integer(c_int) :: rc
        rc = view('nn_tensor', x, array)
        of_4 = of(rc, array)
    end function of_4

    ! Of this shape, in Fortran's order.
    type(nn_tensor) function nn_zeros(shape)
        integer, intent(in) :: shape(:)
        nn_zeros = made(nn_tensor_new(NN_F32, size(shape), reversed(shape), c_null_ptr))
    end function nn_zeros

    ! A tensor (inputs, outputs) that learns, with first values by an initialiser as configurations
    ! have it, 'he_uniform', as a function of seed and name.
    type(nn_tensor) function nn_parameter(shape, initializer, seed, name) result(t)
        integer, intent(in) :: shape(:), seed
        character(*), intent(in) :: initializer, name
        type(nn_c_scope) :: probe
        integer(c_int) :: rc
        t = nn_zeros(shape)
        if (.not. c_associated(t%c)) return
        rc = nn_tensor_initialize(t%c, c_text(initializer), int(seed, c_int64_t), c_text(name))
        if (rc == 0) rc = nn_tensor_require_grad(t%c, .true._c_bool)
        if (rc == 0) return
        call nn_tensor_scope_open(probe) ! one that is open around it releases the tensor itself
        call nn_tensor_scope_close(probe)
        if (.not. c_associated(probe%outer)) call nn_tensor_release(t%c)
        t = failed(rc)
    end function nn_parameter

    ! ---- gradients -------------------------------------------------------------------------------

    subroutine tensor_require_grad(self, on, stat, errmsg)
        class(nn_tensor), intent(in) :: self
        logical, intent(in), optional :: on
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        logical(c_bool) :: wanted
        integer(c_int) :: rc
        wanted = .true.
        if (present(on)) wanted = logical(on, c_bool)
        rc = present_code(self)
        if (rc == 0) rc = nn_tensor_require_grad(self%c, wanted)
        call conclude(rc, stat, errmsg)
    end subroutine tensor_require_grad

    logical function tensor_requires_grad(self)
        class(nn_tensor), intent(in) :: self
        call conclude(present_code(self))
        tensor_requires_grad = nn_tensor_requires_grad(self%c)
    end function tensor_requires_grad

    ! Adds the derivatives of sum(seed*self) to the gradients of all tensors that require one;
    ! without a seed this is one number. keep: it can be gone through again; create: gradients can
    ! be differentiated themselves.
    subroutine tensor_backward(self, seed, keep, create, stat, errmsg)
        class(nn_tensor), intent(in) :: self
        type(nn_tensor), intent(in), optional :: seed
        logical, intent(in), optional :: keep, create
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c_seed
        integer(c_int) :: rc
        rc = present_code(self)
        c_seed = c_null_ptr
        if (rc == 0 .and. present(seed)) then
            rc = present_code(seed)
            c_seed = seed%c
        end if
        if (rc == 0) rc = nn_tensor_backward(self%c, c_seed, flags_of(keep, create))
        call conclude(rc, stat, errmsg)
    end subroutine tensor_backward

    ! NN_GRAD_KEEP, NN_GRAD_CREATE
    pure integer(c_int) function flags_of(keep, create)
        logical, intent(in), optional :: keep, create
        flags_of = 0
        if (present(keep)) flags_of = merge(1, 0, keep)
        if (present(create)) flags_of = flags_of + merge(2, 0, create)
    end function flags_of

    ! What backward has added up, which is the tensor's, or none.
    type(nn_tensor) function tensor_gradient(self) result(gradient)
        class(nn_tensor), intent(in) :: self
        call conclude(present_code(self))
        gradient%c = nn_tensor_gradient(self%c)
    end function tensor_gradient

    subroutine tensor_set_gradient(self, gradient, stat, errmsg)
        class(nn_tensor), intent(in) :: self
        type(nn_tensor), intent(in), optional :: gradient
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = present_code(self)
        c = c_null_ptr
        if (rc == 0 .and. present(gradient)) then
            rc = present_code(gradient)
            c = gradient%c
        end if
        if (rc == 0) rc = nn_tensor_set_gradient(self%c, c)
        call conclude(rc, stat, errmsg)
    end subroutine tensor_set_gradient

    type(nn_tensor) function tensor_detach(self)
        class(nn_tensor), intent(in) :: self
        tensor_detach = made(nn_tensor_detach(at(self)))
    end function tensor_detach

    ! The derivative of y, one number, by x; none where y does not depend on it. With create, it
    ! can be differentiated itself.
    type(nn_tensor) function nn_grad(y, x, keep, create) result(gradient)
        type(nn_tensor), intent(in) :: y, x
        logical, intent(in), optional :: keep, create
        type(c_ptr) :: found(1)
        integer(c_int) :: rc
        rc = present_code(y)
        if (rc == 0) rc = present_code(x)
        if (rc == 0) rc = nn_tensor_grad(1_c_size_t, [y%c], [c_null_ptr], 1_c_size_t, [x%c], &
                                         flags_of(keep, create), found)
        if (rc < 0) then
            gradient = failed(rc)
        else if (c_associated(found(1))) then ! in the scope there is a view of it
            gradient = made(nn_tensor_reshape_like(found(1)))
            call nn_tensor_release(found(1))
        end if
    end function nn_grad

    type(c_ptr) function nn_tensor_reshape_like(x) result(y)
        type(c_ptr), intent(in) :: x
        integer(c_int64_t), pointer :: dims(:)
        integer(c_int64_t) :: none(0)
        integer(c_int) :: rank
        rank = nn_tensor_rank(x)
        if (rank == 0) then
            y = nn_tensor_reshape(x, rank, none)
        else
            call c_f_pointer(nn_tensor_dims(x), dims, [rank])
            y = nn_tensor_reshape(x, rank, dims)
        end if
    end function nn_tensor_reshape_like

    ! Whether this thread records what it computes; before, what it was.
    subroutine nn_record(on, before)
        logical, intent(in) :: on
        logical, intent(out), optional :: before
        logical :: was
        was = nn_tensor_record_c(logical(on, c_bool))
        if (present(before)) before = was
    end subroutine nn_record

    integer(int64) function nn_tensors_live()
        nn_tensors_live = nn_tensor_live_c()
    end function nn_tensors_live

    ! Memory that waits for new tensors goes back to the system.
    subroutine nn_tensors_trim()
        call nn_tensor_trim_c()
    end subroutine nn_tensors_trim

    ! Threads that operations use from now on, in the whole program.
    subroutine nn_tensors_set_threads(threads)
        integer, intent(in) :: threads
        call nn_tensor_set_threads_c(threads)
    end subroutine nn_tensors_set_threads

    ! ---- scopes ----------------------------------------------------------------------------------

    subroutine scope_open(self)
        class(nn_tensor_scope), intent(inout) :: self
        if (associated(self%c)) call conclude(misuse('nn_tensor_scope%open: it is open'))
        allocate (self%c)
        call nn_tensor_scope_open(self%c)
    end subroutine scope_open

    ! Scopes close in the reverse order.
    subroutine scope_close(self)
        class(nn_tensor_scope), intent(inout) :: self
        if (.not. associated(self%c)) call conclude(misuse('nn_tensor_scope%close: it is not open'))
        call nn_tensor_scope_close(self%c)
        deallocate (self%c)
    end subroutine scope_close
end module nnmpi_tensor
