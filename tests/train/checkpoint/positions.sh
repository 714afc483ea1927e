#!/usr/bin/env bash
# ranks: 1 2 3
# Labels by position: a model that gives [P, C] takes y [N, P], where each position counts as a sample
# of its own would, ignored labels, the ends of sequences and sample weights included.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

"$python" - <<'PYTHON'
import h5py, numpy as np
rng = np.random.default_rng(3)
n, steps, features = 23, 5, 4
x = rng.standard_normal((n, steps, features)).astype(np.float32)
y = rng.integers(-1, 3, (n, steps))
length, weight = rng.integers(1, steps + 1, n), rng.uniform(0.5, 2, n)
known = np.where(np.arange(steps) < length[:, None], y, -1)
def write(name, x, y, w, **more):
    with h5py.File(name, "w") as f:
        for split in ("train", "test"):
            f[split + "/x"], f[split + "/y"], f[split + "/w"] = x, y, w
            for key, value in more.items():
                f[split + "/" + key] = value
        f.attrs["classes"] = ["a", "b", "c"]
write("positions.h5", x, y, weight, len=length)
np.save("length.npy", length)
write("rows.h5", x.reshape(-1, features), known.reshape(-1), np.repeat(weight, steps))
write("other.h5", x, y[:, :4], weight)
write("wrong.h5", x, y + 1, weight)
PYTHON
cat > net.yaml <<'YAML'
data: {path: positions.h5}
model: [dense: {units: 7, activation: tanh}, dense: {units: 3}]
loss: {cross_entropy: {class_weights: balanced}}
train: {epochs: 30, batch_size: all, optimizer: {momentum: {lr: 0.1}}}
validate: {every_epochs: 30, metrics: [accuracy, confusion, auc]}
checkpoint: {every_epochs: 30}
YAML
run_ranks "$RANKS" "$NNMPI" train net.yaml --run run 2> err > out
run_ranks "$RANKS" "$NNMPI" train net.yaml --run rows -o data.path=rows.h5 2> err > out
run_ranks "$RANKS" "$NNMPI" eval run/last.h5 --split test --json > positions.json 2> err
run_ranks "$RANKS" "$NNMPI" eval rows/last.h5 --split test --json > rows.json 2> err
"$NNMPI" predict run/last.h5 --data positions.h5 -O positions-out.h5 2> err
"$NNMPI" predict run/last.h5 --data positions.h5 -O positions.csv 2> err
"$NNMPI" predict rows/last.h5 --data rows.h5 -O rows-out.h5 2> err
"$python" - <<'PYTHON'
import csv, json, h5py, numpy as np
a, b = json.load(open("positions.json")), json.load(open("rows.json"))
assert a["samples"] == 23 and b["samples"] + b["ignored"] == 115, (a, b)
for key in ("loss", "accuracy", "auc"):
    assert abs(a[key] - b[key]) <= 1e-5 * abs(b[key]), (key, a[key], b[key])
assert np.allclose(a["confusion"], b["confusion"]), (a, b)
with h5py.File("positions-out.h5") as f, h5py.File("rows-out.h5") as g:
    assert f["y"].shape == (23, 5, 3) and f["label"].shape == (23, 5)
    assert np.allclose(f["y"][:].reshape(-1, 3), g["y"][:], atol=1e-4)
    y = f["y"][:]
    there = np.arange(5) < np.load("length.npy")[:, None]
    assert np.allclose(y.sum(axis=2), 1, atol=1e-5)
    assert (f["label"][:] == np.where(there, y.argmax(axis=2), -1)).all()
    rows = list(csv.DictReader(open("positions.csv")))
    assert [(int(r["sample"]), int(r["position"])) for r in rows] == list(zip(*np.nonzero(there)))
    assert [r["label"] for r in rows] == ["abc"[label] for label in f["label"][:][there]]
PYTHON

expect_code 2 "$NNMPI" check net.yaml -o data.path=other.h5 2> err
expect_code 3 "$NNMPI" check net.yaml -o data.path=wrong.h5 2> err
expect_line '/train/y row [0-9]+ holds label 3, but there are 3 classes' err

# nodes of a graph, whose edges the checkpoint keeps
run_ranks "$RANKS" "$NNMPI" train "$SOURCE_DIR/datasets/karate/karate.yaml" --run karate > out 2> err
"$NNMPI" eval karate/last.h5 > out 2> err
expect_line '^test accuracy 0\.9[0-9]+' out
printf '# a chain\n0, 1\n1 2\n\n2;3 4\n' > edges.csv
cat > graph.yaml <<'YAML'
data: {source: inline, x: [[0, 1, 2]], y: [[0, -1, 1]]}
model: [embedding: {vocabulary: 3, units: 2}, graph_conv: {units: 2, edges: edges.csv}]
loss: cross_entropy
train: {epochs: 1, batch_size: 1}
YAML
expect_code 2 "$NNMPI" check graph.yaml 2> err
expect_line 'edges.csv:5:1: an edge is a line with two numbers of nodes' err
sed -i '$d' edges.csv
printf '2 3\n' >> edges.csv
expect_code 2 "$NNMPI" check graph.yaml 2> err
expect_line "edges.csv:5:1: edges of layer 'graph_conv1': '3' is no node; there are 0 to 2" err
expect_code 2 "$NNMPI" check graph.yaml -o 'model.1.graph_conv.edges=[[0, 1], 2]' 2> err
expect_line 'an edge is a pair of nodes' err
expect_code 2 "$NNMPI" check graph.yaml -o 'model.1.graph_conv.edges=none.csv' 2> err
expect_line "graph_conv.edges: .*there is no file 'none.csv'" err
