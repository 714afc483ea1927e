# nn_check_cblas(): stops unless the library that BLA_VENDOR names, of the files NN_BLAS_FILES, has BLAS's C interface,
# and where `update-alternatives` has OpenBLAS stand for it, whose build would not be checked.
include(CheckFunctionExists)
function(nn_check_cblas)
    set(CMAKE_REQUIRED_LIBRARIES BLAS::BLAS)
    unset(NN_HAS_CBLAS CACHE) # the last configuration may have been for another library
    check_function_exists(cblas_sgemm NN_HAS_CBLAS)
    if(NOT NN_HAS_CBLAS)
        message(FATAL_ERROR "BLA_VENDOR=${BLA_VENDOR}: ${NN_BLAS_LIBRARIES} has no cblas_sgemm; nnmpi needs a BLAS "
                            "with the C interface")
    endif()
    foreach(file IN LISTS NN_BLAS_FILES)
        get_filename_component(real "${file}" REALPATH)
        if(real MATCHES "openblas")
            message(FATAL_ERROR "BLA_VENDOR=${BLA_VENDOR}: ${file} is OpenBLAS; leave BLA_VENDOR out, or name "
                                "the other library's folder by CMAKE_LIBRARY_PATH, with cmake --fresh")
        endif()
    endforeach()
endfunction()

# nn_check_openblas(): stops unless the OpenBLAS that pkg-config found is its OpenMP build. The pthread
# build starts threads of its own beside OpenMP's, and the serial build ignores them.
function(nn_check_openblas)
    if(CMAKE_CROSSCOMPILING)
        pkg_get_variable(configuration openblas openblas_config)
        string(REGEX MATCH "USE_OPENMP=1" is_openmp "${configuration}")
        set(found "its pkg-config file says '${configuration}'")
    elseif(NOT NN_OPENBLAS_IS_OPENMP)
        set(source "int openblas_get_parallel(void);\nint main(void) { return openblas_get_parallel(); }\n")
        file(WRITE ${PROJECT_BINARY_DIR}/openblas/parallel.c "${source}")
        unset(parallel CACHE)
        try_run(parallel compiled ${PROJECT_BINARY_DIR}/openblas
                ${PROJECT_BINARY_DIR}/openblas/parallel.c
                LINK_LIBRARIES PkgConfig::OPENBLAS
                COMPILE_OUTPUT_VARIABLE output)
        set(result ${parallel})
        unset(parallel CACHE)
        if(NOT compiled)
            message(FATAL_ERROR "A program that calls openblas_get_parallel() does not link with "
                                "${OPENBLAS_LINK_LIBRARIES}: install libopenblas-openmp-dev, then "
                                "configure again with cmake --fresh\n${output}")
        endif()
        set(found "openblas_get_parallel() is ${result}, not 2")
        string(COMPARE EQUAL "${result}" 2 is_openmp)
        set(NN_OPENBLAS_IS_OPENMP ${is_openmp} CACHE INTERNAL "OpenBLAS is built with OpenMP")
    else()
        set(is_openmp TRUE)
    endif()
    if(NOT is_openmp)
        message(FATAL_ERROR "${OPENBLAS_LINK_LIBRARIES} is the pthread or the serial build of OpenBLAS "
                            "(${found}), which fights with OpenMP's threads: install "
                            "libopenblas-openmp-dev, then configure again with cmake --fresh")
    endif()
endfunction()
