#!/usr/bin/env bash
# Configuring stops with a clear message for a compiler that is too old for the kernels.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

# configure CODE NAME VERSION: what cmake/NnCompiler.cmake makes of such a compiler
configure() {
    expect_code "$1" cmake -DCMAKE_C_COMPILER=/usr/bin/cc -DCMAKE_C_COMPILER_ID="$2" \
        -DCMAKE_C_COMPILER_VERSION="$3" -P "$SOURCE_DIR/cmake/NnCompiler.cmake" >out 2>err
}

for old in 'GNU 11.4.0' 'Clang 13.0.1'; do
    configure 1 "${old% *}" "${old#* }"
    tr -s ' \n' ' ' <err >message
    expect_line "/usr/bin/cc is $old; nnmpi needs gcc 12 or clang 14, or newer" message
done
configure 0 GNU 12.2.0
configure 0 Clang 14.0.6
configure 0 IntelLLVM 2024.0
grep -q 'include(NnCompiler)' "$SOURCE_DIR/CMakeLists.txt" || fail "CMakeLists.txt does not ask"
