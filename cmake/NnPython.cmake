# The Python package: its files and what they know of the C interface, beside each other in
# <build folder>/python/nnmpi, which is also what `cmake --install` copies. No compiler takes part.
set(NNMPI_PYTHON AUTO CACHE STRING "Build the Python package: ON, OFF, or AUTO, where python3 has cffi and numpy")
if(NOT NNMPI_PYTHON OR NNMPI_STATIC)
    return()
endif()
find_program(NN_PYTHON3 python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(NN_PYTHON3 python3)
execute_process(COMMAND "${NN_PYTHON3}" -c "import cffi, numpy" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
if(failed)
    if(NOT NNMPI_PYTHON STREQUAL AUTO)
        message(FATAL_ERROR "NNMPI_PYTHON wants python3 with cffi and numpy (Debian: python3-cffi python3-numpy)")
    endif()
    message(STATUS "Python package: not built; it wants python3 with cffi and numpy")
    return()
endif()
message(STATUS "Python package: for ${NN_PYTHON3}")

set(source ${PROJECT_SOURCE_DIR}/bindings/python)
set(package ${PROJECT_BINARY_DIR}/python/nnmpi)
file(GLOB_RECURSE python_files CONFIGURE_DEPENDS RELATIVE ${source}/nnmpi ${source}/nnmpi/*.py)
file(GLOB headers CONFIGURE_DEPENDS include/nnmpi/*.h)
set(made ${package}/_cffi.py)
add_custom_command(
    OUTPUT ${made}
    COMMAND "${NN_PYTHON3}" ${source}/declarations.py ${PROJECT_SOURCE_DIR}/include ${made}
    DEPENDS ${source}/declarations.py ${headers} VERBATIM)
foreach(file IN LISTS python_files)
    add_custom_command(
        OUTPUT ${package}/${file}
        COMMAND ${CMAKE_COMMAND} -E copy ${source}/nnmpi/${file} ${package}/${file}
        DEPENDS ${source}/nnmpi/${file} VERBATIM)
    list(APPEND made ${package}/${file})
endforeach()
add_custom_target(nnmpi_python ALL DEPENDS ${made})

# Where this Python looks for packages below the prefix, else where it would if the prefix were its own.
execute_process(
    COMMAND "${NN_PYTHON3}" -c "import sys
below = [p for p in sys.path if p.startswith(sys.argv[1] + '/lib') and p.endswith('-packages')]
print(below[0][len(sys.argv[1]) + 1:] if below else 'lib/python%d.%d/site-packages' % sys.version_info[:2])"
            "${CMAKE_INSTALL_PREFIX}"
    OUTPUT_VARIABLE default OUTPUT_STRIP_TRAILING_WHITESPACE)
set(NNMPI_PYTHON_FOLDER ${default} CACHE STRING "Folder of the Python package, below the prefix")
foreach(file IN ITEMS _cffi.py ${python_files})
    get_filename_component(folder ${file} DIRECTORY)
    install(FILES ${package}/${file} DESTINATION ${NNMPI_PYTHON_FOLDER}/nnmpi/${folder})
endforeach()
