# Compiler flags of everything we compile: the interface target nn_flags.
add_library(nn_flags INTERFACE)
target_compile_options(nn_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                          $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
                                          $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
# No compiler fuses a multiplication and an addition by itself: src/math/isa/fused.h says why.
target_compile_options(nn_flags INTERFACE -ffp-contract=off)
# Who sets this wants equal files from any folder, so debug information names none.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
    add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -ffile-prefix-map=${PROJECT_BINARY_DIR}=build)
endif()
# Empty, so that a file that says `#define _GNU_SOURCE` itself repeats the same definition; C++ has it anyway.
target_compile_definitions(nn_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE=>)
if(NNMPI_WERROR)
    target_compile_options(nn_flags INTERFACE -Werror)
endif()

if(NNMPI_SANITIZE)
    set(sanitizer_flags -fsanitize=${NNMPI_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    set(checked ${sanitizer_flags})
    if(NNMPI_FUZZ) # what an input reaches is counted; that is not in kernels, which read no files
        list(APPEND checked -fsanitize=fuzzer-no-link)
        set(checked "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:NN_ISA>>>:${checked}>")
    endif()
    target_compile_options(nn_flags INTERFACE "${checked}")
    target_compile_definitions(nn_flags INTERFACE NN_SANITIZED)
    add_link_options(${sanitizer_flags})
    add_library(nn_sanitizer OBJECT ${PROJECT_SOURCE_DIR}/tests/sanitizers/mpi.c ${PROJECT_SOURCE_DIR}/tests/shim/yield.c)
    target_link_libraries(nn_sanitizer PRIVATE nn_flags)
    set(NN_SANITIZER_OBJECTS $<TARGET_OBJECTS:nn_sanitizer>) # of every program
endif()

if(NNMPI_COVERAGE)
    target_compile_options(nn_flags INTERFACE --coverage)
    add_link_options(--coverage)
endif()
