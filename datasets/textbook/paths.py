"""Gradient descent on a parabola, with rates that are too small, right, too large; and in a ravine, which is 20 times
steeper along one axis than along the other."""

import numpy as np

import nnmpi
from figure import Panel, draw
from nnmpi import optim


def descend(curvature, start, make, steps=60):
    """The way of J = 1/2 (c1 w1^2 + c2 w2^2) downhill, and J at each step."""
    c = nnmpi.tensor(np.array(curvature, np.float32))
    w = nnmpi.tensor(np.array(start, np.float32), requires_grad=True)
    optimizer, way, losses = make([w]), [w.numpy()], []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (c * w * w).sum() * 0.5
        loss.backward()
        losses.append(float(loss))
        optimizer.step()
        way.append(w.numpy())
    return np.array(way), losses


def sgd(lr):
    return lambda params: optim.SGD(params, lr=lr)


panels = []
for lr, word in (0.1, "too small"), (0.9, "right"), (1.9, "too large"), (2.1, "beyond 2 / L"):
    way, losses = descend([1], [1], sgd(lr), 12)
    print(f"parabola, rate {lr}: w after 10 steps {way[10, 0]:+.4f}, loss {'rises' if losses[-1] > losses[0] else 'falls'}")
    grid = np.linspace(-3, 3, 61)
    panels.append(Panel(f"rate {lr}: {word}", "w", "J", (-3, 3), (0, 4)).line(grid, grid**2 / 2, colour="#888")
                  .line(way[:, 0], way[:, 0] ** 2 / 2).line(way[:, 0], way[:, 0] ** 2 / 2, dots=True))


def rings(panel, curvature):
    turn = np.linspace(0, 2 * np.pi, 49)
    for level in 0.5, 2, 5, 10:
        panel.line(np.sqrt(2 * level / curvature[0]) * np.cos(turn), np.sqrt(2 * level / curvature[1]) * np.sin(turn), colour="#bbb")
    return panel


ravine = [1, 20]
for lr in 0.02, 0.095, 0.101:
    way, losses = descend(ravine, [4, 1], sgd(lr), 40)
    print(f"ravine, L = 20, rate {lr}: loss {losses[0]:.3g} to {losses[-1]:.3g}")
    panels.append(rings(Panel(f"ravine, rate {lr}", "w1", "w2", (-5, 5), (-2, 2)), ravine).line(way[:, 0], way[:, 1]))
draw("paths.svg", *panels, columns=4)
