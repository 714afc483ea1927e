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
at = {length: [] for length in LENGTHS}
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
    for length, r in zip(LENGTHS, right):
        at[length].append(r)
print("all above 80 % with 20 steps:", min(at[20]) > 0.8)
print("all below 65 % with 40 steps:", max(at[40]) < 0.65)
draw("memory.svg", panel)
