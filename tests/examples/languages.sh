#!/usr/bin/env bash
# One program in four languages, and the command line: Iris and, where $NNMPI_MNIST is, MNIST on two ranks end with
# the same parameters in all. A language without its compiler is left out with a word.
# processors: 2
# timeout: 240
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/installed.sh
. "$SOURCE_DIR/tests/installed.sh"
# shellcheck source=tests/mnist.sh
. "$SOURCE_DIR/tests/mnist.sh"

cc_c() { cc -std=c11 "$@" -lm; }
cc_cpp() { g++ -std=c++17 "$@"; }
cc_fortran() { gfortran -std="$(fortran_standard)" "$@"; }

# build LANGUAGE ENDING PACKAGE NEED: iris and mnist of that language, where the compiler is
languages=()
build() {
    local program
    if ! command -v "$4" >/dev/null || ! pkg-config --exists "$3"; then
        printf '%s is left out: there is no %s, or no %s\n' "$1" "$4" "$3"
        return 0
    fi
    flags "$3"
    for program in iris mnist; do
        "cc_$1" -O1 -Wall -Werror "$SOURCE_DIR/examples/$1/$program.$2" -o "$program-$1" "${flags[@]}" \
            >build.log 2>&1 || fail "examples/$1/$program.$2 does not compile"
    done
    languages+=("$1")
}
build c c nnmpi cc
build cpp cpp nnmpi g++
build fortran f90 nnmpi-fortran gfortran

export PYTHONPATH=$BUILD_DIR/python PYTHONDONTWRITEBYTECODE=1
if "$PYTHON3" -c 'import nnmpi.training' 2>/dev/null; then
    languages+=(python)
    for program in iris mnist; do
        printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$PYTHON3" "$SOURCE_DIR/examples/python/$program.py" >"$program-python"
        chmod +x "$program-python"
    done
else
    printf 'python is left out: there is no package nnmpi\n'
fi

# all_alike PROGRAM CONFIG ARGUMENT...: the command line's digest, and then everybody's
all_alike() {
    local program=$1 language
    run_ranks 2 "$NNMPI" train "$2" --run "run-$program" -q >out 2>err || fail "nnmpi train $2 ended with $?"
    "$NNMPI" digest "run-$program/last.h5" | cut -c 1-64 >expected
    for language in "${languages[@]}"; do
        run_ranks 2 "./$program-$language" "${@:3}" >out 2>err || fail "$program in $language ended with $?"
        expect_line '^test accuracy (0\.9[0-9]*|1\.0000)$' out
        sed -n 's/^digest //p' out >got
        expect_same expected got
        printf '%s: %s as the command line\n' "$program" "$language"
    done
}

all_alike iris "$SOURCE_DIR/datasets/iris/iris.yaml"

get_mnist
mkdir digits
for file in "${NNMPI_MNIST:-$SOURCE_DIR/../shared/datasets/mnist}"/*-ubyte.gz; do
    gunzip -c "$file" >"digits/$(basename "$file" .gz)"
done
cat >mnist.yaml <<'YAML'
data: {path: mnist.h5}
model: [flatten, dense: {name: fc1, units: 128, activation: relu}, dense: {name: fc2, units: 10}]
loss: cross_entropy
train: {epochs: 1, batch_size: 64, lr: 0.1}
validate: {metrics: [accuracy]}
YAML
all_alike mnist mnist.yaml digits
