#!/usr/bin/env bash
# The perceptron's rule ends when no sample is misclassified, and says so; XOR is not
# separable. The report on delta shows that gradients vanish in a deep net of sigmoids.
. "$SOURCE_DIR/tests/lib.sh"

cat > gate.yaml <<'YAML'
data: {source: inline, x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 0, 0, 1]}
model: [dense: {name: unit, units: 1, init: zeros}]
loss: perceptron
train: {batch_size: 1, epochs: 50, lr: 1, stop_when: no_mistakes}
YAML
train() { "$NNMPI" train "$@"; }

train gate.yaml --run and -q > out
expect_line 'ended by: no_mistakes' out
expect_line '^separated after [0-9]+ epochs$' out
expect_line '"event":"end".*"why":"no_mistakes".*"verdict":"separated after' and/metrics.jsonl
grep '"event":"train"' and/metrics.jsonl | tail -n 1 > last
expect_line '"event":"train".*"loss":0,' last # the epoch without a mistake
train gate.yaml --run or -o "data.y=[0, 1, 1, 1]" --json -q > out
expect_line '"verdict": ?"separated after [0-9]+ epochs"' out
train gate.yaml --run xor -o "data.y=[0, 1, 1, 0]" -q > out
expect_line 'ended by: epochs' out
expect_line '^not separable within 50 epochs$' out

# the rule itself: only mistakes move the weights, by lr y x
train gate.yaml --run one -o "data.x=[[3, -4]]" -o "data.y=[1]" -o train.lr=0.5 -q > out
h5dump -d /model/unit/weight one/last.h5 > dump || skip "no h5dump (Debian: hdf5-tools)"
expect_line '\(0,0\): 1.5, -2' dump

# stopped in an epoch and gone on with, on another number of ranks, it counts on: the same end
"$NNMPI" data make blobs -O blobs.h5 --samples 200 --spread 0.5 --classes 2 --seed 5 -q
sed -i 's/^data:.*/data: {path: blobs.h5}/; s/batch_size: 1/batch_size: 7/' gate.yaml
train gate.yaml --run whole -o validate.every_epochs=0 -o train.epochs=500 -q > out
expect_line '^separated after' out
train gate.yaml --run parts -o validate.every_epochs=0 -o train.max_steps=5 -q > out
run_ranks 2 "$NNMPI" train gate.yaml --run parts --resume -o validate.every_epochs=0 -o train.epochs=500 -q > out2
expect_same <(grep '^separated' out2) <(tail -n 1 whole/metrics.jsonl | sed -E 's/.*"verdict":"([^"]*)".*/\1/')

code=0
train gate.yaml --run no -o loss=binary_cross_entropy -q 2> err || code=$?
[ "$code" -eq 2 ] || fail "exit code $code"
expect_line 'stop_when: no_mistakes wants a loss that counts mistakes, as perceptron and hinge do, not binary_cross_entropy' err

# ---- delta by layer, the same on any number of ranks
deep() {
    cat <<YAML
data: {source: iris}
model:
  - dense: {name: l1, units: 10, activation: $1}
  - dense: {name: l2, units: 10, activation: $1}
  - dense: {name: l3, units: 10, activation: $1}
  - dense: {name: l4, units: 10, activation: $1}
  - dense: {name: l5, units: 10, activation: $1}
  - dense: {name: out, units: 3}
loss: cross_entropy
train: {batch_size: 50, epochs: 3, lr: 0.01, report: gradients, log_every: 2}
YAML
}
for kind in sigmoid relu; do
    deep $kind > $kind.yaml
    train $kind.yaml --run $kind -q > out
    run_ranks 3 "$NNMPI" train $kind.yaml --run ${kind}3 -o train.accumulate=2 -q > out
done
python3 - <<'PY'
import json
def deltas(run):
    lines = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
    return [e["delta"] for e in lines if e["event"] == "train"]
ratio = {}
for kind in ("sigmoid", "relu"):
    alone, three = deltas(kind), deltas(kind + "3")
    assert len(alone) == len(three) >= 6 and list(alone[0]) == ["l1", "l2", "l3", "l4", "l5", "out"]
    for a, b in zip(alone, three):
        for layer in a:
            assert abs(a[layer] - b[layer]) <= 1e-4 * a[layer], (kind, layer, a, b)
    ratio[kind] = alone[-1]["l1"] / alone[-1]["out"]
    if kind == "sigmoid": # each layer below has at most a quarter times the weights' gain of the one above
        assert all(alone[0][f"l{i}"] < 0.5 * alone[0][f"l{i + 1}"] for i in range(1, 5)), alone[0]
assert ratio["sigmoid"] < 0.01 and ratio["relu"] > 20 * ratio["sigmoid"], ratio
PY
