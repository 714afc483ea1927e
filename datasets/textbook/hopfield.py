"""A feedback net: three patterns stored in given weights of an `rnn` layer by Hebb's rule, and recalled from 20 % noise.
The units are sign units: tanh of numbers that are 1000 times too large is 1 or -1."""

import numpy as np

from figure import Panel, draw
from nnmpi import Sequential
from nnmpi.layers import Layer

SIZE, STEPS = 8, 6
LETTERS = """
########    ...##...    ##....##
########    ..####..    ##....##
...##...    .##..##.    ##....##
...##...    ##....##    ########
...##...    ##....##    ########
...##...    .##..##.    ##....##
...##...    ..####..    ##....##
...##...    ...##...    ##....##
"""
rows = [line.split() for line in LETTERS.split("\n") if line]
patterns = np.array([[[1.0 if c == "#" else -1.0 for c in row[k]] for row in rows] for k in range(3)]).reshape(3, -1)
N = SIZE * SIZE

hebb = patterns.T @ patterns / N * (1 - np.eye(N))
model = Sequential([Layer.of("rnn", name="net", units=N, bias=False, **{"return": "all"}), Layer.of("flatten")]).compile("sgd", "mse")
random = np.random.default_rng(3)
noisy = np.where(random.random(patterns.shape) < 0.2, -1, 1) * patterns
x = np.zeros((3, STEPS, N), np.float32)
x[:, 0] = noisy  # the state to start with; then the net is alone
model.fit(x, np.zeros((3, STEPS * N), np.float32), epochs=0, verbose=0)
model.set_weights({"net/weight_ih_l0": 1000 * np.eye(N), "net/weight_hh_l0": 1000 * hebb})
states = model.predict(x).reshape(3, STEPS, N)

panels = []
for k, name in enumerate("TOH"):
    wrong = [int((state != patterns[k]).sum()) for state in states[k]]
    print(f"{name}: pixels that are wrong, step by step: {wrong}")
    for t in 0, 1, STEPS - 1:
        picture = [[0 if v > 0 else None for v in row] for row in states[k, t].reshape(SIZE, SIZE)[::-1]]
        panels.append(Panel(f"{name}, step {t}: {wrong[t]} wrong", xlim=(0, 8), ylim=(0, 8)).cells(picture, (0, 8), (0, 8)))
draw("hopfield.svg", *panels, columns=3)
