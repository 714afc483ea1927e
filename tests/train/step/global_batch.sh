#!/usr/bin/env bash
# timeout: 240
# The number of ranks changes nothing but the speed: the same training curve, step by step, on 1, 2, 3
# and 4 ranks, with uneven last minibatches, of nets in which everything that could depend on the
# shares of the minibatch is at work: batch norm, dropout, dropconnect, augmentation, sample and class
# weights, ignored labels, lengths of sequences. The same bits, where that is asked for.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

"$python" - <<'PYTHON'
import h5py, numpy as np
rng = np.random.default_rng(8)
n = 95
with h5py.File("images.h5", "w") as f:
    y = rng.integers(0, 3, n)
    f["train/x"] = rng.integers(0, 120, (n, 2, 6, 6)).astype(np.uint8) + 40 * y[:, None, None, None].astype(np.uint8)
    f["train/y"] = np.where(rng.random(n) < 0.1, -1, y)
    f["train/w"] = rng.uniform(0.5, 2, n).astype("f4")
    f.attrs["mean"], f.attrs["std"] = [100.0, 100.0], [40.0, 40.0]
with h5py.File("steps.h5", "w") as f:
    x = rng.normal(size=(n, 5, 3)).astype("f4")
    f["train/x"], f["train/y"] = x, (x.cumsum(axis=1).sum(axis=2) > 0).astype("i4")
    f["train/len"] = rng.integers(1, 6, n)
with h5py.File("values.h5", "w") as f:
    x = (rng.normal(size=(n, 4)) + 3).astype("f4")
    f["train/x"], f["train/y"] = x, (x @ rng.normal(size=(4, 2))).astype("f4")
PYTHON
cat > images.yaml <<'YAML'
data: {path: images.h5, augment: [shift: {pixels: 1}, flip, noise: {std: 0.1}]}
model:
  - conv2d: {filters: 4, kernel: 3, bias: false}
  - batch_norm
  - relu
  - max_pool: {size: 2}
  - flatten
  - dropconnect: {units: 12, rate: 0.2}
  - dropconnect: {units: 12, rate: 0.2, mask: step}
  - layer_norm
  - tanh
  - dropout: {rate: 0.3}
  - dense: {units: 3}
loss: {cross_entropy: {class_weights: balanced, label_smoothing: 0.1}}
train: {epochs: 10, batch_size: 10, lr: 0.05, log_every: 1}
YAML
cat > steps.yaml <<'YAML'
data: {path: steps.h5}
model: [gru: {units: 6, return: all}, batch_norm, dense: {units: 2}]
loss: cross_entropy
train: {epochs: 10, batch_size: 10, log_every: 1, optimizer: {adam: {lr: 0.003}}}
YAML
cat > values.yaml <<'YAML'
data: {path: values.h5}
model: [dense: {units: 8, bias: false}, batch_norm: {momentum: 0.2}, sigmoid, dense: {units: 2}]
loss: {huber: {delta: 2}}
train: {epochs: 10, batch_size: 10, log_every: 1, clip_norm: 1, optimizer: {momentum: {lr: 0.01}}}
YAML
for net in images steps values; do
    for ranks in 1 2 3 4; do
        run_ranks "$ranks" "$NNMPI" train $net.yaml --run $net$ranks -q > out 2> err
    done
    run_ranks 3 "$NNMPI" train $net.yaml --run $net-3-passes -q -o train.accumulate=3 > out 2> err
    for ranks in 1 3; do
        run_ranks "$ranks" "$NNMPI" train $net.yaml --run $net-same -q -o train.epochs=2 \
            -o train.reproducible=true > out 2> err
        grep '^digest' out > "same$ranks"
        rm -r $net-same
    done
    expect_same same1 same3
    "$NNMPI" train $net.yaml --run $net-1-passes -q -o train.accumulate=3 > out 2> err
done
"$python" - <<'PYTHON'
import json
def curve(run):
    lines = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
    return [line["loss"] for line in lines if line["event"] == "train"]
for net in ("images", "steps", "values"):
    one = curve(net + "1")
    assert len(one) == 100 and sum(one[-10:]) < 0.9 * sum(one[:10]), (net, len(one), one)
    for ranks in 2, 3, 4:
        for step, (a, b) in enumerate(zip(curve(f"{net}{ranks}"), one)):
            assert abs(a - b) <= 1e-5 * b, (net, ranks, step, a, b)
    # batch norm sees a pass at a time, which is the same samples on any number of ranks; the passes
    # of the last minibatch have one or two, which makes much of rounding
    for step, (a, b) in enumerate(zip(curve(net + "-3-passes"), curve(net + "-1-passes"))):
        assert abs(a - b) <= 1e-4 * b, (net, "passes", step, a, b)
PYTHON
