#!/usr/bin/env bash
# ranks: 1 2 3 4
# nodes: 2
# timeout: 240
# Both ways of summing gradients train the same model, to rounding, on any number of ranks, with
# uneven and empty shards; a run goes on the other way and on other ranks; checkpoints hold the same.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py, numpy' 2>/dev/null || skip "no h5py for $python"

"$NNMPI" data make blobs -O blobs.h5 --spread 3 --samples 43 --features 9 --seed 3 -q
cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {name: fc1, units: 70, activation: tanh}
  - batch_norm
  - dense: {name: fc2, units: 130, activation: tanh}
  - dense: {name: fc3, units: 3}
loss: cross_entropy
train: {epochs: 1000, max_steps: 30, batch_size: 8, lr: 0.01, log_every: 1} # of 43: the last has 3
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML

train() { run_ranks "$RANKS" "$NNMPI" train net.yaml -q "$@" > out 2> err; }

# close RUN RUN: parameters and optimiser state agree to rounding, and losses along the way.
close() {
    "$python" - "$1" "$2" <<'PY'
import json, sys
import h5py, numpy as np
a, b = (h5py.File(f"{run}/last.h5") for run in sys.argv[1:])
names = []
a.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
checked = 0
for name in names:
    if name.startswith(("model/", "optimizer/")):
        x, y = a[name][()].astype(float), b[name][()].astype(float)
        assert np.linalg.norm(x - y) <= 1e-4 * np.linalg.norm(x) + 1e-6, (name, x, y)
        checked += 1
assert checked >= 10, checked
losses = [[json.loads(line)["loss"] for line in open(f"{run}/metrics.jsonl") if '"train"' in line]
          for run in sys.argv[1:]]
assert len(losses[0]) == len(losses[1]) and np.allclose(*losses, rtol=1e-4, atol=2e-5), losses
PY
}

i=0
for habits in "optimizer: {sgd: {momentum: 0.9, nesterov: true, weight_decay: 1e-3}}" \
    "optimizer: {adam: {eps: 1e-4}}, clip_norm: 0.1" "optimizer: lamb, max_norm: 0.5, ema: {decay: 0.9}"; do
    i=$((i + 1))
    "$NNMPI" train net.yaml -q --run "one$i" -o "train={epochs: 1000, max_steps: 30, batch_size: 8, log_every: 1, lr: 0.01, $habits}" > out
    for way in allreduce node; do
        set="train={epochs: 1000, max_steps: 30, batch_size: 8, log_every: 1, lr: 0.01, reduce: $way, $habits}"
        train --run "$way$i" -o "$set"
        close "one$i" "$way$i"
        used=$way
        [ "$RANKS" -gt 1 ] || used=none
        expect_line "\"event\":\"train\".*\"reduce\":\"$used\"" "$way$i/metrics.jsonl"
    done
    [ $i -ne 2 ] || continue
    # stopped in the middle of an epoch, the run goes on with the other way, then on other ranks
    train --run "moved$i" -o "$set" -o train.max_steps=9
    train --run "moved$i" --resume -o "$set" -o train.max_steps=20 -o train.reduce=allreduce
    run_ranks $((RANKS % 3 + 1)) "$NNMPI" train net.yaml -q --run "moved$i" --resume -o "$set" > out
    close "one$i" "moved$i"
done

# `auto` takes the memory of the nodes
[ "$RANKS" -gt 1 ] || exit 0
train --run auto -o train.max_steps=2
expect_line '"reduce":"node"' auto/metrics.jsonl
