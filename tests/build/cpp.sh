#!/usr/bin/env bash
# Every public header alone compiles as C++17 without a warning, by g++ and clang++; those of C++ as C++20, too.
# timeout: 120
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

mpi=$(sed -n 's/^MPI_C_HEADER_DIR:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")
[ -n "$mpi" ] || fail "CMakeCache.txt does not say where mpi.h is"
flags=(-fsyntax-only -Wall -Wextra -Wpedantic -Werror -x c++ "-I$SOURCE_DIR/include" -isystem "$mpi")

# compiles COMPILER STANDARD HEADER...
compiles() {
    "$1" "-std=c++$2" "${flags[@]}" "${@:3}" >>err 2>&1 || fail "$1 -std=c++$2 has something to say"
}

tried=0
for compiler in g++ clang++; do
    command -v "$compiler" >/dev/null || continue
    compiles "$compiler" 17 "$SOURCE_DIR"/include/nnmpi/*.h{,pp}
    compiles "$compiler" 20 "$SOURCE_DIR/include/nnmpi/nnmpi.hpp" # with std::span
    tried=$((tried + 1))
done
[ "$tried" -gt 0 ] || skip "neither g++ nor clang++ is here"
