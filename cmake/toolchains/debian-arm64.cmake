# Cross-builds for arm64 with Debian's gcc-aarch64-linux-gnu and qemu-user-static, against the system whose folder
# NNMPI_SYSROOT names (-D, or the environment; docs/install.md says how it is made).
if(NOT NNMPI_SYSROOT)
    set(NNMPI_SYSROOT "$ENV{NNMPI_SYSROOT}")
endif()
if(NOT IS_DIRECTORY "${NNMPI_SYSROOT}")
    message(FATAL_ERROR "NNMPI_SYSROOT='${NNMPI_SYSROOT}' is no folder: it names the folder of an arm64 system, which "
                        "docs/install.md makes")
endif()
set(NNMPI_SYSROOT "${NNMPI_SYSROOT}" CACHE PATH "Folder of an arm64 system")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES NNMPI_SYSROOT) # CMake's checks read this file, too
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_SYSROOT ${NNMPI_SYSROOT})
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${CMAKE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

# What pkg-config and the wrappers of MPI and HDF5 would say there.
set(libraries /usr/lib/aarch64-linux-gnu)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}${libraries}/pkgconfig:${CMAKE_SYSROOT}${libraries}/openblas-openmp/pkgconfig)
set(MPI_SKIP_COMPILER_WRAPPER ON)
set(MPI_C_HEADER_DIR ${CMAKE_SYSROOT}${libraries}/openmpi/include)
set(MPI_C_LIB_NAMES mpi)
set(MPI_mpi_LIBRARY ${CMAKE_SYSROOT}${libraries}/openmpi/lib/libmpi.so)
set(HDF5_ROOT ${libraries}/hdf5/serial)
