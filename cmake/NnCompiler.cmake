# The oldest compilers that have the vector operations of src/math/isa/.
set(oldest_GNU 12)
set(oldest_Clang 14)
set(oldest "${oldest_${CMAKE_C_COMPILER_ID}}")
if(oldest AND CMAKE_C_COMPILER_VERSION VERSION_LESS oldest)
    message(FATAL_ERROR "${CMAKE_C_COMPILER} is ${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}; nnmpi "
                        "needs gcc ${oldest_GNU} or clang ${oldest_Clang}, or newer. Name one with "
                        "-DCMAKE_C_COMPILER=gcc-12 in an empty build folder.")
endif()
