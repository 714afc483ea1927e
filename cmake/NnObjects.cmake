# Instruction sets that src/math/isa is compiled for, and their flags. The best one that the
# processor has is chosen at run time; everything else is compiled for the platform's baseline.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    set(NN_ISAS v2 v3 v4)
    set(NN_ISA_FLAGS_v2 -march=x86-64-v2)
    set(NN_ISA_FLAGS_v3 -march=x86-64-v3)
    set(NN_ISA_FLAGS_v4 -march=x86-64-v4 -mprefer-vector-width=512)
else()
    set(NN_ISAS base)
endif()
# Loops start on a cache line: where code happens to lie has made a kernel slower by a fifth.
set(NN_ISA_FLAGS -fno-math-errno -fno-trapping-math -fopenmp-simd -falign-loops=64)
if(NOT NNMPI_SANITIZE) # vectors of checks take minutes to compile
    list(PREPEND NN_ISA_FLAGS -O3)
endif()

function(nn_add_object_library target sources)
    add_library(${target} OBJECT ${sources})
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src
                                                 ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(${target} PRIVATE nn_flags ${NN_LIBRARIES})
endfunction()

# nn_add_objects(<prefix> <folder>... [DEFINITIONS <name>...])
# One object library <prefix>_<folder> for each folder of src with those in it, and <prefix>_math_<isa> for each
# instruction set. Sets <prefix>_OBJECTS to the object files of all of them.
function(nn_add_objects prefix)
    cmake_parse_arguments(arg "" "" DEFINITIONS ${ARGN})
    foreach(folder IN LISTS arg_UNPARSED_ARGUMENTS)
        file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.c)
        list(FILTER sources EXCLUDE REGEX /src/math/isa/)
        nn_add_object_library(${prefix}_${folder} "${sources}")
        list(APPEND targets ${prefix}_${folder})
    endforeach()
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/math/isa/*.c)
    foreach(isa IN LISTS NN_ISAS)
        set(target ${prefix}_math_${isa})
        nn_add_object_library(${target} "${sources}")
        target_compile_options(${target} PRIVATE ${NN_ISA_FLAGS} ${NN_ISA_FLAGS_${isa}})
        target_compile_definitions(${target} PRIVATE NN_ISA=${isa})
        add_dependencies(${prefix}_math ${target})
        list(APPEND targets ${target})
    endforeach()
    foreach(target IN LISTS targets)
        target_compile_definitions(${target} PRIVATE ${arg_DEFINITIONS})
        list(APPEND objects $<TARGET_OBJECTS:${target}>)
    endforeach()
    set(${prefix}_OBJECTS ${objects} PARENT_SCOPE)
endfunction()
