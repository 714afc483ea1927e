#!/usr/bin/env bash
# Predictions as CSV and HDF5: the same numbers, the right labels, nothing left behind on failure.
. "$SOURCE_DIR/tests/lib.sh"

"$NNMPI" data make blobs -O blobs.h5 --samples 300 --test 0.5 --seed 3 -q
cat > blobs.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {units: 8, activation: tanh}
  - dense: {units: 3}
loss: cross_entropy
train: {epochs: 20, batch_size: 15, lr: 0.1}
YAML
"$NNMPI" train blobs.yaml --run run -q > out
"$NNMPI" eval run/best.h5 --json > eval.json
"$NNMPI" predict run/best.h5 --data blobs.h5 -O p.csv 2> err
expect_line '150 samples of .test. to p\.csv' err
"$NNMPI" predict run/best.h5 --data blobs.h5 -O p.h5 -q
"$NNMPI" predict run/best.h5 --data blobs.h5 --split train -O t.csv -q
[ "$(wc -l < p.csv)" -eq 151 ] || fail "p.csv has $(wc -l < p.csv) lines"
expect_line '^sample,label,y0,y1,y2$' p.csv

# each row is a distribution, its label is its largest number
python3 - <<'PY'
import csv
rows = list(csv.DictReader(open("p.csv")))
for i, r in enumerate(rows):
    y = [float(r[f"y{c}"]) for c in range(3)]
    assert int(r["sample"]) == i and abs(sum(y) - 1) < 1e-5, r
    assert int(r["label"]) == max(range(3), key=lambda c: y[c]), r
PY
if /usr/bin/python3 -c 'import h5py' 2> /dev/null; then
    /usr/bin/python3 - <<'PY'
import csv, json, h5py
f, d = h5py.File("p.h5"), h5py.File("blobs.h5")
rows = list(csv.DictReader(open("p.csv")))
assert f["y"].shape == (150, 3) and f["label"].shape == (150,)
for i, r in enumerate(rows):
    assert f["label"][i] == int(r["label"])
    assert all(abs(f["y"][i, c] - float(r[f"y{c}"])) < 1e-6 for c in range(3))
share = (f["label"][:] == d["test/y"][:]).mean()
assert abs(share - json.load(open("eval.json"))["accuracy"]) < 1e-9, share

# two classes from one output; pixels with and without the scale of training; no y; NaN
import numpy as np
rng = np.random.default_rng(0)
x = rng.integers(0, 256, (400, 16)).astype("u1")
y = (x[:, :8].astype(int).sum(1) > x[:, 8:].astype(int).sum(1)).astype("u1")
with h5py.File("bits.h5", "w") as f:
    f.attrs["scale"] = 1 / 255
    f["train/x"], f["train/y"], f["test/x"], f["test/y"] = x[:300], y[:300], x[300:], y[300:]
with h5py.File("raw.h5", "w") as f:
    f["test/x"] = x[300:]
with h5py.File("nan.h5", "w") as f:
    f["test/x"] = np.where(np.arange(1600).reshape(100, 16) == 73 * 16, np.nan, 1).astype("f4")
PY
    cat > bits.yaml <<'YAML'
data: {path: bits.h5}
model: [{dense: {units: 1}}]
loss: binary_cross_entropy
train: {epochs: 20, batch_size: 20, lr: 0.5}
YAML
    "$NNMPI" train bits.yaml --run bits -q > out
    "$NNMPI" eval bits/best.h5 --json > eval.json
    "$NNMPI" predict bits/best.h5 --data bits.h5 -O bits.csv -q
    "$NNMPI" predict bits/best.h5 --data raw.h5 -O raw.csv -q
    expect_same bits.csv raw.csv
    /usr/bin/python3 - <<'PY'
import csv, json, h5py
label = [int(r["label"]) for r in csv.DictReader(open("bits.csv"))]
share = (h5py.File("bits.h5")["test/y"][:] == label).mean()
assert share > 0.8 and abs(share - json.load(open("eval.json"))["accuracy"]) < 1e-9, share
PY
    expect_code 3 "$NNMPI" predict bits/best.h5 --data nan.h5 -O nan.csv 2> err
    expect_line 'nan\.h5: /test/x row 73 holds NaN' err
    [ ! -e nan.csv ] || fail "predictions from NaN"
fi

# indices that an embedding reads behind layers that only move numbers: refused before they are used
cat > index.yaml <<'YAML'
data: {source: inline, x: [[0.5, 1, 3], [1.5, 7, 2], [0.1, -1, 0], [2, 1, 1]], y: [0, 1, 0, 1]}
model:
  - slice: {name: numbers, inputs: input, begin: 0, end: 1}
  - slice: {inputs: input, begin: 1}
  - reshape: {shape: [2, 1]}
  - transpose: {dim0: 1, dim1: 2}
  - slice: {begin: 1}
  - embedding: {vocabulary: 4, units: 2}
  - flatten: {name: vector}
  - concat: {inputs: [numbers, vector]}
  - dense: {units: 2}
loss: cross_entropy
train: {epochs: 1, batch_size: 2}
YAML
"$NNMPI" train index.yaml --run index -q > out
for wrong in 4 -1 0.5; do
    expect_code 3 "$NNMPI" train index.yaml --run none -q -o "data.x=[[1, 1, 3], [1, 1, $wrong], [1, 1, 0], [1, 1, 1]]" 2> err
    expect_line "/train/x row 1 holds $wrong in column 2, but the model's embedding takes whole numbers from 0 to 3" err
    printf 'a,b,c\n0.5,9,3\n0.5,9,%s\n' "$wrong" > new.csv
    expect_code 3 "$NNMPI" predict index --data new.csv -O new.out.csv 2> err
    expect_line "new.csv: /train/x row 1: $wrong in column 2, but the model's embedding takes" err
done

# another shape: refused, and what stood at the name still does
"$NNMPI" data make line -O line.h5 --samples 20 -q
cp p.csv before.csv
expect_code 3 "$NNMPI" predict run/best.h5 --data line.h5 -O p.csv 2> err
expect_line 'the model takes \[2\]' err
expect_same before.csv p.csv
expect_code 6 "$NNMPI" predict run/best.h5 --data blobs.h5 -O nowhere/p.csv 2> err
expect_line 'nowhere' err
expect_code 3 "$NNMPI" predict blobs.h5 --data blobs.h5 -O p.csv 2> err
expect_line 'blobs.h5' err
[ -z "$(find . -name '*tmp*' -o -name '*.part')" ] || fail "temporary files left: $(ls -a)"
