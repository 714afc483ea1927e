#!/usr/bin/env bash
# ranks: 2 3
# timeout: 120
# A gradient that reaches one rank with a bit changed ends the run with code 5, or is repaired.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
steps=(-o train.max_steps=20 -o train.reduce=allreduce -o checkpoint.every_steps=5 -o train.log_every=1)
shim flip
shim fault

# flipped RUN OPTIONS...: a run on $RANKS ranks, of which rank 1 gets the sum of step 7 with one bit changed.
flipped() {
    FLIP_AT=7 FLIP_RANK=1 run_ranks "$RANKS" env LD_PRELOAD="$PWD/flip.so $PWD/fault.so" \
        "$NNMPI" train --run "$1" -q "${steps[@]}" "${@:2}" > out 2> err
}

run_ranks "$RANKS" "$NNMPI" train --run whole -q "${steps[@]}" > out
"$NNMPI" digest whole/last.h5 | cut -d ' ' -f 1 > whole.digest

case $RANKS in
2) others='rank 0 on .*' repaired='there is no majority: going back to the checkpoint of step 5' ;;
3) others='most of 3 replicas' repaired='repaired with what most of them hold' ;;
esac
expect_code 5 flipped stopped -o train.check_replicas=1
expect_line "^nnmpi: the replicas differ after step 7: rank 1 on .* holds other bits than $others in layer" err
expect_line '--on-mismatch repair' err

# found at once, it has not yet gone into the gradients of all ranks
flipped repaired -o train.check_replicas=1 --on-mismatch repair
expect_line "rank 1 on .* holds other bits .*; $repaired" err
"$NNMPI" digest repaired/last.h5 | cut -d ' ' -f 1 > repaired.digest
expect_same repaired.digest whole.digest

[ "$(grep -c '"event":"train"' repaired/metrics.jsonl)" -eq 20 ] || fail "metrics.jsonl has steps twice, or not at all"

# by default before each checkpoint; the one before, though its disk is slow, is there to go on from
FAULT=fsync FAULT_AT=1 FAULT_PATH=checkpoint-5 FAULT_ERRNO=SLOW expect_code 5 flipped late
expect_line 'differ after step 10: rank 1' err
[ "$(readlink late/last.h5)" = checkpoint-5.h5 ] || fail "last.h5 is '$(readlink late/last.h5)'"
flipped unseen -o train.check_replicas=0
