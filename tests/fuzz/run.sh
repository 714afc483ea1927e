#!/usr/bin/env bash
# run.sh BUILD TARGET SECONDS [OPTION OF LIBFUZZER...]: makes the seeds of a fuzz target, tries the inputs
# that once did harm (found/TARGET), and then new ones for so long, the same ones every time as far as the
# machine is as fast. It fails when one crashes, takes 20 seconds or wants more memory than a file of its
# size can, and keeps that one in the build folder. Where the fault is within HDF5, which SECURITY.md makes
# no promises about, it goes on, and says at the end how many there were.
BUILD_DIR=$(realpath "$1") target=$2 seconds=$3
SOURCE_DIR=$(realpath "$(dirname "$0")/../..")
NNMPI=$BUILD_DIR/nnmpi
shift 3
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm # inputs are files: thousands a second
. "$SOURCE_DIR/tests/lib.sh"
export TMPDIR=$trash
program=$BUILD_DIR/tests/fuzz/fuzz_$target

# A recursion without end is then a crash with a stack that says whose it is; else it is memory of nobody.
ulimit -s 8192

# Bytes of an input, and megabytes that may be asked for at once: rows are read in pieces of 1 MiB, and a data
# set may have 64 MiB that were never written.
options=(-timeout=20 -rss_limit_mb=1024)
case $target in
hdf5 | checkpoint)
    command -v llvm-symbolizer >/dev/null || compgen -c llvm-symbolizer- >/dev/null ||
        skip "without llvm-symbolizer nobody can tell whose fault a crash is"
    options+=(-max_len=20000 -malloc_limit_mb=200 -fork=1 -ignore_crashes=1 -ignore_ooms=1 -ignore_timeouts=1)
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # HDF5 leaks what it finds damaged
    ;;
*) options+=(-max_len=4096 -malloc_limit_mb=32) ;;
esac
# What is far beyond that is refused with a stack: to be ready for it alone, the sanitizer would write an eighth
# of it, and libFuzzer ends the program for that, without a word of who has asked.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:allocator_may_return_null=0:max_allocation_size_mb=1000"

# is_hdf5s LOG: the innermost function of the report that is neither the sanitizer's nor the C library's is
# one of HDF5, which has not written beyond memory that we gave it.
is_hdf5s() {
    awk '
        /^ +#0 / { stack++ }
        /^WRITE / { writes = 1 }
        /^ +#/ && !owner[stack] && /libhdf5/ { owner[stack] = "hdf5" }
        /^ +#/ && !owner[stack] && /\/(src|tests\/fuzz)\/[^ ]*\.c:/ { owner[stack] = "ours" }
        END { exit !(owner[1] == "hdf5" && !(writes && owner[2] == "ours")) }' "$1"
}

mkdir corpus seeds found reports
(cd seeds && "$BUILD_DIR/tests/fuzz/fuzz_seeds" "$target")
[ "$target" != yaml ] || find "$SOURCE_DIR/datasets" -name '*.yaml' -exec cp --backup=numbered -t seeds {} +
[ "$target" != onnx ] || cp "$SOURCE_DIR"/tests/exchange/torch/*.onnx seeds
[ ! -d "$SOURCE_DIR/tests/fuzz/found/$target" ] || cp -r "$SOURCE_DIR/tests/fuzz/found/$target" seeds/found
code=0
ASAN_OPTIONS=${ASAN_OPTIONS:-}:log_path=$PWD/reports/run "$program" -seed=1 -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$PWD/found/" "${options[@]}" \
    "$@" "$PWD"/{corpus,seeds} >log 2>&1 || code=$?

# An input that does no harm when it is tried again, alone, came after one that had damaged HDF5's own memory:
# then the report of the run says whose fault that was.
ours=0 hdf5s=0
for input in found/*; do
    [ -s "$input" ] || continue
    "$program" "${options[@]:0:4}" "$PWD/$input" >"reports/${input##*/}" 2>&1 || true
done
for report in reports/*; do
    grep -qs ERROR: "$report" || continue
    input=${report##*/}
    if is_hdf5s "$report"; then
        hdf5s=$((hdf5s + 1))
    else
        ours=$((ours + 1))
        grep -vE '^INFO' "$report" >&9
        [ ! -e "found/$input" ] || cp "found/$input" "$BUILD_DIR/$target-$input"
        [ ! -e "found/$input" ] || printf 'the input is kept: %s\n' "$BUILD_DIR/$target-$input" >&9
    fi
done
[ "$ours" -eq 0 ] || fail "$ours inputs do harm"
# After its time it ends with the code of what it ended.
[ "$code" -eq 0 ] || grep -q '^INFO: fuzzed for' log || { cat log >&9 && fail "libFuzzer ended with $code"; }
executed=$(sed -n 's/^#\([0-9][0-9]*\).*/\1/p' log | tail -n 1)
[ "${executed:-0}" -gt 0 ] || { cat log >&9 && fail "not one input was tried"; }
# What clang's OpenMP leaves there for each process that crashes.
for left in /dev/shm/__KMP_REGISTERED_LIB_*; do
    [[ ! $left =~ LIB_([0-9]+)_ || -d /proc/${BASH_REMATCH[1]} || ! -O $left ]] || rm -f "$left" # another one may have been sooner
done
grep -E '^stat::(number|average|peak)|DONE|^#.*oom/timeout/crash' log | tail -n 4
[ "$hdf5s" -eq 0 ] || printf 'HDF5 itself failed %d times\n' "$hdf5s"
