#!/usr/bin/env bash
# The examples in C build against what is installed, by pkg-config without a warning and by CMake, and do on two
# ranks what they say.
# processors: 2
# timeout: 120
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

! is_sanitized || skip "readers do not sanitize"

cmake --install "$BUILD_DIR" --prefix "$trash/installed" >install.txt
PKG_CONFIG_PATH=$(dirname "$(find "$trash/installed" -name 'libnnmpi.so')")/pkgconfig
export PKG_CONFIG_PATH

for file in "$SOURCE_DIR"/examples/c/*.c; do
    # shellcheck disable=SC2046 # words
    cc -std=c11 -O1 -Wall -Wextra -Werror "$file" -o "$(basename "$file" .c)" \
        $(pkg-config --cflags --libs nnmpi) -lm >build.log 2>&1 || fail "$file does not compile"
done
cmake -S "$SOURCE_DIR/examples/c" -B build -DCMAKE_PREFIX_PATH="$trash/installed" >cmake.log 2>&1 ||
    fail "cmake does not find nnmpi"
cmake --build build --target rbf_layer >>cmake.log 2>&1 || fail "cmake does not build rbf_layer"

# run NAME RANKS: its output is in NAME.log.
run() {
    run_ranks "$2" "./$1" >"$1.log" 2>&1 || fail "$1 ends with $?"
}

run rbf_layer 2
expect_line '^largest relative error of 41 derivatives: [0-9]e-0[3-9]$' rbf_layer.log
expect_line '^accuracy of the test flowers: (0.9[0-9]*|1.000)$' rbf_layer.log
two=$(grep ^digest rbf_layer.log)
rm -r rbf
run_ranks 1 build/rbf_layer >one.log 2>&1 || fail "rbf_layer by cmake ends with $?"
expect_line "^$two\$" one.log # train.reproducible

run pinball_loss 2
expect_line '^q = 0.1: 0\.(0[6-9]|1[0-4]) of the test targets lie below$' pinball_loss.log
expect_line '^q = 0.9: 0\.(8[6-9]|9[0-4]) of the test targets lie below$' pinball_loss.log

run matthews_metric 2
expect_line '^epoch 5: mcc 0\.[0-9]*$' matthews_metric.log
expect_line '^ended by early_stopping; test: mcc 0\.[89][0-9]*, accuracy 0\.9[0-9]*$' matthews_metric.log
