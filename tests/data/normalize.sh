#!/usr/bin/env bash
# Normalized data: mean 0 and deviation 1 over the training samples, the same numbers for
# evaluation and prediction, whatever file they are asked for; the same on any number of ranks.
# ranks: 1
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

"$python" - <<'PYTHON'
import h5py, numpy as np
rng = np.random.default_rng(3)
x = rng.integers(0, 256, (60, 3, 5, 4)).astype("u1")
x[:, 1] //= 4
x[:, 2] = 7  # never changes
y = (x[:, 0].mean((1, 2)) > 127).astype("u1")
with h5py.File("rgb.h5", "w") as f:
    f["train/x"], f["train/y"], f["test/x"], f["test/y"] = x[:40], y[:40], x[40:], y[40:]
    f.attrs["scale"] = 1 / 255
with h5py.File("floats.h5", "w") as f:
    f["test/x"] = (x[40:] / 255).astype("f4")
PYTHON

for kind in all true; do
    cat >"$kind.yaml" <<YAML
data: {path: rgb.h5, normalize: $kind, augment: [shift: {pixels: 1}, noise]}
model: [flatten, dense: {units: 2}]
loss: cross_entropy
train: {epochs: 2, batch_size: 10, lr: 0.1}
YAML
    "$NNMPI" train "$kind.yaml" --run "$kind" -q >"$kind.out"
    "$NNMPI" eval "$kind/last.h5" --json >"$kind.json"
    "$NNMPI" predict "$kind/last.h5" --data rgb.h5 -O bytes.csv -q
    "$NNMPI" predict "$kind/last.h5" --data floats.h5 -O floats.csv -q
    "$python" - "$kind" <<'PYTHON'
import csv, h5py, json, sys, numpy as np
kind = sys.argv[1]
x = h5py.File("rgb.h5")["train/x"][:] / 255
f = h5py.File(f"{kind}/last.h5")
axes = None if kind == "all" else (0, 2, 3)
std = np.atleast_1d(x.std(axes))
std[std < 1e-12] = 1
assert np.allclose(f["data/mean"], x.mean(axes), atol=1e-7), f["data/mean"][:]
assert np.allclose(f["data/std"], std, rtol=1e-6), f["data/std"][:]
rows = [list(map(float, r[2:])) for r in list(csv.reader(open("bytes.csv")))[1:]]
same = [list(map(float, r[2:])) for r in list(csv.reader(open("floats.csv")))[1:]]
assert np.allclose(rows, same, atol=1e-5), (rows, same)
y = h5py.File("rgb.h5")["test/y"][:]
p = np.array(rows)[np.arange(20), y]
e = json.load(open(f"{kind}.json"))
assert abs(-np.log(p).mean() - e["loss"]) < 1e-5, (p, e)
text = open(f"{kind}.out").read()
assert "test accuracy %.4f, loss %.4g" % (e["accuracy"], e["loss"]) in text, (e, text)
PYTHON
done

# stopped in mid-epoch and gone on: the same bits; on two ranks: the same to rounding
"$NNMPI" train true.yaml --run whole -q -o train.epochs=3 >out
"$NNMPI" train true.yaml --run parts -q -o train.epochs=3 -o train.max_steps=6 >out
"$NNMPI" train true.yaml --run parts --resume -q -o train.epochs=3 >out
[ "$("$NNMPI" digest whole/last.h5 | cut -c1-64)" = "$("$NNMPI" digest parts/last.h5 | cut -c1-64)" ] ||
    fail "a resumed run augments differently"
run_ranks 2 "$NNMPI" train true.yaml --run two -q -o train.epochs=3 >out
"$python" - <<'PYTHON'
import h5py, numpy as np
one, two = (h5py.File(f"{run}/last.h5")["model/dense1/weight"][:] for run in ("whole", "two"))
assert np.abs(one - two).max() < 1e-5 * np.abs(one).max(), np.abs(one - two).max()
PYTHON
