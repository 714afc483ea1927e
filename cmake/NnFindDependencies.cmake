# Finds what libnnmpi links to and lists it in NN_LIBRARIES. Used by our build and, installed beside
# nnmpi-config.cmake, by programs that link the static library.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# Where several MPIs are installed, Debian and Ubuntu keep each one's compiler and launcher under a name
# of its own, and let `update-alternatives` choose one for everybody.
set(NNMPI_MPI "$ENV{NNMPI_MPI}" CACHE STRING "Which MPI: openmpi, mpich, or nothing for the system's choice")
set_property(CACHE NNMPI_MPI PROPERTY STRINGS "" openmpi mpich)
if(NNMPI_MPI)
    find_program(MPI_C_COMPILER mpicc.${NNMPI_MPI} REQUIRED)
    find_program(MPIEXEC_EXECUTABLE mpiexec.${NNMPI_MPI} REQUIRED)
endif()
find_package(MPI REQUIRED COMPONENTS C)

if(NNMPI_STATIC) # the library files of all but MPI and the C library
    set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
    find_library(NN_AEC_LIBRARY aec) # libsz.a needs it, and HDF5 names libsz alone
    set(HDF5_USE_STATIC_LIBRARIES ON)
    set(OPENSSL_USE_STATIC_LIBS ON)
    set(ZLIB_USE_STATIC_LIBS ON)
endif()
find_package(OpenMP REQUIRED COMPONENTS C)
find_package(HDF5 REQUIRED COMPONENTS C)
if(NNMPI_STATIC) # HDF5 names parts of the C library, which stays a shared one
    get_target_property(hdf5_libraries HDF5::HDF5 INTERFACE_LINK_LIBRARIES)
    list(FILTER hdf5_libraries EXCLUDE REGEX "/lib(c|dl|m|pthread)\\.a$")
    set_target_properties(HDF5::HDF5 PROPERTIES INTERFACE_LINK_LIBRARIES
                                                "${hdf5_libraries};$<$<BOOL:${NN_AEC_LIBRARY}>:${NN_AEC_LIBRARY}>")
endif()
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)

# Products are those of OpenBLAS, unless BLA_VENDOR names another library with the C interface that CMake's
# FindBLAS knows: FLAME (BLIS), AOCL_mt, Intel10_64lp, Arm_mp ...
# Debian keeps the builds of OpenBLAS in folders of their own and lets `update-alternatives` choose
# one for everybody; we want the OpenMP build whatever is chosen, unless PKG_CONFIG_PATH says more.
if(BLA_VENDOR AND NOT BLA_VENDOR STREQUAL "OpenBLAS")
    find_package(BLAS REQUIRED)
    set(NN_BLAS BLAS::BLAS)
    set(NN_BLAS_LIBRARIES ${BLAS_LIBRARIES})
else()
    set(openblas_folder ${CMAKE_SYSROOT}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp/pkgconfig)
    set(saved_path "$ENV{PKG_CONFIG_PATH}")
    if(EXISTS ${openblas_folder}/openblas.pc)
        set(ENV{PKG_CONFIG_PATH} "${saved_path}:${openblas_folder}")
    endif()
    pkg_check_modules(OPENBLAS IMPORTED_TARGET openblas)
    set(ENV{PKG_CONFIG_PATH} "${saved_path}")
    if(NOT OPENBLAS_FOUND)
        message(FATAL_ERROR "OpenBLAS is missing: install libopenblas-openmp-dev, or name another BLAS by BLA_VENDOR")
    endif()
    set(NN_BLAS PkgConfig::OPENBLAS)
    set(NN_BLAS_LIBRARIES ${OPENBLAS_LINK_LIBRARIES})
endif()
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)

# libcsv brings no pkg-config file.
find_path(NN_CSV_INCLUDE_DIR csv.h REQUIRED)
find_library(NN_CSV_LIBRARY csv REQUIRED)

# oneDNN is optional and has kernels for x86-64 only. Its own CMake package would want OpenCL's headers,
# which we have no use for. A build on TBB would start threads of its own.
set(NNMPI_ONEDNN AUTO CACHE STRING "Use oneDNN's matrix products: AUTO (where it is found), ON or OFF")
set_property(CACHE NNMPI_ONEDNN PROPERTY STRINGS AUTO ON OFF)
set(NN_ONEDNN_FOUND FALSE)
if(NNMPI_ONEDNN AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    find_path(NN_ONEDNN_INCLUDE_DIR oneapi/dnnl/dnnl_config.h)
    find_library(NN_ONEDNN_LIBRARY dnnl)
    if(NN_ONEDNN_INCLUDE_DIR AND NN_ONEDNN_LIBRARY)
        file(STRINGS ${NN_ONEDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_config.h threading
             REGEX "define DNNL_CPU_THREADING_RUNTIME DNNL_RUNTIME_(OMP|SEQ)")
        string(COMPARE NOTEQUAL "${threading}" "" NN_ONEDNN_FOUND)
    endif()
endif()
if(NNMPI_ONEDNN AND NOT NNMPI_ONEDNN STREQUAL "AUTO" AND NOT NN_ONEDNN_FOUND)
    message(FATAL_ERROR "oneDNN for x86-64, built with OpenMP, is missing: install libdnnl-dev, or "
                        "configure with NNMPI_ONEDNN=OFF")
endif()

# Formats of images are optional, each by itself: without its library, `data import images` says which is missing.
set(NNMPI_IMAGES AUTO CACHE STRING "Read PNG and JPEG: AUTO (where libpng and libjpeg are found), ON or OFF")
set_property(CACHE NNMPI_IMAGES PROPERTY STRINGS AUTO ON OFF)
set(NN_IMAGE_LIBRARIES "")
foreach(format PNG JPEG)
    if(NNMPI_IMAGES)
        find_package(${format} QUIET)
    endif()
    if(NNMPI_IMAGES AND ${format}_FOUND)
        list(APPEND NN_IMAGE_LIBRARIES ${format}::${format})
    elseif(NNMPI_IMAGES AND NOT NNMPI_IMAGES STREQUAL "AUTO")
        message(FATAL_ERROR "${format} is missing: install libpng-dev and libjpeg-dev, or configure with "
                            "NNMPI_IMAGES=OFF")
    endif()
endforeach()

set(NN_LIBRARIES
    MPI::MPI_C
    OpenMP::OpenMP_C
    HDF5::HDF5
    ${NN_BLAS}
    PkgConfig::YAML
    ZLIB::ZLIB
    OpenSSL::Crypto
    ${NN_CSV_LIBRARY}
    ${NN_IMAGE_LIBRARIES}
    Threads::Threads
    ${CMAKE_DL_LIBS}
    m)
if(NN_ONEDNN_FOUND)
    list(APPEND NN_LIBRARIES ${NN_ONEDNN_LIBRARY})
endif()
