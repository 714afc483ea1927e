#!/usr/bin/env bash
# ranks: 1 2
# Between step 2 and the last step nothing is allocated: ten times the steps, epochs and lines of
# metrics, and not one call of malloc or its kin more.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"
! is_sanitized || skip "sanitizers bring their own allocator"
shim count_alloc

"$NNMPI" data make blobs -O blobs.h5 --samples 203 --features 7 --seed 3 -q
cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {units: 70, activation: tanh}
  - maxout: {k: 2}
  - dense: {name: a, units: 30, activation: relu}
  - dense: {name: b, units: 30}
  - add: {inputs: [a, b]}
  - prelu
  - dense: {units: 3}
loss: cross_entropy
train:
  epochs: 1000
  batch_size: 10 # of 203
  optimizer: {sgd: {lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 1e-4}}
  schedule: {step: {every: 2, gamma: 0.99}}
  log_every: 3
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML

# count STEPS FILE: calls by nnmpi's own code in a run of that length, of all ranks together.
count() {
    run_ranks "$RANKS" env LD_PRELOAD="$PWD/count_alloc.so" ALLOC_COUNT_FILE="$PWD/count" \
        "$NNMPI" train net.yaml --run "run$1" -q -o "train.max_steps=$1" > out 2> err
    expect_line "^trained $1 steps" out
    cat count.* | awk '{ own += $1 } END { print own }'
    rm count.*
}

few=$(count 50)
many=$(count 500)
[ "$few" -gt $((20 * RANKS)) ] || fail "only $few calls were seen: the shim does not see nnmpi's"
[ "$many" -eq "$few" ] || fail "$few calls in a run of 50 steps, $many in one of 500"
