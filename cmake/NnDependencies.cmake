# The libraries we build on: NN_LIBRARIES. nnmpi-config.cmake.in finds the same ones for programs
# that link libnnmpi.a.
include(NnFindDependencies)
include(NnOpenBLAS)
nn_check_openblas()
