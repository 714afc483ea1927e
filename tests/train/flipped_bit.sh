#!/usr/bin/env bash
# ranks: 3
# timeout: 120
# A gradient that reaches one rank with a bit changed ends the run with code 5, or is repaired.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
shim flip "$(sed -n "s/^MPI_C_COMPILER:[A-Z]*=//p" "$BUILD_DIR/CMakeCache.txt")"

# flipped RUN OPTIONS...: a run on $RANKS ranks, of which rank 1 gets the sum of step 7 with one bit changed.
flipped() {
    FLIP_AT=7 FLIP_RANK=1 run_ranks "$RANKS" env LD_PRELOAD="$PWD/flip.so" \
        "$NNMPI" train --run "$1" -q -o train.max_steps=20 -o train.reduce=allreduce "${@:2}" > out 2> err
}

run_ranks "$RANKS" "$NNMPI" train --run whole -q -o train.max_steps=20 -o train.reduce=allreduce > out
"$NNMPI" digest whole/last.h5 | cut -d ' ' -f 1 > whole.digest

expect_code 5 flipped stopped -o train.check_replicas=1
expect_line '^nnmpi: the replicas differ after step 7: rank 1 on .* holds other bits than most of 3 replicas in layer' err
expect_line '--on-mismatch repair' err

# what was found only later has gone into the gradients of all ranks: they agree again, but the bits are others
flipped repaired -o train.check_replicas=1 --on-mismatch repair
expect_line 'rank 1 on .* holds other bits .*; repaired with what most of them hold' err
"$NNMPI" digest repaired/last.h5 | cut -d ' ' -f 1 > repaired.digest
expect_same repaired.digest whole.digest

# by default before each checkpoint; here the only one is that at the end
expect_code 5 flipped late
expect_line 'differ after step 20: rank 1' err
[ ! -e late/last.h5 ] || fail "what differs was saved"
flipped unseen -o train.check_replicas=0
