#!/usr/bin/env bash
# timeout: 120
# Each sample counts once, by its weight, and an ignored one not at all, whatever the number of ranks:
# in training, in validation, and in what `eval` says, which numpy works out again.
. "$SOURCE_DIR/tests/lib.sh"
/usr/bin/python3 -c 'import h5py' 2> /dev/null || skip "no h5py"

/usr/bin/python3 - <<'PY'
import h5py, numpy as np
rng = np.random.default_rng(5)
with h5py.File("data.h5", "w") as f:
    # neither is a multiple of any number of ranks; some labels are -1, some weights 0
    for split, n in (("train", 211), ("test", 389)):
        y = rng.integers(0, 3, n)
        f[f"{split}/x"] = (rng.normal(size=(n, 5)) + 2 * np.eye(3, 5)[y]).astype("f4")
        f[f"{split}/y"] = np.where(rng.random(n) < 0.1, -1, y).astype("i4")
        f[f"{split}/w"] = np.where(rng.random(n) < 0.1, 0, rng.gamma(1.5, size=n)).astype("f4")
with h5py.File("line.h5", "w") as f:
    for split, n in (("train", 90), ("test", 101)):
        x = rng.normal(size=(n, 3))
        f[f"{split}/x"] = x.astype("f4")
        f[f"{split}/y"] = (x @ rng.normal(size=(3, 2)) + 0.3 * rng.normal(size=(n, 2)) + [3, 0]).astype("f4")
        f[f"{split}/w"] = rng.gamma(1.5, size=n).astype("f4")
with h5py.File("plain.h5", "w") as f, h5py.File("data.h5") as data:
    f["test/x"], f["test/y"] = data["test/x"][:], np.maximum(data["test/y"][:], 0)
PY
cat > net.yaml <<'YAML'
data: {path: data.h5}
model:
  - dense: {name: fc1, units: 9, activation: tanh}
  - dense: {name: fc2, units: 3}
loss: cross_entropy
train: {epochs: 8, batch_size: 20, lr: 0.05, log_every: 1}
validate:
  metrics:
    - accuracy
    - zero_one
    - top_k: {k: 2}
    - confusion
    - precision: {per_class: true}
    - recall: {per_class: true}
    - f1: {per_class: true}
    - auc: {per_class: true}
YAML
cat > line.yaml <<'YAML'
data: {path: line.h5}
model: [dense: {name: fc, units: 2}]
loss: squared
train: {epochs: 2, batch_size: 20, lr: 0.05}
validate: {metrics: [mae, rmse, r2]}
YAML
step=(net.yaml -o train.batch_size=all -o train.epochs=1)
"$NNMPI" train "${step[@]}" -o train.max_steps=0 --run before -q > out
run_ranks 3 "$NNMPI" train "${step[@]}" --run after -q > out 2> err
for ranks in 1 2 3 4; do
    run_ranks "$ranks" "$NNMPI" train net.yaml --run "run$ranks" -q > out 2> err
    run_ranks "$ranks" "$NNMPI" eval run1/last.h5 --json > "data$ranks.json" 2> err
    run_ranks "$ranks" "$NNMPI" eval run1/last.h5 --data plain.h5 --json > "plain$ranks.json" 2> err
done
"$NNMPI" train line.yaml --run line -q > out 2> err
for ranks in 1 2 3 4; do
    run_ranks "$ranks" "$NNMPI" eval line/last.h5 --json > "line$ranks.json" 2> err
done
"$NNMPI" eval run1/last.h5 > text 2> err
expect_line '^test accuracy 0\.[0-9]+, .*, top_k 0\.[0-9]+, precision .*, loss .* \([0-9]+ samples, [0-9]+ ignored\)$' text
expect_line '^confusion \(rows: class, columns: predicted\)$' text
expect_line '^     2( +[0-9.]+){3}$' text
expect_line '^auc by class$' text
expect_code 2 "$NNMPI" train net.yaml --run no -o validate.early_stopping.patience=3 \
    -o validate.early_stopping.metric=confusion > out 2> err
expect_line "looks at one number, but 'confusion' is a table" err

# Names of classes stand in columns, whatever their letters, and long ones are cut.
awk 'BEGIN { print "a,b,t"; split("ä;Äpfel und Öl;Name, der länger ist als Platz;Rübe", name, ";")
    for (i = 0; i < 80; i++) printf "%d,%d,\"%s\"\n", i % 4, i % 7, name[1 + i % 4] }' > names.csv
"$NNMPI" data import csv names.csv --label t -O names.h5 -q > out 2> err
"$NNMPI" train line.yaml --run names -q -o data.path=names.h5 -o 'model.0.dense.units=4' -o loss=cross_entropy \
    -o 'validate.metrics=[confusion]' > out 2> err
"$NNMPI" eval names --split train > names.txt 2> err
/usr/bin/python3 - <<'PY'
table = open("names.txt", encoding="utf-8").read().split("predicted)\n")[1].splitlines()
assert len(table) == 5 and {len(line) for line in table} == {4 * 17 + 16}, table
assert any(line.startswith("Name, der län... ") for line in table), table
PY

run_ranks 3 "$NNMPI" eval run1/last.h5 --split train --json > train3.json 2> err

/usr/bin/python3 - <<'PY'
import json, h5py, numpy as np
def read(name):
    with open(name) as f:
        return json.load(f)
def model(run):
    with h5py.File(f"{run}/last.h5") as f:
        return {f"{layer}/{p}": f[f"model/{layer}/{p}"][:].astype("f8")
                for layer in ("fc1", "fc2") for p in ("weight", "bias")}
def samples_of(path, split):
    """x, labels, and weights that add up to 1."""
    with h5py.File(path) as f:
        x, y = f[f"{split}/x"][:].astype("f8"), f[f"{split}/y"][:]
        w = f[f"{split}/w"][:].astype("f8") if f"{split}/w" in f else np.ones(len(y))
    w = np.where(y < 0, 0, w)
    return x, np.maximum(y, 0), w / w.sum()
def forward(m, x):
    a = np.tanh(x @ m["fc1/weight"].T + m["fc1/bias"])
    return a, a @ m["fc2/weight"].T + m["fc2/bias"]
def auc(score, positive, w):
    """By pairs, ties half."""
    a, b = score[positive][:, None], score[~positive][None]
    pairs = w[positive][:, None] * w[~positive][None]
    return (pairs * ((a > b) + 0.5 * (a == b))).sum() / pairs.sum()
def expected(path, split):
    """Loss and metrics of run1/last.h5."""
    x, y, w = samples_of(path, split)
    _, z = forward(model("run1"), x)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    m = np.zeros((3, 3))
    np.add.at(m, (y, z.argmax(1)), w)
    hit, predicted, actual = np.diag(m), m.sum(0), m.sum(1)
    by_class = {"precision": hit / predicted, "recall": hit / actual, "f1": 2 * hit / (predicted + actual),
                "auc": np.array([auc(p[:, k], y == k, w) for k in range(3)])}
    numbers = {"loss": -(w * np.log(p[np.arange(len(y)), y])).sum(), "accuracy": hit.sum(),
               "zero_one": 1 - hit.sum(), "top_k": (w * (z.argsort(1)[:, 1:] == y[:, None]).any(1)).sum()}
    return m, by_class, numbers | {name: by.mean() for name, by in by_class.items()}
def near(got, expected, what, tolerance=1e-6):
    assert np.all(abs(np.array(got) - expected) < tolerance), (what, got, expected)
for name, path, split, samples, counts in (("data", "data.h5", "test", 389, (1, 2, 3, 4)),
                                           ("plain", "plain.h5", "test", 389, (1, 2, 3, 4)),
                                           ("train", "data.h5", "train", 211, (3,))):
    matrix, by_class, numbers = expected(path, split)
    for ranks in counts:
        got = read(f"{name}{ranks}.json")
        with h5py.File(path) as f:
            ignored = int((f[f"{split}/y"][:] < 0).sum())
        assert got["split"] == split and got["samples"] == samples - ignored, got
        assert got.get("ignored", 0) == ignored, got
        for key, value in numbers.items():
            near(got[key], value, (name, ranks, key), 1e-5 * value)
        for key, values in by_class.items():
            near(got[f"{key}_per_class"], values, (name, ranks, key))
        total = np.sum(got["confusion"])
        near(np.array(got["confusion"]) / total, matrix, (name, ranks, "confusion"))
        if name == "plain":
            assert total == 389 and got == read("plain1.json") | {"loss": got["loss"]}, (ranks, got)

with h5py.File("line/last.h5") as f, h5py.File("line.h5") as d:
    a = d["test/x"][:].astype("f8") @ f["model/fc/weight"][:].astype("f8").T + f["model/fc/bias"][:].astype("f8")
    y, w = d["test/y"][:].astype("f8"), d["test/w"][:].astype("f8")[:, None]
    w /= w.sum()
for ranks in (1, 2, 3, 4):
    got = read(f"line{ranks}.json")
    near(got["mae"], (w * abs(y - a)).sum() / 2, ranks)
    near(got["rmse"], np.sqrt((w * (y - a) ** 2).sum() / 2), ranks)
    near(got["r2"], np.mean(1 - (w * (y - a) ** 2).sum(0) / (w * (y - (w * y).sum(0)) ** 2).sum(0)), ranks)

# one step over all samples, by hand
m, after = model("before"), model("after")
x, y, w = samples_of("data.h5", "train")
a, z = forward(m, x)
p = np.exp(z)
dz = w[:, None] * (p / p.sum(1, keepdims=True) - np.eye(3)[y])
da = dz @ m["fc2/weight"] * (1 - a * a)
gradient = {"fc1/weight": da.T @ x, "fc1/bias": da.sum(0), "fc2/weight": dz.T @ a, "fc2/bias": dz.sum(0)}
for name, g in gradient.items():
    assert abs(m[name] - 0.05 * g - after[name]).max() < 1e-7, name
    assert abs(g).max() > 1e-3, name

def story(ranks):
    events = [json.loads(line) for line in open(f"run{ranks}/metrics.jsonl")]
    return [e for e in events if e["event"] != "checkpoint"]
alone = story(1)
assert len(alone) == 8 * 11 + 8 + 1, len(alone)
for ranks in (2, 3, 4):
    for a, b in zip(alone, story(ranks), strict=True):
        assert a["event"] == b["event"] and a["step"] == b["step"], (ranks, a, b)
        assert abs(a["loss"] - b["loss"]) <= 1e-5 * a["loss"], (ranks, a, b)
        assert a["event"] == "train" or len(a["confusion"]) == len(a["f1_per_class"]) == 3, a
PY
