#!/usr/bin/env bash
# Data sets that h5py makes: four lines of Python, scales for each channel, types h5py chooses.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

"$python" - <<'PYTHON'
import h5py, numpy as np
x = np.arange(6 * 3 * 2 * 2, dtype=np.uint8).reshape(6, 3, 2, 2)
with h5py.File("rgb.h5", "w") as f:
    f["train/x"], f["train/y"] = x, np.arange(6) % 2
    f.attrs["mean"], f.attrs["std"] = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 8.0])
    f.attrs["classes"] = ["cat", "dog"]
with h5py.File("wrong.h5", "w") as f:
    f["train/x"], f["train/y"] = x, np.arange(6) % 2
    f.attrs["mean"], f.attrs["std"] = np.zeros(2), np.ones(2)
with h5py.File("text.h5", "w") as f:
    f["train/x"], f["train/y"] = ["a", "b"], [0, 1]
with h5py.File("chunked.h5", "w") as f:
    f["train/length"] = np.ones(6)
    f.create_dataset("train/x", data=x / 255.0, chunks=(2, 3, 2, 2), compression="gzip")
    f["train/y"] = np.eye(6, dtype=np.float32)
PYTHON

"$NNMPI" data info rgb.h5 --json >out
"$python" - out <<'PYTHON'
import json, sys, numpy as np
info = json.load(open(sys.argv[1]))
x = ((np.arange(72).reshape(6, 3, 4) - [[1], [2], [3]]) / [[2], [4], [8]]).reshape(6, 3, 2, 2)
got = info["splits"][0]["x"]
assert info["x"]["shape"] == [3, 2, 2] and info["class_names"] == ["cat", "dog"], info
for name, value in ("min", x.min()), ("max", x.max()), ("mean", x.mean()), ("std", x.std()):
    assert abs(got[name] - value) < 1e-5, (name, got[name], value)
PYTHON

# dividing keeps what the numbers mean
"$NNMPI" data split rgb.h5 --valid 0.5 -O half.h5
"$python" - <<'PYTHON'
import h5py, numpy as np
x = ((np.arange(72).reshape(6, 3, 4) - [[1], [2], [3]]) / [[2], [4], [8]]).astype(np.float32)
with h5py.File("half.h5") as f:
    both = np.concatenate([f["train/x"][:], f["valid/x"][:]])
    mean, std = (f.attrs[name].reshape(3, 1, 1) for name in ("mean", "std"))
    assert both.dtype == "u1"
    both = (both - mean) / std
    assert np.allclose(np.sort(both.reshape(6, 12), 0), x.reshape(6, 12)), both
PYTHON

"$NNMPI" data info chunked.h5 >out 2>err
expect_line 'y +float32 \[6\] values' out
expect_line "^nnmpi: [^ ]*: only x, y, w and len of a split are read; (length|[a-z, ]*, length|length, [a-z, ]*) stay in the file, unused" err
expect_code 3 "$NNMPI" data info wrong.h5 2>err
expect_line 'attribute (mean|std) of / has 2 numbers; a row of x is \[3, 2, 2\], so 1, 3 or 12' err
expect_code 3 "$NNMPI" data info text.h5 2>err
expect_line 'text\.h5' err

# a model sees images channels last
cat >image.yaml <<'YAML'
data: {path: image.h5}
model: [flatten, dense: {name: out, units: 4}]
loss: squared
train: {max_steps: 0, batch_size: 2, epochs: 1}
YAML
"$python" - <<'PYTHON'
import h5py, numpy as np
x = np.random.default_rng(1).integers(0, 256, (5, 3, 30, 20), dtype=np.uint8)
for name, kind in ("image.h5", np.uint8), ("floats.h5", np.float64):
    with h5py.File(name, "w") as f:
        f["train/x"], f["train/y"] = x.astype(kind), np.zeros((5, 4), np.float32)
        f.attrs["mean"], f.attrs["std"] = [3.0, 2.0, 1.0], 2.0
with h5py.File("last.h5", "w") as f:
    f["train/x"] = x.transpose(0, 2, 3, 1)
with h5py.File("turned.h5", "w") as f:
    f["train/x"] = x.transpose(0, 1, 3, 2)
PYTHON
"$NNMPI" train image.yaml --run image -q >out
"$NNMPI" inspect image/last.h5 >out
expect_line '\[3, 30, 20\]' out
for data in image floats; do
    "$NNMPI" predict image/last.h5 --data "$data.h5" -O "$data-out.h5" -q
done
"$python" - <<'PYTHON'
import h5py, numpy as np
x = h5py.File("image.h5")["train/x"][:].astype(np.float64)
want = (x - np.array([3, 2, 1]).reshape(3, 1, 1)) / 2
for name in "image-out.h5", "floats-out.h5":
    got = h5py.File(name)["y"][:]
    weight = h5py.File("image/last.h5")["model/out/weight"][:]
    orders = want, want.transpose(0, 2, 3, 1) # what flatten makes of it is tested elsewhere
    sums = [order.reshape(5, -1) @ weight.T for order in orders]
    assert any(np.allclose(got, s, rtol=1e-4, atol=1e-3) for s in sums), (name, got)
with h5py.File("image/last.h5") as f:
    assert list(f["data/shape"]) == [3, 30, 20] and len(f["data/offset"]) == 3
PYTHON
"$NNMPI" predict image/last.h5 --data last.h5 -O last-out.h5 2>err
expect_line 'rows \[30, 20, 3\] are taken for images \[H, W, C\]' err
cmp image-out.h5 last-out.h5 || fail "channels first and last give other predictions"
expect_code 3 "$NNMPI" predict image/last.h5 --data turned.h5 -O turned-out.h5 2>err
expect_line "x of 'train' is \[3, 20, 30\] a sample, but the model takes \[3, 30, 20\]" err

# weights and lengths of sequences stay with their samples
"$python" - <<'PYTHON'
import h5py, numpy as np
n = np.arange(20)
with h5py.File("steps.h5", "w") as f:
    f["train/x"], f["train/y"] = np.tile(n[:, None, None], (1, 7, 2)).astype("f4"), n % 2
    f["train/len"], f["train/w"] = 1 + n % 7, n / 2
PYTHON
"$NNMPI" data split steps.h5 --test 0.25 -O parts.h5
"$NNMPI" data info parts.h5 >out
expect_line '^len +int64 lengths of sequences' out
"$python" - <<'PYTHON'
import h5py, numpy as np
with h5py.File("parts.h5") as f:
    for part, rows in ("train", 15), ("test", 5):
        n = f[part]["x"][:, 0, 0]
        assert len(n) == rows and np.array_equal(f[part]["len"], 1 + n % 7), part
        assert np.array_equal(f[part]["w"], n / 2), part
PYTHON
