#!/usr/bin/env bash
# Every test and check, from a bare clone: installs missing packages, builds with gcc and clang without
# a warning, runs the tests in the release and the sanitized build, and checks format, lint and shell
# scripts. With --full also the long tests and the thread sanitizer.
# Ends with the line of the release build's tests.
set -euo pipefail
cd "$(dirname "$0")/.."

full=no
case "${1:-}" in
"") ;;
--full) full=yes ;;
*)
    printf 'usage: test.sh [--full]\n' >&2
    exit 2
    ;;
esac
jobs=$(nproc)
llvm=14

step() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

# build <preset> [cmake option...]: a build of its own under build/test, leaving the user's alone
build() {
    local preset=$1
    shift
    cmake --preset "$preset" -B "build/test/$preset" -DNNMPI_WERROR=ON "$@" >/dev/null
    cmake --build "build/test/$preset" -j "$jobs" -- --quiet
}

# run_tests <preset> [ctest option...]
run_tests() {
    local preset=$1
    shift
    [ "$full" = no ] || set -- -C Full "$@"
    ctest --test-dir "build/test/$preset" -j "$jobs" --output-on-failure --no-tests=error "$@"
}

step packages
scripts/packages.sh --install test

step "format and shell scripts"
git ls-files '*.c' '*.h' | xargs "clang-format-$llvm" --dry-run -Werror
git ls-files '*.sh' .ci/run slurm | xargs grep -lE '^#!.*sh$|shellcheck shell' | xargs shellcheck -x

step "gcc build"
build release

step "clang build"
build clang -DCMAKE_C_COMPILER="clang-$llvm"

step clang-tidy
scripts/tidy.sh build/test/clang "$llvm"

step "tests, address and undefined-behaviour sanitizers"
build asan
run_tests asan -LE build

if [ "$full" = yes ]; then
    step "tests, thread sanitizer"
    build tsan -DCMAKE_C_COMPILER="clang-$llvm"
    run_tests tsan -LE build
fi

step tests
log=build/test/tests.log
run_tests release 2>&1 | tee "$log"

step finished
grep 'tests passed' "$log"
