#!/usr/bin/env bash
# Every number of an explained step is that of the formulas, computed here by hand: a dense net, and a
# convolution with pooling on a 4 x 4 image.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

echo 'x1,x2,t' >dense.csv
echo '0.2,0.3,1' >>dense.csv
cat >dense.yaml <<'YAML'
data: {path: dense.csv, target: t}
model: [dense: {name: hidden, units: 2, activation: relu}, dense: {name: output, units: 1}]
loss: squared
train: {epochs: 1, batch_size: 10, optimizer: {sgd: {lr: 1}}}
YAML
cat >image.yaml <<'YAML'
data: {path: image.csv, target: t}
model:
  - reshape: {shape: [1, 4, 4]}
  - conv2d: {name: conv, filters: 2, kernel: 3, padding: 1}
  - max_pool: {name: pool, size: 2}
  - flatten
  - dense: {name: output, units: 1}
loss: squared
train: {epochs: 1, batch_size: 10, optimizer: {sgd: {lr: 0.5}}}
YAML
{
    seq -f 'x%g' -s , 16 | sed 's/$/,t/'
    echo '0.5,-1,2,0.25,1,0,-0.5,3,0.75,-2,1.5,0.1,-0.3,0.6,0.9,-1.2,2'
} >image.csv

"$NNMPI" explain dense.yaml --json >dense.json
"$NNMPI" explain image.yaml --json >image.json
python3 - <<'PY'
import json

def near(what, a, b):
    assert len(a) == len(b) and all(abs(x - y) < 1e-5 * (1 + abs(y)) for x, y in zip(a, b)), (what, a, b)

def parts(path):
    e = json.load(open(path))
    return (e, {f["layer"]: f["y"] for f in e["forward"]}, {b["layer"]: b["delta"] for b in e["backward"]},
            {u["tensor"]: u for u in e["update"]})

def updated(update, lr):
    for name, u in update.items():
        near(name, u["after"], [w - lr * g for w, g in zip(u["before"], u["gradient"])])

e, y, delta, u = parts("dense.json")
x, (w, b), (v, c) = [0.2, 0.3], [[u[f"hidden/{k}"]["before"] for k in ("weight", "bias")]][0], \
    [u[f"output/{k}"]["before"] for k in ("weight", "bias")]
def dense(w, b, v, c):
    z = [w[2 * i] * x[0] + w[2 * i + 1] * x[1] + b[i] for i in range(2)]
    a = [max(0, v_) for v_ in z]
    return z, a, v[0] * a[0] + v[1] * a[1] + c[0]
z, a, out = dense(w, b, v, c)
near("input", y["input"], x)
near("z", y["hidden"], z)
near("a", y["hidden_relu"], a)
near("output", y["output"], [out])
near("loss", [e["loss"]], [(out - 1) ** 2 / 2])
d = [out - 1]
da = [d[0] * v[i] for i in range(2)]
dz = [da[i] * (z[i] > 0) for i in range(2)]
near("delta", delta["output"], d)
near("delta a", delta["hidden_relu"], da)
near("delta z", delta["hidden"], dz)
near("v", u["output/weight"]["gradient"], [d[0] * a[i] for i in range(2)])
near("w", u["hidden/weight"]["gradient"], [dz[i] * x[j] for i in range(2) for j in range(2)])
near("b", u["hidden/bias"]["gradient"], dz)
updated(u, 1)
after = dense(*(u[k]["after"] for k in ("hidden/weight", "hidden/bias", "output/weight", "output/bias")))[2]
near("loss after", [e["loss_after"]], [(after - 1) ** 2 / 2])

# kernels of 3 x 3 on an image with a border of zeros; the error of the kernel is the image under each delta
e, y, delta, u = parts("image.json")
x = dict(zip([(i, j) for i in range(4) for j in range(4)], y["input"]))
w, b, v = (u[k]["before"] for k in ("conv/weight", "conv/bias", "output/weight"))
cells = [(f, i, j) for f in range(2) for i in range(4) for j in range(4)]
taps = [(k, l) for k in range(3) for l in range(3)]
z = [b[f] + sum(w[9 * f + 3 * k + l] * x.get((i + k - 1, j + l - 1), 0) for k, l in taps) for f, i, j in cells]
near("conv", y["conv"], z)
best = [max(((f, 2 * p + k, 2 * q + l) for k in range(2) for l in range(2)), key=lambda c: z[cells.index(c)])
        for f in range(2) for p in range(2) for q in range(2)]
pool = [z[cells.index(c)] for c in best]
near("pool", y["pool"], pool)
d = y["output"][0] - 2
near("delta pool", delta["pool"], [d * t for t in v])
dz = {c: 0 for c in cells} | {c: d * t for c, t in zip(best, v)} # no two windows overlap
near("delta conv", delta["conv"], [dz[c] for c in cells])
near("kernel", u["conv/weight"]["gradient"], [sum(dz[f, i, j] * x.get((i + k - 1, j + l - 1), 0)
     for i in range(4) for j in range(4)) for f in range(2) for k, l in taps])
updated(u, 0.5)
PY

"$NNMPI" explain dense.yaml >out
expect_line '^mean loss of the same minibatch after the step: [0-9]' out
expect_line '^ +0.2 +0.3$' out
"$NNMPI" explain image.yaml --most 2 >out
expect_line '\.\.\.$' out

# What is frozen has no gradient.
"$NNMPI" explain dense.yaml -o model.0.dense.frozen=true >out
[ "$(grep -c 'gradient of the mean loss' out)" -eq 2 ] || fail "gradients: not those of the output"
"$NNMPI" explain dense.yaml -o model.0.dense.frozen=true --json >out
expect_line '"tensor":"hidden/bias","frozen":true,"before":\[0,0\],"gradient":null,"after":\[0,0\]' out

expect_code 2 "$SOURCE_DIR/tests/ranks.sh" 2 "$NNMPI" explain dense.yaml 2>err
expect_line '^nnmpi: .*on one rank' err
