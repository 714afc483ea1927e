"""MNIST as a well-known listing in plain numpy has it, beside the program: the same 200 updates.

The listing: sigmoid units, quadratic cost; for each sample of a minibatch the gradients by back-propagation are added up,
and weights and biases move by lr / B times the sum."""

import os

import numpy as np

import nnmpi
from nnmpi import Sequential
from nnmpi.layers import Dense

LR, BATCH, UPDATES = 3.0, 10, 200

images, labels = nnmpi.MNIST(os.environ["NNMPI_MNIST"])[: BATCH * UPDATES]
x = np.asarray(images, np.float32).reshape(len(images), 784)
y = np.eye(10, dtype=np.float32)[np.asarray(labels)]
random = np.random.default_rng(1)
sizes = [784, 30, 10]
weights = [random.normal(size=(m, n)) / np.sqrt(n) for n, m in zip(sizes, sizes[1:])]
biases = [random.normal(size=(m, 1)) for m in sizes[1:]]

model = Sequential([Dense(30, name="hidden", activation="sigmoid"), Dense(10, name="output", activation="sigmoid")])
model.compile({"sgd": {"lr": LR}}, "squared")
model.set_weights({f"{name}/{part}": value.reshape(shape).astype(np.float32)
                   for name, w, b in zip(("hidden", "output"), weights, biases)
                   for part, value, shape in (("weight", w, w.shape), ("bias", b, -1))})
model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gradients(x, y):
    """Of the cost 1/2 |a - y|^2 of one sample, by the four equations of back-propagation."""
    a, slopes = [x], []
    for w, b in zip(weights, biases):
        s = sigmoid(w @ a[-1] + b)
        a, slopes = a + [s], slopes + [s * (1 - s)]
    delta = (a[-1] - y) * slopes[-1]
    by_b, by_w = [delta], [delta @ a[-2].T]
    delta = weights[1].T @ delta * slopes[0]
    return [delta] + by_b, [delta @ a[0].T] + by_w


for begin in range(0, BATCH * UPDATES, BATCH):
    sums_b, sums_w = [np.zeros_like(b) for b in biases], [np.zeros_like(w) for w in weights]
    for i in range(begin, begin + BATCH):
        by_b, by_w = gradients(x[i][:, None].astype(float), y[i][:, None])
        sums_b, sums_w = [s + g for s, g in zip(sums_b, by_b)], [s + g for s, g in zip(sums_w, by_w)]
    weights = [w - LR / BATCH * s for w, s in zip(weights, sums_w)]
    biases = [b - LR / BATCH * s for b, s in zip(biases, sums_b)]

got = model.get_weights()
worst = max(np.abs(got[f"{name}/{part}"].reshape(value.shape) - value).max()
            for name, w, b in zip(("hidden", "output"), weights, biases) for part, value in (("weight", w), ("bias", b)))
print(f"after {UPDATES} updates no parameter differs by more than 1e-5: {worst < 1e-5} ({worst:.0e})")
