"""The activations and their derivatives, as the program's kernels compute them. Weights are 1, and the loss |target - a|
has slope -1, so that delta of the layer before an activation is its derivative, with its sign turned."""

from figure import Panel, draw
from program import explain

NAMES = ["identity", "sign", "step", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "softplus", "swish", "gelu",
         "gelu_tanh", "gelu_sigmoid", "maxout"]
X = [(i - 30) / 5 for i in range(61)]

model, weights = [], []
for i, name in enumerate(NAMES):
    options = {"leaky_relu": ", gamma: 0.1", "maxout": ", k: 2"}.get(name, "")
    units = 2 if name == "maxout" else 1  # the larger one of z and -z
    model += [f"dense: {{name: z{i}, units: {units}, bias: false, inputs: [input]}}", f"{name}: {{name: a{i}, inputs: [z{i}]{options}}}"]
    weights += ["z%d: {weight: %s}" % (i, "[[1], [-1]]" if units == 2 else "[[1]]")]
for name, parts in ("first", range(8)), ("rest", range(8, 15)):
    model += [f"concat: {{name: {name}, inputs: [{', '.join(f'a{i}' for i in parts)}]}}"]
with open("weights.yaml", "w") as f:
    f.write("\n".join(weights) + "\n")
told = explain(f"""
data: {{source: inline, x: {[[x] for x in X]}, y: {[[1e4] * 15] * len(X)}, shuffle: false}}
model: [{", ".join(model)}, concat: {{inputs: [first, rest]}}]
loss: absolute
init: {{from: weights.yaml}}
train: {{batch_size: all}}
""", len(X))

table, panels = {}, []
for i, name in enumerate(NAMES):
    a, delta = told["forward"][f"a{i}"], told["backward"][f"z{i}"]
    if name == "maxout":
        delta = [one - other for one, other in zip(delta[::2], delta[1::2])]
    slope = [-d for d in delta]
    table[name] = a, slope
    panels.append(Panel(name, xlim=(-6, 6), ylim=(-1.5, 3)).line(X, a, "a").line(X, slope, "a'"))
draw("activations.svg", *panels, columns=5)

for name in ("sigmoid", "tanh"):
    a, slope = table[name]
    print(f"{name}: {min(a):.3f} to {max(a):.3f}, steepest {max(slope):.2f}, at 6 only {slope[-1]:.5f}: saturated")
print("relu: slopes below 0:", {s + 0.0 for x, s in zip(X, table["relu"][1]) if x < 0}, "- a unit below 0 for all samples is dead")
print(f"leaky_relu: slope {table['leaky_relu'][1][0]:.2f} there")
