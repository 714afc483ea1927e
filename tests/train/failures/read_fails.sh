#!/usr/bin/env bash
# ranks: 2
# nodes: 2
# timeout: 120
# Reading fails on one rank in the middle of a training: all end at once with code 3, also where other nodes wait for
# that rank's rows.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"

"$NNMPI" data make blobs -O blobs.h5 --samples 20000 --features 64 -q # read again and again: more than data.memory
cat >net.yaml <<'YAML'
data: {path: blobs.h5, memory: 1, prefetch: false}
model: [dense: {units: 300}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 1000, max_steps: 300, batch_size: 10, stall_timeout: 60}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML
for option in between_nodes=rows accumulate=2 reproducible=true; do
    rm -rf run
    since=$SECONDS
    expect_code 3 faulty pread 22+ blobs.h5 EIO 1 train net.yaml --run run -q -o train.$option >out 2>err
    [ $((SECONDS - since)) -lt 50 ] || fail "$option: it took $((SECONDS - since)) s"
    ls run/metrics.jsonl >/dev/null || fail "$option: it failed before training"
done
