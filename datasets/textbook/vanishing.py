"""Vanishing gradients: the size of delta in the first layer against that in the last, by the number of layers. Weights
keep the variance of what comes in: He's for relu, Xavier's for sigmoid."""

import numpy as np

from figure import Panel, draw
from program import explain

x = np.random.default_rng(1).normal(size=(20, 10)).round(3).tolist()
depths = [2, 5, 10, 20]
ratio = Panel("delta of the first layer / of the last", "layers", "ratio", logy=True)
layers = Panel("delta by layer, 20 layers", "layer", "size", logy=True)
for activation in "sigmoid", "relu":
    found = []
    for depth in depths:
        hidden = ", ".join(f"dense: {{name: l{i}, units: 30, activation: {activation}}}" for i in range(1, depth + 1))
        told = explain(f"""
data: {{source: inline, x: {x}, y: {[i % 3 for i in range(20)]}}}
model: [{hidden}, dense: {{units: 3}}]
loss: cross_entropy
train: {{batch_size: all}}
""", 20)
        sizes = [float(np.linalg.norm(told["backward"][f"l{i}"])) for i in range(1, depth + 1)]
        found.append(sizes[0] / sizes[-1])
    print(f"{activation}:", ", ".join(f"{d} layers {r:.1e}" for d, r in zip(depths, found)))
    ratio.line(depths, found, activation)
    layers.line(range(1, 21), sizes, activation)
print("each sigmoid multiplies by a slope of at most 1/4: 20 layers by", f"{0.25**19:.0e} at most, times weights")
draw("vanishing.svg", ratio, layers)
