#!/usr/bin/env bash
# timeout: 120
# More ranks than cores wait for each other without burning the cores: they take processor time for
# what they do, whichever MPI it is, and say nothing that is not nnmpi's.
. "$SOURCE_DIR/tests/lib.sh"

# Seconds of processor time that a command takes, with all its ranks.
processor_time() {
    local TIMEFORMAT='%U %S' spent
    { spent=$({ time "$@" > out 2> err; } 2>&1); } || fail "failed: $*"
    awk '{print $1 + $2}' <<< "$spent"
}

"$NNMPI" data make blobs -O blobs.h5 --samples 103 -q
cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model: [dense: {units: 12}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 1, batch_size: 100}
checkpoint: {every_epochs: 0}
YAML
ranks=$((4 * $(nproc)))
[ "$ranks" -le 32 ] || skip "too many cores to be outnumbered"

# what starting takes, then 1000 epochs more, each with an evaluation
short=$(processor_time run_ranks "$ranks" "$NNMPI" train net.yaml -q --run short)
long=$(processor_time run_ranks "$ranks" "$NNMPI" train net.yaml -q --run long -o train.epochs=1001)
! grep -v '^nnmpi: ' err || fail "not nnmpi's words"
awk -v s="$short" -v l="$long" -v r="$ranks" 'BEGIN {exit !(l - s < 0.6 * r)}' ||
    fail "1000 epochs of $ranks ranks took $long s of processor time, a start $short s"
