"""Rosenblatt's rule on AND, its rows in their order again and again: each mistake turns the line, until none is made."""

import numpy as np

import nnmpi
from figure import Panel, draw
from nnmpi import Sequential
from nnmpi.layers import Dense

X, Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0, 0, 0, 1])
lines = []


class Turns(nnmpi.callbacks.Callback):
    def on_batch_end(self, batch, logs):
        weights = self.model.get_weights()
        now = (*weights["unit/weight"][0].tolist(), *weights["unit/bias"].tolist())
        if now != (lines[-1] if lines else (0, 0, 0)):
            lines.append(now)
            print("mistake %2d: %+.0f x1 %+.0f x2 %+.0f" % (len(lines), *now))


def learn(y, epochs):
    """Whether the last epoch was without a mistake."""
    model = Sequential([Dense(1, name="unit", init="zeros")]).compile({"sgd": {"lr": 1}}, "perceptron")
    before = 0
    for epoch in range(epochs):
        model.fit(X, y, batch_size=1, epochs=1, shuffle=False, verbose=0, callbacks=[Turns()])
        if len(lines) == before:
            return epoch + 1
        before = len(lines)
    return 0


epochs = learn(Y, 20)
print(f"AND: no mistake in epoch {epochs}, {len(lines)} in all")
panels = []
for number, (w1, w2, b) in enumerate(lines, 1):
    if number % 3 != 1 and number != len(lines):
        continue
    panel = Panel(f"after mistake {number}", "x1", "x2", (-0.5, 1.5), (-0.5, 1.5))
    side = [[int(w1 * (j / 20 - 0.475) + w2 * (i / 20 - 0.475) + b > 0) for j in range(40)] for i in range(40)]
    panel.cells(side, (-0.5, 1.5), (-0.5, 1.5))
    for c in 0, 1:
        panel.line(X[Y == c, 0], X[Y == c, 1], colour=["#0072b2", "#d55e00"][c], dots=True)
    panels.append(panel)
draw("perceptron.svg", *panels, columns=4)
