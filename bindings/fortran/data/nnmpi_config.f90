! Configurations, and models described by calls: a part of module nnmpi.
module nnmpi_config
    use, intrinsic :: iso_c_binding
    use nnmpi_base
    use nnmpi_c
    use nnmpi_data
    implicit none
    private

    public :: nn_config, nn_model

    type, extends(nn_handle) :: nn_config
    contains
        procedure :: load => config_load       ! a YAML file
        procedure :: parse => config_parse     ! the text of one
        procedure :: empty => config_empty     ! to be filled by override and use_data
        procedure :: iris => config_iris       ! the one that is built in
        procedure :: override => config_override ! "train.lr=0.1"
        procedure :: use_data => config_use_data ! a data set in memory
        procedure :: use_model => config_use_model ! what nn_model describes
        procedure :: check => config_check
        procedure :: text => config_text
        procedure :: name => config_name
    end type nn_config

    ! A model described by calls, in the place of a configuration's section `model:`.
    type, extends(nn_handle) :: nn_model
    contains
        procedure :: add => model_add
        procedure :: yaml => model_yaml
    end type nn_model

contains

    ! ---- configurations --------------------------------------------------------------------------

    subroutine config_load(self, path, stat, errmsg)
        class(nn_config), intent(inout) :: self
        character(*), intent(in) :: path
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = nn_config_load(c_text(path), c)
        if (rc == 0) call adopt(self, c, nn_config_free)
        call conclude(rc, stat, errmsg)
    end subroutine config_load

    ! `name` stands for the file in messages; new_line('') ends a line of the text.
    subroutine config_parse(self, name, text, stat, errmsg)
        class(nn_config), intent(inout) :: self
        character(*), intent(in) :: name, text
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = nn_config_parse(c_text(name), c_text(text), int(len_trim(text), c_size_t), c)
        if (rc == 0) call adopt(self, c, nn_config_free)
        call conclude(rc, stat, errmsg)
    end subroutine config_parse

    subroutine config_empty(self, name, stat, errmsg)
        class(nn_config), intent(inout) :: self
        character(*), intent(in) :: name
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = nn_config_new(c_text(name), c)
        if (rc == 0) call adopt(self, c, nn_config_free)
        call conclude(rc, stat, errmsg)
    end subroutine config_empty

    subroutine config_iris(self, stat, errmsg)
        class(nn_config), intent(inout) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(c_ptr) :: c
        integer(c_int) :: rc
        rc = nn_config_default(c)
        if (rc == 0) call adopt(self, c, nn_config_free)
        call conclude(rc, stat, errmsg)
    end subroutine config_iris

    subroutine config_override(self, assignment, stat, errmsg)
        class(nn_config), intent(in) :: self
        character(*), intent(in) :: assignment
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_config%override')
        if (rc == 0) rc = nn_config_override(self%node%c, c_text(assignment))
        call conclude(rc, stat, errmsg)
    end subroutine config_override

    subroutine config_use_data(self, data, stat, errmsg)
        class(nn_config), intent(in) :: self
        class(nn_data), intent(in) :: data
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_config%use_data')
        if (rc == 0) rc = ready(data, 'nn_config%use_data: the data')
        if (rc == 0) rc = nn_config_use_data(self%node%c, data%node%c)
        if (rc == 0) call add_need(self%node, 1, data%node)
        call conclude(rc, stat, errmsg)
    end subroutine config_use_data

    ! A copy of it.
    subroutine config_use_model(self, model, stat, errmsg)
        class(nn_config), intent(in) :: self
        class(nn_model), intent(in) :: model
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_config%use_model')
        if (rc == 0) rc = ready(model, 'nn_config%use_model: the model')
        if (rc == 0) rc = nn_config_use_model(self%node%c, model%node%c)
        call conclude(rc, stat, errmsg)
    end subroutine config_use_model

    subroutine config_check(self, stat, errmsg)
        class(nn_config), intent(in) :: self
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        integer(c_int) :: rc
        rc = ready(self, 'nn_config%check')
        if (rc == 0) rc = nn_config_check(self%node%c)
        call conclude(rc, stat, errmsg)
    end subroutine config_check

    function config_text(self) result(text)
        class(nn_config), intent(in) :: self
        character(:), allocatable :: text
        text = fortran_text(nn_config_text(need(self, 'nn_config%text')))
    end function config_text

    function config_name(self) result(name)
        class(nn_config), intent(in) :: self
        character(:), allocatable :: name
        name = fortran_text(nn_config_name(need(self, 'nn_config%name')))
    end function config_name

    ! ---- models ----------------------------------------------------------------------------------

    ! A layer that reads those named in `inputs` ('a, b'; without: the one added before); its options
    ! are what would stand within the braces in YAML. The first one makes the object.
    subroutine model_add(self, kind, options, inputs, stat, errmsg)
        class(nn_model), intent(inout) :: self
        character(*), intent(in) :: kind
        character(*), intent(in), optional :: options, inputs
        integer, intent(out), optional :: stat
        character(*), intent(inout), optional :: errmsg
        type(optional_text) :: what, from
        type(c_ptr) :: c
        integer(c_int) :: rc
        call set_text(what, options)
        call set_text(from, inputs)
        rc = 0
        if (.not. associated(self%node)) then
            rc = nn_model_new(c)
            if (rc == 0) call adopt(self, c, nn_model_free)
        end if
        if (rc == 0) rc = nn_model_add(self%node%c, c_text(kind), at_text(from), at_text(what))
        call conclude(rc, stat, errmsg)
    end subroutine model_add

    function model_yaml(self) result(yaml)
        class(nn_model), intent(in) :: self
        character(:), allocatable :: yaml
        yaml = fortran_text(nn_model_yaml(need(self, 'nn_model%yaml')))
    end function model_yaml
end module nnmpi_config
