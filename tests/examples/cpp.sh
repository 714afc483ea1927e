#!/usr/bin/env bash
# The examples in C++ build against what is installed, by pkg-config without a warning and by CMake, and do on two
# ranks what they say.
# processors: 2
# timeout: 120
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/installed.sh
. "$SOURCE_DIR/tests/installed.sh"
needs g++ mpicxx

flags nnmpi
OMPI_CXX=g++ mpicxx -std=c++17 -O2 -Wall -Wextra -Werror -Wno-cast-function-type \
    "$SOURCE_DIR/examples/cpp/lorenz96.cpp" -o lorenz96 "${flags[@]}" >build.log 2>&1 ||
    fail "lorenz96.cpp does not compile"
run_ranks 2 ./lorenz96 >lorenz96.log 2>&1 || fail "lorenz96 ends with $?"
expect_line '^interval 400: loss of the closure 0\.[0-9]*$' lorenz96.log
awk '/^after 0.5/ { seen = $6 < $11 / 2 } END { exit !seen }' lorenz96.log ||
    fail "the learned closure does not halve the error: $(tail -n 1 lorenz96.log)"

by_cmake examples/cpp iris conduction

run_ranks 2 cpp/conduction >conduction.log 2>&1 || fail "conduction by CMake ends with $?"
[ "$(grep -cE '^a = [0-9.]*: largest error 0\.0[01]' conduction.log)" -eq 3 ] ||
    fail "conduction does not find the solution: $(cat conduction.log)"

cpp/iris >iris.log 2>&1 || fail "iris by CMake ends with $?"
expect_line '^digest [0-9a-f]{64}$' iris.log
