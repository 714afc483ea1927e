#!/usr/bin/env bash
# The examples in Fortran build against what is installed, by pkg-config without a warning and by CMake, and do on two
# ranks what they say.
# processors: 2
# timeout: 120
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/installed.sh
. "$SOURCE_DIR/tests/installed.sh"
needs gfortran mpifort
[ -e "$libraries/libnnmpi_fortran.so" ] || skip "the Fortran interface is not built"

by_cmake examples/fortran iris oscillator
run_ranks 2 fortran/oscillator >oscillator.log 2>&1 || fail "oscillator by CMake ends with $?"
expect_line '^damping 0\.[56][0-9], stiffness (4\.9|5\.0)[0-9]$' oscillator.log
fortran/iris >iris.log 2>&1 || fail "iris by CMake ends with $?"
expect_line '^digest [0-9a-f]{64}$' iris.log

[ -e "$trash/installed/include/nnmpi/fortran/nnmpi_mpi_f08.mod" ] || skip "MPI has no module mpi_f08 here"
flags nnmpi-fortran
mpifort -std="$(fortran_standard)" -O2 -Wall -Werror "$SOURCE_DIR/examples/fortran/radiation.f90" -o radiation \
    "${flags[@]}" >build.log 2>&1 || fail "radiation.f90 does not compile"
run_ranks 2 ./radiation >radiation.log 2>&1 || fail "radiation ends with $?"
expect_line '^heating by longwave radiation: 1\.[0-9]* K/day; error of the surrogate: 0\.[0-3][0-9] K/day$' radiation.log
expect_line '^after ten days by the surrogate temperatures differ by [01]\.[0-9]* K$' radiation.log
