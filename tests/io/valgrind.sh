#!/usr/bin/env bash
# full: yes
# timeout: 240
# valgrind over what reads and writes files: no memory is used after it was freed, or before it was
# filled, in our code or in what it passes to HDF5, libyaml and zlib.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/valgrind.sh
. "$SOURCE_DIR/tests/valgrind.sh"

under_valgrind "$BUILD_DIR/tests/io_file"
under_valgrind "$BUILD_DIR/tests/io_yaml"
under_valgrind "$BUILD_DIR/tests/io_h5py"
under_valgrind "$NNMPI" data make blobs --samples 300 --test 0.2 -O blobs.h5
under_valgrind "$NNMPI" data info blobs.h5
under_valgrind "$NNMPI" data split blobs.h5 --valid 0.2
under_valgrind "$NNMPI" data import csv "$SOURCE_DIR/datasets/iris/iris.csv" --label species -O iris.h5
