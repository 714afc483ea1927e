#!/usr/bin/env bash
# full: yes
# timeout: 14400
# Each call of each kind fails once on each rank of a short run: some 5,200 runs, which begin where a sweep that was
# stopped has left off. Several at once, as ranks that end wait for each other more than they compute.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
shim mpi
tried=$BUILD_DIR/fault_sweep.tried
python3 "$SOURCE_DIR/tests/shim/sweep.py" --shim mpi.so --jobs $((2 * $(nproc))) --tried "$tried"
rm "$tried" # the next one begins anew
