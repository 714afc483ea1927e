#!/usr/bin/env bash
# ranks: 2
# timeout: 240
# Between 100 and 400 checkpoints of one run nothing grows: memory, descriptors, files, the checkpoint.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm # a disk would take most of the time
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/growth.sh"
! is_sanitized || skip "sanitizers keep what was freed"

"$NNMPI" data make blobs -O blobs.h5 --samples 60 --valid 0.3 -q
cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model: [dense: {units: 8, activation: tanh}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 1000000, batch_size: 42, log_every: 1, optimizer: {sgd: {lr: 1e-4, momentum: 0.9}}}
validate: {every_epochs: 1, metrics: [accuracy, confusion]}
checkpoint: {every_epochs: 0, every_steps: 10, keep: 3}
YAML
"$SOURCE_DIR/tests/ranks.sh" 2 "$NNMPI" train net.yaml --run run -q > out 2> err &
launcher=$!
wait_for_step run 1000 "$launcher"
mapfile -t ranks < <(rank_pids "$launcher" 'train net.yaml')
before=$(growth run "${ranks[@]}")
wait_for_step run 4000 "$launcher"
after=$(growth run "${ranks[@]}")
printf 'after 100 checkpoints: %s\nafter 400: %s\n' "$before" "$after"
expect_no_growth "$before" "$after" 128
kill -s USR1 "$launcher"
expect_code 75 wait "$launcher"
