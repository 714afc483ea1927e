#!/usr/bin/env bash
# Data sets that h5py makes: four lines of Python, scales for each channel, types h5py chooses.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

"$python" - <<'PYTHON'
import h5py, numpy as np
x = np.arange(6 * 2 * 2 * 3, dtype=np.uint8).reshape(6, 2, 2, 3)
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
    f.create_dataset("train/x", data=x / 255.0, chunks=(2, 2, 2, 3), compression="gzip")
    f["train/y"] = np.eye(6, dtype=np.float32)
    f["train/len"] = np.ones(6)
PYTHON

"$NNMPI" data info rgb.h5 --json >out
"$python" - out <<'PYTHON'
import json, sys, numpy as np
info = json.load(open(sys.argv[1]))
x = (np.arange(72).reshape(6, 2, 2, 3) - [1, 2, 3]) / [2, 4, 8]
got = info["splits"][0]["x"]
assert info["x"]["shape"] == [2, 2, 3] and info["class_names"] == ["cat", "dog"], info
for name, value in ("min", x.min()), ("max", x.max()), ("mean", x.mean()), ("std", x.std()):
    assert abs(got[name] - value) < 1e-5, (name, got[name], value)
PYTHON

# dividing keeps what the numbers mean
"$NNMPI" data split rgb.h5 --valid 0.5 -O half.h5
"$python" - <<'PYTHON'
import h5py, numpy as np
x = ((np.arange(72).reshape(6, 2, 2, 3) - [1, 2, 3]) / [2, 4, 8]).astype(np.float32)
with h5py.File("half.h5") as f:
    both = np.concatenate([f["train/x"][:], f["valid/x"][:]])
    assert np.allclose(np.sort(both.reshape(6, 12), 0), x.reshape(6, 12)), both
PYTHON

"$NNMPI" data info chunked.h5 >out 2>err
expect_line 'y +float32 \[6\] values' out
expect_line '/train/len is not used' err
expect_code 3 "$NNMPI" data info wrong.h5 2>err
expect_line 'attribute (mean|std) of / has 2 numbers; a row of x is \[2, 2, 3\], so 1, 3 or 12' err
expect_code 3 "$NNMPI" data info text.h5 2>err
expect_line 'text\.h5' err
