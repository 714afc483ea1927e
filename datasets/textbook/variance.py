"""The gradient of a random minibatch: its mean is the whole gradient, and its variance falls as 1 / B. Softmax regression
on Iris, at its start."""

import numpy as np

import nnmpi
from figure import Panel, draw
from nnmpi import nn

rows = np.genfromtxt("datasets/iris/iris.csv", delimiter=",", skip_header=1, dtype=str)
x, label = rows[:, :4].astype(np.float32), np.unique(rows[:, 4], return_inverse=True)[1]
nnmpi.manual_seed(1)
net = nn.Linear(4, 3)
random = np.random.default_rng(1)


def gradient(chosen):
    net.weight.grad = None
    nn.functional.cross_entropy(net(nnmpi.tensor(x[chosen])), nnmpi.tensor(label[chosen])).backward()
    return net.weight.grad.numpy().ravel().astype(float)


whole = gradient(np.arange(len(x)))
sizes, variances = [1, 2, 4, 8, 16, 32, 64], []
for size in sizes:
    found = np.array([gradient(random.integers(0, len(x), size)) for _ in range(1500)])
    variances.append(found.var(axis=0).sum())
    away = np.abs(found.mean(axis=0) - whole).max() / np.sqrt(variances[-1] / len(found))
    print(f"B = {size:2d}: variance {variances[-1]:.4f}, mean {'as' if away < 4 else 'not as'} the whole gradient")
slope = np.polyfit(np.log(sizes), np.log(variances), 1)[0]
print(f"slope of log variance against log B: {slope:.2f}, within 0.1 of -1: {abs(slope + 1) < 0.1}")
draw("variance.svg", Panel("gradient of a random minibatch", "B", "variance", logx=True, logy=True)
     .line(sizes, variances, "measured", dots=True).line(sizes, [variances[0] / s for s in sizes], "1 / B"))
