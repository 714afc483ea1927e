# shellcheck shell=bash
# What the test scripts share. A script starts with
#   . "$SOURCE_DIR/tests/lib.sh"
# and is then in an empty folder of its own that goes away with it. ctest gives NNMPI (the program),
# SOURCE_DIR, BUILD_DIR and RANKS (the count of the `# ranks:` line under way, else 1).
set -euo pipefail
: "${NNMPI:?path of the program}" "${SOURCE_DIR:?path of the sources}" "${BUILD_DIR:?path of the build}"

trash=$(mktemp -d "${TMPDIR:-/tmp}/nnmpi-test.XXXXXX")
cd "$trash"
exec 9>&2 # messages are seen whatever a test redirects
trap 'finish $?' EXIT

# Ends what a failed test left in the background; a launcher gets the time to end its ranks.
end_jobs() {
    local left signal
    for signal in TERM KILL; do
        left=$(jobs -pr)
        # shellcheck disable=SC2086 # process ids
        [ -z "$left" ] || kill -s $signal $left || true
        for _ in $(seq 50); do
            [ -n "$(jobs -pr)" ] || return 0
            sleep 0.1
        done
    done
}

# Shows what a failed test left in the usual places.
finish() {
    local file
    end_jobs 2> /dev/null
    if [ "$1" -ne 0 ] && [ "$1" -ne 77 ]; then
        for file in "$trash"/out "$trash"/err "$trash"/*.log; do
            [ ! -s "$file" ] || { printf -- '--- %s\n' "${file##*/}" && tail -n 40 "$file"; } >&9
        done
        printf 'failed: %s\n' "$0" >&9
    fi
    rm -rf "$trash"
}

# Line of the script itself, not of this file.
script_line() { printf '%s' "${BASH_LINENO[${#BASH_LINENO[@]} - 2]}"; }

fail() {
    printf '%s:%s: %s\n' "$0" "$(script_line)" "$*" >&9
    exit 1
}

skip() {
    printf 'skipped: %s\n' "$*" >&9
    exit 77
}

# expect_code N COMMAND...: the command ends with exit code N.
expect_code() {
    local expected=$1 got=0
    shift
    "$@" || got=$?
    [ "$got" -eq "$expected" ] || fail "exit code $got, not $expected: $*"
}

# expect_line REGEX FILE: a line of the file matches the extended regular expression.
expect_line() {
    [ -f "$2" ] || fail "no file $2"
    grep -qE -- "$1" "$2" || fail "no line matches '$1' in $2:
$(tail -n 40 "$2")"
}

# expect_no_line REGEX FILE
expect_no_line() {
    [ -f "$2" ] || fail "no file $2"
    ! grep -qE -- "$1" "$2" || fail "'$1' stands in $2:
$(grep -E -- "$1" "$2" | head -n 10)"
}

# expect_same FILE FILE: the files are equal.
expect_same() {
    cmp -s -- "$1" "$2" || fail "$1 and $2 differ:
$(diff -u -- "$1" "$2" | head -n 20)"
}

# is_hydra: ranks are started by mpiexec of MPICH.
is_hydra() { [[ $("${MPIEXEC:-mpirun}" --version 2>&1) == *HYDRA* ]]; }

# is_prrte: ranks are started by mpirun of Open MPI 5.
is_prrte() { "${MPIEXEC:-mpirun}" --version 2>&1 | grep -qF '(Open MPI) 5.'; }

# forgets_codes: they are started by a mpiexec, that of MPICH 4.2.1, which sometimes returns 0 when a rank was
# killed. It does so with every program.
forgets_codes() { is_hydra && "$MPIEXEC" --version | grep -qE '^ *Version: +4\.2\.1$'; }

# is_killed CODE: a run, whose output is in `out`, ended with that code because a rank was killed (SIGKILL). A
# shell and mpirun of Open MPI return 128 plus the signal, mpiexec of MPICH the signal alone.
is_killed() {
    case $1 in
    137) true ;;
    9) is_hydra ;;
    0) forgets_codes && ! grep -q '^trained' out ;;
    *) false ;;
    esac
}

# cached NAME: what CMake's cache of the build under test has of this name
cached() { sed -n "s/^$1:[A-Z]*=//p" "$BUILD_DIR/CMakeCache.txt"; }

is_sanitized() { grep -qE '^NNMPI_SANITIZE:[A-Z]+=.+' "$BUILD_DIR/CMakeCache.txt"; }

# What bash does before a program that shall do with 3 GB of addresses; sanitizers want terabytes.
export limit_memory='ulimit -v 3000000'
! is_sanitized || limit_memory=:

# rank_pids LAUNCHER REGEX: process ids of the ranks that it started with such a command line, in the order of
# the ranks. MPICH has a proxy in between.
rank_pids() {
    local parent
    parent=$(pgrep -d , -x -P "$1" hydra_pmi_proxy) || parent=$1
    pgrep -P "$parent" -f "$2" | sort -n
}

# run_ranks N COMMAND...: runs a command on N ranks; returns mpirun's exit code.
run_ranks() { "$SOURCE_DIR/tests/ranks.sh" "$@"; }

# expect_close_losses RUN RUN TOLERANCE STEPS: both logged so many steps, with losses that are the same to that part.
expect_close_losses() {
    python3 - "$@" <<'PY'
import json, sys
first, second = ([json.loads(line)["loss"] for line in open(f"{name}/metrics.jsonl") if '"train"' in line]
                 for name in sys.argv[1:3])
tolerance, steps = float(sys.argv[3]), int(sys.argv[4])
assert len(first) == len(second) == steps, (len(first), len(second))
assert all(abs(x - y) <= tolerance * (x + 1e-3) for x, y in zip(first, second)), (first, second)
PY
}
