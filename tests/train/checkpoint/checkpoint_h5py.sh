#!/usr/bin/env bash
# A checkpoint as docs/format.md describes it, seen by h5py, hashlib and, where it is there, PyTorch.
. "$SOURCE_DIR/tests/lib.sh"

python=/usr/bin/python3
"$python" -c 'import h5py, numpy' 2>/dev/null || skip "no h5py for $python"

"$NNMPI" train "$SOURCE_DIR/datasets/iris/iris.yaml" --run run -o train.epochs=2 \
    -o validate.every_epochs=1 -o train.digest=true >out 2>err
"$NNMPI" digest run/last.h5 >printed
cat >read.py <<'PY'
import hashlib, json, sys
import h5py, numpy as np

def as_text(value):
    return value.decode() if isinstance(value, bytes) else str(value)

def array_part(path, data):
    head = " ".join([path, str(data.dtype)] + [str(n) for n in data.shape]) + "\n"
    return head.encode() + np.ascontiguousarray(data[()]).tobytes()

def parts(file, prefix):
    found = []
    file.visititems(lambda name, node: found.append("/" + name) if isinstance(node, h5py.Dataset) else None)
    return [array_part(path, file[path]) for path in sorted(found) if path.startswith(prefix)]

def digest(chunks):
    sha = hashlib.sha256()
    for chunk in chunks:
        sha.update(chunk)
    return sha.hexdigest()

path, printed = sys.argv[1:]
with h5py.File(path, "r") as file:
    assert as_text(file.attrs["format"]) == "nnmpi-checkpoint", file.attrs["format"]
    assert file.attrs["version"] == 2
    weight = file["model/hidden/weight"]
    assert weight.shape == (6, 4) and weight.dtype == np.float32, weight
    assert file["optimizer/momentum_buffer/output/bias"].shape == (3,)
    assert [as_text(name) for name in file["data"].attrs["class_names"]] == \
        ["setosa", "versicolor", "virginica"]
    assert file["state"].attrs["step"] == 8 and file["state"].attrs["epoch"] == 2
    assert "epochs: 2" in as_text(file["config"][()])
    history = [json.loads(line) for line in as_text(file["history"][()]).splitlines()]
    assert [line["step"] for line in history] == [4, 8], history
    parameters = digest(parts(file, "/model/"))
    assert parameters == printed, (parameters, printed)
    try:
        import torch
    except ImportError:
        sys.exit(0)
    linear = torch.nn.Linear(4, 6)
    linear.weight.data = torch.from_numpy(weight[:])
    linear.bias.data = torch.from_numpy(file["model/hidden/bias"][:])
    y = linear(torch.ones(4)).detach().numpy()
    assert np.allclose(y, weight[:].sum(axis=1) + file["model/hidden/bias"][:], atol=1e-6)
PY
read -r hex _ <printed
"$python" read.py run/last.h5 "$hex"
[ "$("$python" -c 'import json, sys; print([json.loads(l) for l in open("run/metrics.jsonl")][-1]["digest"])')" = "$hex" ] ||
    fail "metrics.jsonl ends with another digest"

# The trailer is what docs/format.md says.
tail -c 128 run/last.h5 | sed -n 2p >trailer
size=$(($(stat -Lc %s run/last.h5) - 128))
read -r sum _ < <(head -c "$size" run/last.h5 | sha256sum)
expect_line "^nnmpi-checkpoint sha256 $sum of $size bytes *\$" trailer

# Changed by another program: noticed.
cp run/last.h5 changed.h5
"$python" -c 'import h5py; h5py.File("changed.h5", "r+")["model/hidden/bias"][2] = 9'
expect_code 3 "$NNMPI" digest changed.h5 >out 2>err
expect_line 'changed.h5.*the checksum at its end is missing' err

# Made on purpose, with the right checksum: ten groups, each eight times in the one before, have more paths
# than anybody can walk.
"$python" - <<'PY'
import hashlib, h5py
with h5py.File("many.h5", "w") as file:
    file.attrs["format"], file.attrs["version"] = "nnmpi-checkpoint", 2
    group = file.create_group("group")
    for i in range(10):
        below = file.create_group(f"below{i}")
        for k in range(8):
            group[f"link{k}"] = below
        group = below
data = open("many.h5", "rb").read()
line = f"\nnnmpi-checkpoint sha256 {hashlib.sha256(data).hexdigest()} of {len(data)} bytes"
open("many.h5", "wb").write(data + f"{line:<127}\n".encode())
PY
expect_code 3 timeout 30 "$NNMPI" digest many.h5 >out 2>err
expect_line 'many.h5 leads to the same objects again and again' err
