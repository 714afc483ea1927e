# shellcheck shell=bash
# For tests under valgrind; after tests/lib.sh.

command -v valgrind >/dev/null || skip "valgrind is not installed"
! is_sanitized || skip "a sanitizer and valgrind do not go together"

# valgrind knows no AVX-512; forked children are other processes' business
export NNMPI_ISA=v3 OPENBLAS_CORETYPE=Haswell ONEDNN_MAX_CPU_ISA=AVX2 OMP_NUM_THREADS=1

# under_valgrind [OPTION... --] COMMAND...: it uses no memory after it was freed, or before it was filled, and loses none;
# started by `launcher` where that says how.
launcher=()
under_valgrind() {
    local options=()
    while [[ $1 == --* ]]; do
        [ "$1" = -- ] || options+=("$1")
        shift
    done
    expect_code 0 "${launcher[@]}" valgrind --quiet --error-exitcode=99 --keep-debuginfo=yes --child-silent-after-fork=yes \
        --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --num-callers=40 \
        --suppressions="$SOURCE_DIR/tests/sanitizers/valgrind.supp" "${options[@]}" "$@" >out 2>valgrind.log
}
