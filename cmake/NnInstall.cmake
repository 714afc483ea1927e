# What `cmake --install` gives: program and supervisor, both libraries, headers, pkg-config file, CMake package,
# data-set recipes, documents, manual pages and completion of three shells.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/nnmpi)
set(share_folder ${CMAKE_INSTALL_DATADIR}/nnmpi)

install(TARGETS nnmpi)
install(PROGRAMS scripts/supervise.sh TYPE BIN RENAME nnmpi-supervise)
install(DIRECTORY datasets DESTINATION ${share_folder} USE_SOURCE_PERMISSIONS
        FILES_MATCHING PATTERN "*.md" PATTERN "*.yaml" PATTERN "*.sh" PATTERN "iris.csv")
install(DIRECTORY docs examples slurm DESTINATION ${share_folder} USE_SOURCE_PERMISSIONS)
install(FILES README.md CONTRIBUTING.md SECURITY.md LICENSE CHANGELOG.md CITATION.cff DESTINATION ${share_folder})
configure_file(packaging/modulefiles/nnmpi.lua modulefile.lua @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/modulefile.lua DESTINATION ${share_folder}/modulefiles/nnmpi
        RENAME ${PROJECT_VERSION}.lua)
install(FILES src/plot/page/uplot/LICENSE DESTINATION ${share_folder}/licenses RENAME uPlot) # part of the library

# The program writes its manual and completion from its tables, where it runs on the machine that builds it.
if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
    set(written)
    foreach(shell_file bash:nnmpi zsh:_nnmpi fish:nnmpi.fish)
        string(REGEX REPLACE ":.*" "" shell ${shell_file})
        string(REGEX REPLACE ".*:" "" file ${shell_file})
        list(APPEND written ${PROJECT_BINARY_DIR}/completion/${shell}/${file}) # a file, not the target nnmpi
        add_custom_command(
            OUTPUT completion/${shell}/${file}
            COMMAND ${CMAKE_COMMAND} -E make_directory completion/${shell}
            COMMAND sh -c "\"$0\" help --completion ${shell} >completion/${shell}/${file}" $<TARGET_FILE:nnmpi>
            DEPENDS nnmpi VERBATIM)
    endforeach()
    add_custom_command(OUTPUT man/nnmpi.1 COMMAND nnmpi help --man man DEPENDS nnmpi VERBATIM)
    add_custom_target(nnmpi_manual ALL DEPENDS ${written} man/nnmpi.1)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/completion/bash/
            DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/completion/zsh/ DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/completion/fish/
            DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()

# Packages: `cpack -G TGZ`, which runs in any folder, and `cpack -G DEB`, in the build folder.
if(PROJECT_IS_TOP_LEVEL)
    set(CPACK_GENERATOR TGZ)
    set(CPACK_PACKAGE_CONTACT "The nnmpi maintainers <maintainers@users.noreply.h-seed-1fb9f77a.example>")
    set(CPACK_PACKAGE_FILE_NAME ${PROJECT_NAME}-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
    set(CPACK_STRIP_FILES ON)
    set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
    include(CPack)
endif()

if(NNMPI_STATIC)
    return() # what follows is for programs that use the library
endif()
install(TARGETS nnmpi_shared EXPORT nnmpi-shared-targets)
install(TARGETS nnmpi_static EXPORT nnmpi-static-targets)
install(DIRECTORY include/nnmpi TYPE INCLUDE)

# Programs find nnmpi::nnmpi, the shared library, and with COMPONENTS static nnmpi::nnmpi_static too.
set_target_properties(nnmpi_shared PROPERTIES EXPORT_NAME nnmpi)
foreach(kind shared static)
    install(EXPORT nnmpi-${kind}-targets NAMESPACE nnmpi:: DESTINATION ${package_folder})
endforeach()
configure_package_config_file(cmake/nnmpi-config.cmake.in nnmpi-config.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(nnmpi-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/nnmpi-config.cmake
              ${PROJECT_BINARY_DIR}/nnmpi-config-version.cmake cmake/NnFindDependencies.cmake
        DESTINATION ${package_folder})

# For `pkg-config --static`; the shared library names its own dependencies.
set(private_libraries ${MPI_C_LIBRARIES} ${HDF5_C_LIBRARIES} ${NN_BLAS_LIBRARIES}
                      ${NN_CSV_LIBRARY} ${OpenMP_C_FLAGS} -lm)
if(NN_ONEDNN_FOUND)
    list(APPEND private_libraries ${NN_ONEDNN_LIBRARY})
endif()
foreach(format PNG JPEG)
    if(${format}::${format} IN_LIST NN_IMAGE_LIBRARIES)
        list(APPEND private_libraries ${${format}_LIBRARIES})
    endif()
endforeach()
foreach(folder IN LISTS CMAKE_INSTALL_RPATH)
    list(APPEND private_libraries -Wl,-rpath,${folder})
endforeach()
list(REMOVE_DUPLICATES private_libraries)
list(JOIN private_libraries " " NN_PRIVATE_LIBRARIES)
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr") # where the loader looks by itself
    set(NN_RPATH "-Wl,-rpath,\${libdir} ")
endif()
file(RELATIVE_PATH NN_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # for any --prefix
configure_file(cmake/nnmpi.pc.in nnmpi.pc @ONLY)
if(NN_HAS_FORTRAN)
    configure_file(cmake/nnmpi-fortran.pc.in nnmpi-fortran.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/nnmpi-fortran.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
install(FILES ${PROJECT_BINARY_DIR}/nnmpi.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
