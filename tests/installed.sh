# shellcheck shell=bash
# An installed tree for tests that build programs as users do; after tests/lib.sh.

: "${trash:?set by tests/lib.sh}"
! is_sanitized || skip "programs of others are not sanitized"
cmake --install "$BUILD_DIR" --prefix "$trash/installed" >install.txt
libraries=$(dirname "$(find "$trash/installed" -name 'libnnmpi.so')")
export PKG_CONFIG_PATH=$libraries/pkgconfig
unset LD_LIBRARY_PATH # programs find the libraries by themselves

# flags PACKAGE: what pkg-config says, in the array of that name.
# shellcheck disable=SC2034 # for the test
flags() { read -ra flags <<<"$(pkg-config --cflags --libs "$1")"; }

# fortran_standard: 2008; gfortran 14 takes there the end of a local variable for that of a structure constructor.
fortran_standard() { [ "$(gfortran -dumpversion)" -ge 14 ] && echo f2018 || echo f2008; }

# by_cmake FOLDER [PROGRAM...]: its CMakeLists.txt finds nnmpi and builds these, in FOLDER's name here.
by_cmake() {
    local folder=$1 options=()
    [ "$#" -eq 1 ] || options=(--target "${@:2}")
    cmake -S "$SOURCE_DIR/$folder" -B "${folder##*/}" -DCMAKE_PREFIX_PATH="$trash/installed" >cmake.log 2>&1 ||
        fail "$folder is not configured by CMake"
    cmake --build "${folder##*/}" "${options[@]}" >>cmake.log 2>&1 || fail "$folder does not build by CMake"
}

# needs PROGRAM...: skips the test without one of them.
needs() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || skip "no $program"
    done
}
