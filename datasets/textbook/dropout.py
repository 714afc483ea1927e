"""Dropout, in both forms, and DropConnect: the masks that are drawn, and the mean over many of them beside what evaluation
gives. Inputs and weights are 1."""

import numpy as np

from nnmpi import Sequential
from nnmpi.layers import Dense, Layer
from program import explain

SAMPLES, WIDTH = 4000, 8


def trained(layer):
    """What the layer gives in training, for samples that are all alike."""
    told = explain(f"""
data: {{source: inline, x: {[[1] * WIDTH] * SAMPLES}, y: {[[0.0]] * SAMPLES}, shuffle: false}}
model: [{layer}, dense: {{name: sum, units: 1, bias: false, init: {{constant: {{value: 1}}}}}}]
loss: squared
train: {{batch_size: all}}
""", SAMPLES)
    name = next(name for name in told["forward"] if name not in ("input", "sum"))
    return np.array(told["forward"][name]).reshape(SAMPLES, -1)


def evaluated(layer, **options):
    """What it gives in evaluation, of all its outputs the mean."""
    one = {"constant": {"value": 1}}
    model = Sequential([Layer.of(layer, **options), Dense(1, use_bias=False, init=one)]).compile("sgd", "mse")
    model.fit(np.ones((1, WIDTH), np.float32), np.zeros((1, 1), np.float32), epochs=0, verbose=0)
    return model.predict(np.ones((1, WIDTH), np.float32))[0, 0] / options.get("units", WIDTH)


for scale in "training", "evaluation":
    rows = trained(f"dropout: {{rate: 0.5, scale: {scale}}}")
    print(f"dropout scaled in {scale}: kept ones are {rows.max():g}, evaluation gives {evaluated('dropout', rate=0.5, scale=scale):g}")
    print("  two masks:", *("".join("#" if v else "." for v in row) for row in rows[:2]), f" mean of {SAMPLES}: {rows.mean():.2f}")
rows = trained("dropout: {rate: 0.2}")
print(f"0.8 of the inputs are kept: {np.mean(rows > 0):.2f}")
one = "{constant: {value: 1}}"
for mask in "sample", "step":
    rows = trained(f"dropconnect: {{units: 3, rate: 0.5, mask: {mask}, bias: false, init: {one}, symmetric: true}}")
    print(f"dropconnect, a mask for each {mask}: sums", *(f"{v:g}" for v in rows[:3, 0]), f" mean {rows.mean():.1f}, evaluation "
          f"{evaluated('dropconnect', units=3, rate=0.5, bias=False, init={'constant': {'value': 1}}, symmetric=True):g}")
