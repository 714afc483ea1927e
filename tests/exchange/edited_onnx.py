"""edited_onnx.py NNMPI: binary.onnx, which nnmpi has written, as other programs write it anew: what nnmpi has noted in it holds
while the graph is the same, whatever fields its constants stand in, and not where it was changed."""
import re
import subprocess
import sys

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from onnx_cases import CHOSEN


def run(*arguments):
    return subprocess.run([sys.argv[1], *arguments], check=True, capture_output=True, text=True)


def read(name, model):
    """The parameters that import takes, its configuration, and whether it says that the model was changed."""
    onnx.save(model, f"{name}.onnx")
    said = run("import", f"{name}.onnx", "-O", f"{name}.h5").stderr
    run("export", f"{name}.h5", "--npz", f"{name}.npz")
    arrays = dict(np.load(f"{name}.npz"))
    about = arrays.pop("nnmpi.yaml").decode()
    return arrays, about, "was changed after nnmpi had written it" in said


def edited(change):
    """The model with each constant of floats as change(values, name) gives it."""
    model = onnx.load("binary.onnx")
    for t in model.graph.initializer:
        if t.data_type == TensorProto.FLOAT:
            t.CopyFrom(change(numpy_helper.to_array(t), t.name))
    return model


def as_type(a, kind, factor):
    """Whole numbers where there is a factor."""
    a = a.astype(np.float16 if kind == "FLOAT16" else np.float64)
    return a if factor == 1 else np.abs(np.round(a * factor)).astype(int) if kind[0] == "U" else np.round(a * factor).astype(int)


def typed(kind, factor=1):
    """Values of that type, not in raw_data."""
    return lambda a, name: helper.make_tensor(name, getattr(TensorProto, kind), a.shape, as_type(a, kind, factor).ravel().tolist())


first, _, changed = read("again", onnx.load("binary.onnx"))
assert not changed
for name, model in {
    "inferred": onnx.shape_inference.infer_shapes(onnx.load("binary.onnx")),
    "float_data": edited(typed("FLOAT")),
}.items():
    again, _, changed = read(name, model)
    assert not changed and list(again) == list(first) and all(np.array_equal(again[k], first[k]) for k in first), name

for kind, factor in (("DOUBLE", 1), ("FLOAT16", 1), ("INT8", 20), ("INT32", 1000), ("INT64", 1000), ("UINT8", 20), ("UINT64", 1000)):
    again, _, changed = read(kind, edited(typed(kind, factor)))
    assert changed, kind
    for got, was in zip(again.values(), first.values()):
        assert np.array_equal(got, as_type(was, kind, factor)), kind

# one weight, one node: neither is passed over
model = onnx.load("binary.onnx")
model.graph.initializer[0].raw_data = b"\0\0\x80?" + model.graph.initializer[0].raw_data[4:]
again, _, changed = read("weight", model)
assert changed and next(iter(again.values())).flat[0] == 1
model = onnx.load("binary.onnx")
[node] = [n for n in model.graph.node if n.op_type == "Relu"]
node.op_type = "Tanh"
_, about, changed = read("node", model)
assert changed and re.search("(?m)^ *- tanh:", about), about

# Models come back from their graph alone; scaled data would be scaled twice
for name, _, _, kind in CHOSEN:
    if kind == "scaled":
        continue
    model = onnx.load(f"{name}.onnx")
    del model.metadata_props[:]
    _, about, _ = read("alone", model)
    assert ("tie: " in about) == (name == "gpt"), name
    run("predict", "alone.h5", "--data", f"{name}.h5", "-O", "alone.csv")
    want, got = (np.genfromtxt(file, delimiter=",", names=True) for file in (f"{name}.csv", "alone.csv"))
    for column in want.dtype.names:
        if column[0] == "y":
            assert np.abs(want[column] - got[column]).max() <= 1e-6, (name, column)

# A cast of a constant cuts its numbers; that of the input is an embedding's index
weight = numpy_helper.from_array(np.array([[1.9, -1.9], [0.5, 0]], np.float32), "w")
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", ["N", 2]), ("y", None)))
for kind, last, cut in ((TensorProto.INT64, "MatMul", [[1, -1], [0, 0]]), (TensorProto.BOOL, "MatMul", [[1, 1], [1, 0]]),
                        (TensorProto.INT8, "Gather", [[1, -1], [0, 0]])):
    nodes = [helper.make_node("Cast", ["w"], ["a"], to=kind), helper.make_node("Cast", ["a"], ["b"], to=TensorProto.FLOAT),
             helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
             helper.make_node(last, ["x", "b"] if last == "MatMul" else ["b", "i"], ["y"])]
    again, _, _ = read("cast", helper.make_model(helper.make_graph(nodes, "g", [x], [y], [weight]),
                                                 opset_imports=[helper.make_opsetid("", 17)]))
    got, = again.values()
    assert np.array_equal(got.T if last == "MatMul" else got, cut), (kind, got)

# Gelu, which nnmpi writes by several operators, as opset 20 has it
for how, layer in (("none", "gelu"), ("tanh", "gelu_tanh")):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Gelu", ["a"], ["y"], approximate=how)]
    _, about, _ = read("gelu", helper.make_model(helper.make_graph(nodes, "g", [x], [y], [weight]),
                                                 opset_imports=[helper.make_opsetid("", 20)]))
    assert re.search(f"(?m)^ *- {layer}:", about), about

# Activations by their parts, as other exporters write them
def by_parts(*nodes):
    parts = [helper.make_node(op, list(i), [o]) for op, i, o in (("MatMul", "xw", "a"), *nodes)]
    numbers = {"r": 2**.5, "o": 1, "h": .5, "k": .044715, "p": (2 / np.pi)**.5, "t": 3, "b": -2.5}
    constants = [numpy_helper.from_array(np.array(v, np.float32), k) for k, v in numbers.items()] + [weight]
    _, about, _ = read("parts", helper.make_model(helper.make_graph(parts, "g", [x], [y], constants), opset_imports=[helper.make_opsetid("", 17)]))
    return re.findall("(?m)^ *- ([a-z_]+):", about), about


assert by_parts(("Div", "ar", "c"), ("Erf", "c", "d"), ("Add", "od", "e"), ("Mul", "ah", "f"), ("Mul", "fe", "y"))[0] == ["dense", "gelu"]
assert by_parts(("Pow", "at", "c"), ("Mul", "kc", "d"), ("Add", "ad", "e"), ("Mul", "pe", "f"), ("Tanh", "f", "g"), ("Add", "go", "i"),
                ("Mul", "ha", "j"), ("Mul", "ji", "y"))[0] == ["dense", "gelu_tanh"]
layers, about = by_parts(("Mul", "ab", "c"), ("Exp", "c", "d"), ("Add", "od", "e"), ("Div", "ae", "f"), ("Relu", "f", "y"))
assert layers == ["dense", "swish", "relu"] and re.search("(?m)^ *beta: 2.5$", about), about
assert by_parts(("Mul", "aa", "c"), ("Mul", "ac", "d"), ("Sigmoid", "a", "e"), ("Sum", "de", "y"))[0] == [
    "dense", "sigmoid", "multiply", "multiply", "add"]


# BatchNorm1d first: of samples [C] and [C, L], whose channels are axis 1
random = np.random.default_rng(1)
norm = {k: random.uniform(.5, 1.5, 4).astype(np.float32) for k in "sbmv"}
for shape in (4,), (4, 5):
    nodes = [helper.make_node("BatchNormalization", list("xsbmv"), ["a"]), helper.make_node("Flatten", ["a"], ["y"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", *shape))
    read("first", helper.make_model(helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(v, k) for k, v in norm.items()]),
                                    opset_imports=[helper.make_opsetid("", 14)]))
    given = random.normal(size=(3, *shape)).astype(np.float32)
    with h5py.File("given.h5", "w") as f:
        f["test/x"] = given
    run("predict", "first.h5", "--data", "given.h5", "-O", "got.h5")
    scale, bias, mean, var = (v.reshape(4, *[1] * (len(shape) - 1)) for v in norm.values())
    want = (given - mean) / np.sqrt(var + 1e-5) * scale + bias
    assert np.abs(h5py.File("got.h5")["y"][:].reshape(want.shape) - want).max() <= 1e-5, shape

# Attention as others write it: heads of keys turned once, scores divided, a constant mask, Pow; then RMS normalisation
w = {k: random.normal(size=(4, 4)).astype(np.float32) for k in "qkvo"}
constants = {**w, "h": np.array([0, 3, 2, 2]), "m": np.tri(3) > 0, "d": np.float32(2**.5), "u": np.float32(-1e9), "s": np.array([-1, 3, 4]),
             "e": np.float32(1e-6), "t": np.float32(2), "g": norm["s"]}
nodes = [helper.make_node(op, list(i), [o], **a) for op, i, o, a in [
    *((op, i, o, a) for v, perm in (("q", (0, 2, 1, 3)), ("k", (0, 2, 3, 1)), ("v", (0, 2, 1, 3))) for op, i, o, a in (
        ("MatMul", "x" + v, v + "0", {}), ("Reshape", [v + "0", "h"], v + "1", {}), ("Transpose", [v + "1"], v + "2", {"perm": perm}))),
    ("MatMul", ["q2", "k2"], "a", {}), ("Div", "ad", "b", {}), ("Where", "mbu", "c", {}), ("Softmax", "c", "f", {"axis": -1}),
    ("MatMul", ["f", "v2"], "i", {}), ("Transpose", "i", "j", {"perm": (0, 2, 1, 3)}), ("Reshape", "js", "l", {}), ("MatMul", "lo", "n", {}),
    ("Pow", "nt", "p", {}), ("ReduceMean", "p", "r", {"axes": [-1]}), ("Add", "re", "z", {}), ("Sqrt", "z", "root", {}),
    ("Div", ["n", "root"], "norm", {}), ("Mul", ["norm", "g"], "y", {})]]
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", 3, 4))
_, about, _ = read("heads", helper.make_model(helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]),
                                              opset_imports=[helper.make_opsetid("", 17)]))
assert re.findall("(?m)^ *- ([a-z_]+):", about) == ["attention", "rms_norm"] and "causal: true" in about, about
given = random.normal(size=(5, 3, 4)).astype(np.float32)
with h5py.File("given.h5", "w") as f:
    f["test/x"] = given
run("predict", "heads.h5", "--data", "given.h5", "-O", "got.h5")
heads = lambda v: (given @ w[v]).reshape(5, 3, 2, 2).transpose(0, 2, 1, 3)
scores = np.where(constants["m"], np.exp(heads("q") @ heads("k").swapaxes(2, 3) / 2**.5), 0)
want = ((scores / scores.sum(-1, keepdims=True)) @ heads("v")).transpose(0, 2, 1, 3).reshape(5, 3, 4) @ w["o"]
want = want / np.sqrt((want**2).mean(-1, keepdims=True) + 1e-6) * norm["s"]
assert np.abs(h5py.File("got.h5")["y"][:].reshape(want.shape) - want).max() <= 1e-5

# Layer normalisation before there was an operator
parts = [("ReduceMean", "x", "a"), ("Sub", "xa", "b"), ("Pow", "bt", "c"), ("ReduceMean", "c", "d"), ("Add", "de", "f"), ("Sqrt", "f", "h"),
         ("Div", "bh", "i"), ("Mul", "ig", "j"), ("Add", "jg", "y")]
nodes = [helper.make_node(op, list(i), [o], **({"axes": [-1]} if op == "ReduceMean" else {})) for op, i, o in parts]
numbers = [numpy_helper.from_array(np.asarray(constants[k]), k) for k in "teg"]
arrays, about, _ = read("norm", helper.make_model(helper.make_graph(nodes, "g", [x], [y], numbers), opset_imports=[helper.make_opsetid("", 14)]))
assert re.findall("(?m)^ *- ([a-z_]+):", about) == ["layer_norm"] and all(np.array_equal(a, norm["s"]) for a in arrays.values()), about
