#!/usr/bin/env bash
# Every test and check, from a bare clone: installs missing packages, compiles with gcc and clang without
# a warning, runs the tests in the release and the sanitized build, fuzzes what reads files of others, and
# checks format, lint and shell scripts.
#   --full     also the long tests, the thread sanitizer, what clang says while it optimises, and clang's
#              analyser
#   --matrix   instead, both commands on fresh minimal systems: Debian 12 and 13, each with Open MPI and
#              MPICH (as root on Debian); logs in build/matrix
# NNMPI_MPI=mpich takes MPICH instead of Open MPI, and leaves out lint and fuzzing, which know no MPI.
# Goes on after a failure, names what failed, and ends with the summary of the release build's tests.
set -euo pipefail
cd "$(dirname "$0")/.."

# Every system is tried, whatever another said.
run_matrix() {
    local suite mpi log failed=0
    mkdir -p build/matrix
    for suite in bookworm trixie; do
        for mpi in openmpi mpich; do
            log=build/matrix/$suite-$mpi.log
            NNMPI_MPI=$mpi scripts/fresh.sh "$suite" >"$log" 2>&1 || failed=1
            grep -E '^(failed: |[0-9]+% tests passed)' "$log" || true
            grep "^$suite, $mpi: " "$log" || tail "$log"
        done
    done
    return $failed
}

full=no
case "${1:-}" in
"") ;;
--full) full=yes ;;
--matrix)
    run_matrix
    exit
    ;;
*)
    printf 'usage: test.sh [--full | --matrix]\n' >&2
    exit 2
    ;;
esac
checks=yes # those that know no MPI
[ "${NNMPI_MPI:-openmpi}" = openmpi ] || checks=no
jobs=$(nproc)
llvm=14 # of formatter and linter, as other versions say other things
failed=()

# check NAME COMMAND...
check() {
    local name=$1
    shift
    printf '\n== %s (at %d s)\n' "$name" "$SECONDS"
    "$@" || failed+=("$name")
}

none_failed() {
    [ "${#failed[@]}" -eq 0 ] || { printf 'failed: %s\n' "${failed[@]}" && return 1; }
}

# beside NAME NICENESS COMMAND...: runs while the script goes on, with what is left of the processors. join NAME: its
# end, with what it had to say.
declare -A started
beside() {
    set -m # a group of processes, which ends with the script
    { renice -n "$2" "$BASHPID" >/dev/null && "${@:3}"; } >"build/test/$1.log" 2>&1 </dev/null &
    set +m
    started[$1]=$!
}
join() {
    local code=0
    wait "${started[$1]}" || code=$?
    cat "build/test/$1.log"
    return $code
}
trap 'jobs -pr | sed s/^/-/ | xargs -r kill --' EXIT

# configure PRESET [CMAKE OPTION...]: in build/test, so that the user's own build is left alone
configure() {
    local folder=build/test/$1
    cmake --preset "$1" -B "$folder" -DNNMPI_WERROR=ON "${@:2}" >"$folder.configure.log" ||
        { tail -n 30 "$folder.configure.log" && return 1; }
}

# build PRESET [CMAKE OPTION...]
build() {
    configure "$@" && cmake --build "build/test/$1" -j "$jobs" -- --quiet
}

# clang_sources: a configured build, and the source that it makes.
clang_sources() {
    configure clang && cmake --build build/test/clang --target page.c -- --quiet
}

# clang_warnings: every file is compiled as often as the build does it, but not optimised, and nothing is kept.
clang_warnings() {
    clang_sources || return
    sed -n 's/^ *"command": "\(.*\)",$/\1/p' build/test/clang/compile_commands.json |
        sed 's/\\"/"/g; s/ -o [^ ]*/ -O0 -g0 -Xclang -emit-codegen-only/' | sort -u |
        xargs -d '\n' -n 1 -P "$jobs" bash -c
}

# run_tests PRESET [CTEST OPTION...]: more at a time than there are cores, as ranks that start, wait for a disk
# or sleep leave most of a core; on two cores a test of three ranks beside one of two
run_tests() {
    local options=(--test-dir "build/test/$1" -j $((5 * jobs / 2)) --output-on-failure --no-tests=error)
    [ "$full" = no ] || options+=(-C Full)
    ctest "${options[@]}" "${@:2}" | tee "build/test/$1.tests.log"
}

check_format() {
    git ls-files -z '*.c' '*.h' '*.cpp' '*.hpp' | xargs -0 "clang-format-$llvm" --dry-run -Werror
}

check_scripts() {
    git grep -lzE '^#!.*sh$|shellcheck shell' -- '*.sh' .ci slurm | xargs -0 -n 8 -P "$jobs" shellcheck -x
}

has_libfuzzer() {
    echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
        clang -fsanitize=fuzzer,address -x c -o build/test/libfuzzer - 2>/dev/null
}

packages='test'
[ "$full" = no ] || packages=full
scripts/packages.sh --install $packages
mkdir -p build/test

# with_llvm NAME TOOL COMMAND...: a check by a tool of the one version, skipped with a word without it
with_llvm() {
    if command -v "$2-$llvm" >/dev/null; then
        check "$1" "${@:3}"
    else
        printf '\n== %s: skipped, as this system has no %s\n' "$1" "$2-$llvm"
    fi
}

# lint: what looks at the sources and runs nothing.
lint() {
    local failed=() without='-clang-analyzer-*' # most of the time
    with_llvm "format" clang-format check_format
    check "shell scripts" check_scripts
    # Without optimisation clang says all but which loops it cannot unroll, and of those of the kernels it does so in
    # tests/build/bits.sh. What it says of C, clang-tidy says, too.
    if [ "$full" = yes ]; then
        check "clang build" build clang
        without=
    elif ! command -v "clang-tidy-$llvm" >/dev/null; then
        check "clang's warnings" clang_warnings
    else
        check "clang's sources" clang_sources
    fi
    with_llvm "clang-tidy" clang-tidy scripts/tidy.sh build/test/clang "$llvm" "$without"
    none_failed
}

# Where there is gold, it links a hundred test programs in a third of the time.
gold=()
! command -v ld.gold >/dev/null || gold=(-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=gold)
# Of debug information, reports want lines (-g1), which take less time to compile and to link than all of it.
check "gcc build" build release -DCMAKE_C_FLAGS_RELEASE="-O3 -g1 -DNDEBUG" "${gold[@]}"
# Ranks that start, wait for a disk or sleep leave much of the processors to who compiles.
sanitized=-DCMAKE_C_FLAGS_DEBUG="-O1 -g1"
beside asan 5 build asan "$sanitized" "${gold[@]}"
if [ $checks = yes ] && has_libfuzzer; then beside fuzz 10 build fuzz "$sanitized"; fi
if [ "$full" = yes ]; then beside tsan 15 build tsan "$sanitized"; fi
[ $checks = no ] || beside lint 19 lint
check "tests" run_tests release
# sanitized programs are slow: what runs on several numbers of ranks does so on 2, and the scripts that
# mostly start the program are left to the release build; --full takes them all. Jobs of Slurm, which mostly
# wait, and what trains for minutes are for the release build alone.
long='^train_(global_batch|mnist|reproducible)$' # trainings of minutes
many='^(data_streams|exchange_onnx|train_(digests|output_rows|sharded_2|tied))$' # dozens of runs that are compared
few=(-LE 'build|cli|docs|slurm' -E "_[134](_nodes[0-9])?\$|$long|$many" -j $((3 * jobs))) # of these, few look at a clock
[ "$full" = no ] || few=(-LE 'build|full|slurm')
check "sanitized build" join asan
check "tests, address and undefined-behaviour sanitizers" run_tests asan "${few[@]}"
if [ -n "${started[fuzz]:-}" ]; then
    check "fuzz build" join fuzz
    check "fuzzing" run_tests fuzz -j "$jobs" # a minute for each target, in which nothing else looks at a clock
elif [ $checks = yes ]; then
    printf '\n== fuzzing: skipped, as this system has no libFuzzer of clang\n'
fi
if [ "$full" = yes ]; then
    check "thread-sanitized build" join tsan
    check "tests, thread sanitizer" run_tests tsan "${few[@]}"
fi
[ $checks = no ] || check "format, lint and scripts" join lint

printf '\n'
none_failed || true
printf 'finished in %d s\n' "$SECONDS"
grep 'tests passed' build/test/release.tests.log
[ "${#failed[@]}" -eq 0 ]
