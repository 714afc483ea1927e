# The libraries we build on: NN_LIBRARIES.
include(NnFindDependencies)
include(NnOpenBLAS)
nn_check_openblas()
add_link_options(-Wl,--as-needed)
if(NN_ONEDNN_FOUND)
    add_compile_definitions(NN_ONEDNN)
    message(STATUS "Matrix products: OpenBLAS and oneDNN (${NN_ONEDNN_LIBRARY})")
else()
    message(STATUS "Matrix products: OpenBLAS; oneDNN is not used")
endif()

# Load the OpenBLAS that was checked, also where update-alternatives prefers another build.
get_filename_component(openblas_folder "${OPENBLAS_LINK_LIBRARIES}" DIRECTORY)
if(NOT openblas_folder IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
    set(CMAKE_INSTALL_RPATH ${openblas_folder})
endif()
