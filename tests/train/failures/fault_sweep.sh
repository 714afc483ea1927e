#!/usr/bin/env bash
# timeout: 200
# A rank fails, at a moment drawn from all there are: the job ends with the right code, soon, and what the
# rank has said stands last. tests/full/fault_sweep.sh goes through all moments.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
shim mpi
patience=15 moments=40 # other tests run, too
if is_sanitized; then
    patience=60 moments=20
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # MPI that was kept from ending has not freed all
fi
sweep() { python3 "$SOURCE_DIR/tests/shim/sweep.py" --shim mpi.so --patience "$patience" "$@"; }
sweep --sample "$moments"
sweep --only 'thread,2 nodes,1' # without the one for messages between nodes the other way of summing takes over
