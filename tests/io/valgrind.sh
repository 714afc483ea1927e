#!/usr/bin/env bash
# timeout: 240
# valgrind over what reads and writes files: no memory is used after it was freed, or before it was
# filled, in our code or in what it passes to HDF5, libyaml and zlib.
. "$SOURCE_DIR/tests/lib.sh"
command -v valgrind >/dev/null || skip "valgrind is not installed"
! is_sanitized || skip "a sanitizer and valgrind do not go together"

# valgrind knows no AVX-512; forked children are other processes' business
export NNMPI_ISA=v3 OPENBLAS_CORETYPE=Haswell ONEDNN_MAX_CPU_ISA=AVX2 OMP_NUM_THREADS=1
check() {
    expect_code 0 valgrind --quiet --error-exitcode=99 --keep-debuginfo=yes --child-silent-after-fork=yes \
        --suppressions="$SOURCE_DIR/tests/sanitizers/valgrind.supp" "$@" >out 2>valgrind.log
}

check "$BUILD_DIR/tests/io_file"
check "$BUILD_DIR/tests/io_yaml"
check "$BUILD_DIR/tests/io_h5py"
check "$NNMPI" data make blobs --samples 300 --test 0.2 -O blobs.h5
check "$NNMPI" data info blobs.h5
check "$NNMPI" data split blobs.h5 --valid 0.2
check "$NNMPI" data import csv "$SOURCE_DIR/datasets/iris/iris.csv" --label species -O iris.h5
