# shellcheck shell=bash
# Runs the program with a library of this folder loaded before all others; after tests/lib.sh.

# shim NAME [COMPILER]: builds <NAME>.so here.
shim() {
    local options=()
    # Sanitizers bring their own allocator and want to be loaded first.
    if is_sanitized; then
        options=(-DFAULT_NO_MALLOC)
        export ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
    fi
    "${2:-cc}" -shared -fPIC -O1 "${options[@]}" -o "$1.so" "$SOURCE_DIR/tests/shim/$1.c" -ldl
}

# faulty WHAT AT PATH ERROR RANK ARGUMENTS...: the program on $RANKS ranks, of which RANK meets that
# fault (see fault.c).
faulty() {
    [ -f fault.so ] || shim fault
    FAULT=$1 FAULT_AT=$2 FAULT_PATH=$3 FAULT_ERRNO=$4 FAULT_RANK=$5 \
        run_ranks "$RANKS" env LD_PRELOAD="$PWD/fault.so" "$NNMPI" "${@:6}"
}
