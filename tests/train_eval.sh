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
validate: {metrics: [accuracy, zero_one]}
YAML
step=(net.yaml -o train.batch_size=all -o train.epochs=1)
"$NNMPI" train "${step[@]}" -o train.max_steps=0 --run before -q > out
run_ranks 3 "$NNMPI" train "${step[@]}" --run after -q > out 2> err
for ranks in 1 2 3 4; do
    run_ranks "$ranks" "$NNMPI" train net.yaml --run "run$ranks" -q > out 2> err
    run_ranks "$ranks" "$NNMPI" eval run1/last.h5 --json > "data$ranks.json" 2> err
done
run_ranks 3 "$NNMPI" eval run1/last.h5 --data plain.h5 --json > plain3.json 2> err
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
def expected(path, split):
    """Loss and accuracy of run1/last.h5."""
    x, y, w = samples_of(path, split)
    _, z = forward(model("run1"), x)
    loss = np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]
    return (w * loss).sum(), (w * (z.argmax(1) == y)).sum()
for name, path, split, samples, counts in (("data", "data.h5", "test", 389, (1, 2, 3, 4)),
                                           ("plain", "plain.h5", "test", 389, (3,)),
                                           ("train", "data.h5", "train", 211, (3,))):
    loss, accuracy = expected(path, split)
    for ranks in counts:
        got = read(f"{name}{ranks}.json")
        assert got["split"] == split and got["samples"] == samples, got
        assert abs(got["loss"] - loss) < 1e-5 * loss, (name, ranks, got, loss)
        assert abs(got["accuracy"] - accuracy) < 1e-6, (name, ranks, got, accuracy)
        assert abs(got["zero_one"] + got["accuracy"] - 1) < 1e-9, got

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
    return [json.loads(line) for line in open(f"run{ranks}/metrics.jsonl")]
alone = story(1)
assert len(alone) == 8 * 11 + 8 + 1, len(alone)
for ranks in (2, 3, 4):
    for a, b in zip(alone, story(ranks), strict=True):
        assert a["event"] == b["event"] and a["step"] == b["step"], (ranks, a, b)
        assert abs(a["loss"] - b["loss"]) <= 1e-5 * a["loss"], (ranks, a, b)
PY
