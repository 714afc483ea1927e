#!/usr/bin/env bash
# ranks: 2 3
# timeout: 120
# MPI fails on one rank, at any moment: that rank says so, and all end at once with code 5.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
shim mpi

endless_net 600

# fails AT RANK ARGUMENTS...: MPI fails on RANK from its AT-th call on.
fails() {
    local code=0 since=$SECONDS who='nnmpi:' took
    [ "$2" -eq 0 ] || who="nnmpi: rank $2 on $(uname -n):"
    rm -rf run
    FAULT=mpi FAULT_AT=$1 FAULT_RANK=$2 timeout 60 "$SOURCE_DIR/tests/ranks.sh" "$RANKS" \
        env LD_PRELOAD="$PWD/mpi.so" "$NNMPI" train net.yaml --run run -q "${@:3}" > out 2> err || code=$?
    took=$((SECONDS - since))
    [ "$code" -eq 5 ] || fail "number $1 on rank $2: exit code $code, not 5"
    [ "$took" -le 30 ] || fail "number $1 on rank $2: it took $took s" # 4 where we have a core
    expect_line "^$who MPI_.* failed" err
}

last=$((RANKS - 1))
fails 1+ "$last" # when MPI starts
fails 3+ "$last" # when the ranks meet
fails 500+ "$last" -o train.reduce=allreduce # in a step
fails 500+ 0 -o train.reduce=allreduce
