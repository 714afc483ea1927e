#!/usr/bin/env bash
# ranks: 2
# log.tensorboard: event files that a reader of TensorBoard's format finds whole, with every number of metrics.jsonl,
# histograms of the parameters, filters and samples as pictures, and the configuration. A run that goes on from an earlier
# checkpoint writes another file, with which the reader forgets what was undone.
. "$SOURCE_DIR/tests/lib.sh"
/usr/bin/python3 -c "import h5py" 2> /dev/null || skip "no h5py"

/usr/bin/python3 - <<'PY'
import h5py, numpy as np
rng = np.random.default_rng(1)
with h5py.File("images.h5", "w") as f:
    for split, n in (("train", 60), ("valid", 20)):
        y = rng.integers(0, 2, n)
        f[split + "/x"] = (rng.random((n, 3, 8, 8)) + y[:, None, None, None]).astype("f4")
        f[split + "/y"] = y
PY
cat > net.yaml <<'YAML'
data: {path: images.h5}
model:
  - conv2d: {name: conv, filters: 5, kernel: [3, 4], activation: relu}
  - flatten
  - dense: {name: out, units: 2}
loss: cross_entropy
train: {epochs: 3, batch_size: 20, lr: 0.1, log_every: 2, report: gradients}
validate: {metrics: [accuracy, confusion]}
checkpoint: {every_epochs: 1}
log: {tensorboard: true}
YAML
train() { run_ranks "$RANKS" "$NNMPI" train net.yaml -q --run run "$@" > out 2> err; }
train
rm run/checkpoint-9.h5
train --resume
train --resume -o train.epochs=4

cat > look.py <<'PY'
import glob, json, struct, zlib
import h5py, numpy as np

# CRC-32C bit by bit, and its mask.
def crc(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    value ^= 0xFFFFFFFF
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF

assert crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF

def records(path):
    data = open(path, "rb").read()
    while data:
        length, check = struct.unpack("<QI", data[:12])
        assert check == crc(data[:8]), path
        body, end = data[12:12 + length], 12 + length
        assert struct.unpack("<I", data[end:end + 4])[0] == crc(body), path
        yield body
        data = data[end + 4:]

# A message as a dictionary: its fields' numbers and lists of values.
def message(data):
    at, fields = 0, {}
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}.get(tag & 7) or varint()
            value, at = data[at:at + size], at + size
            assert len(value) == size
        fields.setdefault(tag >> 3, []).append(value)
    return fields

def one(fields, number, default=None):
    values = fields.get(number, [default])
    assert len(values) == 1, (number, values)
    return values[0]

double = lambda data: struct.unpack("<d", data)[0]
doubles = lambda data: np.frombuffer(data, "<f8")

files = sorted(glob.glob("run/events.out.tfevents.*"))
assert len(files) == 3, files
scalars, histograms, images, plugins, starts = {}, {}, {}, [], []
for path in files:
    events = [message(r) for r in records(path)]
    assert one(events[0], 3) == b"brain.Event:2"
    for event in events:
        step = one(event, 2)
        assert 1.7e9 < double(one(event, 1)) < 1e10
        if 7 in event:  # a session starts: what is from its first step on is forgotten
            assert one(message(one(event, 7)), 1) == 1
            starts.append(step)
            for values in (scalars, histograms, images):
                for key in [k for k in values if k[1] >= step]:
                    del values[key]
        for value in message(one(event, 5, b"")).get(1, []):
            value = message(value)
            tag = one(value, 1).decode()
            if 2 in value:
                assert (tag, step) not in scalars, (tag, step)
                scalars[tag, step] = one(value, 2)
            if 5 in value:
                histograms[tag, step] = message(one(value, 5))
            if 4 in value:
                images[tag, step] = message(one(value, 4))
            if 9 in value:
                plugin = message(one(message(one(value, 9)), 1))
                plugins.append((path, one(plugin, 1).decode(), tag, one(plugin, 2, b""), message(one(value, 8))))
assert starts == [1, 7, 10], starts

# Scalars: every number of every line, no more.
expected = {}
def note(tag, step, value):
    if isinstance(value, dict):
        for key in value:
            note(f"{tag}/{key}", step, value[key])
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        expected[tag, step] = struct.pack("<f", value)
for line in open("run/metrics.jsonl"):
    line = json.loads(line)
    event, step = line.pop("event"), line.pop("step")
    note(event, step, line)
scalars = {k: v for k, v in scalars.items() if not k[0].startswith("end/")}  # lines that going on takes away
expected = {k: v for k, v in expected.items() if not k[0].startswith("end/")}
assert scalars == expected, (set(scalars) ^ set(expected), [k for k in expected if scalars.get(k) != expected[k]])
assert ("train/delta/conv", 12) in scalars and ("validate/accuracy", 12) in scalars and len(scalars) > 50

# The last histograms and the picture, against the checkpoint.
tags = {"conv/weight", "conv/bias", "out/weight", "out/bias"}
assert {k for k in histograms} == {(t, s) for t in tags for s in (3, 6, 9, 12)}, histograms.keys()
with h5py.File("run/last.h5") as f:
    found = {tag: f["model"][tag][:] for tag in tags}
for tag in tags:
    w, h = found[tag].astype("f8"), histograms[tag, 12]
    low, high, count, total, squares = (double(one(h, i)) for i in range(1, 6))
    assert (low, high, count) == (w.min(), w.max(), w.size), tag
    assert abs(total - w.sum()) < 1e-9 and abs(squares - (w * w).sum()) < 1e-9, tag
    limits, buckets = doubles(one(h, 6)), doubles(one(h, 7))
    assert limits[-1] == high and np.all(np.diff(limits) >= 0) and buckets.sum() == count
    for limit, below in zip(limits, buckets.cumsum()):
        assert abs((w <= limit).sum() - below) <= 1, (tag, limit)

def png(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        size = struct.unpack(">I", data[at:at + 4])[0]
        name, body = data[at + 4:at + 8], data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(name + body)
        chunks[name], at = body, at + 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert depth == 8 and colour == 2
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), "u1").reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)

image = images["filters", 12]
pixels = png(one(image, 4))
assert pixels.shape == (one(image, 1), one(image, 2), one(image, 3)) == (7, 14, 3)
w = found["conv/weight"].astype("f8")
for i in range(5):
    y, x = i // 3 * 4, i % 3 * 5
    tile = w[i].transpose(1, 2, 0) * 127 / np.abs(w).max() + 128
    assert np.abs(pixels[y:y + 3, x:x + 4] - tile).max() <= 0.5 + 1e-6, i

# The first samples of the validation that rank 0 has, from black to white each, once.
assert [k for k in images if k[0].startswith("samples")] == [("samples/valid", 0)], images.keys()
image = images["samples/valid", 0]
pixels = png(one(image, 4))
with h5py.File("images.h5") as f:
    x = f["valid/x"][:10].astype("f4").transpose(0, 2, 3, 1)
assert pixels.shape == (one(image, 1), one(image, 2), one(image, 3)) == (26, 35, 3), pixels.shape
for i in range(10):
    at, down = i % 4 * 9, i // 4 * 9
    wanted = 255 * (x[i] - x[i].min()) / (x[i].max() - x[i].min())
    assert np.abs(pixels[down:down + 8, at:at + 8] - wanted).max() <= 1, i

# The configuration, to read and as hyper-parameters, with each start.
for path in files:
    text = [one(p[4], 8).decode() for p in plugins if p[:3] == (path, "text", "config")]
    assert len(text) == 1 and "filters: 5" in text[0] and text[0].startswith("```yaml\n")
    start = [message(p[3]) for p in plugins if p[:3] == (path, "hparams", "_hparams_/session_start_info")]
    end = [message(p[3]) for p in plugins if p[:3] == (path, "hparams", "_hparams_/session_end_info")]
    assert len(start) == len(end) == 1
    assert one(message(one(end[0], 4)), 1) == 1
    hparams = {}
    for entry in message(one(start[0], 3))[1]:
        entry = message(entry)
        hparams[one(entry, 1).decode()] = message(one(entry, 2))
    assert double(one(hparams["train.batch_size"], 2)) == 20
    assert double(one(hparams["train.optimizer.sgd.lr"], 2)) == 0.1
    assert one(hparams["log.tensorboard"], 4) == 1
    assert one(hparams["model.0.conv2d.name"], 3) == b"conv"
PY
/usr/bin/python3 look.py

# Grey samples are pictures, also without a dimension of channels; those that were mistaken the worst on the page, too.
/usr/bin/python3 - <<'PY'
import h5py, numpy as np
rng = np.random.default_rng(1)
y, x = rng.integers(0, 2, 60), rng.random((60, 8, 8)).astype("f4")
for name, shape in ("grey", (8, 8)), ("planes", (1, 8, 8)):
    with h5py.File(name + ".h5", "w") as f:
        for split in "train", "valid":
            f[split + "/x"], f[split + "/y"] = x.reshape(60, *shape), y
PY
for kind in grey planes; do
    "$NNMPI" train net.yaml -q --run $kind -o "data={path: $kind.h5}" -o 'model=[flatten, dense: {units: 2}]' \
        -o train.epochs=1 > out 2> err
    "$NNMPI" plot $kind -O $kind.html -q
done
/usr/bin/python3 - <<'PY'
import glob, json, re
def look(kind):
    (path,) = glob.glob(kind + "/events*")
    events = open(path, "rb").read()
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', open(kind + ".html").read(), re.S)
    (mistakes,) = [f["cells"] for f in json.loads(data)["figures"] if f["id"] == "mistakes"]
    return re.findall(rb"\x89PNG.*?IEND", events, re.S), mistakes
grey, mistakes = look("grey")
assert len(grey) == 2, len(grey)  # samples and filters
assert mistakes and all(cell.startswith("data:image/png") for cell in mistakes[3::4])
assert (grey, mistakes) == look("planes")
PY

# Nothing of it where it is not wanted.
"$NNMPI" train net.yaml -q --run plain -o log.tensorboard=false > out 2> err
compgen -G 'plain/events*' > /dev/null && fail "event files without log.tensorboard"
exit 0
