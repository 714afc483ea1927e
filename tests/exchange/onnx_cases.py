"""Models with every layer that ONNX can express: name, shape of a sample, model, and what the data are."""

import os

IMAGE, SEQUENCE, VECTOR, INDICES, VOLUME = (3, 8, 7), (6, 5), (12,), (9,), (2, 4, 6, 5)

ACTIVATIONS = ["identity", "sign", "step", "sigmoid", "logistic", "tanh", "relu", "leaky_relu: {gamma: 0.2}", "elu: {gamma: 1.5}",
               "softplus", "swish: {beta: 1.3}", "gelu", "gelu_tanh", "gelu_sigmoid", "prelu", "softmax", "maxout: {k: 2}"]

CASES = [
    ("activations", VECTOR, [f"{a.replace(': {', ': {name: a' + str(i) + ', inputs: [fc], ')}" if ":" in a else
                             f"{a}: {{name: a{i}, inputs: [fc]}}" for i, a in enumerate(ACTIVATIONS)], "labels"),
    ("dense", VECTOR, ["dense: {units: 40, activation: tanh}", "layer_norm", "dropout", "dropconnect: {units: 7, bias: false}",
                       "dropout: {rate: 0.3, scale: evaluation}",
                       "batch_norm: {affine: false}"], "scaled"),
    ("binary", VECTOR, ["dense: {units: 4, activation: relu}", "dense: {units: 1}"], "bits"),
    ("regression", VECTOR, ["dense: {units: 4, activation: relu}", "dense: {units: 2}"], "values"),
    ("images", IMAGE, ["conv2d: {filters: 4, kernel: 3, padding: same, activation: prelu}", "batch_norm",
                       "conv2d: {filters: 6, kernel: [2, 3], stride: [1, 2], padding: [1, 2], dilation: [2, 1], groups: 2}",
                       "max_pool: {size: 2, stride: [2, 1], padding: 1, ceil_mode: true}",
                       "layer_norm: {dims: 2}", "avg_pool: {size: 2, stride: 1, padding: 1, count_include_pad: false, ceil_mode: true}",
                       "flatten"], "labels"),
    ("residual", IMAGE, ["conv2d: {name: a, filters: 3, kernel: 3, padding: 1}", "add: {name: b, inputs: [a, input]}",
                         "multiply: {name: c, inputs: [a, b]}", "concat: {name: d, inputs: [c, input]}",
                         "repeat: {name: r, times: 2, layers: [residual: [conv2d: {filters: 6, kernel: 3, padding: 1}, relu]]}",
                         "avg_pool: {size: [3, 2]}", "global_avg_pool"], "scaled"),
    ("grey", (8, 6), ["conv2d: {filters: 2, kernel: 3, bias: false}", "global_avg_pool"], "labels"),
    ("pooled", (8, 6), ["avg_pool: {size: 2}", "max_pool: {size: 2}", "reshape: {shape: [2, -1]}",
                        "dense: {units: 3}", "batch_norm", "flatten"], "labels"),
    ("rnn", SEQUENCE, ["rnn: {units: 4, nonlinearity: relu, return: all}", "batch_norm", "dense: {units: 5}",
                       "rnn: {units: 3, bidirectional: true, bias: false}"], "labels"),
    ("lstm", SEQUENCE, ["lstm: {units: 4, layers: 2, bidirectional: true, return: all}", "lstm: {units: 3}"], "labels"),
    ("gru", SEQUENCE, ["gru: {units: 4, layers: 2, return: all}", "gru: {units: 3, bidirectional: true}"], "labels"),
    ("words", INDICES, ["embedding: {vocabulary: 20, units: 5, padding_idx: 0}", "lstm: {units: 4}"], "labels"),
    ("lengths", SEQUENCE, ["dense: {units: 4, activation: tanh}", "gru: {units: 4, layers: 2, bidirectional: true, return: all}",
                           "lstm: {units: 3, bidirectional: true, bias: false}", "identity"], "lengths"),
    ("network", (5, 4), ["graph_conv: {units: 6, edges: [[0, 1], [1, 2], [4, 3]], activation: relu}", "graph_conv: {units: 3, bias: false}",
                         "flatten"], "labels"),
    ("norms", IMAGE, ["conv2d: {filters: 4, kernel: 3}", "group_norm: {groups: 2}", "rms_norm: {dims: 2}", "flatten",
                      "dense: {units: 6}", "group_norm: {groups: 3, affine: false}", "rms_norm: {affine: false}"], "labels"),
    ("growing", IMAGE, ["conv_transpose2d: {filters: 4, kernel: [3, 2], stride: 2, padding: [1, 0], output_padding: [1, 0], groups: 1}",
                        "pad: {padding: [1, 2], mode: reflect}", "upsample: {scale: [2, 1]}", "upsample: {scale: [1, 3], mode: bilinear}",
                        "transpose: {dim0: -1, dim1: 2}", "transpose: {dim0: 2, dim1: 3}", "slice: {begin: 1}", "slice: {axis: 3, begin: -9, end: -1}", "mean: {axis: 3}", "transpose", "pad: {padding: 1}",
                        "upsample: {scale: 2}", "flatten"], "labels"),
    ("series", SEQUENCE, ["conv1d: {filters: 4, kernel: 3, padding: same, activation: relu}",
                          "conv1d: {filters: 6, kernel: 2, padding: causal, dilation: 2, groups: 2, stride: 1}", "max_pool1d: {size: 2, stride: 1}",
                          "conv_transpose1d: {filters: 3, kernel: 4, stride: 3, padding: 1, output_padding: 1}",
                          "avg_pool1d: {size: 3, stride: 2, padding: 1}", "upsample1d: {scale: 2, mode: linear}", "transpose", "flatten"], "labels"),
    ("volumes", VOLUME, ["conv3d: {filters: 4, kernel: [1, 3, 2], padding: [0, 1, 1], stride: [1, 2, 1], groups: 2}", "batch_norm",
                         "max_pool3d: {size: [2, 2, 3], stride: 1, ceil_mode: true}", "conv3d: {filters: 3, kernel: 2, padding: same, dilation: [1, 2, 1]}",
                         "avg_pool3d: {size: 2, stride: [1, 1, 2]}", "conv_transpose3d: {filters: 3, kernel: 2, stride: [1, 2, 1]}",
                         "upsample3d: {scale: [1, 2, 1]}", "group_norm: {groups: 3}", "global_avg_pool"], "labels"),
    ("steps", SEQUENCE, ["dense: {units: 6}", "positions: {context: 9}", "positions: {kind: sinusoidal}", "glu", "mean",
                         "dense: {units: 8}", "glu: {gate: swish}", "glu: {gate: gelu}"], "lengths"),
    ("attention", SEQUENCE, ["dense: {name: a, units: 12}", "attention: {name: b, heads: 3, causal: true}",
                             "attention: {name: c, heads: 6, kv_heads: 2, rotary_base: 100}", "attention: {inputs: [c, a], heads: 2, kv_heads: 1, bias: false}",
                             "lstm: {units: 4}"], "lengths"),
    ("cross", SEQUENCE, ["dense: {name: a, units: 8}", "conv1d: {name: b, inputs: [input], filters: 6, kernel: 3}",
                         "attention: {inputs: [a, b], heads: 2, causal: true, rotary_base: 10000}", "flatten"], "labels"),
    ("gpt", INDICES, ["embedding: {name: tokens, vocabulary: 20, units: 12}", "positions",
                      "repeat: {name: block, times: 2, layers: [residual: [layer_norm, attention: {heads: 3, causal: true}],"
                      " residual: [layer_norm, dense: {units: 16, activation: gelu}, dense: {units: 12}]]}",
                      "layer_norm", "dense: {units: 20, bias: false, tie: tokens.weight}"], "tokens"),
    ("bert", INDICES, ["embedding: {name: words, vocabulary: 20, units: 8, padding_idx: 3}", "positions: {kind: sinusoidal}", "layer_norm",
                       "repeat: {name: block, times: 2, layers: [residual: [attention: {heads: 2}], layer_norm,"
                       " residual: [dense: {units: 16, activation: gelu}, dense: {units: 8}], layer_norm]}", "mean",
                       "dense: {units: 20, tie: words.weight}"], "lengths"),
    ("vit", IMAGE, ["conv2d: {filters: 8, kernel: [2, 3], stride: 2}", "reshape: {shape: [8, -1]}", "transpose", "positions",
                    "residual: [layer_norm, attention: {heads: 4}]", "residual: [layer_norm, dense: {units: 16}, glu: {gate: swish}]", "mean"], "labels"),
    ("positions", SEQUENCE, ["dense: {units: 4, activation: softmax}"], "places"),
]

# Those that are run: every one, or every so many (EVERY) and the one that edited_onnx.py edits.
CHOSEN = [case for i, case in enumerate(CASES) if i % int(os.environ.get("EVERY", "1")) == 0 or case[0] == "binary"]


def layers(name, model, kind):
    """The lines of the configuration, with a dense layer in front or behind where the case wants one."""
    model = list(model)
    if name == "activations":
        groups = [[f"a{i}" for i in range(len(ACTIVATIONS))][first::3] for first in range(3)]
        joins = [f"concat: {{name: j{i}, inputs: [{', '.join(group)}]}}" for i, group in enumerate(groups)]
        model = ["dense: {name: fc, units: 6}"] + model + joins + ["concat: {inputs: [j0, j1, j2]}"]
    if kind in ("labels", "lengths", "places", "scaled"):
        model.append("dense: {units: 3}")
    return "".join(f"  - {line}\n" for line in model)
