# Finds what libnnmpi links to and lists it in NN_LIBRARIES. Used by our build and, installed beside
# nnmpi-config.cmake, by programs that link the static library.
set(THREADS_PREFER_PTHREAD_FLAG ON)
set(HDF5_PREFER_PARALLEL ON)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
find_package(OpenMP REQUIRED COMPONENTS C)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)

# Debian keeps the builds of OpenBLAS in folders of their own and lets `update-alternatives` choose
# one for everybody; we want the OpenMP build whatever is chosen, unless PKG_CONFIG_PATH says more.
set(openblas_folder /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp/pkgconfig)
set(saved_path "$ENV{PKG_CONFIG_PATH}")
if(EXISTS ${openblas_folder}/openblas.pc)
    set(ENV{PKG_CONFIG_PATH} "${saved_path}:${openblas_folder}")
endif()
pkg_check_modules(OPENBLAS IMPORTED_TARGET openblas)
set(ENV{PKG_CONFIG_PATH} "${saved_path}")
if(NOT OPENBLAS_FOUND)
    message(FATAL_ERROR "OpenBLAS is missing: install libopenblas-openmp-dev")
endif()
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)

# libcsv brings no pkg-config file.
find_path(NN_CSV_INCLUDE_DIR csv.h REQUIRED)
find_library(NN_CSV_LIBRARY csv REQUIRED)

set(NN_LIBRARIES
    MPI::MPI_C
    OpenMP::OpenMP_C
    HDF5::HDF5
    PkgConfig::OPENBLAS
    PkgConfig::YAML
    ZLIB::ZLIB
    OpenSSL::Crypto
    ${NN_CSV_LIBRARY}
    Threads::Threads
    ${CMAKE_DL_LIBS}
    m)
