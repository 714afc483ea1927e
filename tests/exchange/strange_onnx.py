"""strange_onnx.py: graphs that look like layers and are none, <number>.onnx, each with a line in strange.txt: the exit code of
import, the file, and what is said of it."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

LIST = open("strange.txt", "w")
count = 0


def value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def refuse(what, shape, nodes, constants={}, opset=17, inputs=(), code=2):
    """nodes: [(operator, inputs, output, attributes)]; the last output is the graph's."""
    global count
    graph = helper.make_graph([helper.make_node(op, list(i), [o], name=f"n_{o}", **a) for op, i, o, a in nodes], "g",
                              [value("x", ["N", *shape])] + list(inputs), [value(nodes[-1][2], None)],
                              [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    open(f"{count}.onnx", "wb").write(model.SerializeToString())
    print(code, f"{count}.onnx", what, sep="\t", file=LIST)
    count += 1


ones = lambda *shape: np.ones(shape, np.float32)
product = ("MatMul", "xw", "a", {})
refuse("Softmax 'n_y' .axis is not the last one|node 'n_y' works along another axis", (4, 3), [("Softmax", "x", "y", {"axis": 1})])
refuse("node 'n_y' works along another axis", (3, 2, 3), [("PRelu", "xs", "y", {})], {"s": ones(3)})
refuse("node 'n_y' works along another axis", (3, 4), [("GlobalAveragePool", "x", "y", {})])
refuse("a part of a layer is read by itself, as a product before its bias", (4,), [product, ("Add", "ab", "c", {}), ("Mul", "ac", "y", {})],
       {"w": ones(4, 3), "b": ones(3)})
refuse("Add 'n_y' .a constant is only added to a product", (4,), [("Relu", "x", "a", {}), ("Add", "ab", "y", {})], {"b": ones(4)})
refuse("the input is read before it is scaled", (4,), [("Mul", "xb", "a", {}), ("Add", "ax", "y", {})], {"b": ones(4)})
refuse("Relu 'n_y' .an operator that is not ONNX's own", (4,), [("Relu", "x", "y", {"domain": "other"})])
refuse("operator set 8; those from 9 on", (4,), [("Relu", "x", "y", {})], opset=8)
refuse("Gemm 'n_y' .it wants constants", (4,), [("Gemm", "xwb", "y", {"alpha": 2.0})], {"w": ones(4, 3), "b": ones(3)})
refuse("Conv 'n_y' .pads are neither", (1, 5, 5), [("Conv", "xw", "y", {"pads": [0, 0, 1, 0]})], {"w": ones(2, 1, 3, 3)})
refuse("Concat 'n_y' .axis is that of the samples", (4,), [("Concat", "xx", "y", {"axis": 0})])
refuse("Foo 'n_a' .nnmpi has no layer for it.; Bar 'n_b' .nnmpi", (4,), [("Foo", "x", "a", {}), ("Bar", "x", "b", {}),
                                                                       ("Add", "ab", "y", {})])
refuse("LSTM 'n_y' .sequences should come in as .N, T, F. and be transposed", (4, 3), [("LSTM", "xwr", "y", {"hidden_size": 1})],
       {"w": ones(1, 4, 3), "r": ones(1, 4, 1)})
refuse("GRU 'n_y' .linear_before_reset should be 1", (4, 3),
       [("Transpose", "x", "t", {"perm": [1, 0, 2]}), ("GRU", "twr", "y", {"hidden_size": 1})], {"w": ones(1, 3, 3), "r": ones(1, 3, 1)})
refuse("LSTM 'n_y' .its initial state is not zeros", (4, 3),
       [("Transpose", "x", "t", {"perm": [1, 0, 2]}), ("LSTM", ["t", "w", "r", "", "", "h"], "y", {"hidden_size": 1})],
       {"w": ones(1, 4, 3), "r": ones(1, 4, 1), "h": ones(1, 1, 1)})
refuse("nodes for more than 10000 layers", (4,), [("Relu", ["x" if i == 0 else f"v{i - 1}"], f"v{i}", {}) for i in range(10001)])
recurrent = lambda op, i, o, **a: (op, i, o, {"hidden_size": 1, **a})
weights = {"w": ones(1, 1, 3), "r": ones(1, 1, 1), "l": np.array([4] * 2, np.int32)}
refuse("RNN 'n_h' .sequence_lens should be an input of the graph", (4, 3),
       [("Transpose", "x", "t", {"perm": [1, 0, 2]}), recurrent("RNN", ["t", "w", "r", "", "l"], "h"), ("Squeeze", "hk", "y", {})],
       {**weights, "k": np.array([1])})
refuse("node 'n_a' takes lengths of sequences, 'n_b' does not", (4, 3),
       [("Transpose", "x", "t", {"perm": [1, 0, 2]}), recurrent("RNN", ["t", "w", "r", "", "len"], "a"), ("Squeeze", "ak", "s", {}),
        recurrent("RNN", ["s", "v", "r"], "b"), ("Squeeze", "bk", "u", {}), ("Transpose", "u", "y", {"perm": [1, 0, 2]})],
       {**weights, "v": ones(1, 1, 1), "k": np.array([1])},
       inputs=[helper.make_tensor_value_info("len", TensorProto.INT32, ["N"])])
refuse("has two inputs, 'x' and 'z'", (4,), [("Add", "xz", "y", {})], inputs=[value("z", ["N", 4])])
refuse("dimension 1 of input 'x' is not known", ("M",), [("Relu", "x", "y", {})])
refuse("element 0 of 'w' is nan", (4,), [("MatMul", "xw", "y", {})], {"w": ones(4, 3) * np.float32("nan")}, code=3)
refuse("Gemm 'n_y' .it wants constants", (4,), [("Gemm", "xwb", "y", {})], {"w": ones(4, 3)})
refuse("Cast 'n_c' .numbers would be cut off", (4,), [("Relu", "x", "a", {}), ("Cast", "a", "c", {"to": 7}), ("Cast", "c", "y", {"to": 1})])
cut = "cut off to whole numbers, which only the indices of an embedding are"
refuse(f"MatMul 'n_y' .an input is {cut}", (4,), [("Cast", "x", "c", {"to": 7}), ("Cast", "c", "d", {"to": 1}), ("MatMul", "dw", "y", {})],
       {"w": ones(4, 3)})
refuse(f"Mul 'n_m' .an input is {cut}", (4,), [("Cast", "x", "c", {"to": 6}), ("Mul", "cb", "m", {}), ("MatMul", "mw", "y", {})],
       {"w": ones(4, 3), "b": ones(4)})
refuse("Cast 'n_c' .numbers would be cut off", (4,), [("Cast", "x", "c", {"to": 9}), ("Gather", "wc", "y", {})], {"w": ones(2, 3)})
refuse("element 0 of 'w' is nan", (4,), [product, ("Constant", [], "v", {"value": numpy_helper.from_array(ones(4, 3), "w")}),
                                         ("MatMul", "av", "y", {})], {"w": ones(4, 3) * np.float32("nan")}, code=3)
refuse("end it with Flatten", (1, 4, 4), [("MaxPool", "x", "y", {"kernel_shape": [2, 2]})])
refuse("only windows of one to three directions", (1, 4, 4), [("MaxPool", "x", "y", {"kernel_shape": [2, 2, 2, 2]})])
refuse("sizes of windows go up to 10000", (1, 4, 4), [("MaxPool", "x", "y", {"kernel_shape": [-2**63, 1], "pads": [0, 1, 0, 0]})])
refuse("Softmax 'n_y' .axis is not that of the channels", (2, 4, 4), [("GlobalAveragePool", "x", "a", {}), ("Softmax", "a", "y", {"axis": -1})])
refuse("Squeeze 'n_y' .axes are only removed", (2, 4, 4), [("GlobalAveragePool", "x", "a", {}), ("Squeeze", "ak", "y", {})],
       {"k": np.array([1, 2])})
refuse("the factor should be above 0", (4,), [("Mul", "xb", "a", {}), ("MatMul", "aw", "y", {})], {"w": ones(4, 3), "b": ones(4) * 0})
refuse("LSTM 'n_y' .its initial state is not zeros", (4, 3),
       [("Shape", "x", "s", {}), ("Gather", "si", "n", {}), ("Concat", ["one", "n", "one"], "t", {"axis": 0}), ("Tile", "ht", "z", {}),
        ("Transpose", "x", "u", {"perm": [1, 0, 2]}), ("LSTM", ["u", "w", "r", "", "", "z"], "y", {"hidden_size": 1})],
       {"w": ones(1, 4, 3), "r": ones(1, 4, 1), "h": ones(1, 1, 1), "i": np.array([0]), "one": np.array([1])})
# what is neither a graph convolution, nor maxout, nor an activation
matrix = lambda *rows: np.array(rows, np.float32)
for w in (matrix([1, 0], [0, 0]), matrix([.5, .5], [0, 1]), matrix([.5, .6], [.6, .5])):
    refuse("MatMul 'n_y' .its matrix is not that of a graph convolution", (2, 3), [("MatMul", "xv", "a", {}), ("MatMul", "wa", "y", {})],
           {"v": ones(3, 4), "w": w})
half = matrix([.5, .5], [.5, .5])
refuse("MatMul 'n_y' .a matrix is only multiplied by a product with weights", (2, 3), [("Relu", "x", "a", {}), ("MatMul", "wa", "y", {})],
       {"w": half})
refuse("node 'n_a' is not for the samples that the layer graph_conv gets", (3, 3), [("MatMul", "xv", "a", {}), ("MatMul", "wa", "y", {})],
       {"v": ones(3, 4), "w": half})
refuse("a part of a layer is read by itself", (2, 3), [("MatMul", "xv", "a", {}), ("MatMul", "wa", "b", {}), ("Add", "ab", "y", {})],
       {"v": ones(3, 3), "w": half})
refuse("ReduceMax 'n_y' .it is not the largest of neighbours", (6,), [("Relu", "x", "a", {}), ("ReduceMax", "a", "y", {"axes": [-1], "keepdims": 0})])
for axis, keep in ((1, 0), (-1, 1)):
    refuse("ReduceMax 'n_y' .it is not the largest of neighbours", (6,),
           [("Reshape", "xs", "a", {}), ("ReduceMax", "a", "y", {"axes": [axis], "keepdims": keep})], {"s": np.array([-1, 3, 2])})
refuse("node 'n_a' is not for the samples that the layer maxout gets", (2, 4),
       [("Reshape", "xs", "a", {}), ("ReduceMax", "a", "y", {"axes": [2], "keepdims": 0})], {"s": np.array([-1, 4, 2])})
refuse("^nnmpi: [^ ]* these nodes stand for no layer of nnmpi: Mul 'n_b' .a constant is only added to a product, scales the input, or is a table of positions.$", (4,),
       [("Relu", "x", "a", {}), ("Mul", "ah", "b", {}), ("Tanh", "b", "c", {}), ("Sigmoid", "b", "d", {}), ("Add", "cd", "y", {})],
       {"h": np.float32(.5)})
refuse("Erf 'n_y' .nnmpi has no layer for it", (4,), [("Relu", "x", "a", {}), ("Erf", "a", "y", {})])


def attention(what, heads=(-1, 3, 1, 4), scale=.5, turn=(0, 2, 1, 3), values="x", unseen=-1e30, mask=np.tri(3) > 0, width=4):
    """One head of 4 on 3 steps."""
    made = lambda v, x: [("MatMul", [x, "w"], v + "0", {}), ("Reshape", [v + "0", "h"], v + "1", {}), ("Transpose", [v + "1"], v + "2", {"perm": turn})]
    refuse(what, (3, 4), [("Relu", "x", "r", {}), *made("q", "x"), *made("k", "x"), *made("v", values), ("Mul", ["q2", "s"], "q", {}),
                          ("Transpose", ["k2"], "k", {"perm": [0, 1, 3, 2]}), ("MatMul", "qk", "c", {}), ("Where", "mcu", "d", {}),
                          ("Softmax", "d", "e", {}), ("MatMul", ["e", "v2"], "f", {}), ("Transpose", "f", "g", {"perm": [0, 2, 1, 3]}),
                          ("Reshape", "go", "i", {}), ("MatMul", "ip", "y", {})],
           {"p": ones(4, width), "w": ones(4, 4), "h": np.array(heads), "s": np.float32(scale), "m": mask, "u": np.float32(unseen), "o": np.array([-1, 3, 4])})


attention("MatMul 'n_y' .attention that is not scaled by 1 / sqrt.d.", scale=1)
attention("MatMul 'n_y' .attention whose heads are not put apart", turn=(0, 2, 3, 1))
attention("MatMul 'n_y' .attention whose heads are not put apart", heads=(-1, 3, 4))
attention("MatMul 'n_y' .attention whose weights do not fit", width=5)
attention("MatMul 'n_y' .keys and values of attention are made of different", values="r")
attention("MatMul 'n_y' .attention with a mask that is neither causal", mask=np.tri(3).T > 0)
attention("MatMul 'n_y' .attention with a mask that is neither causal", unseen=0)
refuse("Div 'n_y' .a normalisation by the root of a mean, but not over the last axes", (3, 4),
       [("Mul", "xx", "a", {}), ("ReduceMean", "a", "b", {"axes": [1]}), ("Add", "be", "c", {}), ("Sqrt", "c", "d", {}), ("Div", "xd", "y", {})],
       {"e": np.float32(1e-5)})
refuse("Reshape 'n_y' .an InstanceNormalization that is none of groups", (4, 3),
       [("Reshape", "xg", "a", {}), ("InstanceNormalization", "abb", "c", {}), ("Reshape", "cs", "y", {})],
       {"g": np.array([-1, 2, 6]), "b": ones(2), "s": np.array([-1, 4, 3])})
refuse("Slice 'n_y' .it is no range of one axis", (4,), [("Relu", "x", "a", {}), ("Slice", "abcdc", "y", {})],
       {"b": np.array([0]), "c": np.array([2]), "d": np.array([1])})
refuse("Slice 'n_y' .a range of samples", (4,), [("Relu", "x", "a", {}), ("Slice", "abc", "y", {})], {"b": np.array([0]), "c": np.array([2])})
refuse("ReduceMean 'n_y' .a mean is that over one axis", (4, 3), [("Relu", "x", "a", {}), ("ReduceMean", "a", "y", {"axes": [1]})])
refuse("node 'n_y' is not for the samples that the layer positions gets", (4, 3), [("Relu", "x", "a", {}), ("Add", "ab", "y", {})],
       {"b": ones(1, 3)})
refuse("Split 'n_y' .only constants are split", (4,), [("Relu", "x", "a", {}), ("Split", "a", "y", {"axis": -1})])
kernel = {"w": ones(3, 2, 2, 2)}
refuse("ConvTranspose 'n_y' .it wants a constant kernel", (3, 4, 4), [("ConvTranspose", "xw", "y", {"output_shape": [5, 5]})], kernel)
refuse("ConvTranspose 'n_y' .pads are not the same on both sides", (3, 4, 4), [("ConvTranspose", "xw", "y", {"auto_pad": "SAME_UPPER"})], kernel)
for scale in (2, 1.5):
    refuse("Resize 'n_y' .it is neither nearest", (3, 4, 4), [("Resize", ["x", "", "s"], "y", {"mode": "nearest"} if scale == 2 else {"mode": "linear"})],
           {"s": np.array([1, 1, scale, scale], np.float32)})
refuse("Pad 'n_y' .padding is that of a convolution", (3, 4, 4), [("Pad", "xp", "y", {})], {"p": np.array([0, 0, 1, 1, 0, 0, 1, 2])})
refuse("Pad 'n_y' .padding is that of a convolution", (3, 4, 4), [("Pad", "xpv", "y", {})],
       {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "v": np.float32(1)})
refuse("Transpose 'n_y' .axes only change places", (3, 4, 4), [("Transpose", "x", "y", {"perm": [0, 2, 3, 1]})])
refuse("Transpose 'n_y' .axes only change places", (3, 4, 4), [("Transpose", "x", "y", {"perm": [1, 0, 2, 3]})])
