"""The karate club: the classes that a graph network finds, drawn on the graph. Members push each other
away, and edges pull like springs, until all is at rest."""

import numpy as np

import nnmpi
from figure import Panel, draw

edges = np.loadtxt("datasets/karate/edges.csv", delimiter=",", dtype=int)
n = edges.max() + 1
near = np.zeros((n, n))
near[edges[:, 0], edges[:, 1]] = near[edges[:, 1], edges[:, 0]] = 1
place = np.random.default_rng(1).normal(size=(n, 2))
for i in range(500):
    away = place[:, None] - place
    distance = np.linalg.norm(away, axis=2) + 1e-3
    force = (away * (1 / distance**2 - near * distance)[:, :, None]).sum(axis=1)
    place += force * 0.03
says = nnmpi.load("karate").predict(np.arange(n, dtype=np.float32)[None]).reshape(n, 2).argmax(axis=1)
wide = [(place[:, axis].min() - 0.5, place[:, axis].max() + 0.5) for axis in (0, 1)]
panel = Panel("the two sides of a club", xlim=wide[0], ylim=wide[1])
for a, b in edges:
    panel.line(place[[a, b], 0], place[[a, b], 1], colour="#ccc")
for c, colour in enumerate(("#0072b2", "#d55e00")):
    panel.line(place[says == c, 0], place[says == c, 1], colour=colour, dots=True)
draw("graph.svg", panel)
print("members on each side:", *np.bincount(says))
