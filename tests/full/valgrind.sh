#!/usr/bin/env bash
# full: yes
# processors: 2
# timeout: 3600
# valgrind over two ranks of the examples in C, C++ and Fortran: no memory is used after it was freed, or before it was
# filled, and none is lost. What MPI leaves is known to its own list, where that is installed.
# They run for 2 epochs, or 20 steps, which is where all they call has been called. VALGRIND_ONLY="iris-c": these only.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/valgrind.sh
. "$SOURCE_DIR/tests/valgrind.sh"
# shellcheck source=tests/installed.sh
. "$SOURCE_DIR/tests/installed.sh"

cc_c() { cc -std=c11 "$@" -lm; }
cc_cpp() { OMPI_CXX=g++ mpicxx -std=c++17 "$@"; }
cc_fortran() { mpifort -std="$(fortran_standard)" "$@"; }

lists=()
known=/usr/share/openmpi/openmpi-valgrind.supp
[ ! -e "$known" ] || lists=("--suppressions=$known")

# examine NAME COMMAND...: two ranks of it end well, and valgrind has nothing to say of either.
examined=0
examine() {
    [ -z "${VALGRIND_ONLY:-}" ] || [[ " $VALGRIND_ONLY " == *" $1 "* ]] || return 0
    under_valgrind "${lists[@]}" -- "${@:2}"
    printf '%s: nothing to say\n' "$1"
    examined=$((examined + 1))
}
launcher=("$SOURCE_DIR/tests/ranks.sh" 2)

# examples LANGUAGE ENDING PACKAGE: those that want no files
examples() {
    local program name
    if ! pkg-config --exists "$3"; then
        printf '%s is left out: there is no %s\n' "$1" "$3"
        return 0
    fi
    flags "$3"
    for program in "$SOURCE_DIR/examples/$1"/*."$2"; do
        name=$(basename "$program" ".$2")
        [ "$name" != mnist ] || continue
        sed -E 's/(epochs: )[0-9]+/\12/; s/\b(STEPS|INTERVALS|SPIN_UP|FORECAST)( = )[0-9]+/\1\220/gI; s/\b(samples = )[0-9]+/\1100/' \
            "$program" >"$name.$2"
        "cc_$1" -g -O1 "$name.$2" -o "$name-$1" "${flags[@]}" >build.log 2>&1 || fail "$program does not compile"
        examine "$name-$1" "./$name-$1"
    done
}
needs cc
examples c c nnmpi
! command -v mpicxx >/dev/null || examples cpp cpp nnmpi
! command -v mpifort >/dev/null || examples fortran f90 nnmpi-fortran

# Arrays over parameters, also those that are left over when a training is closed. (Python itself loses memory.)
if [ -d "$BUILD_DIR/python" ]; then
    export PYTHONPATH=$BUILD_DIR/python PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1
    lists+=(--leak-check=no)
    launcher=()
    examine python-views "$PYTHON3" "$SOURCE_DIR/tests/python/views.py"
fi

[ "$examined" -gt 0 ] || fail "VALGRIND_ONLY names no example"
