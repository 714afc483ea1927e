#!/usr/bin/env bash
# timeout: 120
# A tensor that several layers share: the same bits on any number of ranks and nodes, by either way of summing, where rows
# of other layers travel, and when a run goes on; passes that are added up give the gradient of the whole. Files of tensors
# hold it under each name, checkpoints once.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/reproducible.sh
. "$SOURCE_DIR/tests/reproducible.sh"
python=/usr/bin/python3
"$python" -c 'import numpy, h5py' 2>/dev/null || skip "no h5py for $python"

"$python" - <<'PY'
import h5py, numpy
random = numpy.random.default_rng(1)
with h5py.File("tokens.h5", "w") as file:
    x = random.integers(0, 40, (103, 6))
    file["train/x"], file["train/y"] = x.astype("f4"), (x * 7 + 3) % 40
PY
cat >net.yaml <<'YAML'
data: {path: tokens.h5}
model:
  - embedding: {name: tokens, vocabulary: 40, units: 8}
  - repeat: {name: block, times: 2, layers: [residual: [layer_norm, dense: {name: fc, units: 8, activation: tanh}]]}
  - dense: {name: mix, units: 8, tie: block_0_fc.weight}
  - dense: {name: head, units: 40, tie: tokens.weight}
loss: cross_entropy
train: {epochs: 2, batch_size: 24, reproducible: true, optimizer: {adam: {lr: 0.01}}}
validate: {every_epochs: 0}
YAML
digest 1 net.yaml >want
for way in '2 1 node rows' '3 1 allreduce gradients' '4 2 node rows' '4 2 allreduce gradients' '2 2 node gradients'; do
    read -r ranks nodes reduce between <<<"$way"
    NNMPI_TEST_NODES=$nodes digest "$ranks" net.yaml -o train.reduce="$reduce" -o train.between_nodes="$between" >got
    expect_same want got
done

# samples without steps, whose layers take several microbatches at once where nothing is tied
cat >iris.yaml <<'YAML'
data: {source: iris}
model: [dense: {units: 4, name: a, activation: tanh}, dense: {units: 4, tie: a.weight, activation: tanh}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 2, batch_size: 24, reproducible: true, lr: 0.1}
YAML
digest 1 iris.yaml >iris
digest 3 iris.yaml >got
expect_same iris got

# stopped in mid-epoch, gone on with on other ranks
run_ranks 3 "$NNMPI" train net.yaml --run part -q -o train.max_steps=7 >out 2>err
run_ranks 2 "$NNMPI" train net.yaml --run part --resume -q >out 2>err
grep '^digest' out >got
expect_same want got

# twice in files of tensors, as in a state dict, once in the checkpoint; and back
"$NNMPI" export part --npz net.npz -q
"$NNMPI" import net.npz -O back.h5 -q
"$python" - <<'PY'
import h5py, numpy
file, tensors, back = h5py.File("part/last.h5")["model"], numpy.load("net.npz"), h5py.File("back.h5")["model"]
assert (tensors["head.weight"] == tensors["tokens.weight"]).all() and tensors["head.weight"].shape == (40, 8)
assert (tensors["mix.weight"] == tensors["block_0_fc.weight"]).all()
assert "weight" in file["tokens"] and "weight" not in file["head"] and "bias" in file["head"], list(file["head"])
assert (back["tokens/weight"][:] == file["tokens/weight"][:]).all()
head = {name: tensors["head." + name] for name in ("weight", "bias")}
numpy.savez("head.npz", **{"head." + name: head[name] for name in head})
with h5py.File("head.h5", "w") as tables:
    for name in head:
        tables["head/" + name] = head[name]
PY
# and they are found by the name of any layer
for from in '{from: head.npz}' '{from: head.npz, layers: [head]}' '{from: head.h5, layers: [tokens]}'; do
    rm -rf run
    "$NNMPI" train net.yaml --run run -q -o train.max_steps=0 -o "init=$from" >out
    "$python" - <<'PY'
import h5py
file, run = h5py.File("part/last.h5")["model"], h5py.File("run/last.h5")["model"]
assert (run["tokens/weight"][:] == file["tokens/weight"][:]).all()
PY
done
rm -rf run
expect_code 3 "$NNMPI" train net.yaml --run run -q -o train.max_steps=0 -o 'init={from: head.h5, layers: [mix]}' 2>err
expect_line 'head.h5 has no block_0_fc/weight' err

# without promises: sums over ranks, nodes and passes are those of one rank, to rounding
loss() {
    rm -rf run
    run_ranks "$1" "$NNMPI" train net.yaml --run run -q -o train.reproducible=false -o train.log_every=1 "${@:2}" >out 2>err
    grep '"event":"train"' run/metrics.jsonl | sed 's/.*"loss":\([0-9.]*\).*/\1/'
}
loss 1 >want
for way in '1 1 -o train.accumulate=3' '2 1 -o train.reduce=node' '4 2 -o train.between_nodes=rows' '2 2 -o train.accumulate=2'; do
    read -r ranks nodes options <<<"$way"
    # shellcheck disable=SC2086 # words
    NNMPI_TEST_NODES=$nodes loss "$ranks" $options >got
    "$python" -c 'import numpy as n; a, b = n.loadtxt("want"), n.loadtxt("got"); assert len(a) == 10 and n.allclose(a, b, 2e-4), (a, b)'
done
