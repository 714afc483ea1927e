#!/usr/bin/env bash
# full: yes
# timeout: 14400
# Each call of each kind fails once on each rank of a short run.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
shim mpi
python3 "$SOURCE_DIR/tests/shim/sweep.py" --shim mpi.so
