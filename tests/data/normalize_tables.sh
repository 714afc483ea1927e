#!/usr/bin/env bash
# normalize: true is each feature by its own numbers in tables and sequences, and one channel of grey
# images.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

"$python" - <<'PYTHON'
import h5py, numpy as np
rng = np.random.default_rng(4)
y = rng.integers(0, 3, 150)
x = rng.normal(size=(150, 5)) + np.eye(3, 5)[y] * 3
x = x * [0.1, 1, 1, 100, 1000] + [1, 0, 3, 0, 700] # as in wine: the last one drowns the others
with h5py.File("table.h5", "w") as f:
    f["train/x"], f["train/y"], f["test/x"], f["test/y"] = x[:100], y[:100], x[100:], y[100:]
with h5py.File("rows.h5", "w") as f:
    f["train/x"] = (rng.normal(size=(40, 6, 4)) * [1, 2, 3, 4] + [4, 3, 2, 1]).astype("f4")
    f["train/y"] = np.arange(40) % 2
PYTHON
cat >net.yaml <<'YAML'
data: {path: table.h5, normalize: true}
model: [dense: {units: 3}]
loss: cross_entropy
train: {epochs: 60, batch_size: 20, lr: 0.1}
YAML
for kind in true per_channel all; do
    "$NNMPI" train net.yaml --run $kind -q -o data.normalize=$kind >$kind.out
done
net=(train net.yaml -q -o data.path=rows.h5 -o train.max_steps=0 -o)
"$NNMPI" "${net[@]}" 'model=[conv2d: {filters: 2, kernel: 3}, flatten, dense: {units: 2}]' --run grey >out
"$NNMPI" "${net[@]}" 'model=[flatten, dense: {units: 2}]' --run flat >out
"$NNMPI" "${net[@]}" 'model=[lstm: {units: 3}, dense: {units: 2}]' --run steps >out
"$python" - <<'PYTHON'
import h5py, numpy as np
def check(run, x, axes):
    with h5py.File(f"{run}/last.h5") as f:
        mean, std = f["data/mean"][:], f["data/std"][:]
    assert np.allclose(mean, x.mean(axes), rtol=1e-5, atol=1e-6), (run, mean)
    assert np.allclose(std, x.std(axes), rtol=1e-5), (run, std)
table, rows = h5py.File("table.h5")["train/x"][:], h5py.File("rows.h5")["train/x"][:].astype("f8")
check("true", table, 0), check("per_channel", table, 0), check("all", table, None)
check("grey", rows, None), check("flat", rows, None), check("steps", rows, (0, 1))
accuracy = [float(open(f"{kind}.out").read().split("accuracy ")[1].split(",")[0]) for kind in ("true", "all")]
assert accuracy[0] > 0.9 > accuracy[1], accuracy
PYTHON
