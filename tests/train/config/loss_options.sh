#!/usr/bin/env bash
# timeout: 120
# Class weights and label smoothing from the configuration: `balanced` becomes the numbers of the training
# split, which the checkpoint keeps, and eval on other data uses; numpy works the loss out again. A model
# that ends in an image, or targets that the loss cannot compare with, are refused.
. "$SOURCE_DIR/tests/lib.sh"
/usr/bin/python3 -c 'import h5py' 2> /dev/null || skip "no h5py"

/usr/bin/python3 - <<'PY'
import h5py, numpy as np
rng = np.random.default_rng(3)
def write(path, **splits):
    with h5py.File(path, "w") as f:
        for split, y in splits.items():
            y = np.array(y)
            f[f"{split}/x"] = (rng.normal(size=(len(y), 4)) + 2 * np.eye(3, 4)[y]).astype("f4")
            f[f"{split}/y"] = y.astype("i1")
        f.attrs["classes"] = ["ant", "bee", "cat"]
write("data.h5", train=[0] * 60 + [1] * 30 + [2] * 10 + [-1] * 5, test=[0] * 7 + [1] * 7 + [2] * 7)
write("other.h5", test=[0] * 3 + [1] * 9 + [2] * 5)
with h5py.File("image.h5", "w") as f:
    f["train/x"] = rng.normal(size=(8, 1, 4, 4)).astype("f4")
    f["train/y"] = np.arange(8, dtype="i1") % 3
with h5py.File("grey.h5", "w") as f:
    f["train/x"] = rng.normal(size=(50, 5, 4)).astype("f4")
    f["train/y"] = np.arange(50, dtype="i1") % 3
with h5py.File("signs.h5", "w") as f:
    f["train/x"] = rng.normal(size=(8, 4)).astype("f4")
    f["train/y"] = np.array([1, 0, 1, 0, 1, -1, 0, 1], "f4")
PY
cat > net.yaml <<'YAML'
data: {path: data.h5}
model: [dense: {name: fc, units: 3}]
loss: {cross_entropy: {class_weights: balanced, label_smoothing: 0.1}}
train: {epochs: 3, batch_size: 25, lr: 0.1}
YAML
for ranks in 1 3; do
    run_ranks "$ranks" "$NNMPI" train net.yaml --run "run$ranks" -q > out 2> err
    run_ranks "$ranks" "$NNMPI" eval run1/last.h5 --data other.h5 --json > "eval$ranks.json" 2> err
done
expect_no_line balanced run1/config.yaml
"$NNMPI" train net.yaml --run named -q \
    -o 'loss={cross_entropy: {class_weights: {ant: 0.55555555555555558, 1: 1.1111111111111112, cat: 3.3333333333333335}, label_smoothing: 0.1}}' > out 2> err
[ "$("$NNMPI" digest named/last.h5 | cut -c 1-64)" = "$("$NNMPI" digest run1/last.h5 | cut -c 1-64)" ] ||
    fail "balanced is not 100 / (3 * samples of the class)"
"$NNMPI" predict run1/last.h5 --data other.h5 --out out.csv > out 2> err

/usr/bin/python3 - <<'PY'
import json, h5py, numpy as np
with h5py.File("run1/last.h5") as f, h5py.File("other.h5") as d:
    w, b = f["model/fc/weight"][:].astype("f8"), f["model/fc/bias"][:].astype("f8")
    x, y = d["test/x"][:].astype("f8"), d["test/y"][:]
z = x @ w.T + b
log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
c = 100 / (3 * np.array([60, 30, 10]))
t = 0.9 * np.eye(3)[y] + 0.1 / 3
expected = -(c * t * log_p).sum() / c[y].sum()
for ranks in (1, 3):
    got = json.load(open(f"eval{ranks}.json"))["loss"]
    assert abs(got - expected) < 1e-6 * expected, (ranks, got, expected)
PY

expect_code 2 "$NNMPI" train net.yaml --run no -o data.path=image.h5 -o data.layout=channels_first > out 2> err
expect_line 'net.yaml:2:9: the model ends with an image of \[1, 4, 3\].*end it with flatten' err
# a row of outputs for each row of pixels, but one class for all of them
expect_code 2 "$NNMPI" train net.yaml --run no -o data.path=grey.h5 > out 2> err
expect_line 'net.yaml:2:9: the model gives \[5, 3\] for each sample.*one class of 3.*.flatten. before' err
expect_code 2 "$NNMPI" train net.yaml --run no -o 'loss={cross_entropy: {class_weights: {dog: 1}}}' > out 2> err
expect_line "'dog' is no class by name or index; classes are 0 to 2" err
"$NNMPI" train net.yaml --run signs -o data.path=signs.h5 -o 'model=[dense: {units: 1}]' \
    -o loss=perceptron -o train.batch_size=all -q > out 2> err
expect_code 3 "$NNMPI" train net.yaml --run no -o data.path=signs.h5 -o 'model=[dense: {units: 1}]' \
    -o loss=binary_cross_entropy > out 2> err
expect_line "/train/y row 5 holds -1, but the loss 'binary_cross_entropy' compares with numbers from 0 to 1" err
"$NNMPI" train net.yaml --run flat -o data.path=image.h5 -o data.layout=channels_first -q \
    -o 'model=[dense: {units: 3}, flatten, dense: {units: 3}]' -o train.batch_size=all > out 2> err

# more numbers in tables than an evaluation holds: 104 * 104
/usr/bin/python3 - <<'PY'
import h5py, numpy as np
with h5py.File("many.h5", "w") as f:
    f["train/x"], f["train/y"] = np.eye(104, dtype="f4"), np.arange(104, dtype="i4")
PY
many=(net.yaml -o data.path=many.h5 -o train.batch_size=all -o train.max_steps=1 -o loss=cross_entropy)
expect_code 2 "$NNMPI" train "${many[@]}" --run no -o 'model=[dense: {units: 104}]' -o validate.metrics=confusion > out 2> err
expect_line 'have 10816 numbers together, more than 10240: leave out confusion' err
"$NNMPI" train "${many[@]}" --run many -q -o 'model=[dense: {units: 104}]' -o validate.split=train \
    -o 'validate.metrics=[auc: {per_class: true}]' > out 2> err
expect_line '"auc_per_class":\[(1|0)(\.[0-9]+)?,' many/metrics.jsonl
