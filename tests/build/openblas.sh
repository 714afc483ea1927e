#!/usr/bin/env bash
# Configuring stops with the right package's name when OpenBLAS is not its OpenMP build, and the program
# is tied to the build that was checked.
# timeout: 120
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

# fake PARALLEL: an OpenBLAS that says it is the serial (0) or the pthread (1) build
fake() {
    mkdir -p fake
    printf 'int openblas_get_parallel(void) { return %s; }\n' "$1" >fake/openblas.c
    cc -shared -fPIC -Wl,-soname,libopenblas.so.0 -o fake/libopenblas.so.0 fake/openblas.c
    ln -sf libopenblas.so.0 fake/libopenblas.so
    cat >fake/openblas.pc <<PC
Name: openblas
Description: none
Version: 0.3.21
Libs: -L$PWD/fake -lopenblas
PC
}

for parallel in 0 1; do
    fake "$parallel"
    PKG_CONFIG_PATH=$PWD/fake expect_code 1 cmake -S "$SOURCE_DIR" -B "build$parallel" >out 2>err
    expect_line "openblas_get_parallel\(\) is $parallel, not" err
    tr -s ' \n' ' ' <err >message
    expect_line 'install libopenblas-openmp-dev' message
done

checked=$(sed -n 's/^pkgcfg_lib_OPENBLAS_openblas:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")
loaded=$(ldd "$NNMPI" | sed -n 's/.*libopenblas[^ ]* => \([^ ]*\).*/\1/p')
[ "$(readlink -f "$checked")" = "$(readlink -f "$loaded")" ] ||
    fail "checked $checked, but the program loads $loaded"
