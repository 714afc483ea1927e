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

by_cmake examples/cpp iris

cpp/iris >iris.log 2>&1 || fail "iris by CMake ends with $?"
expect_line '^digest [0-9a-f]{64}$' iris.log
