# shellcheck shell=bash
# Runs the program with a library of this folder loaded before all others; after tests/lib.sh.

# shim NAME: builds <NAME>.so here.
shim() {
    local options=() compiler=cc
    # Sanitizers bring their own allocator and want to be loaded first.
    if is_sanitized; then
        options=(-DFAULT_NO_MALLOC)
        export ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
    fi
    ! grep -q 'mpi.h' "$SOURCE_DIR/tests/shim/$1.c" ||
        compiler=$(sed -n 's/^MPI_C_COMPILER:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")
    "$compiler" -shared -fPIC -O1 "${options[@]}" -o "$1.so" "$SOURCE_DIR/tests/shim/$1.c" -ldl
}

# faulty WHAT AT PATH ERROR RANK ARGUMENTS...: the program on $RANKS ranks, of which RANK meets that
# fault (see fault.c).
faulty() {
    [ -f fault.so ] || shim fault
    FAULT=$1 FAULT_AT=$2 FAULT_PATH=$3 FAULT_ERRNO=$4 FAULT_RANK=$5 \
        run_ranks "$RANKS" env LD_PRELOAD="$PWD/fault.so" "$NNMPI" "${@:6}"
}

# endless_net SECONDS: net.yaml, a run that ends only if something ends it, with that stall_timeout.
endless_net() {
    "$NNMPI" data make blobs -O blobs.h5 --samples 103 -q
    cat > net.yaml <<YAML
data: {path: blobs.h5}
model: [dense: {units: 12}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 100000000, batch_size: 10, log_every: 100, stall_timeout: $1}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
}
