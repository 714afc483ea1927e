#!/usr/bin/env bash
# full: yes
# timeout: 240
# valgrind over an example in C, which defines a layer, checks its gradient, trains and evaluates.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/valgrind.sh
. "$SOURCE_DIR/tests/valgrind.sh"

cc -std=c11 -g -O1 "-I$SOURCE_DIR/include" "$SOURCE_DIR/examples/c/rbf_layer.c" -o rbf_layer "-L$BUILD_DIR" -lnnmpi -lm \
    "-Wl,-rpath,$BUILD_DIR"
under_valgrind ./rbf_layer
expect_line '^digest [0-9a-f]{64}$' out
