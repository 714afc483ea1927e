"""How long a recurrent net remembers: the first step of a sequence of noise says the class, and the answer comes after the
last one. Elman's net, whose gradient fades step by step, beside LSTM and GRU, for sequences of several lengths."""

import numpy as np

from figure import Panel, draw
import nnmpi
from nnmpi import Sequential
from nnmpi.layers import Layer

LENGTHS = [5, 10, 20, 40, 80]
random = np.random.default_rng(1)


def sequences(count, length):
    x = random.normal(0, 1, (count, length, 2)).astype(np.float32)
    y = random.integers(0, 2, count)
    x[:, 0, 0] = 2 * y - 1
    return x, y


panel = Panel("class said by the first step", "steps of a sequence", "accuracy", ylim=(0.4, 1.05))
for kind in "rnn", "lstm", "gru":
    right = []
    for length in LENGTHS:
        (x, y), (test_x, test_y) = sequences(400, length), sequences(400, length)
        model = Sequential([Layer.of(kind, units=12), Layer.of("dense", units=2)])
        model.compile(nnmpi.optimizers.Adam(learning_rate=0.01), "sparse_categorical_crossentropy")
        model.fit(x, y, epochs=30, batch_size=20, verbose=0)
        right.append(float((model.predict(test_x).argmax(1) == test_y).mean()))
    print(f"{kind:4}:", ", ".join(f"{length} steps {100 * r:.0f} %" for length, r in zip(LENGTHS, right)))
    panel.line(LENGTHS, right, kind)
draw("memory.svg", panel)
