#!/usr/bin/env bash
# Figures of what a model computes: activations, decision boundary, fit. Their numbers are those of the model.
# processors: 2
. "$SOURCE_DIR/tests/lib.sh"

"$NNMPI" plot --activations 'sigmoid, leaky_relu: {gamma: 0.25}' -O act.html --csv --svg -q
"$NNMPI" plot --activations all -O all.html -q 2>err
expect_code 2 "$NNMPI" plot --activations 'dense: {units: 1}' 2>err
expect_line 'only activations are drawn' err
"$NNMPI" plot --activations 'leaky_relu: {gamma: 0.1}, leaky_relu: {gamma: 0.3}' -O twice.html --csv -q
expect_code 2 "$NNMPI" plot --activations softmax 2>err
expect_line 'no curve of one' err
expect_code 2 "$NNMPI" plot --activations relu --boundary 0,1 2>err
expect_line '^nnmpi: --boundary .* wants a run folder' err
expect_code 2 "$NNMPI" plot 2>err
expect_line "'plot' needs run folders" err

# Classes in a plane, on numbers that are scaled: the axes show those of the file.
"$NNMPI" data make spirals -O spirals.h5 --samples 300 --test 0.3 -q
cat >spirals.yaml <<'YAML'
data: {path: spirals.h5, normalize: true}
model: [{dense: {units: 16, activation: tanh}}, {dense: {units: 2}}]
loss: cross_entropy
train: {epochs: 30, lr: 0.05, optimizer: adam, batch_size: 32}
YAML
"$NNMPI" train spirals.yaml --run spirals -q >out
"$NNMPI" plot spirals -O spirals.html --svg --csv -q
"$NNMPI" eval spirals --json -q >eval.json

# More columns than two, by name and number.
"$NNMPI" train --run iris -q -o train.epochs=3 >out
"$NNMPI" plot iris -O iris.html --csv -q --boundary 0,3
expect_code 2 "$NNMPI" plot iris --boundary 0,7 2>err
expect_line "there is no column '7'" err
expect_code 2 "$NNMPI" plot iris --boundary 1,1 2>err
expect_line 'the same column twice' err
expect_code 2 "$NNMPI" plot iris --sample 1 --samples 0 2>err
expect_line '^nnmpi: --sample .* --samples that is not 0' err
(eval "$limit_memory" && "$NNMPI" plot iris -O much.html -q --boundary 0,3 --samples 1000000000)

# In a reproducible run layers have memory for one microbatch at a time.
"$NNMPI" train --run bits -q -o train.epochs=1 -o train.batch_size=64 -o train.reproducible=true \
    -o 'model=[{dense: {units: 256}}, {group_norm: {groups: 2}}, {dense: {units: 3}}]' >out
"$NNMPI" plot bits -O bits.html -q --boundary 0,1

# Between indices there is nothing; of very many classes only the confusion matrix is left out.
cat >words.yaml <<'YAML'
data: {source: inline, x: [[0, 1], [1, 2], [2, 0], [3, 1]], y: [0, 1, 0, 119]}
model: [{embedding: {vocabulary: 4, units: 3}}, flatten, {dense: {units: 120}}]
loss: cross_entropy
train: {epochs: 1, batch_size: 4}
YAML
"$NNMPI" train words.yaml --run words -q >out
"$NNMPI" plot words -O words.html -q
expect_code 2 "$NNMPI" plot words --boundary 0,1 2>err
expect_line 'the model reads indices' err
"$NNMPI" train words.yaml --run column -q -o 'model=[slice: {begin: 1, end: 2}, embedding: {vocabulary: 4, units: 3},
    flatten, dense: {units: 120}]' >out
expect_code 2 "$NNMPI" plot column --boundary 0,1 2>err
expect_line 'the model reads indices' err
expect_code 2 "$NNMPI" train words.yaml -o "model=[{dense: {units: 120, name: $(printf 'a%.0s' {1..129})}}]" 2>err
expect_line 'has 129 bytes; it may have up to 128' err

# A curve over one column.
"$NNMPI" data make line -O line.h5 --samples 100 -q
cat >line.yaml <<'YAML'
data: {path: line.h5}
model: [{dense: {units: 1}}]
loss: squared
train: {epochs: 1, batch_size: 10}
YAML
"$NNMPI" train line.yaml --run line -q >out
"$NNMPI" plot line -O line.html --csv -q

# What log.weights and train.report: gradients record, which changes no bit of the run; and the paths of two runs.
record=(-o train.epochs=10 -o train.log_every=1 -o train.reproducible=true -o log.weights=true -o train.report=gradients)
"$NNMPI" train line.yaml --run plain -q -o train.epochs=10 -o train.reproducible=true >plain.out
"$NNMPI" train line.yaml --run one "${record[@]}" -q >one.out
run_ranks 2 "$NNMPI" train line.yaml --run two "${record[@]}" -q >two.out
"$NNMPI" train line.yaml --run adam "${record[@]}" -q -o train.optimizer=adam >out
for run in one two; do
    [ "$(grep digest $run.out)" = "$(grep digest plain.out)" ] || fail "recording changes the run '$run'"
done
"$NNMPI" plot one adam -O paths.html --csv --svg -q
"$NNMPI" plot two -O two.html --csv -q --samples 0
"$NNMPI" train spirals.yaml --run recorded -q -o log.weights=true >out
"$NNMPI" plot recorded -O recorded.html --csv -q --samples 0

# A block with a way around it, on pictures: the graph, filters, and feature maps.
cat >block.yaml <<'YAML'
data: {source: synthetic, generator: digits, samples: 80, test: 0.25}
model:
  - conv2d: {name: stem, filters: 6, kernel: 5, padding: 2}
  - conv2d: {name: inner, filters: 6, kernel: 3, padding: 1, activation: relu}
  - add: {name: "<sum>", inputs: [inner_relu, stem]}
  - global_avg_pool
  - dense: {units: 10}
loss: cross_entropy
train: {epochs: 1, batch_size: 20}
YAML
"$NNMPI" train block.yaml --run block -q >out
"$NNMPI" plot block -O block.html --sample 3 --svg --csv -q
"$NNMPI" inspect block --json -q >block.json
expect_code 2 "$NNMPI" plot block --sample 20 2>err
expect_line 'the split has samples 0 to 19' err
expect_code 2 "$NNMPI" plot spirals --sample 0 2>err
expect_line 'no feature maps' err

cat >check.py <<'PY'
import base64, csv, math, re, struct, json, xml.dom.minidom

def points(path):
    rows = list(csv.reader(open(path)))
    names = {}
    for row in rows[1:]:
        names.setdefault(row[0], []).append([float(v) for v in row[1:] if v])
    return rows[0], names

def figures(path):
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', open(path).read(), re.S)
    return {f["id"]: f for f in json.loads(data)["figures"]}

_, act = points("act-activation-sigmoid.csv")
for (z, a), (_, slope) in zip(act["a"], act["da/dz"]):
    assert abs(a - 1 / (1 + math.exp(-z))) < 1e-6 and abs(slope - a * (1 - a)) < 1e-6, (z, a, slope)
_, leaky = points("act-activation-leaky_relu.csv")
assert [0.25 if z <= 0 else 1 for z, _ in leaky["da/dz"]] == [s for _, s in leaky["da/dz"]]
twice = figures("twice.html")
assert {"activation-leaky_relu", "activation-leaky_relu-2"} <= twice.keys(), twice.keys()
assert [s["name"] for s in twice["activations"]["series"]] == [f"leaky_relu: {{gamma: {g}}}" for g in ("0.1", "0.3")]
everything = figures("all.html")
assert {"activations", "derivatives", "activation-gelu", "activation-step"} <= everything.keys()
assert len(everything["activations"]["series"]) == len(everything) - 2

head, plane = points("spirals-boundary.csv")
assert head == ["series", "x[0]", "x[1]", "value", "class"] and plane.keys() == {"grid", "0", "1"}
cells = plane["grid"]
samples = [(x, y, c) for c in (0, 1) for x, y in plane[str(c)]]
assert max(abs(x) for x, _, _ in samples) > 0.9, "the axes show what the model sees, not what the file holds"
def said(x, y):
    return min(cells, key=lambda cell: (cell[0] - x) ** 2 + (cell[1] - y) ** 2)
right = sum(said(x, y)[3] == c for x, y, c in samples) / len(samples)
accuracy = json.load(open("eval.json"))["accuracy"]
assert abs(right - accuracy) < 0.05, (right, accuracy)
assert all(0.5 <= v <= 1 for _, _, v, _ in cells)
drawing = figures("spirals.html")["boundary"]["svg"]
xml.dom.minidom.parseString(drawing)
xml.dom.minidom.parse("spirals-boundary.svg")
assert 'class="s1"' in drawing and "<style>" not in drawing

head, plane = points("iris-boundary.csv")
assert len(plane["grid"]) == 10000 and len(plane) == 4 and head[1:3] != ["x[0]", "x[1]"], head
assert "held at their means" in figures("iris.html")["boundary"]["about"]

words = figures("words.html")
assert {"model", "roc", "calibration", "mistakes"} <= words.keys() and not {"boundary", "confusion"} & words.keys(), words.keys()
assert "first 10 classes" in words["roc"]["about"] and len(words["roc"]["series"]) == 2, words["roc"]
assert {"model", "loss"} <= figures("recorded.html").keys() and "roc" not in figures("recorded.html")

_, fit = points("line-fit.csv")
(x0, y0), (x1, y1) = fit["model"][0], fit["model"][-1]
slope = (y1 - y0) / (x1 - x0)
assert all(abs(y - (y0 + slope * (x - x0))) < 1e-5 for x, y in fit["model"]), "a line"
values = dict(points("line-values.csv")[1]["samples"])
assert len(fit["samples"]) == 100
for x, y in fit["samples"]:
    assert abs(values[y] - (y0 + slope * (x - x0))) < 1e-5, "the line is not what the model predicts"

def lines(run, event):
    return [line for line in map(json.loads, open(f"{run}/metrics.jsonl")) if line["event"] == event]

# Updates are the differences of the recorded parameters.
for run in ("one", "two"):
    recorded = {line["step"]: list(line["values"].values()) for line in lines(run, "weights")}
    steps = lines(run, "train")
    assert len(steps) > 50 and recorded.keys() == {0} | {line["step"] for line in steps}
    for line in steps:
        before, after = recorded[line["step"] - 1], recorded[line["step"]]
        size = math.dist(before, after) / math.hypot(*after)
        assert abs(line["update"]["dense1"] - size) < 1e-5 * size + 1e-12, (line, size)

# Each rank's time, as a mean over steps.
train = lines("two", "train")
bars = {r[0]: float(r[1]) for r in list(csv.reader(open("two-ranks.csv")))[1:]}
assert bars.keys() == {"rank 0", "rank 1"} and train[0]["resident_bytes"] > 1e6
for rank in "01":
    mean = 1e3 * sum(line["rank_s"][rank] for line in train) / len(train)
    assert abs(bars[f"rank {rank}"] - mean) < 1e-6 * mean, (bars, mean)

# The loss of a line over slope and intercept is a paraboloid around those of the data, 2 and 1.
head, paths = points("paths-surface.csv")
assert head[1:] == ["dense1/weight/0", "dense1/bias/0", "value"], head
assert paths["one"] == [list(line["values"].values()) for line in lines("one", "weights")]
def determinant(m):
    (a, b, c), (d, e, f), (g, h, i) = m
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
def row(w, b):
    return [(w - 2) ** 2, 2 * (w - 2) * (b - 1), (b - 1) ** 2]
cells = paths["grid"]
some = [cells[0], cells[63], cells[-1]]
m = [row(w, b) for w, b, _ in some]
solution = [determinant([[v if j == k else r[j] for j in range(3)] for r, (_, _, v) in zip(m, some)]) / determinant(m)
            for k in range(3)]
for w, b, loss in cells:
    assert abs(sum(map(float.__mul__, solution, row(w, b))) - loss) < 1e-3 * max(1, loss), (w, b, loss)
assert solution[0] > 0 and solution[2] > 0, solution

# Histograms have all numbers of a tensor, and their figure is full where they are.
for line in lines("recorded", "weights"):
    assert [sum(c) for c in line["counts"]] == [32, 16, 32, 2] and "values" not in line
    for t in line["tensors"].values():
        assert t["least"] <= t["mean"] <= t["most"] and t["deviation"] >= 0
grid = points("recorded-weights-dense1-weight.csv")[1]["grid"]
final = lines("recorded", "weights")[-1]["tensors"]["dense1/weight"]
last = max(x for x, _, _, _ in grid)
there = [y for x, y, value, _ in grid if x == last and value > 0]
height = (final["most"] - final["least"]) / 10
assert abs(min(there) - final["least"]) < height and abs(max(there) - final["most"]) < height, (there, final)

# The graph says of each layer what inspect does, and draws every link.
layers = json.load(open("block.json"))["layers"]
rows = {r[0]: r[1:] for r in csv.reader(open("block-model.csv"))}
for layer in layers:
    kind, shape, params, work, _ = rows[layer["name"]]
    assert (kind, shape) == (layer["kind"], str(layer["output"])), rows
    assert int(params) == sum(math.prod(d) for d in layer["parameters"].values()), rows
    value = float(work.split()[0]) * {"k": 1e3, "M": 1e6}.get(work.split()[-1], 1)
    assert abs(value - layer["multiplications"]["forward"]) <= 0.006 * value, (work, layer)
assert rows["<sum>"][4] == "inner_relu, stem"
for text in (open("block-model.svg").read(), figures("block.html")["model"]["svg"]):
    svg = xml.dom.minidom.parseString(text)
    boxes = [[float(r.getAttribute(k)) for k in ("x", "y", "width", "height")]
             for r in svg.getElementsByTagName("rect") if r.getAttribute("class") == "card"]
    assert len(boxes) == len(layers)
    assert all(a is b or a[1] + a[3] < b[1] or b[1] + b[3] < a[1] or abs(a[0] - b[0]) >= a[2] for a in boxes for b in boxes)
    paths = [p.getAttribute("d") for p in svg.getElementsByTagName("path") if p.getAttribute("class") == "axis"]
    assert len(paths) == len(layers) and sum("L" in d for d in paths) == 1, "one link passes others"

def sizes(path):
    pictures = [base64.b64decode(r[2].split(",")[1]) for r in csv.reader(open(path)) if r[0]]
    return [struct.unpack(">II", p[16:24]) for p in pictures]
assert sizes("block-filters.csv") == [(5, 5)] * 6
assert sizes("block-maps-input.csv") == [(28, 28)] and sizes("block-maps-inner.csv") == [(28, 28)] * 6
PY
python3 check.py || fail "the figures are not what the models compute"
