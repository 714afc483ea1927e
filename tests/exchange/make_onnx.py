"""make_onnx.py NNMPI: exports a model for each case and has ONNX's checker look at it, where there is one. What a runtime
needs to compare stands in <case>.onnx, <case>.x.json and <case>.csv then."""
import csv
import json
import re
import subprocess
import sys

import h5py
import numpy as np

try:
    import onnx
except ImportError:
    onnx = None

from onnx_cases import CASES, CHOSEN, INDICES, layers

nnmpi = sys.argv[1]
random = np.random.default_rng(1)


def run(*arguments):
    subprocess.run([nnmpi, *arguments, "-q"], check=True, stdout=subprocess.DEVNULL)


def outputs(name):
    rows = csv.DictReader(open(name))
    return np.array([[float(v) for k, v in row.items() if k[0] == "y"] for row in rows], np.float32)


def samples(name, shape, kind):
    """A data set of 40; its x, what else a runtime gets, and the loss for it."""
    x = random.normal(size=(40, *shape)).astype(np.float32)
    if shape == INDICES:
        x = random.integers(0, 20, size=(40, *shape)).astype(np.float32)
    y = {"bits": random.integers(0, 2, 40), "values": random.normal(size=(40, 2)).astype(np.float32),
         "places": random.integers(0, 3, (40, shape[0])), "tokens": random.integers(0, 20, (40, shape[0]))}.get(kind, np.arange(40) % 3)
    if kind == "scaled":
        x = random.integers(0, 256, size=(40, *shape)).astype(np.uint8)
    with h5py.File(name + ".h5", "w") as f:
        f["train/x"], f["train/y"] = x, y
        if kind == "scaled":
            f["train/x"].attrs["scale"] = 1 / 255
        more = {"lengths": (1 + np.arange(40) % shape[0]).tolist()} if kind == "lengths" else {}
        if more:
            f["train/len"] = np.array(more["lengths"], np.uint8)
    return x, more, {"bits": "binary_cross_entropy", "values": "squared"}.get(kind, "cross_entropy")


def make(name, shape, model, kind):
    x, more, loss = samples(name, shape, kind)
    normalize = "true" if kind in ("scaled", "values") else "false"
    layout = ", layout: channels_first" if len(shape) == 3 else ""
    with open(name + ".yaml", "w") as f:
        f.write(f"data: {{path: {name}.h5, normalize: {normalize}{layout}}}\nmodel:\n{layers(name, model, kind)}"
                f"loss: {loss}\ntrain: {{batch_size: 10, epochs: 2, lr: 0.01, threads: 1}}\nvalidate: {{every_epochs: 0}}\n")
    run("train", name + ".yaml", "--run", name)
    run("export", name + "/last.h5", "--onnx", name + ".onnx")
    run("predict", name + "/last.h5", "--data", name + ".h5", "-O", name + ".csv")
    json.dump({"dims": x.shape, "data": x.ravel().tolist(), **more}, open(name + ".x.json", "w"))


# every layer has a case
reference = subprocess.run([nnmpi, "help", "--markdown"], check=True, capture_output=True, text=True).stdout
kinds = re.findall("^### `(.*)`$", reference.split("\n## Layers\n")[1].split("\n## ")[0], re.M)
cases = " ".join(layers(name, model, kind) for name, _, model, kind in CASES)
assert [k for k in kinds if not re.search(rf"\b{k}\b", cases)] == [], kinds

for case in CHOSEN:
    make(*case)
    if onnx:
        model = onnx.load(case[0] + ".onnx")
        onnx.checker.check_model(model, full_check=True)
        constants = [t for t in model.graph.initializer if t.name != "lengths"]
        if len(constants) < len(model.graph.initializer):
            del model.graph.initializer[:]
            model.graph.initializer.extend(constants)
            onnx.save(model, case[0] + ".given")
